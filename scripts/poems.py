"""Ten poems to each of many subjects, unselected: docs/poems.md, for anybody to read.

python scripts/poems.py > docs/poems.md
"""

from __future__ import annotations

import argparse
from itertools import islice

from poetry_vae.text.greetings import occasion
from poetry_vae.verse.generate import choose_model, in_script
from poetry_vae.verse.rules.pins import acrostic
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

_SUBJECTS = """中秋 思念母亲 毕业赠别 江南春雨 咏梅 边塞 登高 送别 秋夜 田园 月与酒 生日 爱情 读书
下雪 渔父 寒食 怀古 思乡 夏日"""
_MODERN = "手机 高铁 程序员加班 人工智能 咖啡 老师 外卖 地铁 失眠 考试"
_GREETINGS = "生日快乐 新年快乐 一帆风顺 平安喜乐"
_INTRODUCTION = """# Poems to subjects

Ten 七绝 to each of twenty subjects that a person may ask for, to ten modern ones whose words no
poet of the corpus knew, and with four greetings as heads of the lines. Nobody selected them: they
are the first ten of seed {seed} at the default settings
({settings}).

    python scripts/poems.py > docs/poems.md
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--poems", type=int, default=10)
    asked = parser.parse_args()
    settings = SamplingSettings.of(choose_model("七绝"), sampling="chosen")
    print(_INTRODUCTION.format(seed=asked.seed, settings=settings))
    for heading, subjects in (("Subjects of old", _SUBJECTS), ("Subjects of today", _MODERN)):
        print(f"## {heading}\n")
        for subject in subjects.split():
            tell(subject, Sampler(choose_model("七绝", about=subject), settings), asked)
    print("## Greetings\n\nThe occasion of each greeting is the subject.\n")
    for greeting in _GREETINGS.split():
        model = choose_model("七绝", about=occasion(greeting))
        tell(greeting, Sampler(model, settings, acrostic(greeting)), asked)


def tell(heading: str, sampler: Sampler, asked: argparse.Namespace) -> None:
    print(f"### {heading}\n")
    for poem in islice(sampler.stream(asked.seed), asked.poems):
        print(f"- {in_script(poem, 'simplified').one_line}")
    print(flush=True)


if __name__ == "__main__":
    main()
