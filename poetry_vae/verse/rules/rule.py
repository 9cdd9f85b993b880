"""What a poem shall keep: rules as values, and what the sampler asks of them.

    acrostic("春江花月") & Metre() & Rhyme("東") & Avoid("柳")

A rule says what is wanted and knows no model. **Bound** to a form and an alphabet it answers the
sampler's questions: what each place may hold, what it decides for a whole poem at first, what may
stand beside the characters that are settled, and which poems it rejects. No rule asks another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from poetry_vae.verse.masked_probabilities import MaskedProbabilities
    from poetry_vae.verse.rules.alphabet import Alphabet
    from poetry_vae.verse.rules.placements import Placements

R = TypeVar("R", bound="Rule")


class RuleError(PoetryVAEError):
    """Rules that no poem can keep, or that say nothing a poem could keep."""


class Rule:
    """Anything a poem can be asked to keep. ``a & b`` asks for both."""

    is_wish = False
    """Whether the rule only leads the model, so that no poem can break it."""

    def __and__(self, other: Rule) -> Together:
        return Together((*self.parts, *other.parts))

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rules that this one is made of."""
        return (self,)

    @property
    def characters(self) -> str:
        """Characters that shall be shown, whether or not a model knows them."""
        return ""

    def told(self) -> str:
        """The rule in a user's words."""
        raise NotImplementedError


@dataclass(frozen=True)
class Together(Rule):
    """All of several rules; of none, everything is allowed."""

    parts: tuple[Rule, ...] = ()


def together(rules: Sequence[Rule]) -> Together:
    """All of them; the neutral element where there is none."""
    return Together(tuple(part for rule in rules for part in rule.parts))


@dataclass(frozen=True)
class Ground:
    """What rules are bound to: a form, and the characters there are."""

    form: Form
    alphabet: Alphabet


class BoundRule:
    """A rule over one form and alphabet. By default it limits nothing.

    Shape letters: R poems in the making, T places, V characters. In ids [R, T] a place that is
    open holds −1.
    """

    allowed: Tensor | None = None
    """[T, V]: what a place may hold, whatever stands elsewhere."""
    near: str | None = None
    """A poem near which the latents must lie."""
    placements: Placements | None = None
    """The ways to place something, once they are narrowed."""
    is_led: bool = False
    """Whether only masks lead to poems that keep the rule: neither ``allowed`` nor ``broken`` nor
    ``plans_kept`` checks all of it."""
    kinds: Sequence[Tensor] = ()
    """Rows [V] of truth values, which tell apart the characters that are not treated alike."""

    def bias(self, table: Tensor) -> Tensor | None:
        """Nats that are added to the logits of characters, [V]; ``table``, [V, H], has their rows
        in the model's output layer."""
        return None

    def place(
        self, masked: MaskedProbabilities, *, generator: torch.Generator
    ) -> tuple[Tensor, Tensor] | None:
        """Draw the places of words by their probability: the decision, a row for each poem, and its
        log-probability, [R]."""
        return None

    def placed(self, masked: MaskedProbabilities, decision: Any) -> MaskedProbabilities:
        """The masked probabilities with the words placed."""
        return masked

    def log_prob(self, masked: MaskedProbabilities) -> Tensor | None:
        """log P(poems drawn from the masked probabilities keep the rule), exactly: [R].
        Differentiable."""
        return None

    def plan(
        self, masked: MaskedProbabilities, *, is_greedy: bool, generator: torch.Generator
    ) -> Any:
        """The plan that each poem keeps, such as a rhyme group, drawn by its probability."""
        return None

    def foreseen(self, masked: MaskedProbabilities) -> MaskedProbabilities:
        """What a model that writes one character after the other says of a poem at first, as it
        would be if the model knew this rule."""
        return masked

    def planned(
        self, masked: MaskedProbabilities, plan: Any, *, generator: torch.Generator
    ) -> MaskedProbabilities:
        """Masked probabilities from which poems keep the plan, and have the right distribution."""
        return masked

    def plans_kept(self, ids: Tensor) -> Tensor | None:
        """How many plans each poem ids [R, T] would have kept: [R]."""
        return None

    def mask(self, ids: Tensor, places: Tensor, decision: Any) -> Tensor | None:
        """The characters that fit a place of each poem, [R], beside those settled in ids:
        [R, V]."""
        return None

    def prefers(self, ids: Tensor, places: Tensor, decision: Any) -> Tensor | None:
        """As ``mask``, but only the preferred characters; used where one of them is admitted."""
        return None

    def reweighed(self, log_weights: Tensor, places: Tensor, decision: Any) -> Tensor:
        """Logarithms of the weights of all characters, [R, V'], by which a place of each poem, [R],
        is drawn, as the rule would have them."""
        return log_weights

    def broken(self, ids: Tensor) -> Tensor | None:
        """Which whole poems break the rule, where masks do not see to it: [R]."""
        return None

    def blemished(self, ids: Tensor) -> Tensor | None:
        """Which whole poems keep the rule badly, and serve only if there are no others: [R]."""
        return None

    def can_stand(
        self, possible: Tensor, columns: Tensor, fixed: Tensor, given: Tensor
    ) -> Tensor | None:
        """Whether some poem can keep the rule, in each of A cases: [A].

        Args:
            possible: what each place may hold, [A, T, columns], of characters that stand for all
                their like.
            columns: the ids of these characters.
            fixed: ids of what can only be one character or its like, −1 elsewhere, [A, T].
            given: which places are pinned, [T].
        """
        return None

    def narrow(self, allowed: Tensor, can_stand: CanStand) -> None:
        """Prepare for what all other rules allow, [T, V].

        Raises:
            RuleError: nothing is left for this one.
        """


class Allowed(BoundRule):
    """A rule that only says what each place may hold."""

    def __init__(self, allowed: Tensor) -> None:
        self.allowed = allowed


CanStand = Callable[["Placements"], "Tensor"]
"""Whether all rules admit each way to place words: [A]."""

Binder = Callable[[Sequence[Rule], Ground], BoundRule | None]
"""Binds those among some rules that it knows; one for each file of ``verse.rules``."""


def of(parts: Sequence[Rule], kind: type[R]) -> list[R]:
    """The rules of a kind."""
    return [part for part in parts if isinstance(part, kind)]


def only(parts: Sequence[Rule], kind: type[R]) -> R | None:
    """The one rule of a kind.

    Raises:
        RuleError: there are several that differ.
    """
    found = list(dict.fromkeys(of(parts, kind)))
    if len(found) > 1:
        told = " and ".join(rule.told() for rule in found)
        raise RuleError(f"{told} were asked for together: one poem can keep one")
    return found[0] if found else None
