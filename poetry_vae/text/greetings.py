"""The occasions of greetings, as subjects that a poem with such heads is written about.

Heads alone say nothing of an occasion: 生 begins 生病 as well as 生日.
"""

from __future__ import annotations

from poetry_vae.text.script import to_simplified

# A subject, and parts of greetings that ask for it; the first line that fits counts.
_OCCASIONS = """
寄母 妈妈 母亲
寄父 爸爸 父亲
祝寿 生日 寿比南山 福如东海 长命百岁 松鹤延年 福寿 健康长寿
催妆 新婚 百年好合 永结同心 白头偕老 早生贵子 佳偶天成 天作之合
元日 新年 新春 春节 元旦 恭喜发财 万事如意 吉祥如意 恭贺新禧 大吉大利 岁岁平安 年年有余
中秋 中秋 花好月圆
元夕 元宵
端午 端午
重阳 重阳
顺风放船 一帆风顺 一路顺风 乘风破浪
送行 一路平安 旅途愉快
登第 金榜题名 蟾宫折桂 学业有成 前程似锦 鹏程万里 高考
凯旋 马到成功 旗开得胜 凯旋
赠别 毕业
先生 老师 教师节
新居 乔迁 新居
病起 康复
丰年 五谷丰登 风调雨顺 国泰民安
闺情 爱你 爱我 想你
喜晴 快乐 喜乐 平安 幸福 开心 安康 欢喜
"""


def occasion(greeting: str) -> str:
    """The subject that a greeting in either script asks for: 祝寿 of 生日快乐, "" of others."""
    text = to_simplified(greeting)
    for line in _OCCASIONS.split("\n"):
        subject, *parts = line.split() or [""]
        if any(part in text for part in parts):
            return subject
    return ""
