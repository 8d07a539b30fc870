"""Which blocks are compacted next (C6, C7): pkg/compact/planner_test.go, compact_test.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sim.model.actors import planner
from sim.model.blocks.catalog import Catalog
from tests.reference import planner as plain
from tests.reference.thanos.tables import BUCKETS, Asked, H, Made, Row
from tests.reference.world import World
from tests.worlds import world

RANGES = (20, 60, 180, 540, 1620)
Span = tuple[int, int]
Plan = list[Span]


def _fast(spans: Sequence[Span]) -> Plan:
    catalog = Catalog(chunk_files=1)
    blocks = [
        catalog.create(sources=(i,), size_bytes=1, **Row(i, span=span).made)
        for i, span in enumerate(spans)
    ]
    blocks.sort(key=planner.by_time)
    planned = planner.overlapping(blocks) or planner.plan(blocks, RANGES)
    return [(b.min_us, b.max_us) for b in planned]


def _plain(spans: Sequence[Span]) -> Plan:
    scenario = world()
    empty = World(scenario, scenario.schemes[0], 0)
    blocks = [
        empty.new_block(
            sources=frozenset({i}),
            data=frozenset({i}),
            chunk_files=1,
            **Row(i, span=span).made,
        )
        for i, span in enumerate(spans)
    ]
    planned = plain.overlapping(blocks) or plain.plan(blocks, RANGES)
    return [(b.min_us, b.max_us) for b in planned]


QUARTERS = [(0, 20), (20, 40), (40, 60)]
NESTED = [(0, 360), (340, 560), (360, 420), (420, 540)]
MIXED = [(20, 40), (60, 120), (960, 980), (120, 180), (720, 960)]


@pytest.mark.parametrize("planned", [_fast, _plain], ids=["fast", "plain"])
@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(0, 20)], [], id="outside range"),
        pytest.param(QUARTERS[:2], [], id="four are waited for"),
        pytest.param(QUARTERS, [], id="a fourth is waited for"),
        pytest.param([*QUARTERS, (60, 80)], QUARTERS, id="the parent range is filled"),
        pytest.param(
            [(0, 60), (60, 120), (120, 180), (180, 200), (200, 220)],
            [(0, 60), (60, 120), (120, 180)],
            id="the second parent range is filled",
        ),
        pytest.param([*QUARTERS[:2], (60, 80)], [], id="a gap, and the next range has begun"),
        pytest.param(
            [*QUARTERS[:2], (60, 80), (80, 100)], QUARTERS[:2], id="a gap that will not be filled"
        ),
        pytest.param([*QUARTERS, (60, 120), (120, 180)], QUARTERS, id="20, 20, 20, 60, 60"),
        pytest.param(
            [(0, 60), (120, 180), (180, 200), (200, 220)],
            [(0, 60), (120, 180)],
            id="the second parent range with a gap",
        ),
        pytest.param(MIXED, [(20, 40), (60, 120), (120, 180)], id="20, 60, 20, 60, 240"),
        pytest.param([(0, 540)], [], id="tombstones without a fresh block"),
        pytest.param([(0, 60), (60, 80)], [], id="tombstones in small blocks"),
        pytest.param([(0, 540), (540, 560)], [], id="no tombstones and no series"),
        pytest.param(
            [(0, 360), (540, 560), (360, 420), (420, 540)],
            [(360, 420), (420, 540)],
            id="fresh is the latest, not the youngest",
        ),
        pytest.param([(0, 20), (19, 40), (40, 60)], [(0, 20), (19, 40)], id="overlapping 1"),
        pytest.param([(0, 20), (20, 40), (30, 50)], [(20, 40), (30, 50)], id="overlapping 2"),
        pytest.param(
            [(0, 20), (10, 40), (30, 50)], [(0, 20), (10, 40), (30, 50)], id="overlapping 3"
        ),
        pytest.param(NESTED, NESTED, id="overlapping 4"),
        pytest.param(
            [(0, 10), (9, 20), (30, 40), (39, 50)], [(0, 10), (9, 20)], id="overlapping 5"
        ),
    ],
)
def test_plans(
    spans: list[Span], expected: Plan, planned: Callable[[Sequence[Span]], Plan]
) -> None:
    assert planned(spans) == expected


def _hours(stream: int, resolution: int, *spans: Span) -> list[Row]:
    """Blocks of one group; hour *i* of stream *s* is source 100 s + i."""
    return [
        Row(
            100 * stream + low,
            tuple(100 * stream + i for i in range(low, high)),
            (low * H, high * H),
            resolution,
            stream,
        )
        for low, high in spans
    ]


def _sources(stream: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(range(100 * stream + low, 100 * stream + high))


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("rows", "made"),
    [
        pytest.param(
            [
                *_hours(0, 0, (0, 2), (2, 4)),
                *_hours(1, 0, (4, 6), (6, 8), (8, 10)),
                *_hours(2, 1, (10, 12), (12, 20), (20, 28)),
            ],
            [Made(1, 0, _sources(1, 4, 8))],
            id="one run",
        ),
        pytest.param(
            [
                *_hours(0, 0, (0, 2), (2, 4), (4, 6), (6, 8), (8, 10)),
                *_hours(1, 0, (2, 4), (4, 6)),
            ],
            [
                Made(0, 0, _sources(0, 0, 4)),
                Made(0, 0, _sources(0, 0, 8)),
                Made(0, 0, _sources(0, 4, 8)),
            ],
            id="three runs",
        ),
        pytest.param(
            _hours(2, 1, (2, 4), (4, 6), (6, 8), (10, 12)),
            [Made(2, 1, _sources(2, 4, 8))],
            id="not consecutive",
        ),
    ],
)
def test_compacts_until_nothing_is_due(
    rows: list[Row], made: list[Made], bucket: type[Asked]
) -> None:
    settings: dict[str, Any] = {"ranges": ["2h", "4h", "8h"]}
    assert bucket(rows, **settings).run_pass().made == made
