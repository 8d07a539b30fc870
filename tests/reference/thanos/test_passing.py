"""What a pass of the compactor does to the bucket (C4-C12).

pkg/compact/compact_e2e_test.go, clean_test.go, retention_test.go and compact_test.go (progress),
pkg/block/block_test.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.reference.thanos.tables import BUCKETS, NOW_US, WHOLE, Asked, D, H, Made, Outcome, Row

ONE_RANGE: dict[str, Any] = {"ranges": ["2h"]}
"""Nothing is ever due to be compacted."""


def _hours(n: int, low: int, high: int, **more: Any) -> Row:
    """A block of the level-1 blocks of hours [low, high)."""
    return Row(n, tuple(range(low, high)), (low * H, high * H), **more)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_collects_garbage(bucket: type[Asked]) -> None:
    rows = [
        *(_hours(i, i, i + 1) for i in range(10)),
        _hours(100, 0, 4),
        _hours(200, 4, 8),
        _hours(300, 0, 9),
        # The last source in another resolution hides nothing.
        _hours(400, 9, 10, resolution=1, compacted=True),
    ]
    outcome = bucket(rows, **ONE_RANGE).run_pass()
    assert outcome == Outcome(marked={*range(9), 100, 200}, gone=set(), made=[])


@pytest.mark.parametrize("bucket", BUCKETS)
def test_does_not_mark_what_is_deleted(bucket: type[Asked]) -> None:
    rows = [_hours(0, 0, 1, marked="1h"), _hours(1, 1, 2, marked="1h"), _hours(100, 0, 2)]
    # Marks older than the delete delay: the pass deletes, then looks for garbage.
    outcome = bucket(rows, hide="15m", **ONE_RANGE).run_pass()
    assert outcome == Outcome(marked=set(), gone={0, 1}, made=[])


@pytest.mark.parametrize("bucket", BUCKETS)
def test_compacts_the_group_that_spans_its_window(bucket: type[Asked]) -> None:
    # In units of 1000 of the test, an hour each; the blocks of 500 are half an hour.
    first = [
        Row(0, (0,), (H // 2, H)),
        _hours(1, 2, 3),
        _hours(2, 1, 2),
        _hours(3, 3, 4),
    ]
    others = [
        Row(4, (105,), (5 * H, 6 * H), stream=1),
        Row(5, (4,), (4 * H, 5 * H), resolution=1),
    ]
    second = [
        Row(6, (202,), (2 * H, 3 * H), stream=2),
        Row(7, (200,), (0, H), stream=2),
        Row(8, (203,), (3 * H, 4 * H), stream=2),
    ]
    settings: dict[str, Any] = {"ranges": ["1h", "3h"]}
    outcome = bucket([*first, *others, *second], **settings).run_pass()
    assert outcome == Outcome(marked={6, 7}, gone=set(), made=[Made(2, 0, (200, 202))])


def _days_ago(n: int, first: float, last: float, resolution: int = 0) -> Row:
    # The clock goes on there between the making of a block and the pass.
    span = (NOW_US - int(first * D), NOW_US - int(last * D) - 1)
    return Row(n, span=span, resolution=resolution, uploaded="0s")


FOUR = [
    _days_ago(48, 3, 2),
    _days_ago(49, 2, 1, 1),
    _days_ago(50, 1, 23 / 24, 2),
    _days_ago(51, 23 / 24, 6 / 24),
]
EVERY = [
    _days_ago(40, 1, 0),
    _days_ago(41, 2, 1),
    _days_ago(42, 7, 6, 1),
    _days_ago(43, 8, 7, 1),
    _days_ago(44, 14, 13, 2),
    _days_ago(45, 15, 14, 2),
]
GROUPS = [
    _days_ago(6, 200, 180),
    _days_ago(9, 300, 270),
    _days_ago(7, 130, 120, 1),
    _days_ago(8, 40, 30, 1),
    _days_ago(10, 130, 120, 2),
]
THREE = [_days_ago(6, 200, 180), _days_ago(7, 130, 120, 1), _days_ago(8, 220, 210, 2)]


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("rows", "retention", "marked"),
    [
        pytest.param([], ("1d", "7d", "14d"), set(), id="empty bucket"),
        pytest.param(FOUR, ("1d", "0d", "0d"), {48}, id="only raw"),
        pytest.param(FOUR, ("0d", "0d", "0d"), set(), id="no retention"),
        pytest.param(EVERY, ("1d", "7d", "14d"), {41, 43, 45}, id="every retention"),
        pytest.param(GROUPS, ("150d", "90d", "180d"), {6, 7, 9}, id="groups"),
        pytest.param(THREE, ("300d", "360d", "480d"), set(), id="all are kept"),
        pytest.param(THREE, ("90d", "30d", "180d"), {6, 7, 8}, id="all go"),
        pytest.param(THREE, ("0d", "0d", "0d"), set(), id="zero days"),
    ],
)
def test_applies_retention(
    rows: list[Row], retention: tuple[str, ...], marked: set[int], bucket: type[Asked]
) -> None:
    kept = dict(zip(("raw", "5m", "1h"), retention, strict=True))
    outcome = bucket(rows, retention=kept, consistency_delay="0s", **ONE_RANGE).run_pass()
    assert outcome == Outcome(marked=marked, gone=set(), made=[])


SHORT, LONG = 40 * H, 10 * D


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("rows", "made"),
    [
        pytest.param(
            [
                Row(6, (7, 8), (1000, SHORT)),
                Row(7, (8, 9), (0, LONG), 1, 1),
                Row(8, (9, 10), (0, LONG), 2, 2),
            ],
            [Made(1, 2, (8, 9))],
            id="groups",
        ),
        pytest.param([Row(9, (10, 11), (0, SHORT))], [Made(0, 1, (10, 11))], id="raw"),
        pytest.param([Row(9, (10, 11), (0, LONG), 1)], [Made(0, 2, (10, 11))], id="5m"),
        pytest.param([Row(10, (11, 12), (0, LONG), 2)], [], id="1h"),
        pytest.param([Row(9, (10, 11), (1000, SHORT))], [], id="raw, 1 ms short"),
        pytest.param([Row(9, (10, 11), (1000, LONG), 1)], [], id="5m, 1 ms short"),
    ],
)
def test_downsamples(rows: list[Row], made: list[Made], bucket: type[Asked]) -> None:
    outcome = bucket(rows, downsampling=True, **ONE_RANGE).run_pass()
    assert outcome == Outcome(marked=set(), gone=set(), made=made)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_cleans_old_partial_uploads(bucket: type[Asked]) -> None:
    rows = [
        Row(1, uploaded="49h", objects=WHOLE[:1]),
        Row(2, uploaded="50h", objects=("chunks/000001", "meta.json")),
        Row(3, uploaded="2h", objects=WHOLE[:1], span=(H, 2 * H)),
    ]
    assert bucket(rows, **ONE_RANGE).run_pass().gone == {1}


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    "objects", [WHOLE, ("chunks/000001", "index")], ids=["whole", "without meta"]
)
def test_deletes_all_there_is(objects: tuple[str, ...], bucket: type[Asked]) -> None:
    marked = "50h" if "meta.json" in objects else ""
    row = Row(1, uploaded="51h", marked=marked, objects=objects)
    outcome = bucket([row], hide="24h", **ONE_RANGE).run_pass()
    assert outcome == Outcome(marked=set(), gone={1}, made=[])
