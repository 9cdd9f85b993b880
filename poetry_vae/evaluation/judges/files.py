"""Judges on disk, so that a corpus is read by each of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from poetry_vae.evaluation.judges.affinities import Affinity
from poetry_vae.evaluation.judges.alphabet import Poems, SymbolTable
from poetry_vae.evaluation.judges.coherence import CoherenceJudge
from poetry_vae.evaluation.judges.judge import AFFINITIES, Judge
from poetry_vae.evaluation.judges.kneser_ney import KneserNey, NGramOrder
from poetry_vae.evaluation.judges.learning import Steps
from poetry_vae.evaluation.judges.second_judge import SecondJudge
from poetry_vae.evaluation.judges.subject import SubjectJudge
from poetry_vae.evaluation.metrics.novelty import STRINGS, Copies
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.tensor_file import TensorFile, save_tensors

_FORMAT = "poetry-vae judge 2"
_Arrays = dict[str, npt.NDArray[Any]]
_About = dict[str, str]
_J = TypeVar("_J")


class JudgeError(PoetryVAEError):
    """A file that is no readable judge."""


def fitted_first(train: Poems, validation: Poems, form: Form, *, seed: int, folder: Path) -> Judge:
    """The first judge alone, see :func:`fitted`."""
    key = _key(train, validation, form, seed)
    return _kept(
        folder / f"judge-{form.slug}-{key[:16]}.safetensors",
        key,
        lambda: Judge.fit(train, validation, form, seed),
        _of_judge,
        _judge_of,
    )


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

    A damaged file, and one of another version, is replaced. ``progress`` is told how far the second
    judge is, which takes longest.

    Raises:
        FileWriteError: the folder cannot be written.
        FormError, LanguageModelError: as :meth:`Judge.fit`.
    """
    key = _key(train, validation, form, seed)
    judge = fitted_first(train, validation, form, seed=seed, folder=folder)
    reader = _kept(
        folder / f"reader-{form.slug}-{key[:16]}.safetensors",
        key,
        lambda: SecondJudge.fit(judge, train, seed, progress),
        lambda found: (found.weights(), {}),
        lambda arrays, _: SecondJudge.from_weights(judge, arrays),
    )
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
    return _kept(
        folder / f"coherence-{judge.form.slug}-{key[:16]}.safetensors",
        key,
        lambda: CoherenceJudge.fit(judge, train, seed, progress),
        lambda found: (found.weights(), {}),
        lambda arrays, _: CoherenceJudge.from_weights(judge, arrays),
    )


def fitted_subject(
    judge: Judge,
    train: Poems,
    titles: Sequence[str],
    *,
    seed: int,
    folder: Path,
    progress: Steps = lambda done, total: None,
) -> SubjectJudge:
    """The judge of subjects that has read these poems with their titles, likewise."""
    key = _key(train, titles, judge.form, seed)
    return _kept(
        folder / f"subject-{judge.form.slug}-{key[:16]}.safetensors",
        key,
        lambda: SubjectJudge.fit(judge, train, titles, seed, progress),
        lambda found: (found.weights(), {}),
        lambda arrays, _: SubjectJudge.from_weights(judge, arrays),
    )


def _kept(
    path: Path,
    key: str,
    fit: Callable[[], _J],
    stored: Callable[[_J], tuple[_Arrays, _About]],
    restored: Callable[[_Arrays, _About], _J],
) -> _J:
    """A judge from its file, or fitted and stored if the file is missing or holds another judge."""
    try:
        return restored(*_read(path, key))
    except (JudgeError, KeyError, ValueError, RuntimeError):
        # Not there, damaged, or whole but of another version, with other names or shapes.
        arrays, about = stored(found := fit())
        save_tensors(path, arrays, {"format": _FORMAT, "key": key, **about})
        return found


def _of_judge(judge: Judge) -> tuple[_Arrays, _About]:
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
    return arrays, about


def _judge_of(arrays: _Arrays, about: _About) -> Judge:
    form, alphabet = Form.parse(about["form"]), SymbolTable(about["characters"])
    orders = tuple(
        NGramOrder(arrays[f"{i}-grams"], arrays[f"{i} mass"], arrays[f"{i} backoff"])
        for i in range(1, int(about["orders"]) + 1)
    )
    affinities = {
        name: Affinity(arrays[f"{name} first"], arrays[f"{name} second"]) for name in AFFINITIES
    }
    by_symbol = [arrays["log frequency"], *(a.first for a in affinities.values())]
    if any(len(array) != len(alphabet) for array in by_symbol):
        raise JudgeError(f"a judge of {len(alphabet)} symbols has arrays of other lengths")
    return Judge(
        form,
        alphabet,
        KneserNey(len(alphabet), orders),
        affinities,
        arrays["log frequency"],
        Copies(form.lengths, {name: arrays[f"known {name}"] for name in STRINGS}),
    )


def _read(path: Path, key: str) -> tuple[_Arrays, _About]:
    """What a file holds.

    Raises:
        JudgeError: it is missing, damaged, of another format or of another key.
    """
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


def _key(train: Poems, beside: Poems, form: Form, seed: int) -> str:
    """A number for everything a judge is made from."""
    digest = hashlib.blake2b(f"{form.slug} {seed} {len(train)} ".encode(), digest_size=16)
    for part in (train, beside):
        texts = (poem.text if isinstance(poem, Poem) else poem for poem in part)
        digest.update("\n".join(texts).encode("utf-8"))
    return digest.hexdigest()
