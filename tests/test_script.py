"""Folding, conversion between the scripts, and telling them apart."""

import unicodedata
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poetry_vae.text.ambiguous import choices, contexts, framed, parse
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.poem import Poem
from poetry_vae.text.prosody import PINGSHUI
from poetry_vae.text.script import (
    fold,
    is_usual,
    looks_simplified,
    present,
    to_simplified,
    to_traditional,
    understand,
)

HAN = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAD9), (0x20000, 0x323AF)]
han_text = st.text(st.one_of(*(st.characters(min_codepoint=a, max_codepoint=b) for a, b in HAN)))

ANTHOLOGY = read_corpus(Path(__file__).parents[1] / "data" / "anthology.jsonl").poems

# Traditional script that simplified script makes ambiguous, in the models' orthography, which has
# one character for 并 and 並.
PHRASES = """
相見時難別亦難，春蠶到死絲方盡，蠟炬成灰淚始乾。 白髮三千丈 朝發黃牛 明朝散髮弄扁舟
卻望並州是故鄉 並刀如水 並蒂 萬里長征人未還 征人薊北空回首 征戰 徵兵 徵求 宮商角徵羽 余亦能高詠
余幼好此奇服 余心 余將老 其餘 情欲 欲窮千里目 誰云 誰言寸草心 詩云 孔子云 干雲霄 哭聲直上干雲霄
雲想衣裳花想容 白雲 雲霞 五穀豐登 五穀 穀雨 谷口 空谷幽蘭 郁郁 鬱鬱澗底松 憂鬱 皇后 后土 太后
后妃 后稷 後庭花 後來 然後 前不見古人，後不見來者。 千里 故里 心裏 春風裏 夢裏 夜裏
故園東望路漫漫，雙袖龍鍾淚不乾。 欄干 闌干 白玉欄干 干戈 長干里 主幹 才幹 枝幹 乾坤 餅乾 乾淨
出發 發兵 發現 髮膚 怒髮衝冠 黃髮垂髫 早生華髮 君不見，高堂明鏡悲白髮，朝如青絲暮成雪。 頭髮
理髮 垂髮 樓臺 天台 三台 幾時 幾度 茶几 几案 曲几 北斗 鬥雞 戰鬥 斗酒 一斗 斗轉參橫
金樽清酒斗十千 一隻 隻身 片言隻語 只在此山中，雲深不知處。 有志 墓誌 松柏 蓬鬆 鐘聲 鐘鼓 鍾情
龍鍾 夜半鐘聲到客船 歷史 經歷 日曆 曆日 面目 小醜 丑時 復來 往復 複道 重複 覆舟 反覆 翻覆
山重水複疑無路 盡日 儘教 艱難苦恨繁霜鬢 繫馬 關係 世系 禦寒 禦敵 御史 制度 裁製 製衣 之子于歸
捲簾 詩卷 捲土重來 周公 采薇 採菊東籬下 神采 胡人 姜太公 落葉 紅葉 蘇州 當時只道是尋常 折衝 沖淡
范蠡 范仲淹 模範 困倦 積累 捨身 茅舍 取捨 沉沉 遊子身上衣 占卜 朱門 咸陽 方向 須臾 鬚眉 煙雨
酒帘 僕射 前仆後繼 萬里赴戎機
"""

# Characters that simplified script merged with others, each a word of its own in traditional text.
KEPT = "后云里余干只几斗谷丰松面系征"


@pytest.mark.parametrize(
    ("variant", "canonical"), [("国", "國"), ("峯", "峰"), ("烟", "煙"), ("為", "爲"), ("黄", "黃")]
)
def test_strays_and_variants_get_the_one_spelling(variant: str, canonical: str) -> None:
    assert fold(variant) == fold(canonical) == canonical


@pytest.mark.parametrize("character", KEPT)
def test_a_character_that_traditional_script_also_has_stays(character: str) -> None:
    assert fold(character) == character


def test_compatibility_characters_become_their_ordinary_twins() -> None:
    assert fold("\uf900\uf9d1") == "豈六"
    assert fold("e\u0301") == "\u00e9"


@given(han_text)
def test_folding_is_idempotent_and_keeps_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


def test_every_single_han_character_folds_to_one_that_stays() -> None:
    text = "".join(chr(code) for a, b in HAN for code in range(a, b + 1))
    once = fold(text)
    assert len(once) == len(text)
    assert fold(once) == once
    assert unicodedata.normalize("NFC", once) == once


@given(st.one_of(han_text, st.text(st.sampled_from("白发三千干云里后，。\n|_? abc"))))
@example("云|发_?里")
def test_conversion_keeps_the_length(text: str) -> None:
    assert len(to_traditional(text)) == len(text)
    assert len(to_simplified(text)) == len(text)


@pytest.mark.parametrize(
    ("simplified", "traditional"),
    [
        ("白发三千丈", "白髮三千丈"),
        ("朝发黄牛", "朝發黃牛"),
        ("皇后", "皇后"),
        ("云想衣裳花想容", "雲想衣裳花想容"),
        ("国破山河在", "國破山河在"),
    ],
)
def test_simplified_text_is_converted_by_neighbours(simplified: str, traditional: str) -> None:
    assert to_traditional(simplified) == traditional
    assert to_simplified(traditional) == simplified


