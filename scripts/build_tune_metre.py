"""Compile poetry_vae/text/tune_metre.tsv: the tones and rhymes of 词 as most poems of a tune have
them.

    python scripts/build_tune_metre.py FOLDER

FOLDER holds 词 in any format that corpora come in; the tunes are those of build_tunes.py. A row of
the table is a tune, how many poems were counted, its lines, and its rhymes. A line is written
place by place: the tone that more poems have, and its share in percent of the poems in which the
character has only one tone. Rhymes are written line by line: a letter for lines that rhyme with
each other, and the share of poems in which the line rhymes with another of them; - where it is
free. Two lines rhyme if their ends can stand in one part of 詞林正韻, whatever their tone.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from poetry_vae.text.cilin import CILIN
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.files import replace_file
from poetry_vae.text.form import Form, tune_form, tunes

TABLE = Path(__file__).parents[1] / "poetry_vae" / "text" / "tune_metre.tsv"
HEADER = """\
# Tones and rhymes of the tunes of 词, as most of their poems have them; see the script.
# Compiled by scripts/build_tune_metre.py from snowtraces/poetry-source (MIT).
"""
RHYMING = 0.6
"""Two lines are meant to rhyme if they do in at least this share of poems; by chance it is one in
ten."""

Lines = tuple[str, ...]


def main(folder: Path) -> None:
    """Write the table."""
    found: dict[Form, list[Lines]] = defaultdict(list)
    for poem in read_corpus(folder).poems:
        form = tune_form(poem.tune) if poem.tune else None
        if form is not None and form.lengths == tuple(map(len, poem.lines)):
            found[form].append(poem.lines)
    rows = []
    for tune in tunes():
        poems = found[tune.form]
        tones = " ".join(
            "".join(map(_place, zip(*(poem[i] for poem in poems), strict=True)))
            for i in range(tune.form.lines)
        )
        rows.append(f"{tune.name}\t{len(poems)}\t{tones}\t{' '.join(_rhymes(poems))}\n")
    replace_file(TABLE, HEADER + "".join(rows))


def _place(characters: Sequence[str]) -> str:
    """A tone and its share, 50 to 99, of characters that stand at one place."""
    counts = Counter(
        next(iter(tones))
        for c in characters
        if len(tones := {reading.tone for reading in CILIN.readings(c)}) == 1
    )
    [(tone, n)] = counts.most_common(1)
    return f"{tone}{min(99, round(100 * n / counts.total()))}"


def _rhymes(poems: Sequence[Lines]) -> list[str]:
    ends = [[_parts(line[-1]) for line in poem] for poem in poems]
    lines = range(len(poems[0]))
    share = {
        pair: sum(bool(end[pair[0]] & end[pair[1]]) for end in ends) / len(ends)
        for pair in combinations(lines, 2)
    }
    group = list(lines)
    for (i, j), agreeing in share.items():
        if agreeing >= RHYMING and group[i] != group[j]:
            group = [group[i] if g == group[j] else g for g in group]
    letters: dict[int, str] = {}
    written = []
    for i in lines:
        others = [j for j in lines if j != i and group[j] == group[i]]
        if not others:
            written.append("-")
            continue
        letter = letters.setdefault(group[i], chr(ord("A") + len(letters)))
        rhyming = sum(any(end[i] & end[j] for j in others) for end in ends) / len(ends)
        written.append(f"{letter}{min(99, round(100 * rhyming))}")
    return written


def _parts(character: str) -> frozenset[str]:
    return frozenset(reading.group for reading in CILIN.readings(character) if reading.group)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
