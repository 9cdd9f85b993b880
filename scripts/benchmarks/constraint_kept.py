"""Two sections of ``constraints.py``: are constraints kept, and are impossible ones refused?"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from drawn_rules import Subject, satisfiable
from impossible_rules import KINDS, unsatisfiable
from measure import table, tell
from naive_rules import asked_groups, broken, broken_as_shown

from poetry_vae import Metre, NoRepeat, Parallel, Pin, Rhyme, Rule, Template
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.verse.rulebook import Rulebook
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

Figures = dict[str, Any]
_POEMS = 2  # of each combination
_KEPT_SHOWN = (Pin, Template, NoRepeat)
# The number of stored examples, of those of one impossible kind, and of shown digits.
_EXAMPLES, _ALIKE, _SHORT = 50, 3, 160


def kept(subjects: Sequence[Subject], n: int, seed: int) -> Figures:
    """Combinations that a real poem keeps: none may be refused, and no poem may break one."""
    drawn = []
    for i in range(n):
        rng = random.Random(derived_seed(seed, "kept", i))
        # A quatrain takes three times as long as a couplet.
        (subject,) = rng.choices(subjects, [1 / s.model.form.positions for s in subjects])
        constraint, witness = satisfiable(subject, rng)
        temperature = 0.5 if rng.random() < 0.95 else rng.uniform(0.02, 0.1)
        drawn.append((subject, constraint, witness, temperature, rng.choice((1, 4)), i))
    # What was prepared for one rhyme serves all that ask for it.
    drawn.sort(key=lambda one: (one[0].name, _sound_of(one[1].parts), one[-1]))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    examples: list[Figures] = []
    reasons: Counter[str] = Counter()
    for done, (subject, constraint, witness, temperature, candidates, i) in enumerate(drawn):
        if done % 200 == 0:
            tell(f"kept: {done} of {n}")
        outcome, told, shown = _outcome(subject, constraint, temperature, candidates, i)
        parallel = any(isinstance(part, Parallel) for part in constraint.parts)
        if outcome == "refused":
            reasons[f"{'parallel: ' * parallel}{told}"] += 1
        names = {type(part).__name__ for part in constraint.parts}
        rows = ["with Parallel"] if parallel else ["all others", *sorted(names), subject.name]
        for row in rows:
            counts[row]["combinations"] += 1
            counts[row][outcome] += 1
            counts[row]["shown"] += shown
        if (outcome != "kept" or shown) and not (parallel and outcome == "refused"):
            what = "otherwise as shown" if outcome == "kept" else outcome
            examples.append(
                {
                    "what": what,
                    "told": told,
                    "model": subject.name,
                    "constraint": list(map(repr, constraint.parts)),
                    "witness": "，".join(witness),
                    "temperature": temperature,
                    "candidates": candidates,
                    "seed": i,
                }
            )
    examples.sort(key=lambda e: e["what"] == "otherwise as shown")
    return {"rows": counts, "reasons": dict(reasons), "examples": examples[:_EXAMPLES]}


def _sound_of(parts: Sequence[Rule]) -> list[str]:
    """What metre and rhyme ask for, as a key to sort by."""
    metre = [f"{part.rules} {part.template}" for part in parts if isinstance(part, Metre)]
    rhyme = ["".join(sorted(asked_groups(part.group))) for part in parts if isinstance(part, Rhyme)]
    return [*(metre or [""]), *(rhyme or [""])]


def _outcome(
    subject: Subject, rules: Rule, temperature: float, candidates: int, seed: int
) -> tuple[str, str, bool]:
    """The verdict (kept, refused or broken), its explanation, and whether the poem looks broken to
    a reader of simplified script."""
    model = subject.model
    try:
        settings = SamplingSettings.of(model, temperature=temperature, candidates=candidates)
        sampler = Sampler(model, settings, rules)
        ids = sampler.write(_POEMS, generator=torch.Generator().manual_seed(seed))
    except PoetryVAEError as error:
        return "refused", str(error), False
    except Exception as error:  # of any kind: the benchmark counts them
        return "crashed", f"{type(error).__name__}: {error}", False
    written = [poem.lines for poem in sampler.poems(ids)]
    for lines in written:
        if wrong := broken(rules.parts, lines):
            return "broken", f"{wrong}: {'，'.join(lines)}", False
    shown = ["，".join(x) for x in written if broken_as_shown(rules.parts, x)]
    return "kept", " ".join(shown), bool(shown)


def show_kept(figures: Figures) -> str:
    """The tables of :func:`kept`."""
    rows = []
    shown_kinds = {kind.__name__ for kind in _KEPT_SHOWN}
    first = ["all others", "with Parallel"]
    for name in sorted(figures["rows"], key=lambda n: (n not in first, n)):
        count = Counter(figures["rows"][name])
        asked = name in first or name in shown_kinds
        as_shown = f"{count['kept'] - count['shown']:,}" if asked else "–"
        told = [count[key] for key in ("combinations", "kept", "refused", "broken", "crashed")]
        rows.append([name, *(f"{n:,}" for n in told), as_shown])
    header = ["rule", "combinations", "kept", "refused", "broken", "crashed"]
    out = table([*header, "kept as shown in simplified script"], rows)
    if figures["reasons"]:
        common = Counter(figures["reasons"]).most_common(12)
        out += "\n" + table(["refused, since", "times"], [[told, str(n)] for told, n in common])
    for example in figures["examples"][:8]:
        out += f"\n- {_shortened(example)}"
    return out


def _shortened(example: Figures) -> str:
    return ", ".join(f"{key} {str(value)[:_SHORT]}" for key, value in example.items())


def unsatisfied(subjects: Sequence[Subject], n: int, seed: int) -> Figures:
    """Constraints that cannot be kept: each to be refused before a poem is written, by name."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    examples: list[Figures] = []
    for i in range(n):
        rng = random.Random(derived_seed(seed, "unsatisfied", i))
        subject, kind = subjects[i % len(subjects)], [*KINDS][i // len(subjects) % len(KINDS)]
        asked = unsatisfiable(subject, kind, rng)
        counts[kind]["asked"] += 1
        told = ""
        try:
            Rulebook(asked.constraint, asked.form, subject.model.tokenizer)
        except PoetryVAEError as error:
            told = str(error)
            blamed = told.split("do not go together; leave out ")[-1]
            outcome = "named" if all(c in blamed for c in asked.culprits) else "not named"
        except Exception as error:  # as above
            told, outcome = f"{type(error).__name__}: {error}", "crashed"
        else:
            outcome, told = _later(subject, asked.constraint)
        counts[kind][outcome] += 1
        if outcome != "named" and counts[kind][outcome] <= _ALIKE:
            parts = list(map(repr, asked.constraint.parts))
            examples.append({"kind": kind, "what": outcome, "told": told, "constraint": parts})
    return {"rows": counts, "examples": examples}


def _later(subject: Subject, rules: Rule) -> tuple[str, str]:
    """The outcome for rules that were not refused at first."""
    try:
        poem = next(Sampler(subject.model, SamplingSettings.of(subject.model), rules).stream(0))
    except PoetryVAEError as error:
        return "when writing", str(error)
    except Exception as error:  # as above
        return "crashed", f"{type(error).__name__}: {error}"
    return "not refused", poem.one_line


def show_unsatisfied(figures: Figures) -> str:
    """The table of :func:`unsatisfied`."""
    columns = ("asked", "named", "not named", "when writing", "not refused", "crashed")
    total: Counter[str] = sum(map(Counter, figures["rows"].values()), Counter())
    rows = [
        [name, *(Counter(count)[key] for key in columns)]
        for name, count in [*figures["rows"].items(), ("all", total)]
    ]
    header = ["no poem keeps", "asked", "refused, culprit named", "not named"]
    header += ["refused only when writing", "not refused", "crashed"]
    out = table(header, rows)
    for example in figures["examples"][:8]:
        out += f"\n- {_shortened(example)}"
    return out
