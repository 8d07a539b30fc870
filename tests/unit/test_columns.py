"""From records to columns: lives of blocks, loads, absences, outages, counters."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.core.units import NEVER
from sim.trace.absences import hidden_spans
from sim.trace.records import (
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    ErrorRecord,
    HaltRecord,
    LoadRecord,
    PutRecord,
    Record,
    RetireRecord,
    UpRecord,
)
from sim.trace.timelines import Timelines
from tests.worlds import timelines_of

CHUNK, INDEX, META, MARK = range(4)


def made(block: int = 0, t_us: int = 1, *, level: int = 1) -> BlockRecord:
    sources = (block, block + 1)
    return BlockRecord(t_us, block, 0, 0, 0, 10 * block, 10, level, 7, sources)


def put(t_us: int, *objects: int, block: int = 0, get: tuple[int, ...] = ()) -> PutRecord:
    return PutRecord(t_us, block, objects, get, get, 0)


def delete(t_us: int, *objects: int, get: tuple[int, ...] = ()) -> DeleteRecord:
    return DeleteRecord(t_us, 0, objects, get, get)


def life(*changes: PutRecord | DeleteRecord) -> tuple[int, ...]:
    """(committed, deleted, broken, changed) of a block."""
    blocks = timelines_of(made(), *changes).blocks
    columns = (blocks.committed_us, blocks.deleted_us, blocks.broken_us, blocks.changed_us)
    return tuple(int(column[0]) for column in columns)


def test_lives_of_blocks() -> None:
    whole = put(5, CHUNK, INDEX, META)
    cases: list[tuple[list[PutRecord | DeleteRecord], tuple[int, ...]]] = [
        ([], (NEVER, NEVER, 0, NEVER)),
        ([put(5, CHUNK)], (NEVER, NEVER, 0, 5)),
        ([whole], (5, NEVER, NEVER, 5)),
        ([put(3, CHUNK), put(4, INDEX), put(5, META)], (5, NEVER, NEVER, 5)),
        ([whole, put(7, MARK)], (5, NEVER, NEVER, 7)),
        ([whole, delete(9, META)], (5, NEVER, 9, 9)),
        ([whole, delete(9, META), delete(10, CHUNK), delete(11, INDEX)], (5, 11, 9, 11)),
        ([whole, delete(9, META, CHUNK, INDEX, MARK)], (5, 9, 9, 9)),
        ([whole, delete(9, META, CHUNK, INDEX), put(12, META)], (5, 9, 9, 12)),
        # Uploaded again after all, it is whole and was never gone.
        (
            [whole, delete(9, META, CHUNK, INDEX), put(12, CHUNK, INDEX, META)],
            (5, NEVER, NEVER, 12),
        ),
        ([put(5, CHUNK), delete(9, CHUNK)], (NEVER, 9, 0, 9)),
    ]
    for changes, expected in cases:
        assert life(*changes) == expected, changes


def absent(timelines: Timelines) -> set[tuple[int, ...]]:
    """(object, replica, start, end) of the absences that have a length."""
    table = timelines.absences.each(np.arange(timelines.absences.block.size))
    columns = (table.object, table.replica, table.start_us, table.end_us)
    return {row for row in zip(*(c.tolist() for c in columns), strict=True) if row[2] < row[3]}


def test_what_goes_before_it_comes_is_never_shown() -> None:
    story: list[Record] = [
        put(5, CHUNK, INDEX, META, get=(30, 40, 50)),
        delete(9, META, INDEX, CHUNK, get=(9, 41, 30)),
    ]
    expected = {(CHUNK, 0, 0, NEVER), (INDEX, 0, 0, 40), (INDEX, 0, 41, NEVER)}
    assert absent(timelines_of(made(), *story)) == expected


def test_absences_of_a_block_that_comes_and_goes_at_once() -> None:
    story: list[Record] = [
        put(5, CHUNK, INDEX, META),
        put(7, MARK),
        delete(9, META, CHUNK, INDEX, MARK),
    ]
    both = (CHUNK, INDEX)
    gaps = [(0, 5), (9, NEVER)]
    expected = {(i, r, a, b) for i in both for r in (0, 1) for a, b in gaps}
    assert absent(timelines_of(made(), *story, replicas=2)) == expected


def test_absences_by_object_and_replica() -> None:
    story: list[Record] = [
        put(5, CHUNK, get=(6, 8)),
        put(6, INDEX, META, get=(6, 7, 6, 7)),
        delete(20, META, get=(20, 20)),
        delete(21, CHUNK, get=(30, 21)),
    ]
    assert absent(timelines_of(made(), *story, replicas=2)) == {
        (CHUNK, 0, 0, 6),
        (CHUNK, 0, 30, NEVER),
        (CHUNK, 1, 0, 8),
        (CHUNK, 1, 21, NEVER),
        (INDEX, 0, 0, 6),
        (INDEX, 1, 0, 7),
    }


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=6))
def test_what_is_hidden_is_what_the_newest_version_shown_hides(
    versions: list[tuple[bool, int]],
) -> None:
    spans = hidden_spans(versions)
    for t_us in range(25):
        seen = [is_put for is_put, seen_us in versions if seen_us <= t_us]
        is_hidden = not seen or not seen[-1]
        assert any(a <= t_us < b for a, b in spans) == is_hidden


def rows(timelines: Timelines) -> list[tuple[int, ...]]:
    loads = timelines.loads
    columns = (loads.gateway, loads.block, loads.load_us, loads.drop_us, loads.crashed)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def test_loads_end_by_drops_and_outages() -> None:
    records = (
        made(0),
        made(1),
        UpRecord(5, 0),
        LoadRecord(10, 0, (0, 1)),
        DropRecord(20, 0, (0,)),
        DownRecord(30, 0, 35),
        LoadRecord(40, 0, (1,)),
        UpRecord(40, 0),
    )
    timelines = timelines_of(*records, gateways=2)
    assert rows(timelines) == [
        (0, 0, 10, 20, False),
        (0, 1, 10, 30, True),
        (0, 1, 40, NEVER, False),
    ]
    downs = timelines.downs
    columns = (downs.gateway, downs.start_us, downs.unhealthy_until_us, downs.end_us)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == [
        (0, 0, 0, 5),
        (0, 30, 35, 40),
        (1, 0, 0, NEVER),
    ]


def test_a_gateway_that_is_not_up_answers_from_nothing() -> None:
    records = (made(0), LoadRecord(10, 0, (0,)), UpRecord(15, 0))
    assert rows(timelines_of(*records)) == [(0, 0, 15, NEVER, False)]
    crashed = (made(0), LoadRecord(10, 0, (0,)), DownRecord(12, 0, 12))
    for _, _, load_us, drop_us, is_crashed in rows(timelines_of(*crashed)):
        assert load_us >= drop_us or load_us == NEVER
        assert not is_crashed


def test_counters_begin_with_the_end_of_the_warmup() -> None:
    records = (
        made(0),
        made(1, 2),
        CompactRecord(9, 0, (1,), 1),
        CompactRecord(10, 1, (0,), 0),
        ErrorRecord(9, "compactor", "list"),
        ErrorRecord(10, "cleaner", "list"),
        ErrorRecord(11, "producer/3", "put x"),
        HaltRecord(3, "overlap"),
    )
    counters = timelines_of(*records, warmup_us=10).counters
    assert {k: v for k, v in counters.items() if not k.startswith("requests")} == {
        "compactions": 1,
        "duplicate-compaction": 0,
        "compactor-error": 1,
        "producer-error": 1,
        "compactor-halt": 1,
        "orphan-mark": 0,
        "dangling-reference": 0,
        "re-references": 0,
    }


def test_marks_and_retirements() -> None:
    timelines = timelines_of(
        made(), put(5, CHUNK, INDEX, META), RetireRecord(6, 0, 3), put(7, MARK, get=(9,))
    )
    marks = timelines.marks
    assert [c.tolist() for c in (marks.block, marks.acknowledged_us, marks.visible_us)] == [
        [0],
        [7],
        [9],
    ]
    assert timelines.blocks.retired_us.tolist() == [6]
    assert timelines.blocks.retired_why.tolist() == [3]
