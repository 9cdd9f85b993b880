"""Compile poetry_vae/text/ambiguous.tsv: which traditional character a simplified one stands for.

    python scripts/build_script.py poems            (needs scikit-learn 1.8: the extra "evaluate")

The training part of the corpus is written in simplified script. Of each simplified character that
comes from several, every candidate is told from the commonest by a logistic regression on the
contexts of ``poetry_vae/text/ambiguous.py``. A penalty on |w| (L1) leaves few weights other than 0.
The well-known poems of data/anthology.jsonl and the phrases below count several times. Sayings and
words of today are taken from jieba's dictionary (MIT) and spelt as OpenCC (Apache-2.0) does.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import jieba
import numpy as np
import opencc
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from poetry_vae.text.ambiguous import Choice, contexts, framed
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.script import fold, to_simplified
from poetry_vae.text.splitting import split

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "poetry_vae" / "text" / "ambiguous.tsv"

Weights = dict[str, int]
Table = dict[str, dict[str, Weights]]  # by simplified character and candidate, the commonest first
Examples = dict[str, list[tuple[str, tuple[str, ...], int]]]  # candidate, contexts, times counted

LEAST = 3  # a rarer candidate is a slip of the edition
STEP = 0.25  # of log odds: weights are whole numbers of it
COMMON = 100  # how often jieba's text has a word of today
CLEAR = 10  # how often poems have a spelling that is not given up for a word of today
UNSEEN = -32  # the weight, in steps, of a candidate that no poem has

# Phrases that people may type but that are rare in verse, or differ there (揚子雲 is a name).
PHRASES = """
墓誌 丑時 子丑 子丑寅卯 複道 禦敵 捲簾 捲土重來 片言隻語 隻言片語 取捨 捨生取義 垂髮 郁郁乎文哉
郁郁 子云 孔子云 詩云 古人云 前仆後繼 人云亦云 不知所云 云云 穀雨 日曆 皇曆 鹹水 鬚眉 衝天 累累
幾何
"""


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """Lines in traditional and in simplified script."""
    return zip(text.split("\n"), to_simplified(text).split("\n"), strict=True)


def known() -> Iterator[tuple[str, str]]:
    """The phrases, and the lines of the anthology one by one and joined, as people type them."""
    yield from pairs(fold("\n".join(PHRASES.split())))
    for poem in read_corpus(ROOT / "data" / "anthology.jsonl").poems:
        yield from pairs("\n".join(poem.lines))
        yield from pairs(poem.text)


def idioms() -> Iterator[tuple[str, str]]:
    """Sayings of four characters, in OpenCC's spelling."""
    convert = opencc.OpenCC("s2t").convert
    jieba.dt.initialize()
    for word in sorted(word for word in jieba.dt.FREQ if len(word) == 4):
        meant = fold(convert(word))
        if len(meant) == len(word) and to_simplified(meant) == word:
            yield meant, word


def spellings(lines: Iterable[tuple[str, str]], n: int) -> dict[str, Counter[str]]:
    """How often n neighbours in simplified script have each spelling in traditional script."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for traditional, simplified in lines:
        for i in range(len(simplified) - n + 1):
            found[simplified[i : i + n]][traditional[i : i + n]] += 1
    return found


def examples(lines: Iterable[tuple[str, str]], ambiguous: set[str], times: int) -> Examples:
    found: Examples = defaultdict(list)
    for traditional, simplified in lines:
        frame = framed(simplified)
        for i, (candidate, character) in enumerate(zip(traditional, simplified, strict=True)):
            if character in ambiguous:
                found[character].append((candidate, contexts(frame, i + 1), times))
    return found


def fit(rows: list[tuple[str, tuple[str, ...], int]], candidate: str, strength: float) -> Weights:
    """Weights of the candidate's contexts against the rows of the other one."""
    counts = Counter(context for _, seen, _ in rows for context in seen[1:])
    number = {context: i for i, context in enumerate(c for c, n in counts.items() if n > 1)}
    indices: list[int] = []
    ends = [0]
    for _, seen, _ in rows:
        indices += [number[context] for context in seen if context in number]
        ends.append(len(indices))
    matrix = csr_matrix((np.ones(len(indices)), indices, ends), (len(rows), len(number)))
    model = LogisticRegression(
        C=strength, l1_ratio=1.0, solver="liblinear", max_iter=200, random_state=0
    )
    model.fit(matrix, [row[0] == candidate for row in rows], [row[2] for row in rows])
    found = {"_": model.intercept_[0]} | dict(zip(number, model.coef_[0], strict=True))
    rounded = {context: round(float(weight) / STEP) for context, weight in found.items()}
    return {context: weight for context, weight in rounded.items() if weight}


