"""Compile poetry_vae/text/cilin.tsv: where 詞林正韻 splits a group of 平水韻.

    python scripts/build_cilin.py guangyun.csv poetry_vae/text/cilin.tsv

詞林正韻 (Ge Zai, 1821) merges the groups of 平水韻 into 19 parts, and splits eight of them by the
rhymes of 廣韻 that they are made of: 灰 and 咍, 元 and 魂痕, 泰 by its rounding. Of 佳 and 卦 a few
characters go with 麻, which does not follow from any older rhyme, so they are listed. A row of the
table is a group, a part's number and its characters. The book is read as by build_prosody.py.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

from build_prosody import VARIANTS, merged_groups

from poetry_vae.text.files import replace_file
from poetry_vae.text.prosody import readings
from poetry_vae.text.script import fold

HEADER = """\
# Groups of 平水韻 that 詞林正韻 parts, the part, and the characters that stand in it.
# Compiled by scripts/build_cilin.py from the rhyme book 廣韻 (nk2028/tshet-uinh-data, CC0).
"""
# The part of each rhyme of 廣韻 in the groups that are parted.
PARTS = {"灰": 3, "廢": 3, "咍": 5, "元": 7, "魂": 6, "痕": 6, "佳": 5, "皆": 5, "夬": 5}
TENTH = set("佳涯娃蛙媧蝸哇騧卦掛罣畫話絓")
PARTED = set("灰賄隊泰佳卦元阮願")


def main(guangyun: Path, target: Path) -> None:
    groups = merged_groups()
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    spellings: dict[str, set[str]] = defaultdict(set)
    for spelling, head in VARIANTS.split():
        spellings[head].add(spelling)
    with guangyun.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place, head = row["音韻地位"], row["字頭"]
            if not place or (group := groups[place[-2], place[-1]]) not in PARTED:
                continue
            part = (3 if "合" in place else 5) if place[-2] == "泰" else PARTS[place[-2]]
            for character in {head, *spellings[head]}:
                listed = fold(character) in TENTH and group in "佳卦"
                if group in {reading.group for reading in readings(fold(character))}:
                    found[group, 10 if listed else part].add(fold(character))
    rows = [f"{group}\t{part}\t{''.join(sorted(found[group, part]))}\n" for group, part in found]
    replace_file(target, HEADER + "".join(sorted(rows)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*map(Path, sys.argv[1:]))
