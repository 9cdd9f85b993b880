"""How often the right traditional character is found for a simplified one, in unseen poems.

    python -m scripts.benchmarks script_accuracy poems [--rivals]

Poems of the validation and test parts are written in simplified script and converted back. Counted
are the characters that come from more than one traditional character somewhere in the corpus.
Poems that share a line with data/anthology.jsonl are left out, since the table was fitted on it.
With --rivals two other ways are fitted on the training part, both without a limit on size.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import opencc
from measure import parser, table, tell, write_json

from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.poem import Poem
from poetry_vae.text.script import fold, to_simplified, to_traditional
from poetry_vae.text.splitting import split

Pairs = list[tuple[str, str]]  # lines in traditional and simplified script
Convert = Callable[[str], str]

# Two spellings of one word, which editions use side by side: either is right.
SPELLINGS = """
游遊 回迴 于於 采採寀 才纔 修脩 岳嶽 徑逕 彩綵 沾霑 沉沈 升昇陞 雕彫琱 煉鍊 逾踰 嫋裊 托託
泛汎氾 奸姦 暗闇 旗旂 饑飢 夸誇 巨鉅 蕩盪 昆崑 幹榦 鰐鱷 銳鋭 鎚錘 鷀鶿 跖蹠 踊踴 熏燻 贊讚 矩榘
挲挱 吒咤 嚮曏 麵麫麪 咨諮 注註 志誌 欲慾 凶兇 尸屍 幸倖 毀燬 麴麯 咽嚥 折摺 搜蒐 核覈 札劄箚
糊餬 占佔 布佈 周週 席蓆 梁樑 抬擡 抵牴 挨捱 絛縧 謚諡 嫺嫻 拚拼 醃腌 枴拐 娘孃 朱硃 肴餚 溆漵
姹奼 呆獃 捍扞 荐薦 僵殭 綳繃 蔭廕 鷳鷴 慼戚
"""
SPELLING = {c: group[0] for group in SPELLINGS.split() for c in group}


def pairs(poems: Iterable[Poem]) -> Pairs:
    text = "\n".join(line for poem in poems for line in poem.lines)
    return list(zip(text.split("\n"), to_simplified(text).split("\n"), strict=True))


def sources(lines: Pairs) -> dict[str, Counter[str]]:
    """The traditional sources of every simplified character, with their counts."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for traditional, simplified in lines:
        for t, s in zip(traditional, simplified, strict=True):
            found[s][t] += 1
    return found


class NaiveBayes:
    """The two neighbours of a character, taken as independent of each other."""

    def __init__(self, lines: Pairs, known: dict[str, Counter[str]]) -> None:
        self.known = known
        self.counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        for traditional, simplified in lines:
            line = f"|{simplified}|"
            for i, (t, s) in enumerate(zip(traditional, simplified, strict=True)):
                if len(known[s]) > 1:
                    self.counts[s + t, -1][line[i]] += 1
                    self.counts[s + t, 1][line[i + 2]] += 1

    def __call__(self, line: str) -> str:
        frame = f"|{line}|"
        return "".join(self._best(s, frame[i], frame[i + 2]) for i, s in enumerate(line))

    def _best(self, s: str, before: str, after: str) -> str:
        candidates = self.known.get(s, {s: 1})
        if len(candidates) == 1:
            return next(iter(candidates))

        def score(t: str) -> float:
            beside = ((before, -1), (after, 1))
            total = candidates[t] + 100
            seen = (self.counts[s + t, side][c] + 0.1 for c, side in beside)
            return math.log(candidates[t]) + sum(math.log(n / total) for n in seen)

        return max(candidates, key=score)


class Lattice:
    """The likeliest line under pairs of characters (Witten–Bell), by Viterbi's algorithm."""

    def __init__(self, lines: Pairs, known: dict[str, Counter[str]]) -> None:
        self.known = known
        self.pairs: Counter[tuple[str, str]] = Counter()
        for traditional, _ in lines:
            self.pairs.update(zip(f"|{traditional}", f"{traditional}|", strict=True))
        self.before: Counter[str] = Counter()
        self.different: Counter[str] = Counter()
        self.single: Counter[str] = Counter()
        for (first, second), n in self.pairs.items():
            self.before[first] += n
            self.different[first] += 1
            self.single[second] += n
        self.total = self.single.total()

    def _log_probability(self, first: str, second: str) -> float:
        alone = (self.single[second] + 0.5) / (self.total + 6000)
        new = self.different[first]
        if not new:
            return math.log(alone)
        return math.log((self.pairs[first, second] + new * alone) / (self.before[first] + new))

    def __call__(self, line: str) -> str:
        paths = {"|": (0.0, "")}
        for s in f"{line}|":
            paths = {
                t: max(
                    (p + self._log_probability(a, t), path + t) for a, (p, path) in paths.items()
                )
                for t in self.known.get(s, (s,))
            }
        return paths["|"][1][:-1]


