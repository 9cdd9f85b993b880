"""Compile poetry_vae/text/readings.tsv: the tones and rhyme groups of characters in verse.

    python scripts/build_prosody.py guangyun.csv tones_observed.tsv poetry_vae/text/readings.tsv

The first source is the rhyme book 廣韻 of 1008 as a table (nk2028/tshet-uinh-data, CC0): its column
音韻地位 ends in rhyme and tone, 字頭 is the character. The second counts, for each character, how
often the tone annotations of chinese-poetry (MIT) mark it level, oblique or either.

A reading counts if the book has it and at least 2% of the marks show its tone ("either" shows
both). Where only one source knows the character, that source decides; where they contradict each
other, the book does. The lists below correct what both sources have wrong.
"""

from __future__ import annotations

import csv
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from build_orthography import dictionary

from poetry_vae.text.files import replace_file
from poetry_vae.text.prosody import GROUPS
from poetry_vae.text.script import fold

HEADER = """\
# How verse reads a character: level (平) or oblique (仄), and its group of 平水韻.
# Compiled by scripts/build_prosody.py from the rhyme book 廣韻 (nk2028/tshet-uinh-data, CC0) and
# counts of the tone annotations of chinese-poetry (MIT).
"""

LEAST_SHARE = 0.02
"""The share of the marks that a tone needs to count; smaller shares are slips of annotators."""

RARE = "\U00020000"
"""Where Unicode's supplementary planes begin: words that only the rhyme book has are left out there."""

# The rhymes of 廣韻 under their level-tone names, then the groups of 平水韻 they are merged into:
# level, rising, departing, entering (- where there is none). 祭 泰 夬 廢 are departing by nature.
MERGED = """
東:東董送屋 冬鍾:冬腫宋沃 江:江講絳覺 支脂之:支紙寘- 微:微尾未- 魚:魚語御- 虞模:虞麌遇- 齊祭:齊薺霽-
佳皆夬:佳蟹卦- 灰咍廢:灰賄隊- 泰:--泰- 真臻:真軫震質 文殷:文吻問物 元魂痕:元阮願月 寒:寒旱翰曷 刪山:刪潸諫黠
先仙:先銑霰屑 蕭宵:蕭篠嘯- 肴:肴巧效- 豪:豪皓號- 歌:歌哿箇- 麻:麻馬禡- 陽唐:陽養漾藥 庚耕清:庚梗敬陌
青:青迥徑錫 蒸登:蒸迥徑職 尤侯幽:尤有宥- 侵:侵寢沁緝 覃談:覃感勘合 鹽添:鹽儉艷葉 嚴:鹽儉艷洽 咸銜凡:咸豏陷洽
"""

