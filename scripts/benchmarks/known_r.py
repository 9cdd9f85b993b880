"""The two-sample test R on poems whose origin is known.

    python -m scripts.benchmarks known_r CORPUS.safetensors

CORPUS is an encoded corpus, best with ``--min-count 1``, so that no character is lost. One half of
its test part is the real side of every test; the spoiled poems are made from the other half. The
judges read the training and the validation part; with ``--judges FOLDER`` they are kept there. With
``--eight FILE``, poems of eight such lines, quatrains are told from halves of those instead.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from drawn_ngrams import sample
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.judges.kneser_ney import KneserNey
from poetry_vae.evaluation.metrics.two_sample import TwoSample
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form

Ids = npt.NDArray[np.int64]
_SPECIAL = [0, 1]  # no poet writes <unk> and <mask>


def one_replaced(poems: Ids, train: Ids, rng: np.random.Generator) -> Ids:
    """One character of each poem is drawn anew by frequency in the training poems."""
    spoiled = poems.copy()
    where = rng.integers(poems.shape[1], size=len(poems))
    spoiled[np.arange(len(poems)), where] = rng.choice(train.ravel(), len(poems))
    return spoiled


def last_line_from_elsewhere(poems: Ids, form: Form, rng: np.random.Generator) -> Ids:
    """The last line of each poem is that of another one."""
    spoiled = poems.copy()
    spoiled[:, -form.chars :] = poems[rng.permutation(len(poems)), -form.chars :]
    return spoiled


def five_grams(train: Ids, n: int, vocabulary: int, rng: np.random.Generator) -> Ids:
    """Poems of a 5-gram model that runs on from line to line."""
    model = KneserNey.fit(train, vocabulary, 5)
    return sample(model, n, rng, length=train.shape[1], without=_SPECIAL)


def five_grams_with_line_ends(
    train: Ids,
    form: Form,
    n: int,
    vocabulary: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> Ids:
    """Poems of a 5-gram model with a symbol for line ends, so that it knows where a line begins."""
    breaks = np.arange(form.chars, form.positions, form.chars)
    model = KneserNey.fit(np.insert(train, breaks, vocabulary, axis=1), vocabulary + 1, 5)
    ends = {int(place): vocabulary for place in breaks + np.arange(len(breaks))}
    drawn = sample(
        model,
        n,
        rng,
        length=form.positions + len(breaks),
        fixed=ends,
        without=[*_SPECIAL, vocabulary],
        temperature=temperature,
    )
    return np.delete(drawn, list(ends), axis=1)


def four_of_eight(poems: Ids, rng: np.random.Generator) -> dict[str, Ids]:
    """Two neighbouring couplets of each eight-line poem: any two, or always the same."""
    couplets = poems.reshape(len(poems), 4, -1)
    fours = np.stack([couplets[:, i : i + 2].reshape(len(poems), -1) for i in range(3)])
    any_two = fours[rng.integers(3, size=len(poems)), np.arange(len(poems))]
    made = dict(zip(("any", "the first", "the middle", "the last"), [any_two, *fours], strict=True))
    return {f"{name} four lines of eight": ids for name, ids in made.items()}


def contestants(corpus: EncodedCorpus, other: Ids, seed: int) -> dict[str, Callable[[], Ids]]:
    """The poems to test, by name: as many as ``other`` has."""
    train, form = corpus.parts["train"].astype(np.int64), corpus.form
    n, vocabulary = len(other), len(corpus.tokenizer)

    def rng(name: str) -> np.random.Generator:
        return np.random.default_rng(derived_seed(seed, name))

    return {
        "other real poems": lambda: other,
        "real, one character replaced": lambda: one_replaced(other, train, rng("replaced")),
        "real, the last line from elsewhere": (
            lambda: last_line_from_elsewhere(other, form, rng("line"))
        ),
        "a 5-gram Kneser–Ney model": lambda: five_grams(train, n, vocabulary, rng("5-gram")),
        "the same, knowing line ends": (
            lambda: five_grams_with_line_ends(train, form, n, vocabulary, rng("ends"))
        ),
        "copies of training poems": lambda: train[rng("copies").permutation(len(train))[:n]],
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--judges", type=Path, metavar="FOLDER", help="keep the judges here")
    options.add_argument("--eight", type=Path, metavar="FILE", help="an encoded corpus of 8 lines")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, help="of torch; without it, its own choice")
    given = options.parse_args()
    use_threads(given.threads)
    print(machine := machine_line(), end="\n\n")
    corpus = EncodedCorpus.load(given.corpus)
    train, validation = (
        corpus.tokenizer.decode_rows(corpus.parts[p]) for p in ("train", "validation")
    )
    start = time.perf_counter()
    with TemporaryDirectory() as nowhere:
        folder = given.judges or Path(nowhere)
        read = Judges(train, validation, corpus.form, seed=given.seed, folder=folder)
        judges = (read.first, read.second())
    tell(f"the judges have read: {time.perf_counter() - start:.0f} s")

    test = corpus.parts["test"].astype(np.int64)
    order = np.random.default_rng(derived_seed(given.seed, "halves")).permutation(len(test))
    real, other = np.array_split(test[order], 2)
    real_poems = corpus.tokenizer.decode_rows(real)
    found: dict[str, list[TwoSample]] = {}
    made = contestants(corpus, other, given.seed)
    if given.eight:
        eight = EncodedCorpus.load(given.eight).in_vocabulary(corpus.tokenizer).parts["test"]
        rng = np.random.default_rng(derived_seed(given.seed, "eight"))
        halves = four_of_eight(eight.astype(np.int64), rng)
        made = {name: partial(np.asarray, ids) for name, ids in halves.items()}
    for name, make in made.items():
        poems = corpus.tokenizer.decode_rows(make())
        found[name] = []
        for judge in judges:
            start = time.perf_counter()
            found[name].append(judge.two_sample(real_poems, poems, given.seed))
            tell(f"{name}: {found[name][-1]}, {time.perf_counter() - start:.0f} s")
    rows = [
        [name, *(f"{result.r:.1f} ± {result.error:.1f}" for result in results)]
        for name, results in found.items()
    ]
    print(f"{corpus.form}, {next(iter(found.values()))[0].n:,} a side, seed {given.seed}:\n")
    print(table(["", "R, first judge", "R, second judge"], rows))
    figures = {name: [dataclasses.asdict(r) for r in results] for name, results in found.items()}
    write_json(given.json, {"machine": machine, "form": str(corpus.form), "rows": figures})


if __name__ == "__main__":
    main()
