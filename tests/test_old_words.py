"""Words of today as titles of old have them."""

from __future__ import annotations

import pytest

from poetry_vae.text.old_words import in_old_words


@pytest.mark.parametrize(
    ("today", "old"),
    [
        ("手机", "寄书"),
        ("手機", "寄书"),
        ("思念母亲", "忆 母"),
        ("程序员加班", "夜坐"),
        ("生日快乐", "寿"),
        ("端午节", "端午龙舟菖蒲"),
        ("重陽", "重阳菊花登高"),
        ("中秋怀友", "中秋怀友"),
        ("秋夜怀友", "秋夜怀友"),
        ("江南春雨", "江南春雨"),
        ("", ""),
    ],
)
def test_only_words_of_today_are_turned(today: str, old: str) -> None:
    assert in_old_words(today) == old