# Spellings the book lacks: the first character has the readings of the second, in the book's spelling.
# The last five are in the book, but short of a reading.
VARIANTS = """
間閒 魂䰟 聯聮 聨聮 聫聮 鬰鬱 欎鬱 韓𩏑 瀟潚 鞍鞌 槁槀 皓晧 崑崐 髙高 馿驢 享亯 撐樘 緲渺 儘盡
匝帀 倘儻 迤迆 裊嫋 崙崘 拆坼 飈飆 飇飆 閙鬧 琉瑠 煉鍊 托託 你伱 斾旆 峩峨 蝴胡 熳漫 奩籢 嗅齅
樗㯉 覷覰 冗宂 孽孼 肇肈 壟壠 磵澗 稿稾 覊羈 覉羈 耗秏 蘗櫱 糵糱 烱炯 撾檛 玳瑇 姮恆 搘榰 祛袪
逈迥 婷渟 瀕濱 歘欻 暌睽 壖堧 姹奼 倆兩 讐讎 秖祇 箎篪 緡緍 纒纏 頳赬 蠧蠹 踴踊 嶄嶃 拽抴 呌叫
鶒鷘 翺翱 斵斲 憇憩 鱉鼈 柂柁 榕容 爺耶 麯麴 嘴觜 淘陶 鷥絲 鷀鶿 閴闃 揶擨 敧攲 蚋蜹 臙燕 粃秕
蕚萼 鬛鬣 溈潙 扼搤 葡蒲 髠髡 卮巵 沍冱 葅菹 氊氈 阨厄 廄廏 廐廏 嶤嶢 冪羃 逺遠 戱戲 噀潠 䕷蘼
漥窪 闗關 簌蔌 夐敻 廼迺 屭贔 胚肧 毘毗 籯籝 婀妸 蟇蟆 劚斸 瞇眯 寜寧 槖橐 狥徇 脇脅 郄郤 嚢囊
鐡鐵 徭傜 甦蘇 陁陀 灔灩 釡釜 縲纍 礲礱 斚斝 嵂律 冏囧 籖籤 簽籤 朣瞳 勗勖 朂勖 蒭芻 逰遊 憗憖
琊邪 𣂏斗 覔覓 彜彝 篛箬 甆瓷 刼劫 綳繃 凖準 轝輿 鋣釾 臟藏 簴虡 瑙碯 糢模 舃舄 昻昂 鋭銳 衘銜
湼涅 鎻鎖 虻蝱 眀明 螂蜋 濵濱 曵曳 戞戛 頬頰 搬般 週周 攅攢 煅鍛 塼甎 籐藤 韲齏 虀齏 飬養 戸戶
罡剛 畆畝 棕椶 崕崖 冩寫 簮簪 爼俎 囅辴 亷廉 澘潸 鍳鑒 繋繫 聼聽 冨富 駈驅 擕攜 緫總 惣總 冺泯
羗羌 韮韭 沲沱 姢娟 冦寇 疉疊 緐繁 樑梁 糺糾 圎圓 娯娛 抝拗 餙飾 呑吞 麫麪 剷剗 坵丘 顚顛 厘釐
蠺蠶 亊事 姸妍 軰輩 埀垂 膓腸 扄扃 欞櫺 圗圖 廽回 頥頤 亁乾 騘驄 彛彝 彞彝 窼巢 縧絛 嘿默 溆漵
蘖糱 尅剋 嵓巖 禆裨 皜晧 恡悋 隟隙 騐驗 埜野 樷叢 蹷蹶 塜冢 諌諫 肻肯 龎龐 莵菟 殱殲 莭節 禇褚
茘荔 舎舍 刦劫 嫰嫩 挍校 揷插 爕燮 戅戇 吿告 咲笑 宼寇 靣面 刧劫 朙明 蘐萱 煕熙 熈熙 勌倦 恊協
寕寧 滛淫 撁牽 劵券 靁雷 巗巖 簔蓑 倂併 狶豨 絏紲 卭邛 隲騭 閧鬨 熖燄 鑚鑽 斆斅 濳潛 筞策 軃嚲
徤健 罸罰 刅創 廹迫 颷飆 蠏蟹 齓齔 凢凡 丗世 亾亡 宻密 琹琴 閠閏 兎兔 壷壺 姉姊 裵裴 羙美 刋刊
噐器 湏須 缷卸 賔賓 爥燭 楳梅 夘卯 慿憑 籕籀 揔總 聦聰 鸖鶴 硏研 耼聃 姫姬 龡吹 嚻囂 巓巔 矱彠
糕餻 裩褌 嘷嗥 觔筋 簒篡 竆窮 灜瀛 囘回 匲籢 圑團 媯嬀 歎嘆 並并 粗麤 吃喫 憑凭
"""

# Characters that the book lacks in every spelling, or lacks in the sense that verse uses, with
# their place in 平水韻 as the later rhyme books 集韻 and 佩文詩韻 have it.
SUPPLEMENT = """
烹平庚 罕仄旱 勾平尤 髭平支 摹平虞 殼仄覺 撒仄曷 窩平歌 做仄箇 潑仄曷 着仄藥 焙仄隊 槩仄隊 滾仄阮 柿仄紙
嫦平陽 薝平鹽 鶺仄陌 醾平支 餳平庚 賺仄陷 橛仄月 鶗平齊 褪仄願 䆉仄禡 撇仄屑 觫仄屋 颶仄遇 璈平豪 圩平虞
哩仄紙 惝仄養 圞平寒 辣仄曷 忺平鹽 襴平寒 玫平灰 誵平肴 瞌仄合 狠仄阮 晰仄錫 瑪仄馬 鱷仄藥 茉仄曷 褦仄隊
襶仄隊 桕仄有 恓平齊 塌仄合 蠨平蕭 唼仄合 軛仄陌 漩平先 磁平支 桉仄翰 怎仄寢 幛仄漾 濾仄御 轕仄曷 砆平虞
轣仄錫 槹平豪 橰平豪 矓平東 汊仄禡 攧平先 卨仄屑 皈平微 娼平陽 齠平蕭 髹平尤 蠔平豪 帡平青 砲仄效 惓平先
桿仄旱 樣仄漾 恍仄養 歛仄儉 鷳平刪 瘝平刪 羓平麻 皞仄皓 糯仄箇 糰平寒 嫜平陽
"""

