"""Modern words in terms of old poets, for subjects that no old poem was about."""

from __future__ import annotations

from functools import cache

from poetry_vae.text.script import understand

# Each pair: a modern word in simplified script, and a word that an old title could have used.
_OLD = """
手机 寄书  电话 寄书  短信 尺素  微信 尺素  邮件 寄书  网络 尺素  电脑 夜坐  程序员 夜坐
加班 夜坐  上班 入直  下班 归来  人工智能 木牛流马  机器人 木偶  高铁 千里行  火车 行路
飞机 乘鹤  汽车 驱车  地铁 行路  堵车 行路难  外卖 送酒  咖啡 煮茶  奶茶 煮茶  啤酒 饮酒
老师 先生  学生 少年  同学 同窗  大学 太学  毕业 赠别  考试 应举  高考 应举  失眠 不寐
生日 寿  生日快乐 寿  爱情 相思  恋爱 相思  失恋 闺怨  结婚 新婚  妈妈 母  爸爸 父
母亲 母  父亲 父  思念 忆  想念 忆  奶奶 祖母  朋友 故人  工作 吏事  老板 主人
下雪 雪  下雨 雨  公园 园林  旅游 纪游  旅行 客行  城市 城中  咖啡馆 茶寮  医生 医者  护士 医者
疫情 病中  新年 元日  春节 元日  新年快乐 元日  圣诞 岁暮  足球 蹴鞠  篮球 蹴鞠  电影 观剧
音乐 听琴  吉他 听琴  女朋友 佳人  男朋友 檀郎
钢琴 听琴  猫咪 猫  小狗 犬
"""

# Festivals with what their poems are about: of the names alone the model makes too little.
_FESTIVALS = """
端午 端午龙舟菖蒲  重阳 重阳菊花登高  中秋 中秋明月  中秋月 中秋明月  清明 清明踏青  除夕 除夜守岁
"""


@cache
def _table(text: str) -> dict[str, str]:
    """The second word of each pair by the first one in either script, the longest first."""
    pairs = text.split()
    simplified = dict(zip(pairs[::2], pairs[1::2], strict=True))
    both = {understand(word): old for word, old in simplified.items()} | simplified
    return dict(sorted(both.items(), key=lambda pair: -len(pair[0])))


def in_old_words(text: str) -> str:
    """The text with every modern word replaced by one that an old title would use.

    ``程序员加班`` becomes ``夜坐``: a word that would follow itself is kept once. A festival by
    itself becomes what its poems are about.
    """
    if not text:  # the tables take a converter of scripts, which bare machines lack
        return text
    if (festival := text.strip().removesuffix("节").removesuffix("節")) in _table(_FESTIVALS):
        return _table(_FESTIVALS)[festival]
    for word, old in _table(_OLD).items():
        text = text.replace(word, f" {old} ")
    words = text.split()
    return " ".join(word for i, word in enumerate(words) if i == 0 or word != words[i - 1])
