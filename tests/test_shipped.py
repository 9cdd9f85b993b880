"""The weights inside the package: they load, they are small, they remember what they read."""

import json
from pathlib import Path

import pytest
import torch

from poetry_vae import CharTokenizer, Form, PoetryVAE, generate
from poetry_vae.model.pretrained import DEFAULT_FORM
from poetry_vae.model.versions import shipped_models
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.known_lines import lines_file
from poetry_vae.text.poem import Poem
from poetry_vae.training.diagnostics import watch
from poetry_vae.verse.choosing import surprise

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"
POET = shipped_models()["poet"]
NAMES = ["五言联", "七言联", "五绝", "七绝", "五律", "七律"]
# The anthology is one of quatrains; of eight lines, by 杜甫, 王维, 李白, 王湾 and 李商隐.
OF_EIGHT_LINES = [
    "国破山河在，城春草木深。感时花溅泪，恨别鸟惊心。"
    "烽火连三月，家书抵万金。白头搔更短，浑欲不胜簪。",
    "空山新雨后，天气晚来秋。明月松间照，清泉石上流。"
    "竹喧归浣女，莲动下渔舟。随意春芳歇，王孙自可留。",
    "青山横北郭，白水绕东城。此地一为别，孤蓬万里征。"
    "浮云游子意，落日故人情。挥手自兹去，萧萧班马鸣。",
    "客路青山外，行舟绿水前。潮平两岸阔，风正一帆悬。"
    "海日生残夜，江春入旧年。乡书何处达，归雁洛阳边。",
    "风急天高猿啸哀，渚清沙白鸟飞回。无边落木萧萧下，不尽长江滚滚来。"
    "万里悲秋常作客，百年多病独登台。艰难苦恨繁霜鬓，潦倒新停浊酒杯。",
    "剑外忽传收蓟北，初闻涕泪满衣裳。却看妻子愁何在，漫卷诗书喜欲狂。"
    "白日放歌须纵酒，青春作伴好还乡。即从巴峡穿巫峡，便下襄阳向洛阳。",
    "相见时难别亦难，东风无力百花残。春蚕到死丝方尽，蜡炬成灰泪始干。"
    "晓镜但愁云鬓改，夜吟应觉月光寒。蓬山此去无多路，青鸟殷勤为探看。",
]


def famous(form: Form) -> list[Poem]:
    """Famous verse of a form: whole poems of its lines, or, of two lines, couplets."""
    if form.lines == 8:
        return [
            Poem.typed(text, form) for text in OF_EIGHT_LINES if len(text) == 8 * (form.chars + 1)
        ]
    return [p for whole in read_corpus(ANTHOLOGY).poems for p in whole.of_form(form)]


def test_one_model_ships_for_everything_and_the_article_s_beside_it() -> None:
    assert list(shipped_models()) == ["poet", "shi"]
    assert str(DEFAULT_FORM) == "七绝"
    files = [file for file in POET.parent.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 30_000_000
    assert sum(file.stat().st_size for file in POET.iterdir()) < 20_000_000
    for chars in (5, 7):
        assert lines_file(POET, chars) in files
    card = (POET / "README.md").read_text(encoding="utf-8")
    figures = json.loads((POET / "figures.json").read_text(encoding="utf-8"))
    assert "chinese-poetry" in card
    assert "chinese-poetry" in figures["corpus"]


def test_the_article_s_own_model_writes_couplets() -> None:
    model = PoetryVAE.from_pretrained("shi")
    assert (model.config.encoder_layers, model.config.decoder_layers) == (2, 1)
    assert (model.config.pooling, model.config.latent) == ("mean", 64)
    assert model.refiner is None
    poems = generate(8, model="shi", seed=1)
    assert {str(poem.form) for poem in poems} == {"五言联"}
    assert len({poem.text for poem in poems}) == 8


@pytest.mark.parametrize("name", NAMES)
class TestEveryForm:
    def test_poems_are_whole_and_all_different(self, name: str) -> None:
        form = Form.parse(name)
        poems = generate(32, form=form, seed=0, sampling="plain")
        assert all(poem.form == form for poem in poems)
        assert len({poem.text for poem in poems}) == 32

    def test_famous_verse_is_remembered(self, name: str) -> None:
        """Poems everyone knows: the latent carries the poem, far above chance."""
        form = Form.parse(name)
        model = PoetryVAE.from_pretrained(POET.name).writing(form)
        ids = model.ids_of(famous(form))
        assert isinstance(model.tokenizer, CharTokenizer)
        assert (ids == model.tokenizer.UNKNOWN).float().mean() < 0.005
        figures = watch(model, ids, generator=torch.Generator().manual_seed(0))
        assert figures.rate > 10
        assert figures.reconstruction > 0.5


@pytest.mark.parametrize("form", [*NAMES, "浣溪沙", "忆江南", "5,5,7,7"])
def test_the_poet_writes_any_form(form: str) -> None:
    poems = generate(4, form=form, seed=0, candidates=1, script="traditional")
    assert len({poem.text for poem in poems}) == 4
    assert {poem.form.lengths for poem in poems} == {Form.parse(form).lengths}
    assert not any("□" in poem.text for poem in poems)


def test_the_poet_reads_verse_of_poets_far_better_than_shuffled_lines() -> None:
    """−log p of famous quatrains, nothing known of z, against their lines dealt out anew."""
    model = PoetryVAE.from_pretrained(POET.name).writing(Form.parse("七绝"))
    poems = famous(model.form)
    lines = [poem.lines for poem in poems]
    dealt = ["".join(lines[(i + k) % len(lines)][k] for k in range(4)) for i in range(len(lines))]
    real, chance = (surprise(model, model.ids_of(some)).mean() / 28 for some in (poems, dealt))
    assert real < 5.0
    assert chance > real + 0.15


def test_a_subject_is_heard() -> None:
    """What was asked for makes a poem about it likelier than one about something else."""
    model, form = PoetryVAE.from_pretrained(POET.name), Form.parse("七绝")
    poems = generate(6, form=form, about="咏梅", seed=0, candidates=4, script="traditional")
    about, other = (model.writing(form, about=words) for words in ("詠梅", "邊塞"))
    ids = about.ids_of(poems)
    assert surprise(about, ids).mean() < surprise(other, ids).mean() - 1
