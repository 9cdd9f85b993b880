"""Models put on the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from poetry_vae.model.hub import FILES, HubError, HubName, client, told_of
from poetry_vae.model.named import model_folder
from poetry_vae.model.pretrained import CARD
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.files import read_text

_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def push_to_hub(
    model: PoetryVAE | str | Path,
    repository: str,
    *,
    license: str = "mit",
    private: bool = False,
    message: str = "",
) -> str:
    """Put a model on the hub: card, configuration, vocabulary, weights, and figures if it has some.

    The account that is logged in (``hf auth login``, or ``HF_TOKEN``) must be allowed to write
    there. If the repository does not exist, it is made.

    Args:
        model: a folder or name, whose card goes along; or a model, which gets a plain card.
        repository: ``owner/name``.
        license: of the weights, by the hub's identifier. A card that already begins with front
            matter is left as it is.
        private: whether a new repository is seen by its owner alone.
        message: of the commit.

    Returns:
        ``owner/name@commit``.

    Raises:
        CheckpointError: the model cannot be loaded.
        HubError: the hub did not take it, or the extra is missing.
    """
    name = HubName.parse(repository)
    if name is None or name.revision:
        raise HubError(f"{repository!r} is not a name on the hub: give owner/name")
    if not _LICENSE.fullmatch(license):
        raise HubError(
            f"license {license!r} is not an identifier of the hub, such as mit or cc-by-4.0"
        )
    with TemporaryDirectory() as scratch:
        if isinstance(model, PoetryVAE):
            folder = Path(scratch)
            model.save_pretrained(folder)
        else:
            folder = model_folder(model)
            PoetryVAE.from_pretrained(folder)  # a damaged model is not uploaded
        with told_of(name):
            return _push(folder, name, license, private, message or "A model of poetry-vae")


def _push(folder: Path, name: HubName, license: str, private: bool, message: str) -> str:
    from huggingface_hub import CommitOperationAdd

    api = client()
    api.create_repo(name.repository, private=private, exist_ok=True)
    card = read_text(folder / CARD, error=HubError) if (folder / CARD).is_file() else ""
    files: dict[str, Path | bytes] = {
        file: folder / file for file in FILES if (folder / file).is_file()
    }
    files[CARD] = _with_front_matter(card, name, license).encode("utf-8")
    done = api.create_commit(
        name.repository,
        [CommitOperationAdd(file, content) for file, content in files.items()],
        commit_message=message,
    )
    return f"{name.repository}@{done.oid}"


def _with_front_matter(card: str, name: HubName, license: str) -> str:
    """A card, after the front matter by which the hub sorts its pages."""
    if card.startswith("---\n"):
        return card
    return f"""---
license: {license}
language:
- zh
library_name: poetry-vae
pipeline_tag: text-generation
tags:
- poetry
- classical-chinese
- vae
---

{card or f"# {name.repository}"}
## Use

```sh
pip install "poetry-vae[hub]"
poetry-vae generate --model {name.repository}
```
"""
