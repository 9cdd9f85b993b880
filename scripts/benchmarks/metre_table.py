"""How many real poems keep the metre, compared with chance.

    python -m scripts.benchmarks metre_table POEMS
    python -m scripts.benchmarks metre_table POEMS --observed tones_observed.tsv
    python -m scripts.benchmarks metre_table POEMS --naive 10000

Columns: loose rules; strict rules; strict rules and rhyme; chance, which is loose rules with the
lines shuffled between the poems of a row, each staying at its place in the poem; strict rules and
rhyme with strict readings, where every character that has both tones is a fault. With --observed
(the counts for build_prosody.py) tones come from the annotations alone; rhymes still come from the
rhyme book. Rows of more than --poems poems are sampled by --seed. The first lines say how many
characters have a tone, and how many even lines end in a character with a rhyme group. With --naive
N there is no table: the verdicts on N poems are compared with naive_rules.py, under both kinds of
rules and of readings.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from poetry_vae.text.corpus import Corpus, read_corpus
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.prosody import PINGSHUI, Reading, RhymeBook
from poetry_vae.text.scansion import check

Lines = tuple[str, ...]
FORMS = tuple(Form.of(*shape) for shape in ((4, 5), (4, 7), (8, 5), (8, 7), (12, 5), (4, 6)))


def observed(path: Path) -> RhymeBook:
    """The tones that annotations show, whatever the rhyme book says, with the book's groups."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from build_prosody import read_marks, tones_shown

    shown = {c: tones_shown(marks) for c, marks in read_marks(path).items()}

    def readings(character: str) -> frozenset[Reading]:
        tones = shown.get(character, set())
        groups = {r.group for r in PINGSHUI.readings(character) if r.tone == "平"} or {""}
        level = {Reading("平", group) for group in groups if "平" in tones}
        return frozenset(level | {Reading("仄", "") for _ in tones & {"仄"}})

    return replace(PINGSHUI, name="observed", readings=readings)


def shuffled(poems: Sequence[Lines], rng: random.Random) -> list[Lines]:
    """The same lines at the same places, each place shuffled between the poems by itself."""
    columns = [rng.sample(column, len(column)) for column in zip(*poems, strict=True)]
    return list(zip(*columns, strict=True))


def row(poems: Sequence[Lines], book: RhymeBook, seed: int) -> list[float]:
    """The shares of a row, in the order of the table's columns."""

    def share(kept: Iterable[bool]) -> float:
        return sum(kept) / len(poems)

    def loose(poems: Sequence[Lines]) -> float:
        return share(check(poem, rules="loose", book=book).keeps_metre for poem in poems)

    strict = [check(poem, book=book) for poem in poems]
    return [
        loose(poems),
        share(report.keeps_metre for report in strict),
        share(report.ok for report in strict),
        loose(shuffled(poems, random.Random(seed))),
        share(check(poem, readings="strict", book=book).ok for poem in poems),
    ]


def tell_coverage(poems: Sequence[Poem], book: RhymeBook) -> None:
    """How much of verse the readings cover, by occurrence."""
    ends: Counter[str] = Counter()
    for poem in poems:
        if any(list(poem.of_form(form)) for form in FORMS):
            ends.update(line[-1] for line in poem.lines[1::2])
    everything = Corpus(list(poems)).character_counts

    def covered(counts: Counter[str], is_known: Callable[[frozenset[Reading]], bool]) -> str:
        known = sum(n for c, n in counts.items() if is_known(book.readings(c)))
        return f"{known / counts.total():.3%} of {counts.total():,}"

    print(f"characters with a tone: {covered(everything, bool)}")
    with_group = covered(ends, lambda found: any(reading.group for reading in found))
    print(f"even line ends with a rhyme group: {with_group}")


def tell_agreement(poems: Sequence[Poem], number: int, seed: int) -> None:
    """How often the checker and the literal rules disagree, and how fast the checker is."""
    import naive_rules as naive

    regulated = [f for f in FORMS if f.lines in (4, 8) and f.chars in (5, 7)]
    found = [fit.lines for poem in poems for form in regulated for fit in poem.of_form(form)]
    chosen = random.Random(seed).sample(found, min(number, len(found)))
    start = time.process_time()
    for lines in chosen:
        check(lines)
    print(f"{len(chosen) / (time.process_time() - start):,.0f} poems a second of processor time")
    for readings, rules in product(("lenient", "strict"), ("strict", "loose")):
        disagreed = 0
        for lines in chosen:
            report = check(lines, rules=rules, readings=readings)
            verdict = naive.verdict(lines, rules=rules, reading=readings)
            disagreed += (verdict.metre, verdict.all) != (report.keeps_metre, report.ok)
        print(f"{rules} rules, {readings} readings: {disagreed} of {len(chosen):,} disagree")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_formatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--observed", type=Path, metavar="TSV")
    parser.add_argument("--poems", type=int, default=20_000, help="at most, a row")
    parser.add_argument("--naive", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    # Poems longer than any form are no regulated verse.
    poems = [poem for poem in read_corpus(options.corpus).poems if len(poem.lines) <= 64]
    if options.naive:
        tell_agreement(poems, options.naive, options.seed)
        return
    book = observed(options.observed) if options.observed else PINGSHUI
    tell_coverage(poems, book)
    print("\n| | poems | loose | strict | + rhyme | chance | strict readings |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for dynasty, name in (("唐", "Tang"), ("宋", "Song")):
        for form in FORMS:
            of_dynasty = (poem for poem in poems if poem.dynasty == dynasty)
            found = [fitting.lines for poem in of_dynasty for fitting in poem.of_form(form)]
            if not found:
                continue
            if len(found) > options.poems:
                found = random.Random(options.seed).sample(found, options.poems)
            shares = " | ".join(f"{share:.1%}" for share in row(found, book, options.seed))
            print(f"| {name} {form.chars}×{form.lines} | {len(found):,} | {shares} |", flush=True)


_formatter = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    main()
