"""What a poem can be asked to keep: one file a rule, found through :data:`BINDERS`."""

from __future__ import annotations

from poetry_vae.verse.rules import avoid, favour, near, no_repeat, parallel, pins, sound, words
from poetry_vae.verse.rules.rule import Binder

BINDERS: tuple[Binder, ...] = tuple(
    module.bind for module in (pins, avoid, sound, no_repeat, parallel, words, favour, near)
)
"""How the rules of each file are bound to a form and an alphabet, in the order of their asking."""
