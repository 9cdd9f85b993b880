"""Are neighbouring characters words? By the training poems and by jieba's dictionary.

All neighbours inside a line count, even those with a pause between them, so real poems stay far
below 1; compare with them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.text.ngrams import Hashes, IntArray, Lengths, among, hashed, lines_of
from poetry_vae.text.script import to_simplified
from poetry_vae.text.tokenizer import CharTokenizer


@dataclass(frozen=True)
class KnownPairs:
    """The pairs of characters that some training poems hold often enough."""

    tokenizer: CharTokenizer
    hashes: Hashes
    """Sorted."""

    @classmethod
    def of(
        cls, training: IntArray, tokenizer: CharTokenizer, *, chars: Lengths, min_count: int
    ) -> KnownPairs:
        """The pairs that stand at least ``min_count`` times inside lines of training [M, T]."""
        pairs, counts = np.unique(hashed(training, 2, chars=chars), return_counts=True)
        return cls(tokenizer, pairs[counts >= min_count])


def word_validity(ids: IntArray, known: KnownPairs, *, chars: Lengths) -> dict[str, float]:
    """Share of neighbouring characters inside the lines of poems ids [N, T] that are known.

    Keys: ``corpus`` (to the training poems), ``dictionary`` (to jieba), ``words`` (to either).
    Pairs with a character outside the vocabulary are left out, since neither can know them.

    Raises:
        MetricError: there are no pairs.
    """
    lines = [ids[:, line] for line in lines_of(ids.shape[1], chars)]
    each = [np.stack([line[:, :-1], line[:, 1:]], axis=-1) for line in lines]
    pairs = np.concatenate(each, axis=1).reshape(-1, 2)
    pairs = pairs[(pairs != CharTokenizer.UNKNOWN).all(axis=1)]
    if not len(pairs):
        raise MetricError(f"not one pair of known characters in {len(ids)} poem(s)")
    in_corpus = among(hashed(pairs, 2, chars=2), known.hashes)[:, 0]
    in_dictionary = _in_dictionary(pairs, known.tokenizer)
    return {
        "corpus": float(in_corpus.mean()),
        "dictionary": float(in_dictionary.mean()),
        "words": float((in_corpus | in_dictionary).mean()),
    }


def _in_dictionary(pairs: IntArray, tokenizer: CharTokenizer) -> npt.NDArray[np.bool_]:
    """Which of pairs [P, 2] are words of jieba's dictionary, which is in simplified script: [P]."""
    different, place = np.unique(pairs, axis=0, return_inverse=True)
    # One conversion for all; the break keeps phrases from forming between two pairs.
    text = to_simplified("\n".join(map(tokenizer.decode, different)))
    words = dictionary_words()
    is_word = np.array([pair in words for pair in text.split("\n")])
    return is_word[place.reshape(-1)]


@cache
def dictionary_words() -> frozenset[str]:
    """The words of two characters in jieba's dictionary, in simplified script.

    They are read from the dictionary file in a tenth of a second. Segmentation would load every
    word and first write a cache into the shared temporary folder.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library is older than some of Python's warnings
        import jieba
    with jieba.dt.get_dict_file() as file:
        words = (line.decode("utf-8").split(" ", 1)[0] for line in file)
        return frozenset(word for word in words if len(word) == 2)
