"""Compile poetry_vae/text/spellings.tsv: which characters are spelt otherwise when they are shown.

    python scripts/build_spellings.py

The models learned some spellings of old editions beside the usual ones (馿 beside 驢): to
``orthography.tsv``, by which they read, these are characters of their own. People are shown the
usual one, by the groups below: every character but the last is written as the last. They were drawn
up by hand from the characters beyond GB 2312 in the models' vocabularies.

OpenCC has simplified forms for rare characters too, many of which no common font can show (𫛸 for
鶗). Those are written in traditional script, as they are where simplification by analogy is not
extended to characters outside the official list.
"""

from __future__ import annotations

from pathlib import Path

import opencc

from poetry_vae.text.script import is_usual

TARGET = Path(__file__).parents[1] / "poetry_vae" / "text" / "spellings.tsv"

# In both scripts.
PLAIN = """
鬰欝欎鬱 媿愧 賸剩 髙高 僊仙 巵卮 馿驢 罇樽 堦階 歛斂 閙鬧 懃勤 慇殷 懽驩歡 缾瓶 筯箸 檝楫 臞癯
虀韲齏 峩峨 嶮險 犂犁 繙翻 欵款 悞誤 覊覉羈 鵶鴉 秔稉粳 鸎鶯 槩概 旛幡 蜺霓 憇憩 臙胭 呌叫 蕚萼
牓榜 偪逼 逺遠 邨村 烱炯 搆構 繖傘 顇悴 顦憔 盌碗 纒纏 塲場 餽饋 讐讎 鬛鬣 閴闃 睠眷 寜寕寧
敧攲欹 琖醆盞 筦管 籖籤 揜掩 翺翱 逰遊 氊氈 柟楠 椶棕 戱戲 廐廄 碪砧 凖準 朞期 葅菹 瑠琉 篛箬
帬裙 嚢囊 輭軟 勗朂勖 粃秕 髠髡 狥徇 覔覓 箒帚 陁陀 颿帆 釡釜 濵濱 駮駁 刼劫 匳奩 槖橐 毘毗
彜彛彝 聨聮聫聯 眀明 雝雍 啗噉啖 廼乃 戸戶 嵓巖 傚效 墖塔 樷叢 飇飊飆 昻昂 韮韭 恡吝 籐藤 攅攢
脇脅 巓巔 聼聽 壍塹 嘷嗥 踘鞠 頺頹 卭邛 戞戛 扄扃 祅妖 爼俎 趍趨 羗羌 晳皙 疉疊 騐驗 冦寇 埜野
崕崖 蠭蜂 徤健 塼磚 婣姻 婬滛淫 帀匝 幈屏 禩祀 鑛礦 痺痹 韈襪 繋繫 冩寫 娬嫵 罋甕 蹷蹶 劵券 摠總
呑吞 冨富 覰覷 矴碇 勌倦 蟁蚊 飰飯 螾蚓 蜋螂 皜皓 緐繁 亊事 嬝嫋 扵於 齅嗅 毶毿 㦸戟 崐崑 莵菟
褁裹 餻糕 騘驄 埓埒 龎龐 桞柳 煕熙 肧胚 顚顛 頥頤 譌訛 讁謫 歕噴 澂澄 舎舍 莾莽 軰輩 謌歌 矟槊
禆裨 蓺藝 嫰嫩 瑇玳 甖罌 畆畝 簮簪 臈臘 鍳鑑 湼涅 鶵雛 麞獐 駞駝 糺糾 勣績 䕷蘼 㹠豚 袠帙 瓌瑰
衘銜 鬀剃 澁澀 亷廉 隟隙 漥窪 蟇蟆 犇奔 譔撰 餙飾 鰌鰍 搯掏 獧狷 蹏蹄 醻酬 醎鹹 頟額 駈驅 蠒繭
蠏蟹 蠧蠹 衂衄 譍應 鄽廛 僇戮 儛舞 凂浼 囏艱 塜塚 怳恍 惸煢 抝拗 挍校 擕攜 擥攬 攷考 斾旆 暎映
樝楂 橰槔 濳潛 灔灩 煇輝 燿耀 璚瓊 甆瓷 瞇眯 砲炮 磎溪 竢俟 箎篪 箆篦 絏紲 臝裸 舩船 蒭芻 蝱虻
辠罪 鎻鎖 闗關 阬坑 頋顧 饍膳 諌諫 籓藩 憍驕 恊協 舋釁 莭節 骾鯁 歗嘯 眡視 礲礱 鐡鐵 嘅慨 茘荔
褭裊 冺泯 敺驅 圎圓 磵澗
"""
# In simplified script only: in traditional script the first form is usual too.
SIMPLIFIED = """
珮佩 鼇鳌 櫂棹 祐佑 彊强 毬球 櫺棂 姪侄 嚬颦 瞋嗔 瘖喑 讌醼宴 濬浚 厓崖 愬诉 倣仿 髣仿 髴佛 澣浣
衒炫 瑯琅 頖泮 遝沓 暱昵 涖莅 荳豆 尅克 觝抵 罣挂 憯惨 燐磷 紬绸 閧哄 麕麏麇
"""


def main() -> None:
    simplified = opencc.OpenCC("t2s").convert
    rows: dict[tuple[str, str], str] = {}
    for groups, is_plain in ((PLAIN, True), (SIMPLIFIED, False)):
        for group in groups.split():
            for variant in group[:-1]:
                if is_plain:
                    rows["traditional", variant] = group[-1]
                rows["simplified", simplified(variant)] = simplified(group[-1])
    for character in map(chr, range(0x3400, 0xA000)):
        shown = simplified(character)
        if is_usual(character) and not is_usual(shown):
            rows.setdefault(("simplified", shown), character)
    text = "".join(f"{script}\t{a}\t{b}\n" for (script, a), b in sorted(rows.items()))
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(rows)} rows: {TARGET}")


if __name__ == "__main__":
    main()