def measure(convert: Convert, lines: Pairs, known: dict[str, Counter[str]]) -> dict[str, Any]:
    """Shares of characters that are right, speed, and the commonest errors."""
    start = time.perf_counter()
    converted = convert("\n".join(simplified for _, simplified in lines)).split("\n")
    seconds = time.perf_counter() - start
    total = ambiguous = words = 0
    errors: Counter[str] = Counter()
    for (traditional, simplified), ours in zip(lines, converted, strict=True):
        for t, s, o in zip(traditional, simplified, ours, strict=True):
            total += 1
            if len(known.get(s, ())) > 1:
                ambiguous += 1
                if t != o:
                    errors[f"{t}→{o}"] += 1
                    words += SPELLING.get(t, t) != SPELLING.get(o, o)
            elif t != o:
                errors[f"{t}→{o} (one source)"] += 1
    wrong = errors.total()
    counted = sum(n for e, n in errors.items() if "(" not in e)
    return {
        "ambiguous": ambiguous,
        "right": 1 - counted / ambiguous,
        "right but for spelling": 1 - words / ambiguous,
        "all right": 1 - wrong / total,
        "characters a second": total / seconds,
        "errors": errors.most_common(40),
    }


def agreement(lines: Pairs, known: dict[str, Counter[str]]) -> tuple[float, float, int] | None:
    """How often two poems with the same line in simplified script agree on its ambiguous
    characters, strictly and apart from spelling, and how many characters were counted; None where
    no two poems share such a line."""
    same: dict[str, list[str]] = defaultdict(list)
    for traditional, simplified in lines:
        if len(simplified) >= 5:
            same[simplified].append(traditional)
    total = strict = words = 0
    for simplified, written in same.items():
        for first, second in pairwise(written):
            for s, a, b in zip(simplified, first, second, strict=True):
                if len(known[s]) > 1:
                    total += 1
                    strict += a == b
                    words += SPELLING.get(a, a) == SPELLING.get(b, b)
    return (strict / total, words / total, total) if total else None


def by_line(convert: Convert) -> Convert:
    return lambda text: "\n".join(map(convert, text.split("\n")))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("-n", type=int, default=10_000, help="poems that are measured")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rivals", action="store_true")
    given = options.parse_args()
    poems = read_corpus(given.corpus).poems
    anthology = read_corpus(Path(__file__).parents[2] / "data" / "anthology.jsonl").poems
    fitted = {line for poem in anthology for line in poem.lines}
    parts = list(zip(poems, split(poems), strict=True))
    unseen = [p for p, part in parts if part != "train" and not fitted.intersection(p.lines)]
    unseen = Random(given.seed).sample(unseen, min(given.n, len(unseen)))
    training, lines = pairs(p for p, part in parts if part == "train"), pairs(unseen)
    known = sources(training)
    if not any(len(known.get(s, ())) > 1 for _, line in lines for s in line):
        raise SystemExit(
            f"{len(unseen)} unseen poems, and not one ambiguous character: give more poems, other "
            "ones than the anthology's"
        )
    s2t = opencc.OpenCC("s2t")
    ways: dict[str, Convert] = {"OpenCC": lambda text: fold(s2t.convert(text))}
    if given.rivals:
        tell("fitting the rivals")
        ways["naive Bayes, two neighbours"] = by_line(NaiveBayes(training, known))
        ways["pairs of characters, Viterbi"] = by_line(Lattice(training, known))
    to_traditional("云")  # reads the table
    ways["poetry-vae"] = to_traditional
    results = {name: measure(convert, lines, known) for name, convert in ways.items()}
    columns = ["right", "right but for spelling", "all right"]
    rows = [
        [name, *(f"{r[c]:.2%}" for c in columns), f"{r['characters a second']:,.0f}"]
        for name, r in results.items()
    ]
    print(f"{len(unseen)} poems, {results['OpenCC']['ambiguous']} ambiguous characters:\n")
    print(table(["way", *columns, "characters a second"], rows))
    if found := agreement(pairs(poems), known):
        strict, words, n = found
        told = f"{strict:.2%}, {words:.2%} but for spelling ({n} characters)"
        print(f"\ntwo editions of one line: {told}")
    for name in ("OpenCC", "poetry-vae"):
        print(f"\n{name}:", *(f"{error} {n}" for error, n in results[name]["errors"]), sep="  ")
    write_json(given.json, results)


if __name__ == "__main__":
    main()
