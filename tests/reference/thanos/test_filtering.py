"""Which blocks a view keeps (G3, G4): pkg/block/fetcher_test.go."""

from __future__ import annotations

import pytest

from tests.reference.thanos.tables import BUCKETS, WHOLE, Asked, Row


def _rows(sources: dict[int, tuple[int, ...]], **resolutions: int) -> list[Row]:
    """Blocks by name; ``_5=1`` gives block 5 another resolution than raw."""
    return [
        Row(n, tuple(sorted(made_of)), resolution=resolutions.get(f"_{n}", 0))
        for n, made_of in sources.items()
    ]


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param(_rows({1: (1,), 2: (2,), 3: (3,)}), {1, 2, 3}, id="none is compacted"),
        pytest.param(_rows({6: (6,), 4: (1, 3, 2), 5: (5,)}), {4, 5, 6}, id="sources are gone"),
        pytest.param(
            _rows({5: (5,), 6: (6,), 3: (1, 2), 4: (1, 2)}), {3, 5, 6}, id="the older of twins"
        ),
        pytest.param(_rows({4: (1, 2), 6: (6,), 5: (1, 3, 2)}), {5, 6}, id="one in another"),
        pytest.param(
            _rows({6: (6,), 1: (1,), 2: (2,), 3: (3,), 4: (2, 1, 3)}), {4, 6}, id="level 2"
        ),
        pytest.param(
            _rows(
                {
                    10: (1, 2, 3),
                    11: (6, 4, 5),
                    14: (14,),
                    1: (1,),
                    13: (1, 6, 2, 3, 5, 7, 4, 8, 9),
                    12: (7, 9, 8),
                }
            ),
            {13, 14},
            id="level 3",
        ),
        pytest.param(
            _rows({8: (1, 3, 2, 4), 1: (1,), 5: (1, 2), 6: (1, 3, 2, 4), 7: (3, 1, 2)}),
            {6},
            id="a chain",
        ),
        pytest.param(
            _rows({10: (1, 2, 6, 7), 1: (1,), 11: (6, 8, 1, 2)}), {10, 11}, id="equal length"
        ),
        pytest.param(
            _rows({10: (6, 7, 1, 2), 1: (1,), 5: (1, 2), 11: (2, 3, 1)}),
            {10, 11},
            id="different length",
        ),
        pytest.param(
            _rows({1: (1,), 2: (1,), 3: (1,)}, _2=1, _3=2), {1, 2, 3}, id="three resolutions"
        ),
        pytest.param(
            _rows({1: (1,), 6: (6,), 4: (1, 3, 2), 5: (2, 3, 1)}, _6=2, _5=1),
            {4, 5, 6},
            id="resolutions apart",
        ),
        pytest.param(
            _rows(
                {
                    10: (7, 5, 1, 2),
                    12: (6, 7, 1),
                    1: (1,),
                    13: (1,),
                    5: (1, 2),
                    11: (2, 3, 1),
                },
                _12=2,
                _13=2,
            ),
            {10, 11, 12},
            id="different length, resolutions apart",
        ),
    ],
)
def test_deduplicates(rows: list[Row], kept: set[int], bucket: type[Asked]) -> None:
    assert bucket(rows, consistency_delay="0s").sync()[0] == kept


def _of_age(n: int, age: str, compacted: bool) -> Row:
    return Row(n, uploaded=age, compacted=compacted)


AGES = [
    # (name, age, made by the compactor); sidecar, receive and ruler are alike here.
    _of_age(1, "0s", False),
    _of_age(2, "1m", False),
    _of_age(3, "1m", True),
    _of_age(4, "29m", False),
    _of_age(5, "29m", True),
    _of_age(6, "30m", False),
    _of_age(7, "30m", True),
    _of_age(8, "20h", False),
    _of_age(9, "20h", True),
]


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("delay", "kept"), [("0s", set(range(1, 10))), ("30m", {3, 5, 6, 7, 8, 9})]
)
def test_waits_for_the_consistency_delay(delay: str, kept: set[int], bucket: type[Asked]) -> None:
    assert bucket(AGES, consistency_delay=delay).sync()[0] == kept


@pytest.mark.parametrize("bucket", BUCKETS)
def test_counts_from_the_upload_not_from_the_creation(bucket: type[Asked]) -> None:
    # Created 400 days ago, like every block of a row.
    young, old = Row(1, uploaded="1m"), Row(2, uploaded="20h")
    assert bucket([young, old], consistency_delay="30m").sync()[0] == {2}


MARKED = [Row(1, marked="15h"), Row(2, uploaded="3d", marked="60h"), Row(4)]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_hides_what_was_marked_long_ago(bucket: type[Asked]) -> None:
    assert bucket(MARKED, hide="48h").sync() == ({1, 4}, {1, 2})


@pytest.mark.parametrize("bucket", BUCKETS)
def test_holds_on_to_marks(bucket: type[Asked]) -> None:
    world = bucket(MARKED, hide="48h")
    world.sync()
    world.unmark(1)
    assert world.sync() == ({1, 4}, {1, 2})


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param([], set(), id="empty bucket"),
        pytest.param([Row(1), Row(2), Row(3)], {1, 2, 3}, id="three metas"),
        pytest.param(
            [Row(1), Row(2), Row(4, objects=WHOLE[:1])], {1, 2}, id="a block without meta"
        ),
        # In a recursive listing the mark comes after meta.json.
        pytest.param([Row(1, marked="1s")], {1}, id="an object beside meta.json"),
    ],
)
def test_fetches_what_has_a_meta(rows: list[Row], kept: set[int], bucket: type[Asked]) -> None:
    assert bucket(rows, consistency_delay="0s").sync()[0] == kept
