"""Miskeyed characters: how many of those planted in unseen poems surprise most in their poem.

    python scripts/benchmarks/miskeyed.py CORPUS.safetensors [MODEL]

A character of each poem of the test part is replaced by another, drawn by its frequency; then its
characters are ranked by −log p(x_i | all others) of the model (``poetry-vae score``), by
rarity, and by a 4-gram Kneser–Ney model, both by its −log p(x_i | those before) and by the sum of
that over the character and the three after it, which a wrong character spoils too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.evaluation.judges.kneser_ney import KneserNey
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.believing import surprises

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]
_ORDER = 4


def planted(corpus: EncodedCorpus, n: int, seed: int) -> tuple[Ids, Ids, Floats]:
    """Poems with one wrong character each [n, T], where it is [n], and −log frequency [V]."""
    rng = np.random.default_rng(derived_seed(seed, "planted"))
    special = len(CharTokenizer.SPECIAL)
    test = corpus.parts["test"].astype(np.int64)
    test = test[(test >= special).all(axis=1)]
    ids = test[rng.permutation(len(test))[:n]]
    counts = np.bincount(corpus.parts["train"].ravel(), minlength=len(corpus.tokenizer)) + 0.5
    counts[:special] = 0
    share = counts / counts.sum()
    place = rng.integers(ids.shape[1], size=len(ids))
    rows = np.arange(len(ids))
    wrong = ids[rows, place]
    while (same := wrong == ids[rows, place]).any():
        wrong[same] = rng.choice(len(share), same.sum(), p=share)
    ids[rows, place] = wrong
    with np.errstate(divide="ignore"):
        return ids, place, -np.log(share)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("model", nargs="?", help="a folder or shipped name")
    options.add_argument("-n", type=int, default=500)
    options.add_argument("--samples", type=int, default=64)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int)
    given = options.parse_args()
    use_threads(given.threads)
    print(machine := machine_line(), end="\n\n")
    corpus = EncodedCorpus.load(given.corpus)
    ids, place, rarity = planted(corpus, given.n, given.seed)
    model = PoetryVAE.from_pretrained(given.model or corpus.form.slug)
    own = torch.from_numpy(corpus_ids(corpus, model, ids))
    generator = torch.Generator().manual_seed(derived_seed(given.seed, "surprise"))
    tell("the model reads")
    found = surprises(model, own, samples=given.samples, generator=generator).numpy()
    tell("the n-gram model reads")
    grams = KneserNey.fit(corpus.parts["train"].astype(np.int64), len(corpus.tokenizer), _ORDER)
    before = -grams.log_prob(ids)
    window = sum(
        np.pad(before, ((0, 0), (0, _ORDER)))[:, k : k + ids.shape[1]] for k in range(_ORDER)
    )
    scores = {
        "chance": None,
        "character frequency": rarity[ids],
        "Kneser–Ney, −log p(x_i before)": before,
        "Kneser–Ney, with the three after": window,
        "the model's surprise": found,
        "the same less half the rarity": found - 0.5 * rarity[ids],
    }
    rows = []
    for name, score in scores.items():
        share = 1 / ids.shape[1] if score is None else float((score.argmax(1) == place).mean())
        rows.append([name, f"{share:.1%}"])
    print(f"{corpus.form}, {len(ids)} poems, {given.samples} samples:\n")
    print(table(["ranked by", "first in its poem"], rows))
    write_json(given.json, {"machine": machine, "rows": rows})


def corpus_ids(corpus: EncodedCorpus, model: PoetryVAE, ids: Ids) -> Ids:
    """Ids of the corpus' vocabulary in the model's."""
    return corpus.tokenizer.numbers_in(model.tokenizer)[ids]


if __name__ == "__main__":
    main()
