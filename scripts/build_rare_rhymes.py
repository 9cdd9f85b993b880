"""Compile poetry_vae/text/rare_rhymes.tsv: level rhymes that a character could have and hardly has.

    python scripts/build_rare_rhymes.py poems.safetensors

論 has a reading in 元 and one in 真, and poems rhyme it with 元. A rhyme counts for the one group
that a character shares with all other even lines of its poem. A group is rare for a character if it
has less than MOST of at least FEWEST of its rhymes.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from poetry_vae.text.files import replace_file
from poetry_vae.text.prosody import GROUPS, readings
from poetry_vae.text.treasury import Treasury

TABLE = Path(__file__).parents[1] / "poetry_vae" / "text" / "rare_rhymes.tsv"
FEWEST, MOST = 10, 0.08
HEAD = """\
# Level groups of 平水韻 that these characters could rhyme in, and hardly ever do.
# Counted by scripts/build_rare_rhymes.py in poems of chinese-poetry and of 元, 明 and 清.
"""


@cache
def level(character: str) -> frozenset[str]:
    """The level groups of a character."""
    return frozenset(r.group for r in readings(character) if r.group and r.tone == "平")


def rhymes(corpus: Treasury) -> Iterator[str]:
    """The last characters of the even lines of each poem of equal lines, of five or seven."""
    for block in corpus.of_part("train"):
        form = block.form
        if form.lines < 4 or form.lines % 2 or set(form.lengths) not in ({5}, {7}):
            continue
        places = [form.starts[i] + form.lengths[i] - 1 for i in range(1, form.lines, 2)]
        yield from corpus.tokenizer.decode_rows(corpus.ids(block)[:, places])


def main(path: Path) -> None:
    """Write the table."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for ends in rhymes(Treasury.open(path)):
        for i, character in enumerate(ends):
            if len(level(character)) > 1:
                others = frozenset.intersection(*map(level, ends[:i] + ends[i + 1 :]))
                if len(others) == 1 and others <= level(character):
                    counts[character].update(others)
    rare: defaultdict[str, list[str]] = defaultdict(list)
    for character, found in sorted(counts.items()):
        total = found.total()
        for group in level(character):
            if total >= FEWEST and found[group] < MOST * total:
                rare[group].append(character)
    rows = [f"{group}\t{''.join(rare[group])}\n" for group in GROUPS if group in rare]
    replace_file(TABLE, HEAD + "".join(rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
