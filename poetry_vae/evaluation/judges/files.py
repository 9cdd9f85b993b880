"""Judges on disk, so that a corpus is read by each of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt
from torch import nn

from poetry_vae.evaluation.judges.affinities import Affinity
from poetry_vae.evaluation.judges.alphabet import Poems, SymbolTable
from poetry_vae.evaluation.judges.coherence import CoherenceJudge
from poetry_vae.evaluation.judges.judge import AFFINITIES, Judge
from poetry_vae.evaluation.judges.kneser_ney import KneserNey, NGramOrder
from poetry_vae.evaluation.judges.learning import Steps, weights_of, with_weights
from poetry_vae.evaluation.judges.second_judge import SecondJudge
from poetry_vae.evaluation.judges.subject import SubjectJudge
from poetry_vae.evaluation.metrics.novelty import STRINGS, Copies
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.tensor_file import TensorFile, save_tensors

_FORMAT = "poetry-vae judge 2"
_Arrays = dict[str, npt.NDArray[Any]]
_About = dict[str, str]
_J = TypeVar("_J")
_N = TypeVar("_N", bound=nn.Module)


class JudgeError(PoetryVAEError):
    """A file that is no readable judge."""


class Judges:
    """The judges that have read these poems: each from ``folder``, or fitted and kept there.

    A damaged file, and one of another version, is replaced. All have the alphabet of the first.
    ``progress`` is told how far a judge is that takes long.

    Raises:
        FileWriteError: the folder cannot be written.
        FormError, LanguageModelError: as :meth:`Judge.fit`.
    """

    def __init__(
        self, train: Poems, validation: Poems, form: Form, *, seed: int, folder: Path
    ) -> None:
        self.train, self.validation, self.form = train, validation, form
        self.seed, self.folder = seed, folder

    @cached_property
    def first(self) -> Judge:
        """The one that all others need."""
        return self._kept(
            "judge",
            self.validation,
            lambda: Judge.fit(self.train, self.validation, self.form, self.seed),
            _of_judge,
            _judge_of,
        )

    def second(self, progress: Steps = lambda done, total: None) -> SecondJudge:
        """The judge of another kind."""
        return self._network(
            "reader",
            SecondJudge,
            self.validation,
            lambda: SecondJudge.fit(self.first, self.train, self.seed, progress),
        )

    def coherence(self, progress: Steps = lambda done, total: None) -> CoherenceJudge:
        """The judge of coherence."""
        return self._network(
            "coherence",
            CoherenceJudge,
            self.validation,
            lambda: CoherenceJudge.fit(self.first, self.train, self.seed, progress),
        )

    def subject(
        self, titles: Sequence[str], progress: Steps = lambda done, total: None
    ) -> SubjectJudge:
        """The judge of subjects, which has read the training poems with their titles."""
        return self._network(
            "subject",
            SubjectJudge,
            titles,
            lambda: SubjectJudge.fit(self.first, self.train, titles, self.seed, progress),
        )

    def _network(
        self, name: str, make: Callable[[Judge], _N], beside: Poems, fit: Callable[[], _N]
    ) -> _N:
        return self._kept(
            name,
            beside,
            fit,
            lambda found: (weights_of(found), {}),
            lambda weights, _: with_weights(lambda: make(self.first), weights),
        )

    def _kept(
        self,
        name: str,
        beside: Poems,
        fit: Callable[[], _J],
        stored: Callable[[_J], tuple[_Arrays, _About]],
        restored: Callable[[_Arrays, _About], _J],
    ) -> _J:
        """A judge from its file, or fitted and stored if that is missing or holds another judge."""
        key = _key(self.train, beside, self.form, self.seed)
        path = self.folder / f"{name}-{self.form.slug}-{key[:16]}.safetensors"
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
        digest.update("\n".join(part).encode("utf-8"))
    return digest.hexdigest()
