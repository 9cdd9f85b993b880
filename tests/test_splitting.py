"""Parts that share no line: the groups against a naive closure, the parts against known hashes."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS, groups_by_shared_lines, part_of_line, split

# Few different lines, so that poems share them in chains.
poem_lists = st.lists(
    st.lists(st.sampled_from([chr(0x4E00 + i) for i in range(25)]), min_size=1, max_size=3).map(
        lambda lines: Poem(tuple(lines))
    ),
    max_size=20,
)


def naive_groups(poems: list[Poem]) -> list[frozenset[int]]:
    """For every poem the poems it is connected with, by growing sets until nothing changes."""
    groups = [{i} for i in range(len(poems))]
    changed = True
    while changed:
        changed = False
        for i, group in enumerate(groups):
            lines = {line for j in group for line in poems[j].lines}
            more = {j for j, poem in enumerate(poems) if lines & set(poem.lines)} | group
            changed |= more != group
            groups[i] = more
    return list(map(frozenset, groups))


@given(poem_lists)
def test_groups_are_those_of_the_naive_closure(poems: list[Poem]) -> None:
    members: dict[int, set[int]] = defaultdict(set)
    numbers = groups_by_shared_lines(poems)
    for i, number in enumerate(numbers):
        members[number].add(i)
    assert [members[number] for number in numbers] == naive_groups(poems)


def test_a_chain_of_shared_lines_is_one_group() -> None:
    poems = [Poem(tuple(lines)) for lines in ("甲乙", "丙丁", "乙丙", "戊", "丁丁")]
    groups = groups_by_shared_lines(poems)
    assert len({groups[i] for i in (0, 1, 2, 4)}) == 1
    assert groups[3] != groups[0]


@given(poem_lists)
def test_no_two_parts_share_a_line(poems: list[Poem]) -> None:
    part_of: dict[str, str] = {}
    for poem, part in zip(poems, split(poems), strict=True):
        for line in poem.lines:
            assert part_of.setdefault(line, part) == part


@given(poem_lists)
def test_the_smallest_line_of_the_group_decides(poems: list[Poem]) -> None:
    for group, part in zip(naive_groups(poems), split(poems), strict=True):
        assert part == part_of_line(min(line for i in group for line in poems[i].lines))


@given(poem_lists, st.randoms(use_true_random=False))
def test_the_order_of_the_poems_changes_nothing(poems: list[Poem], random: Random) -> None:
    shuffled = random.sample(poems, len(poems))
    assert Counter(zip(poems, split(poems), strict=True)) == Counter(
        zip(shuffled, split(shuffled), strict=True)
    )


@pytest.mark.parametrize("line", ["白日依山盡", "黃河入海流", "𠀋"])
def test_the_hash_of_a_line_is_a_share_of_one(line: str) -> None:
    share = int(hashlib.sha256(line.encode()).hexdigest()[:16], 16) / 16**16
    expected = PARTS[(share >= 0.85) + (share >= 0.90)]
    assert part_of_line(line) == expected


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("白日依山盡", "train"),
        ("床前明月光", "train"),
        ("近鄉情更怯", "validation"),
        ("隱隱飛橋隔野煙", "validation"),
        ("春眠不覺曉", "test"),
        ("過江千尺浪", "test"),
    ],
)
def test_known_lines_stay_in_their_parts(line: str, part: str) -> None:
    # Trained weights depend on it: a change here lets test poems into training.
    assert part_of_line(line) == part


def test_the_parts_have_their_shares() -> None:
    parts = Counter(part_of_line(str(i)) for i in range(20_000))
    assert parts["train"] / 20_000 == pytest.approx(0.85, abs=0.01)
    assert parts["validation"] / 20_000 == pytest.approx(0.05, abs=0.006)
    assert parts["test"] / 20_000 == pytest.approx(0.10, abs=0.008)


def test_no_poems_have_no_parts() -> None:
    assert split([]) == []
    assert groups_by_shared_lines([]) == []


def test_the_split_is_the_same_in_every_process(
    in_other_process: Callable[[str, str], str],
) -> None:
    lines = [chr(0x4E00 + i) + chr(0x4E00 + i // 2) for i in range(60)]
    poems = [Poem((a, b)) for a, b in zip(lines, lines[3:], strict=False)]
    code = (
        "from poetry_vae.text.poem import Poem\n"
        "from poetry_vae.text.splitting import split\n"
        f"print(*split({poems!r}))"
    )
    assert in_other_process(code, "7").split() == split(poems)
