"""Metre and rhyme under independent heads: exact sums against every poem counted one by one."""

from __future__ import annotations

import re
from itertools import product

import pytest
import torch
from torch import Tensor

from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.form import Form
from poetry_vae.text.metre import COUPLETS, LineType, Rules, legal_patterns, templates
from poetry_vae.text.prosody import Reading, RhymeBook
from poetry_vae.verse.masked_probabilities import MaskedProbabilities
from poetry_vae.verse.rules.couplets import couplet_products
from poetry_vae.verse.rules.metrical import Metrical

# Characters by their readings: level, oblique, either, level in two groups, either in two groups.
BOOK = {
    "甲": {Reading("平", "東")},
    "乙": {Reading("仄", "送")},
    "丙": {Reading("平", "東"), Reading("仄", "送")},
    "丁": {Reading("平", "東"), Reading("平", "冬")},
    "戊": {Reading("平", "冬"), Reading("平", "江"), Reading("仄", "")},
    "己": set(),
}
CHARACTERS = ("", "", *BOOK)
MADE_UP = RhymeBook("made up", lambda character: frozenset(BOOK.get(character, ())))
COUPLET, QUATRAIN = Form.of(2, 5), Form.of(4, 5)


def _metrical(form: Form, groups: str = "東冬江", *, rules: Rules = "strict") -> Metrical:
    return Metrical(
        form, CHARACTERS, templates=templates(form), groups=groups, rules=rules, book=MADE_UP
    )


def _few_choices(form: Form, seed: int) -> Tensor:
    """log_probs [T, V] under which few poems are possible, so that all can be counted."""
    draws = torch.Generator().manual_seed(seed)
    values = torch.randn(form.positions, len(CHARACTERS), generator=draws).log_softmax(-1)
    possible = torch.zeros(values.shape, dtype=torch.bool)
    for position in range(form.positions):
        number = 2 + int(torch.randint(2, (1,), generator=draws)) * (position % 3 == 1)
        chosen = 2 + torch.randperm(len(BOOK), generator=draws)[:number]
        possible[position, chosen] = True
    return values.masked_fill(~possible, -torch.inf)


def _masked(log_probs: Tensor) -> MaskedProbabilities:
    mass = log_probs.logsumexp(-1)
    return MaskedProbabilities((log_probs - mass[:, None]).exp()[None], mass[None])


def _poems(log_probs: Tensor) -> list[tuple[int, ...]]:
    choices = [(row > -torch.inf).nonzero()[:, 0].tolist() for row in log_probs]
    return list(product(*choices))


def _plans(form: Form, ids: tuple[int, ...], groups: str, rules: Rules) -> list[tuple[int, int]]:
    """Every pair of template and group that a poem keeps, by trying every reading."""
    found = []
    lines = [ids[i : i + form.chars] for i in range(0, form.positions, form.chars)]
    readings = [[BOOK[CHARACTERS[i]] for i in line] for line in lines]
    for t, template in enumerate(templates(form)):
        heard = [
            ["".join(tones) for tones in product(*([r.tone for r in here] for here in line))]
            for line in readings
        ]
        if not all(
            _fits(heard[i : i + 2], template.types[i : i + 2], rules)
            for i in range(0, form.lines, 2)
        ):
            continue
        for g, group in enumerate(groups):
            if all(Reading("平", group) in readings[line][-1] for line in template.rhyming_lines):
                found.append((t, g))
    return found


def _fits(couplet: list[list[str]], kinds: tuple[LineType, ...], rules: Rules) -> bool:
    """Whether a couplet, each line in all its readings, is of its types, or 拗 and 救."""
    if all(
        any(tones in legal_patterns(kind, len(tones), rules) for tones in line)
        for line, kind in zip(couplet, kinds, strict=True)
    ):
        return True
    turned, saving = re.compile(".仄.仄仄"), re.compile(".平平仄平")
    departs, saves = (
        any(map(p.fullmatch, x)) for p, x in zip((turned, saving), couplet, strict=True)
    )
    return kinds == ("a", "B") and departs and saves


@pytest.mark.parametrize("rules", ["strict", "loose"])
@pytest.mark.parametrize("seed", range(6))
def test_the_probability_is_that_of_all_poems_that_keep_the_rules(seed: int, rules: Rules) -> None:
    log_probs, metrical = _few_choices(COUPLET, seed), _metrical(COUPLET, rules=rules)
    expected, by_pair = 0.0, torch.zeros(4, 3)
    for ids in _poems(log_probs):
        p = log_probs[torch.arange(10), list(ids)].sum().exp().item()
        plans = _plans(COUPLET, ids, "東冬江", rules)
        expected += p * bool(plans)
        for t, g in plans:
            by_pair[t, g] += p
        assert metrical.plans_kept(torch.tensor([ids])).item() == len(plans)
    found = metrical.log_prob(_masked(log_probs)).exp().item()
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-12)
    pairs = metrical.plan_log_probs(_masked(log_probs))[0].exp()
    assert torch.allclose(pairs.float(), by_pair, rtol=1e-4, atol=1e-12)


