"""Where a model lies, by what it is called: a folder, a model that ships, or one of the hub."""

from __future__ import annotations

from pathlib import Path

from poetry_vae.model.hub import HubName, fetch
from poetry_vae.model.pretrained import CONFIG, CheckpointError, shipped_models
from poetry_vae.text.files import stands


def model_folder(name_or_path: str | Path) -> Path:
    """Where a model lies, by its folder, by the name it ships under, or by ``owner/name`` of the
    Hugging Face hub, from which it is fetched; what is here comes first.

    Raises:
        CheckpointError: nothing of that name.
    """
    by_name = {model.name: model.path for model in shipped_models()}
    folder = Path(name_or_path)
    if not (folder / CONFIG).is_file() and str(name_or_path) in by_name:
        folder = by_name[str(name_or_path)]
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
