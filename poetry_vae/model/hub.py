"""Models on the Hugging Face hub: fetched from there into its cache.

A name is ``owner/name``, or ``owner/name@revision`` with a branch, a tag or a commit. Nothing but
the files of a model is fetched: weights as safetensors, the rest JSON and the card. The client of
the hub is the extra ``hub``, and is loaded when a model is asked for by such a name.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_vae import __version__
from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.model.pretrained import (
    CARD,
    CONFIG,
    FIGURES,
    TOKENIZER,
    WEIGHTS,
    CheckpointError,
)
from poetry_vae.model.reward import REWARD
from poetry_vae.text.errors import FormError
from poetry_vae.text.files import read_text

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILES = (CARD, CONFIG, TOKENIZER, FIGURES, REWARD, WEIGHTS)
_NAME = re.compile(r"(?!.*\.\.)([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?", re.ASCII)
log = logging.getLogger(__name__)


class HubError(CheckpointError):
    """A model that could not be fetched from the hub, or not be put there."""


@dataclass(frozen=True)
class HubName:
    """A model's repository on the hub, and its revision; empty for the last of the main branch."""

    repository: str
    revision: str = ""

    @classmethod
    def parse(cls, text: str) -> HubName | None:
        """None where the text cannot be such a name."""
        found = _NAME.fullmatch(text)
        return cls(found[1], found[2] or "") if found else None

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository


def source_of(folder: Path) -> str:
    """``owner/name@commit`` for a folder of the hub's cache, else nothing."""
    snapshots, repository = folder.parent, folder.parent.parent.name
    kind, *parts = repository.split("--")
    if snapshots.name != "snapshots" or kind != "models" or len(parts) != 2:
        return ""
    return f"{'/'.join(parts)}@{folder.name}"


def fetch(name: HubName) -> Path:
    """Fetch a model of the hub: its folder in the hub's cache. Files there are not fetched again.

    If the hub cannot be reached, the folder is the one fetched before. The log names the commit.

    Raises:
        HubError: there is no such model, or it is not one of this package, or it cannot be
            fetched, or the extra is missing.
    """
    with told_of(name):
        api = client()
        away = _why_away(api, name)
        wanted, here = name.revision or "main", away is not None
        try:
            config = api.hf_hub_download(
                name.repository, CONFIG, revision=wanted, local_files_only=here
            )
            _check(Path(config), name)
            folder = api.snapshot_download(
                name.repository,
                revision=Path(config).parent.name,
                allow_patterns=list(FILES),
                local_files_only=here,
            )
        except FileNotFoundError as error:  # as what is not in the cache is told
            if away is None:
                raise
            raise HubError(
                f"{name}: {api.endpoint} cannot be reached ({away}), and this model was not "
                "fetched before; connect and try again, or give a folder"
            ) from error
    found = Path(folder)
    for needed in (CONFIG, TOKENIZER, WEIGHTS):
        if not (found / needed).is_file():
            raise HubError(
                f"{name}: has no {needed} on the hub, but a model of poetry-vae needs one"
            )
    how = "" if away is None else f", as it was fetched before: {api.endpoint} cannot be reached"
    log.info("model: %s%s", source_of(found), how)
    return found


def client() -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(library_name="poetry-vae", library_version=__version__)


def _why_away(api: HfApi, name: HubName) -> str | None:
    """Why the hub cannot be reached; None if it can. Refusals of the hub are raised."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.errors import HTTPError as Unreachable  # type: ignore[attr-defined]

    try:
        api.model_info(name.repository, revision=name.revision or None, timeout=20)
    except OfflineModeIsEnabled:
        return "HF_HUB_OFFLINE is set"
    except HfHubHTTPError as error:
        if error.response.status_code < 500:
            raise
        return f"it answers {error.response.status_code}"
    except Unreachable as error:
        return _first_line(error)
    return None


def _check(config: Path, name: HubName) -> None:
    """Before weights are fetched, check that the configuration is of a model of this package."""
    try:
        ModelConfig.from_json(read_text(config, error=HubError))
    except (ConfigError, FormError) as error:
        raise HubError(f"{name}: not a model of poetry-vae: its {CONFIG}: {error}") from error


@contextmanager
def told_of(name: HubName) -> Iterator[None]:
    """Turn any error of the hub or of its client into an error of one line.

    Raises:
        HubError: in place of any other error.
    """
    try:
        with _bars_on_terminals():
            yield
    except CheckpointError:
        raise
    except ModuleNotFoundError as error:
        raise HubError(
            f"{name}: not here, and models of the hub need {error.name}: pip install "
            "'poetry-vae[hub]'"
        ) from error
    except Exception as error:  # the client raises Python's, its own and those of its libraries
        raise HubError(f"{name}: {_reason(error, name)}") from error


@contextmanager
def _bars_on_terminals() -> Iterator[None]:
    """No progress is shown where standard error is read by a program."""
    from huggingface_hub import utils as bars

    if bars.are_progress_bars_disabled() or (sys.stderr and sys.stderr.isatty()):  # type: ignore[attr-defined]
        yield
        return
    bars.disable_progress_bars()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        bars.enable_progress_bars()  # type: ignore[attr-defined]


def _reason(error: Exception, name: HubName) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return "access to this model must be granted: ask on its page, then `hf auth login`"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"the hub knows it, but no revision {name.revision or 'main'!r} of it"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            "neither here nor on the hub, or it is private there: check the name, or log in "
            "with `hf auth login` or HF_TOKEN"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return f"has no {CONFIG} on the hub, but a model of poetry-vae needs one"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return (
                f"the hub does not allow it ({status}): log in with `hf auth login`, or set "
                "HF_TOKEN to a token that may write there"
            )
        return f"the hub answers {status}: {error.server_message or 'without a reason'}"
    return f"the hub cannot be used: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    """The first line of an error, and of its cause."""
    told = (str(error).strip().splitlines() or [type(error).__name__])[0]
    cause = _first_line(error.__cause__) if error.__cause__ else told
    return told if cause in told else f"{told} ({cause})"