def table_of(found: Examples, strength: float) -> Table:
    table: Table = {}
    for character, rows in sorted(found.items()):
        counts = Counter(candidate for candidate, *_ in rows)
        ranked = [candidate for candidate, n in counts.most_common() if n >= LEAST]
        if not ranked:
            continue
        commonest, *others = ranked
        if not others and commonest == fold(character):
            continue
        table[character] = {commonest: {}}
        for other in others:
            two = [row for row in rows if row[0] in (commonest, other)]
            table[character][other] = fit(two, other, strength)
    return table


def choice(candidates: dict[str, Weights]) -> Choice:
    commonest, *others = candidates.items()
    return Choice(commonest[0], tuple(others))


def words_of_today(table: Table, poems: dict[str, Counter[str]]) -> int:
    """Add contexts for words of today; ``poems`` counts the spellings of neighbours in verse.

    A word by itself gets OpenCC's spelling, unless poems clearly have another. A pair that no poem
    has gets that spelling inside longer texts too.
    """
    convert, added = opencc.OpenCC("s2t").convert, 0
    jieba.dt.initialize()
    words = [w for w, n in sorted(jieba.dt.FREQ.items()) if n >= COMMON and len(w) in (2, 3)]
    for word in words:
        meant = fold(convert(word))
        if len(meant) != len(word) or to_simplified(meant) != word:
            continue
        for i in (i for i, character in enumerate(word) if character in table):
            pair = slice(max(i - 1, 0), max(i - 1, 0) + 2)
            spelling, times = (poems.get(word[pair]) or Counter({"": 0})).most_common(1)[0]
            if times >= CLEAR and spelling != meant[pair]:
                continue
            if not times:
                table[word[i]].setdefault(meant[i], {"_": UNSEEN})
            around = contexts(framed(word), i + 1)
            if meant[i] in table[word[i]] and choice(table[word[i]]).best(around) != meant[i]:
                by_itself = around[6] if i else around[7]
                new = len(word) == 2 and not times
                context = f"{word[:i]}_{word[i + 1 :]}" if new else by_itself
                prefer(table[word[i]], meant[i], around, context)
                added += 1
    return added


def prefer(
    candidates: dict[str, Weights], meant: str, alone: tuple[str, ...], context: str
) -> None:
    """Change the weights of the context until the candidate meant is chosen."""
    for candidate in list(candidates)[1:]:
        weights = candidates[candidate]
        score = sum(weights.get(c, 0) for c in alone)
        wanted = 1 if candidate == meant else min(score, 0)
        if wanted != score:
            weights[context] = weights.get(context, 0) + wanted - score


def write(table: Table) -> None:
    rows = []
    for character, candidates in table.items():
        for i, (candidate, weights) in enumerate(candidates.items()):
            by_weight = defaultdict(list)
            for context, weight in weights.items():
                by_weight[weight].append(context)
            if not i or not weights:
                by_weight[0] = []
            for weight, listed in sorted(by_weight.items()):
                rows.append(f"{character}\t{candidate}\t{weight}\t{' '.join(sorted(listed))}\n")
    TARGET.write_text("".join(rows), encoding="utf-8", newline="\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("corpus", type=Path)
    options.add_argument("--strength", type=float, default=1.0, help="C of the regression")
    options.add_argument("--known", type=int, default=5, help="times a well-known line counts")
    given = options.parse_args()
    poems = read_corpus(given.corpus).poems
    parts = zip(poems, split(poems), strict=True)
    training = list(pairs("\n".join(x for p, part in parts if part == "train" for x in p.lines)))
    singles, neighbours = spellings(training, 1), spellings(training, 2)
    ambiguous = {c for c, n in singles.items() if len(n) > 1 or fold(c) not in n}
    found = examples(training, ambiguous, 1)
    for lines, times in ((idioms(), 1), (known(), given.known)):
        for character, rows in examples(lines, ambiguous, times).items():
            found[character] += rows
    table = table_of(found, given.strength)
    added = words_of_today(table, neighbours)
    write(table)
    weights = sum(len(w) for candidates in table.values() for w in candidates.values())
    size = TARGET.stat().st_size / 1024
    print(
        f"{len(table)} characters, {weights} weights ({added} for words of today), {size:.0f} KiB"
    )


if __name__ == "__main__":
    main()
