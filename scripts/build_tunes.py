"""Compile ``poetry_vae/text/tunes.tsv``: the 词 tunes of which most poems have one pattern.

    python scripts/build_tunes.py FOLDER

FOLDER holds JSON files of 词 as snowtraces/poetry-source (MIT) has them: ``title``, which begins
with the tune, and ``content``, a list of stanzas. A row of the table is a tune, its name in
traditional script, its pattern (line lengths, the second stanza after a stroke), how many poems
bear the name or one of its other names, the share of them that have the pattern, and the other
names in both scripts.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path

from poetry_vae.text.poem import split_lines
from poetry_vae.text.script import to_traditional

TABLE = Path(__file__).parents[1] / "poetry_vae" / "text" / "tunes.tsv"
FEWEST, LEAST_SHARE, MOST_CHARACTERS = 100, 0.45, 64

OTHER_NAMES = {
    "浣溪沙": ("浣溪纱", "减字浣溪沙"),
    "蝶恋花": ("鹊踏枝", "凤栖梧"),
    "鹧鸪天": ("思佳客",),
    "浪淘沙": ("浪淘沙令", "卖花声"),
    "踏莎行": ("踏云行",),
    "减字木兰花": ("益寿美金花",),
    "玉楼春": ("木兰花",),
    "采桑子": ("丑奴儿",),
    "忆江南": ("望江南", "江南好"),
    "南歌子": ("南柯子",),
    "唐多令": ("南楼令",),
    "诉衷情": ("诉衷情令",),
    "如梦令": ("忆仙姿",),
    "阮郎归": ("醉桃源",),
    "一斛珠": ("醉落魄",),
    "点绛唇": ("点樱桃",),
    "摊破浣溪沙": ("山花子",),
}
# Editions print these as two stanzas; in the handbooks of tunes they are one.
ONE_STANZA = {"如梦令", "忆江南", "忆王孙", "捣练子"}


def main(folder: Path) -> None:
    """Write the table."""
    main_name = {other: name for name, others in OTHER_NAMES.items() for other in others}
    patterns: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
    breaks: dict[tuple[str, tuple[int, ...]], Counter[int]] = defaultdict(Counter)
    for file in sorted(folder.rglob("*.json")):
        for poem in json.loads(file.read_text(encoding="utf-8")):
            name = re.split(r"[·\s（(，。]", poem["title"])[0]
            name = main_name.get(name, name)
            stanzas = [[len(line) for line in split_lines(text)] for text in poem["content"]]
            lengths = tuple(chain(*stanzas))
            patterns[name][lengths] += 1
            breaks[name, lengths][len(stanzas[0]) if len(stanzas) > 1 else 0] += 1
    rows, shapes = [], set()
    for name in sorted(patterns, key=lambda n: -patterns[n].total()):
        (lengths, n), poems = patterns[name].most_common(1)[0], patterns[name].total()
        second = 0 if name in ONE_STANZA else breaks[name, lengths].most_common(1)[0][0]
        is_shi = second == 0 and set(lengths) <= {5, 7} and len(set(lengths)) == 1
        if poems < FEWEST or n < LEAST_SHARE * poems or sum(lengths) > MOST_CHARACTERS or is_shi:
            continue
        if (lengths, second) in shapes:  # line lengths define a form: the commoner tune gets it
            print(f"left out: {name}, which has the pattern of a commoner tune")
            continue
        shapes.add((lengths, second))
        halves = [lengths[:second], lengths[second:]] if second else [lengths]
        pattern = "/".join(",".join(map(str, half)) for half in halves)
        others = [to_traditional(o) for o in OTHER_NAMES.get(name, ())]
        names = dict.fromkeys([*OTHER_NAMES.get(name, ()), *others])
        traditional = to_traditional(name)
        row = (name, traditional, pattern, poems, f"{n / poems:.2f}", " ".join(names))
        rows.append("\t".join(map(str, row)))
    TABLE.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
