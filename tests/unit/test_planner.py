"""What is compacted next (C6, C7), case by case; blocks are ranges of hours."""

from __future__ import annotations

import pytest

from sim.model.actors.downsampling import Backlog
from sim.model.actors.planner import by_time, overlapping, plan
from sim.model.actors.retention import Expiry
from sim.model.blocks.catalog import Block
from tests.worlds import Rig, us

RANGES = tuple(us(f"{hours}h") for hours in (2, 8, 48))
Hours = list[tuple[int, int]]


def blocks_of(spans: Hours) -> list[Block]:
    rig = Rig()
    return sorted((rig.block(low, high) for low, high in spans), key=by_time)


def planned(spans: Hours) -> Hours:
    hour = us("1h")
    return [(b.min_us // hour, b.max_us // hour) for b in plan(blocks_of(spans), RANGES)]


QUARTER = [(0, 2), (2, 4), (4, 6), (6, 8)]
THIRDS = [(8 * i, 8 * i + 8) for i in range(6)]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(0, 2)], [], id="the newest alone"),
        pytest.param(QUARTER, [], id="the newest belongs to the window"),
        pytest.param([*QUARTER, (8, 10)], QUARTER, id="the window is spanned"),
        pytest.param([*QUARTER[:3], (8, 10)], [], id="a missing end may come yet"),
        pytest.param(
            [*QUARTER[:3], (8, 10), (10, 12)], QUARTER[:3], id="a missing end is given up"
        ),
        pytest.param([*QUARTER[1:], (8, 10)], [], id="a missing start may come yet"),
        pytest.param([*QUARTER[1:], (8, 10), (10, 12)], QUARTER[1:], id="a missing start"),
        pytest.param([(0, 2), (6, 8), (8, 10)], [(0, 2), (6, 8)], id="a hole inside is spanned"),
        pytest.param([(0, 2), (4, 6), (8, 10), (10, 12)], [(0, 2), (4, 6)], id="holes"),
        pytest.param([(6, 8), (8, 10), (10, 12)], [], id="one block in a window stays"),
        pytest.param([(6, 8), (8, 10), (10, 12), (14, 16)], [], id="windows are aligned"),
        pytest.param(
            [(6, 8), (8, 10), (14, 16), (16, 18)], [(8, 10), (14, 16)], id="the second window"
        ),
        pytest.param(
            [*QUARTER, (8, 10), (10, 12), (12, 14), (14, 16), (16, 18)], QUARTER, id="oldest first"
        ),
        pytest.param([*THIRDS, (48, 50)], THIRDS, id="a larger range"),
        pytest.param([*THIRDS[:5], (40, 42), (42, 44)], [], id="a larger range is not over"),
        pytest.param(
            [*THIRDS, (48, 50), (50, 52), (52, 54), (54, 56), (56, 58)],
            [(48, 50), (50, 52), (52, 54), (54, 56)],
            id="small ranges before large ones",
        ),
        pytest.param(
            [(0, 2), *THIRDS[1:], (48, 50)], [(0, 2), *THIRDS[1:]], id="blocks of any size"
        ),
        pytest.param([(0, 48), (48, 50), (50, 52)], [], id="the largest range is the end"),
        pytest.param(
            [(4, 12), (14, 16), (16, 18), (18, 20)],
            [],
            id="a block across windows is in none",
        ),
        pytest.param(
            [(4, 10), (10, 12), (14, 16), (16, 18), (18, 20)],
            [(10, 12), (14, 16)],
            id="beside a block across windows",
        ),
    ],
)
def test_plans(spans: Hours, expected: Hours) -> None:
    assert planned(spans) == expected


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([], []),
        ([(0, 8), (8, 10)], []),
        ([(0, 2), (8, 10)], []),
        ([(0, 8), (2, 4)], [(0, 8), (2, 4)]),
        ([(0, 2), (0, 2)], [(0, 2), (0, 2)]),
        ([(0, 4), (2, 6), (6, 8)], [(0, 4), (2, 6)]),
        ([(0, 2), (2, 8), (4, 6)], [(2, 8), (4, 6)]),
        # By the running maximum end, of which the first overlap is one of neighbours.
        ([(0, 10), (2, 4), (6, 8)], [(0, 10), (2, 4), (6, 8)]),
        ([(0, 4), (2, 6), (5, 9), (9, 10)], [(0, 4), (2, 6), (5, 9)]),
        ([(0, 4), (2, 6), (8, 12), (10, 14)], [(0, 4), (2, 6)]),
    ],
)
def test_overlaps(spans: Hours, found: Hours) -> None:
    blocks, hour = overlapping(blocks_of(spans)), us("1h")
    assert [(b.min_us // hour, b.max_us // hour) for b in blocks] == found


def test_expiry_is_strict_and_by_resolution() -> None:
    rig, expiry = Rig(), Expiry((us("10h"), us("20h"), 0))
    blocks = [rig.block(0, 2, resolution=resolution) for resolution in (0, 1, 2)]
    for block in blocks:
        expiry.add(block)
    assert expiry.due(us("12h")) == []
    assert expiry.due(us("12h") + 1) == blocks[:1]
    # Due until it leaves the view.
    assert expiry.due(us("13h")) == blocks[:1]
    expiry.discard(blocks[0])
    assert expiry.due(us("22h")) == []
    assert expiry.due(us("999h")) == blocks[1:2]
    expiry.add(blocks[0])
    assert expiry.due(us("999h")) == [blocks[1], blocks[0]]


@pytest.mark.parametrize(
    ("span", "resolution", "is_due"),
    [((0, 38), 0, False), ((0, 40), 0, True), ((0, 238), 1, False), ((0, 240), 1, True)],
)
def test_downsampling_is_for_long_blocks(
    span: tuple[int, int], resolution: int, is_due: bool
) -> None:
    rig, backlog = Rig(), Backlog()
    block = rig.block(*span, resolution=resolution)
    backlog.touch(0)
    groups = {block.group: [block]}
    assert backlog.due(groups, resolution) == [block] * is_due
    done = rig.block(*span, resolution=resolution + 1)
    groups[done.group] = [done]
    backlog.touch(0)
    assert backlog.due(groups, resolution) == []