# Readings that verse uses although the marks, or the book, do not show them. By rhyme: in quatrains
# and octaves of chinese-poetry the character rhymes with the group at least nine times, and at least
# once in 250 occurrences (忘 562 times, 望 94 times, 涯 740 times).
RHYMED = """
忘平陽 醒平青 傍平陽 予平魚 便平先 翰平寒 漫平寒 望平陽 施平支 歟平魚 麼平歌 供平冬 幢平江 潛平鹽 鹽平鹽 厭平鹽
攢平寒 鈿平先 譍平蒸 彊平陽 撞平江 治平支 菟平虞 胖平寒 澌平支 譽平魚 反平元 振平真 鑽平寒 慷平陽 茆平肴 濺平先
鞞平齊 涯平麻 佳平麻 娃平麻 饑平支 舡平先 犂平齊
"""

# By place: in seven-character poems that keep the metre in all else, the character stands at least 15
# times, and in at least one of 15 cases, at a fixed position that wants this tone (爲 2,538 times).
PLACED = """
爲仄寘 令平庚 任仄沁 強仄養 阿仄 縱平冬 探仄勘 旋仄霰 拖平歌 崦仄儉 拚平寒 唯平支 料平蕭 比平支 那平歌 研仄霰
嬈平蕭 懦仄箇 莉仄霽 桿平寒 倡仄漾 蝀仄董 娉平青 祲仄沁 判平寒 渾仄阮 殷仄吻 醍平齊 㦸仄陌 鐙平蒸 槌平支 祇仄紙
搴平先 宁仄語 啞平麻 跳仄嘯 蜚平微
"""

# Readings of the book that annotators of today no longer know. In 73,863 poems that keep the metre in
# all else the character stands at least three times, and in at least one of 50 cases, at a fixed
# position that wants the other tone; a true slip is seen once in 500 cases. 汗 創 咽 are seen less
# often, but the words that have the reading are plain: 可汗, 刀創, 咽喉. 不 (level at a line's end
# only: 67 of 87) and 與 (for 歟) are left out, since the reading would excuse them everywhere.
RESTORED = """
華仄禡 尚平陽 幾平微 要平蕭 盛平庚 漸平鹽 麗平支 謾平寒 汗平寒 稽仄薺 宛平元 番仄箇 障平陽 粗仄麌 湛平侵 湛平覃
咽平先 臾仄寘 榜平庚 彷仄養 迤平支 創平陽 抄仄效 峒仄送 蔣平陽 闐仄霰 嫣仄銑 嫣仄願 蜓仄迥 蜓仄銑 訂仄徑 訂仄迥
繰平豪 獠仄巧 獠仄皓 鼾仄翰 煬仄漾 擠平齊 鞘平肴 跗平虞 柅仄紙 孳平支 燐仄震 酇平寒 轝仄御 眙平支
"""

# Found by rhyme, like RHYMED, in poems that every handbook prints: 鬢毛衰 beside 回 and 來.
OTHERS = "衰平灰"

# Readings of the book that verse does not use: at least 80 rhymes, less than one in a hundred of them
# with this group.
UNUSED = """
平平先 居平支 吾平麻 橫平陽 池平歌 兒平齊 能平灰 差平佳 繁平歌 蓑平灰 零平先 台平支 薇平支 籠平冬 嗔平先 衙平魚
蟠平元 龜平尤 區平尤 單平先 塗平麻
"""


