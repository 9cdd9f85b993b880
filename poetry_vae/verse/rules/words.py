"""Words that stand inside some line; the model chooses where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model.sampling import derived_seed, draw_weighted
from poetry_vae.text.keywords import boundaries
from poetry_vae.text.script import to_simplified, understand
from poetry_vae.verse.masked_probabilities import MaskedProbabilities
from poetry_vae.verse.rules.placements import Placements, ways_to_place
from poetry_vae.verse.rules.rule import BoundRule, CanStand, Ground, Rule, RuleError, of
from poetry_vae.verse.rules.word_ends import WordEnds

# At most so many ways to place the words are kept, chosen at random if there are more.
_MOST = 512
_AT_ONCE = 64


@dataclass(frozen=True)
class Words(Rule):
    """Each of these words stands inside some line; the model chooses where."""

    words: tuple[str, ...]

    @property
    def characters(self) -> str:
        return "".join(self.words)

    def told(self) -> str:
        return f"the words {' '.join(self.words)}"


class Placed(BoundRule):
    """Words, and the ways to place them. A neighbour must not join a part of
    one: in 高鐵樹 the word 鐵樹 is lost, as 高鐵 is a word."""

    def __init__(self, words: Sequence[str], ground: Ground) -> None:
        self.words, self.ground = tuple(words), ground
        self.symbols = [ground.alphabet.mask(word) for word in words]
        self.kinds = [row for word in self.symbols for row in word]
        from_start = torch.tensor(ground.form.from_start)
        self._is_first, self._is_last = from_start == 0, torch.tensor(ground.form.from_end) == 0

    def narrow(self, allowed: Tensor, can_stand: CanStand) -> None:
        """The ways that all other rules admit."""
        draws = torch.Generator().manual_seed(derived_seed(0, "placements"))
        starts = ways_to_place(self.ground.form, self.words, self.symbols, allowed, generator=draws)
        kept: list[Tensor] = []
        for some in torch.split(starts, _AT_ONCE):
            kept.append(some[can_stand(Placements(self.symbols, some, allowed))])
            if sum(map(len, kept)) >= _MOST:
                break
        starts = torch.cat(kept)[:_MOST]
        if not len(starts):
            raise RuleError(
                f"no place was found for the words {' '.join(self.words)} that keeps all the rest: "
                "ask for fewer words, or loosen metre and rhyme"
            )
        self.placements = Placements(self.symbols, starts, allowed)

    def place(
        self, masked: MaskedProbabilities, *, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A way for each poem."""
        assert self.placements is not None
        scores = self.placements.log_scores(masked)
        way = draw_weighted(scores.softmax(-1), generator=generator)
        return way, scores.log_softmax(-1).gather(1, way[:, None])[:, 0]

    def placed(self, masked: MaskedProbabilities, decision: Tensor) -> MaskedProbabilities:
        """The masked probabilities with the words of each way put in."""
        assert self.placements is not None
        return self.placements.restrict(masked, decision)

    def prefers(self, ids: Tensor, places: Tensor, decision: Tensor) -> Tensor | None:
        """Without the characters that make a word with the first or last one of a placed word."""
        assert self.placements is not None
        begins, ends = self.placements.edges(decision)
        rows = torch.arange(len(ids))
        T = ids.shape[1]
        follows = begins[rows, (places + 1).clamp_max(T - 1)] & ~self._is_last[places]
        precedes = ends[rows, (places - 1).clamp_min(0)] & ~self._is_first[places]
        if not bool((follows | precedes).any()):
            return None
        behind = ids[rows, (places + 1).clamp_max(T - 1)].masked_fill(~follows, -1).tolist()
        before = ids[rows, (places - 1).clamp_min(0)].masked_fill(~precedes, -1).tolist()
        words = WordEnds.of(self.ground.alphabet)
        return ~(words.joining(behind, is_behind=False) | words.joining(before, is_behind=True))

    def blemished(self, ids: Tensor) -> Tensor:
        """Whether the lines, as jieba's dictionary cuts them, cut across a word wherever it is."""
        alphabet, cut = self.ground.alphabet, self.ground.form.cut
        poems = [cut("".join(alphabet.simplified[i] for i in row)) for row in ids.tolist()]
        words = [to_simplified(understand(word)) for word in self.words]
        return torch.tensor(
            [not all(any(_is_whole(w, line) for line in poem) for w in words) for poem in poems]
        )


def _is_whole(word: str, line: str) -> bool:
    start = line.find(word)
    if start < 0:
        return False
    ends = {0, *boundaries(line)}
    return start in ends and start + len(word) in ends


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """All words that are to stand somewhere."""
    words = tuple(dict.fromkeys(word for part in of(parts, Words) for word in part.words))
    # 明月 says 月 already.
    words = tuple(w for w in words if not any(w != other and w in other for other in words))
    return Placed(words, ground) if words else None
