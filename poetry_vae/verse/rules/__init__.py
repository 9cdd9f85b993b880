"""What a poem can be asked to keep: one file a rule, found through :data:`BINDERS`."""

from __future__ import annotations

from poetry_vae.verse.rules import avoid, favour, near, no_repeat, parallel, pins, sound, words
from poetry_vae.verse.rules.avoid import Avoid
from poetry_vae.verse.rules.favour import Favour
from poetry_vae.verse.rules.near import Near
from poetry_vae.verse.rules.no_repeat import Doublings, NoRepeat
from poetry_vae.verse.rules.parallel import Parallel
from poetry_vae.verse.rules.pins import FREE, Pin, Template, acrostic, first_line
from poetry_vae.verse.rules.rule import Binder, Rule, RuleError, Together, together
from poetry_vae.verse.rules.sound import Metre, Rhyme, Sounds
from poetry_vae.verse.rules.words import Words

BINDERS: tuple[Binder, ...] = tuple(
    module.bind for module in (pins, avoid, sound, no_repeat, parallel, words, favour, near)
)
"""How the rules of each file are bound to a form and an alphabet, in the order of their asking."""

__all__ = [
    "BINDERS",
    "FREE",
    "Avoid",
    "Doublings",
    "Favour",
    "Metre",
    "Near",
    "NoRepeat",
    "Parallel",
    "Pin",
    "Rhyme",
    "Rule",
    "RuleError",
    "Sounds",
    "Template",
    "Together",
    "Words",
    "acrostic",
    "first_line",
    "together",
]
