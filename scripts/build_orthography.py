"""Compile poetry_vae/text/orthography.tsv: each variant character and the one form it is folded to.

    python scripts/build_orthography.py

Sources of facts: the character dictionaries of OpenCC (Apache-2.0), read from the installed
package, and the list of spellings below, which are those that occur in the poems of
chinese-poetry (MIT). Three kinds of characters are folded, each to exactly one other:

1. characters that exist in simplified script only: strays in a traditional corpus;
2. Japanese new forms, which reach such corpora through fonts and scanners;
3. variant spellings of one word, as old editions have them.

Two characters that are different words in verse (雲 and 云, 後 and 后) are never folded.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import opencc

TARGET = Path(__file__).parents[1] / "poetry_vae" / "text" / "orthography.tsv"

# Characters that OpenCC lists as simplified or new forms, but that are words of their own in verse.
WORDS_OF_THEIR_OWN = set(
    "苧洼沄姹咤肴岳慎概瓶缶翻萌衛褒餅鎮台弁御即凜唇才欠真研緒芸連郎予余並併晃煙鼈床秘群峰恒凄"
    "宁昵蘖溆毶"
)

# Characters for which the first candidate of the dictionary is not the word meant in verse.
PREFERRED = {"冲": "沖", "复": "復", "药": "藥", "术": "術", "别": "別", "径": "徑", "么": "麼"}

# Spellings of old editions: every character but the last of a group is written as the last.
VARIANTS = """
牀床 祕秘 羣群 峯峰 脣唇 恆恒 悽凄 淒凄 裡裏 為爲 眾衆 鷄雞 嘆歎 墻牆 絃弦 挂掛 谿溪 盃桮杯 遶繞 鑒鑑 鈎鉤
凈浄净淨 豔艶豓艷 閒閑 汙汚污 菴庵 啓啟 翫玩 鳬鳧 幷竝並 溼湿濕 箇個 蹟迹跡 冢塚 簑蓑 鍼針 擣搗 頽頹
吊弔 涌湧 棊碁棋 綉繡 鎸鐫 綫線 勲勛勳 灧灎灩 淩凌 貍狸 敎教 确確 囓嚙齧 卹恤 駡罵 醖醞 棱稜 喫吃 膻羶 璿璇
皁皂 飱飧 蒓蓴 舘館 謡謠 遡泝溯 賫齎 缽鉢 繮韁 竪豎 儁俊 譟噪 奬獎 壎塤 嘩譁 舖鋪 糭糉粽 畵畫 絶絕 滙匯
嵗歲 慤愨 鶑鶯 窓牕窻牎窗 廻逥迴 囘囬回 鴈雁 寳寶 麄麤粗 珎珍 銕鐵 踈疎疏 呉吴吳 靑青 淸清 尙尚 眞真 鳯鳳
嵒岩巖 朶朵 蘓蘇 苐第 恠怪 躭耽 氷冰 冐冒 昬昏 旹時 煑煮 煖暖 徧遍 徃往 凴憑 甞嘗 羮羹 緜綿 隄堤 葢盖蓋 虗虚虛
虵蛇 觧解 賖賒 迯逃 邉邊 酧詶酬 隂陰 霛靈 鞵鞋 鬂髩鬢 鼔皷鼓 飡餐 倐倏 偹備 剏創 劒劔劍 怱悤匆 叅參 嗁啼
塟葬 壻婿 妬妒 嬾懶 寃冤 帋紙 幙幕 庻庶 慙慚 拏拿 栁柳 棃梨 椀碗 橤蘂蕋蕊 毡氈 潄漱 濶闊 炤照 燄焰 牋箋
猨猿 玅妙 璅瑣 甎磚 畧略 畱留 眎視 睂眉 矦侯 穉稺稚 笻筇 糓穀 纎纖 羇羈 翶翱 畊耕 耡鉏鋤 肎肯 胷胸 皐臯皋
艸草 荅答 菓果 蔕蒂 藂叢 蜨蝶 螘蟻 裠裙 覩睹 咏詠 諠喧 趂趁 踪蹤 蹔暫 輙輒 迺乃 遯遁 鈆鉛 啣銜 鏁鎖 鑪爐
鞾靴 韤襪 顋腮 飃飄 飜翻 鬬鬭鬪闘鬥 鵞鵝 鷰燕 鼃蛙 産產 髪髮 頼賴 隣鄰 粧妝 呪咒 厠廁 贋贗 顔顏 増增 懐懷 揺搖
歳歲 徴徵 寛寬 専專 効效 勅敕 巌巖 殻殼 様樣 渇渴 歴歷 掲揭 撃擊 穏穩 縦縱 覇霸 覧覽 聴聽 薫薰 醤醬 黙默 閲閱
隠隱 緑綠 録錄 餠餅 衞衛 襃褒 鎌鐮 竃竈 灶竈 痴癡 敍敘 簷檐 洩泄 竚佇 栢柏 栖棲 愽博 寔實 寘置 鄕鄉 郷鄉 叧另 凟瀆 衺邪
"""


def dictionary(name: str) -> dict[str, list[str]]:
    """An OpenCC character dictionary as {character: candidates}."""
    clib = Path(opencc.__file__).parent / "clib"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.txt"
        tool = clib / "bin" / "opencc_dict"
        source = clib / "share" / "opencc" / f"{name}.ocd2"
        subprocess.run(
            [tool, "-i", source, "-o", out, "-f", "ocd2", "-t", "text"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        rows = (line.split("\t") for line in out.read_text(encoding="utf-8").splitlines())
        return {character: candidates.split(" ") for character, candidates in rows}


def main() -> None:
    variants = {variant: group[-1] for group in VARIANTS.split() for variant in group[:-1]}
    fold: dict[str, str] = {}
    for name in ("STCharacters", "JPShinjitaiCharacters"):
        for character, candidates in dictionary(name).items():
            if character in candidates or character in WORDS_OF_THEIR_OWN:
                continue
            fold.setdefault(character, PREFERRED.get(character, candidates[0]))
    # Our own list takes precedence: its results are not folded any further.
    for canonical in set(variants.values()) - set(variants):
        fold.pop(canonical, None)
    fold.update(variants)
    # Follow chains to their end (烟 → 煙, 岩 → 巖), so that folding twice changes nothing.
    for character in fold:
        end = fold[character]
        while end in fold:
            end = fold[end]
        fold[character] = end
    rows = sorted((a, b) for a, b in fold.items() if a != b)
    TARGET.write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8", newline="\n")
    print(f"{len(rows)} characters are folded: {TARGET}")


if __name__ == "__main__":
    main()
