"""Compile poetry_vae/text/line_ends.tsv: the characters in which lines that rhyme end.

    python scripts/build_companions.py POEMS

Commonest first, by the even lines of poems of equal lines; those seen fewer than FEWEST times are
left out.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.files import replace_file

TABLE = Path(__file__).parents[1] / "poetry_vae" / "text" / "line_ends.tsv"
FEWEST, IN_A_ROW = 20, 100


def main(corpus: Path) -> None:
    """Write the table."""
    ends: Counter[str] = Counter()
    for poem in read_corpus(corpus).poems:
        if len(set(map(len, poem.lines))) == 1:
            ends.update(line[-1] for line in poem.lines[1::2])
    found = "".join(c for c, n in ends.most_common() if n >= FEWEST and c.isalpha())
    rows = [found[i : i + IN_A_ROW] for i in range(0, len(found), IN_A_ROW)]
    head = "# Characters in which even lines of chinese-poetry (MIT) end, the commonest first.\n"
    replace_file(TABLE, head + "".join(f"{row}\n" for row in rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