@pytest.mark.parametrize("phrase", PHRASES.split())
def test_the_right_character_is_found_for_an_ambiguous_one(phrase: str) -> None:
    assert fold(phrase) == phrase
    assert to_traditional(to_simplified(phrase)) == phrase


@pytest.mark.parametrize("poem", ANTHOLOGY, ids=range(len(ANTHOLOGY)))
def test_a_well_known_poem_comes_back_from_simplified_script(poem: Poem) -> None:
    for text in (*poem.lines, poem.text, str(poem), poem.one_line):
        assert to_traditional(to_simplified(text)) == text
        assert understand(text) == text


def test_contexts_do_not_reach_past_the_end_of_a_line() -> None:
    assert framed("白发，\n云") == "|白发||云|"
    seen = contexts(framed("白发，三千"), 2)
    assert seen[:3] == ("_", "白_", "_|")
    assert not any("三" in context for context in seen)
    couplet = ["飞流直下三千尺", "疑是银河落九天"]
    assert to_traditional("\n".join(couplet)) == "\n".join(map(to_traditional, couplet))


def test_the_commonest_candidate_is_taken_where_no_context_speaks() -> None:
    choice = parse("发\t發\t0\t\n发\t髮\t-3\t_\n发\t髮\t4\t白_ 华_\n")["发"]
    assert choice.best(contexts("|发|", 1)) == "發"
    assert choice.best(contexts("|白发|", 2)) == "髮"


def test_every_candidate_is_in_the_models_orthography() -> None:
    for character, choice in choices().items():
        candidates = [choice.commonest, *(candidate for candidate, _ in choice.others)]
        assert len(set(candidates)) == len(candidates)
        assert [fold(candidate) for candidate in candidates] == candidates
        assert len(character) == 1


def test_conversion_ends_in_the_models_orthography() -> None:
    text = "为伪峰烟里台群" * 2
    assert to_traditional(text) == fold(to_traditional(text))


@pytest.mark.parametrize(
    ("texts", "simplified"),
    [
        (["白发三千丈，缘愁似个长。不知明镜里，何处得秋霜。"], True),
        (["白髮三千丈，緣愁似箇長。不知明鏡裏，何處得秋霜。"], False),
        (["國破山河在，城春草木深。感时花濺淚，恨別鳥驚心。"], False),  # one stray
        (["床前明月光", "举头望明月", "国破山河在"], True),
        (["朝辭白帝彩雲間", "千里江陵一日還"], False),
        (["皇后干戈云里"], False),
        ([], False),
        ([""], False),
    ],
)
def test_the_script_of_a_corpus_is_told_by_its_share(texts: list[str], simplified: bool) -> None:
    assert looks_simplified(texts) is simplified
    assert looks_simplified(iter(texts)) is simplified


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("白发三千丈", "白髮三千丈"),  # 发 alone would be ambiguous
        ("白髮三千丈", "白髮三千丈"),
        ("后宮佳麗三千人", "后宮佳麗三千人"),
        ("千里目", "千里目"),
        ("云", "云"),  # either script has it: left alone
        ("烟", "煙"),
        ("abc，", "abc，"),
    ],
)
def test_what_a_person_types_is_understood_in_either_script(typed: str, understood: str) -> None:
    assert understand(typed) == understood


@given(han_text)
@example("皇后与云")
def test_what_was_understood_is_in_the_models_orthography(text: str) -> None:
    assert fold(understand(text)) == understand(text)
    assert understand(understand(text)) == understand(text)


def test_text_is_presented_in_the_script_asked_for() -> None:
    assert present("國破山河在", "simplified") == "国破山河在"
    assert present("國破山河在", "traditional") == "國破山河在"


SPELLINGS = [
    row.split("\t")
    for row in resources.files("poetry_vae.text")
    .joinpath("spellings.tsv")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.mark.parametrize(
    ("known", "simplified", "traditional"),
    [
        ("馿媿閙呌戸髙堦鎻帬鬰懽", "驴愧闹叫户高阶锁裙郁欢", "驢愧鬧叫戶高階鎖裙鬱歡"),
        ("騘", "骢", "驄"),
        ("珮珮", "佩佩", "珮珮"),
        ("鶗鴂殢𤃩", "鶗鴂殢𤃩", "鶗鴂殢𤃩"),  # simplified forms of the first are beyond all fonts
    ],
)
def test_what_is_shown_is_spelt_as_usual(known: str, simplified: str, traditional: str) -> None:
    assert present(known, "simplified") == simplified
    assert present(known, "traditional") == traditional
    assert [fold(character) for character in known] == list(known)  # as models know it


def test_spelling_as_usual_changes_neither_sound_nor_tone() -> None:
    for script, variant, usual in SPELLINGS:
        assert present(usual, script) == usual  # type: ignore[arg-type]
        assert is_usual(usual), (script, variant, usual)
        before, after = PINGSHUI.readings(fold(variant)), PINGSHUI.readings(to_traditional(usual))
        tones = {reading.tone for reading in before} & {reading.tone for reading in after}
        assert tones or not before or not after, (script, variant, usual)


def test_what_two_bytes_hold_is_usual() -> None:
    assert all(map(is_usual, "a，馿驢鶗㑳"))
    assert not any(map(is_usual, "𫛸㶁\udce5"[:2]))