def main(guangyun: Path, tones: Path, target: Path) -> None:
    book, marks = read_book(guangyun), read_marks(tones)
    readings = {
        character: chosen(book.get(character, set()), marks.get(character))
        for character in book.keys() | marks.keys()
        if character in marks or character < RARE
    }
    for character, used in entries(RHYMED + PLACED + RESTORED + OTHERS):
        readings[character].add(used)
    for character, unused in entries(UNUSED):
        readings[character].remove(unused)
    table = {character: " ".join(sorted(found)) for character, found in readings.items()}
    table |= simplified(table)
    rows = "".join(f"{character}\t{row}\n" for character, row in sorted(table.items()))
    replace_file(target, HEADER + rows)
    print(f"{len(table)} characters, {target.stat().st_size / 1024:.0f} KiB: {target}")


def read_book(path: Path) -> dict[str, set[str]]:
    """The readings that the rhyme book has of each character, such as 平東."""
    groups = merged_groups()
    heads: dict[str, set[str]] = defaultdict(set)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = row["音韻地位"]
            if place:  # four entries of the book have none
                heads[row["字頭"]].add(reading(groups[place[-2], place[-1]]))
    book: dict[str, set[str]] = defaultdict(set)
    for head, found in heads.items():
        # A canonical spelling has its own entry; a variant's entry counts where it has none, since
        # the book knows many a simplified form as another, rare word (机, 听, 怜).
        if fold(head) == head or fold(head) not in heads:
            book[fold(head)] |= found
    for spelling, head in VARIANTS.split():
        if head not in heads:
            raise SystemExit(f"VARIANTS: {head} (for {spelling}) is not in {path}")
        book[fold(spelling)] |= heads[head]
    for character, found in entries(SUPPLEMENT):
        book[character].add(found)
    return book


def entries(words: str) -> Iterator[tuple[str, str]]:
    """The characters and readings of a list above."""
    for word in words.split():
        group = word[2:]
        if group and word[1:] != reading(group):
            raise SystemExit(f"{word}: {group} is a group of the other tone")
        yield word[0], word[1:]


def merged_groups() -> dict[tuple[str, str], str]:
    """The group of 平水韻 by the rhyme of 廣韻 and its tone."""
    return {
        (rhyme, tone): group
        for rhymes, names in (entry.split(":") for entry in MERGED.split())
        for rhyme in rhymes
        for tone, group in zip("平上去入", names, strict=True)
        if group != "-"
    }


def reading(group: str) -> str:
    """A group with its tone in verse before it: 平東, 仄送."""
    return ("平" if GROUPS[group] == "平" else "仄") + group


def read_marks(path: Path) -> dict[str, dict[str, int]]:
    """How many marks show each tone, and how many there are in all."""
    marks: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if not _is_han(row["char"]):
                continue  # punctuation and marks of lost characters
            level, oblique, either = int(row["level"]), int(row["oblique"]), int(row["either"])
            seen = marks.setdefault(fold(row["char"]), {"平": 0, "仄": 0, "": 0})
            seen["平"] += level + either
            seen["仄"] += oblique + either
            seen[""] += level + oblique + either
    return marks


def tones_shown(marks: Mapping[str, int]) -> set[str]:
    """The tones that enough of a character's marks show."""
    return {tone for tone in "平仄" if marks[tone] >= LEAST_SHARE * marks[""]}


def chosen(in_book: set[str], marks: Mapping[str, int] | None) -> set[str]:
    """The readings of one character, by both sources."""
    if not marks:
        return in_book
    shown = tones_shown(marks)
    if not in_book:
        return shown
    return {reading for reading in in_book if reading[0] in shown} or in_book


def simplified(table: Mapping[str, str]) -> dict[str, str]:
    """Rows for simplified characters that stand for several traditional ones: 发 is =發髮."""
    rows: dict[str, str] = {}
    for character, candidates in dictionary("STCharacters").items():
        folded = list(dict.fromkeys(map(fold, candidates)))
        known = [other for other in folded if other in table]
        taken = character in table or character in folded or character == "烟"  # also in old books
        if not taken and len(known) > 1:
            rows[character] = "=" + "".join(known)
    return rows


def _is_han(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*map(Path, sys.argv[1:]))
