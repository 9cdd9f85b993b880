"""The folder of a model by its name: a path, the name of a shipped model, or a name on the hub."""

from __future__ import annotations

import warnings
from pathlib import Path

from poetry_vae.model.hub import HubName, fetch
from poetry_vae.model.pretrained import CONFIG, CheckpointError, default_model
from poetry_vae.model.versions import shipped_models
from poetry_vae.text.files import stands
from poetry_vae.text.form import NAMED_FORMS, Form


class FormerModelWarning(UserWarning):
    """A model is asked for by the name of a form, as models of one form were called that shipped
    earlier; the one that ships now takes its place."""


def form_meant(name_or_path: str | Path) -> Form | None:
    """The form that a model's name means, such as ``jueju7``, with a :class:`FormerModelWarning`;
    None for other names.

    Models of one form shipped under such names in earlier versions.
    """
    if (form := _form_named(name_or_path)) is not None:
        warnings.warn(
            f"{name_or_path} names a form, no longer a model: {default_model().name} writes {form}",
            FormerModelWarning,
            stacklevel=3,
        )
    return form


def _form_named(name_or_path: str | Path) -> Form | None:
    if (Path(name_or_path) / CONFIG).is_file():
        return None
    by_name = {str(form.slug): form for form in NAMED_FORMS}
    return by_name.get(str(name_or_path))


def model_folder(name_or_path: str | Path) -> Path:
    """The folder of a model: given as a path, as the name it ships under, or as ``owner/name`` on
    the Hugging Face hub, from which it is fetched. Folders and shipped models come first. The name
    of a model of an earlier version, such as ``jueju7``, means the one that ships now.

    Raises:
        CheckpointError: no model has that name.
    """
    by_name = shipped_models()
    folder = Path(name_or_path)
    if not (folder / CONFIG).is_file() and str(name_or_path) in by_name:
        folder = by_name[str(name_or_path)]
    elif _form_named(name_or_path) is not None:
        return default_model()
    if folder.is_dir():
        return folder
    told = f"no model {str(name_or_path)!r}: "
    if isinstance(name_or_path, str) and not stands(folder):
        name = HubName.parse(name_or_path)
        if name is not None and not name.revision and folder.parent.is_dir():
            raise CheckpointError(
                f"{told}the folder {folder.parent} has none; one of that name on the hub is "
                f"{name}@main"
            )
        if name is not None:
            return fetch(name)
    raise CheckpointError(
        f"{told}neither a folder nor one of those that come with the package "
        f"({', '.join(by_name) or 'none'}), nor owner/name of the hub"
    )
