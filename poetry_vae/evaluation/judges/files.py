"""Judges on disk, so that a corpus is read by each of them once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy.typing as npt

from poetry_vae.evaluation.judges.affinities import Affinity
from poetry_vae.evaluation.judges.alphabet import Alphabet, Poems
from poetry_vae.evaluation.judges.coherence import CoherenceJudge
from poetry_vae.evaluation.judges.judge import AFFINITIES, Judge
from poetry_vae.evaluation.judges.kneser_ney import KneserNey, Order
from poetry_vae.evaluation.judges.second_judge import SecondJudge, Steps
from poetry_vae.evaluation.metrics import copies
from poetry_vae.evaluation.metrics.copies import Copies
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.tensor_file import TensorFile, save_tensors

_FORMAT = "poetry-vae judge 2"
_Arrays = dict[str, npt.NDArray[Any]]


class JudgeError(PoetryVAEError):
    """A file that is no readable judge."""


def fitted(
    train: Poems,
    validation: Poems,
    form: Form,
    *,
    seed: int,
    folder: Path,
    progress: Steps = lambda done, total: None,
) -> tuple[Judge, SecondJudge]:
    """The two judges that have read these poems: from ``folder``, or fitted and kept there.

    A damaged file is replaced. ``progress`` is told how far the second one is, who takes longest.

    Raises:
        FileWriteError: the folder cannot be written.
        FormError, LanguageModelError: as :meth:`Judge.fit`.
    """
    key = _key(train, validation, form, seed)
    first, second = (
        folder / f"{n}-{form.slug}-{key[:16]}.safetensors" for n in ("judge", "reader")
    )
    try:
        judge = load(first, key)
    except JudgeError:  # not there, or damaged: it costs seconds to make it again
        judge = Judge.fit(train, validation, form, seed)
        save(judge, first, key)
    try:
        reader = load_second(second, judge, key)
    except JudgeError:
        reader = SecondJudge.fit(judge, train, seed, progress)
        save_second(reader, second, key)
    return judge, reader


def fitted_coherence(
    judge: Judge,
    train: Poems,
    validation: Poems,
    *,
    seed: int,
    folder: Path,
    progress: Steps = lambda done, total: None,
) -> CoherenceJudge:
    """The judge of coherence that has read these poems, with the alphabet of the first: from
    ``folder``, or fitted and kept there; see :func:`fitted`."""
    key = _key(train, validation, judge.form, seed)
    path = folder / f"coherence-{judge.form.slug}-{key[:16]}.safetensors"
    try:
        return CoherenceJudge.from_weights(judge, _read(path, key)[0])
    except JudgeError:
        found = CoherenceJudge.fit(judge, train, seed, progress)
        _write(path, found.weights(), {"key": key})
        return found


def save(judge: Judge, path: Path, key: str) -> None:
    """Write the file, whole or not at all; ``key`` stands for what the judge has read.

    Raises:
        FileWriteError: the file cannot be written.
    """
    arrays: _Arrays = {"log frequency": judge.log_frequency}
    for i, order in enumerate(judge.language.orders, start=1):
        arrays |= {f"{i}-grams": order.keys, f"{i} mass": order.mass, f"{i} backoff": order.backoff}
    for name, affinity in judge.affinities.items():
        arrays |= {f"{name} first": affinity.first, f"{name} second": affinity.second}
    arrays |= {f"known {name}": known for name, known in judge.copies.known.items()}
    about = {
        "form": judge.form.slug,
        "characters": judge.alphabet.characters,
        "orders": str(len(judge.language.orders)),
    }
    _write(path, arrays, {"key": key, **about})


def load(path: Path, key: str) -> Judge:
    """Read a file that :func:`save` wrote.

    Raises:
        JudgeError: the file is missing, damaged, of another version or of another key.
    """
    arrays, about = _read(path, key)
    form, alphabet = Form.parse(about["form"]), Alphabet(about["characters"])
    orders = tuple(
        Order(arrays[f"{i}-grams"], arrays[f"{i} mass"], arrays[f"{i} backoff"])
        for i in range(1, int(about["orders"]) + 1)
    )
    return Judge(
        form,
        alphabet,
        KneserNey(len(alphabet), orders),
        {name: Affinity(arrays[f"{name} first"], arrays[f"{name} second"]) for name in AFFINITIES},
        arrays["log frequency"],
        Copies(form, {name: arrays[f"known {name}"] for name in copies.NAMES}),
    )


def save_second(judge: SecondJudge, path: Path, key: str) -> None:
    """Write what the second judge has learned; raises as :func:`save`."""
    _write(path, judge.weights(), {"key": key})


def load_second(path: Path, judge: Judge, key: str) -> SecondJudge:
    """Read a file that :func:`save_second` wrote, beside the judge it belongs to.

    Raises:
        JudgeError: as :func:`load`.
    """
    return SecondJudge.from_weights(judge, _read(path, key)[0])


def _write(path: Path, arrays: _Arrays, about: dict[str, str]) -> None:
    save_tensors(path, arrays, {"format": _FORMAT, **about})


def _read(path: Path, key: str) -> tuple[_Arrays, dict[str, str]]:
    file = TensorFile.open(
        path,
        "judge",
        version=_FORMAT,
        known=("key", "form", "characters", "orders"),
        error=JudgeError,
    )
    if file.metadata.get("key") != key:
        raise JudgeError(f"{path}: not the judge of these poems")
    return {name: file.view(name) for name in file.tensors}, file.metadata


def _key(train: Poems, validation: Poems, form: Form, seed: int) -> str:
    """A number for everything a judge is made from."""
    digest = hashlib.blake2b(f"{form.slug} {seed} {len(train)} ".encode(), digest_size=16)
    for part in (train, validation):
        texts = (poem.text if isinstance(poem, Poem) else poem for poem in part)
        digest.update("\n".join(texts).encode("utf-8"))
    return digest.hexdigest()