def test_a_quatrain_of_one_template_adds_up_too() -> None:
    for seed in range(40):
        log_probs = _few_choices(QUATRAIN, derived_seed(1, seed))
        # Two choices in six places, else the likeliest alone: 64 poems.
        keep = log_probs.argmax(-1)
        single = torch.full_like(log_probs, -torch.inf)
        single[torch.arange(20), keep] = log_probs[torch.arange(20), keep]
        log_probs = torch.where((torch.arange(20) % 3 == 1)[:, None], log_probs, single)
        for template in templates(QUATRAIN):
            metrical = Metrical(
                QUATRAIN,
                CHARACTERS,
                templates=[template],
                groups="東冬",
                rules="loose",
                book=MADE_UP,
            )
            number = templates(QUATRAIN).index(template)
            expected = sum(
                log_probs[torch.arange(20), list(ids)].sum().exp().item()
                for ids in _poems(log_probs)
                if any(t == number for t, _ in _plans(QUATRAIN, ids, "東冬", "loose"))
            )
            found = metrical.log_prob(_masked(log_probs)).exp().item()
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-20)


@pytest.mark.parametrize("rules", ["strict", "loose"])
@pytest.mark.parametrize("kinds", COUPLETS)
def test_products_are_disjoint_and_cover_what_is_legal(
    kinds: tuple[LineType, LineType], rules: Rules
) -> None:
    couplets = [
        tuple(map("".join, (line[:5], line[5:])))
        for sets in couplet_products(frozenset({kinds}), 5, rules)
        for parts in product(*sets)
        for line in product(*([str(c) for c in place] for part in parts for place in part))
    ]
    assert len(couplets) == len(set(couplets))
    tones = {"0": "平", "1": "仄", "2": "平仄"}
    # Classes of either tone in the places that decide; elsewhere one tone is as good as another.
    firsts = ["".join(line) for line in product("01", "012", "012", "012", "012")]
    seconds = ["".join(line) for line in product("012", "01", "012", "01", "012")]
    readings = {
        line: list(map("".join, product(*(tones[c] for c in line)))) for line in {*firsts, *seconds}
    }
    plain = [
        {line for line in readings if any(t in legal_patterns(k, 5, rules) for t in readings[line])}
        for k in kinds
    ]
    turned = {x for x in firsts if any(t[1::2] == "仄仄" and t[4] == "仄" for t in readings[x])}
    saving = {x for x in seconds if {"平平平仄平", "仄平平仄平"} & set(readings[x])}
    found = set(couplets)
    for first, second in product(firsts, seconds):
        legal = first in plain[0] and second in plain[1]
        if kinds == ("a", "B"):
            legal = legal or (first in turned and second in saving)
        assert legal == ((first, second) in found)


def test_gradients_flow_and_are_finite() -> None:
    logits = torch.randn(3, 10, len(CHARACTERS), requires_grad=True)
    value = _metrical(COUPLET).log_prob(
        MaskedProbabilities.of(logits, torch.ones(10, len(CHARACTERS)) > 0)
    )
    assert value.isfinite().all()
    value.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


def test_what_cannot_be_has_no_probability() -> None:
    oblique = torch.full((10, len(CHARACTERS)), -torch.inf)
    oblique[:, 3] = 0.0
    assert _metrical(COUPLET).log_prob(_masked(oblique)).item() == -torch.inf


def test_without_metre_the_first_line_rhymes_as_often_as_it_would_end_level() -> None:
    metrical = Metrical(
        QUATRAIN, CHARACTERS, templates=(), groups="東冬", rules="strict", book=MADE_UP
    )
    drawn = torch.randn(2, len(CHARACTERS), generator=torch.Generator().manual_seed(0))
    plan = torch.tensor([[0, 1], [0, 1]])
    found = metrical.reweighed(drawn, torch.tensor([QUATRAIN.chars - 1, 0]), plan)
    assert torch.equal(found[1], drawn[1])  # no end of a line
    before, after = drawn[0].exp(), found[0].exp()
    rhyming, level, others = [5, 6], [2], [0, 1, 3, 4, 7]  # 丁 and 戊, 甲, and the rest
    assert torch.equal(after[others], before[others])
    assert float(after[level]) < 1e-9
    assert after[rhyming].sum() == pytest.approx(float(before[rhyming + level].sum()), rel=1e-5)


def test_a_template_that_rhymes_in_the_first_line_is_as_likely_as_a_level_end() -> None:
    metrical = _metrical(QUATRAIN, "冬")
    even = torch.full((QUATRAIN.positions, len(CHARACTERS)), 1.0 / len(BOOK))
    even[:, : len(CHARACTERS) - len(BOOK)] = 0.0
    masked = MaskedProbabilities(even[None], torch.zeros(1, QUATRAIN.positions))
    end = metrical.foreseen(masked).probs[0, QUATRAIN.chars - 1]
    assert float(end[[5, 6]].sum()) == pytest.approx(3 / 6)  # 丁 and 戊 rhyme, 甲 is level
    assert float(end[2]) < 1e-9
    assert torch.allclose(end[[3, 4, 7]], torch.tensor(1 / 6))
