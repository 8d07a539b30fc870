"""What a scheme should keep: runs and records that do, and such that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from sim.core.objects import BlockObjects
from sim.testing import (
    SmallRun,
    blocks_without_files,
    failing_reads,
    garbage_beyond,
    lost_data,
    moved_marks,
    simulate_small,
    uncovered_data,
    unretired_deletions,
)
from sim.trace.recorder import Trace
from sim.trace.records import DeleteRecord, PutRecord, Record, RetireRecord
from tests.worlds import marks, us, world

SYNCED = us("2h")


@pytest.fixture(scope="module")
def safe() -> SmallRun:
    return simulate_small(world(horizon="40h", schemes=[marks("6h", "1h")]))


@pytest.fixture(scope="module")
def hasty() -> SmallRun:
    return simulate_small(world(horizon="40h"))


def test_a_safe_scheme_keeps_every_promise(safe: SmallRun) -> None:
    trace = safe.trace
    assert any(isinstance(record, DeleteRecord) for record in trace.records)
    assert not failing_reads(safe)
    assert not lost_data(safe)
    assert not moved_marks(trace)
    assert not blocks_without_files(trace)
    assert not unretired_deletions(trace)
    assert not uncovered_data(trace, SYNCED)
    assert not garbage_beyond(safe.timelines, longest_us=us("6h5m1s"))


def test_a_hasty_scheme_fails_reads(hasty: SmallRun) -> None:
    found = failing_reads(hasty)
    assert found
    assert all(breach.what.startswith("queries of day fail for ") for breach in found)
    assert hasty.outcomes["query-error"] > 0
    again = simulate_small(
        world(horizon="40h", schemes=[{"name": "s", "kind": "composed", "miss": "resync"}])
    )
    assert all(breach.what == "a query of day fails" for breach in failing_reads(again))


def changed(trace: Trace, change: Callable[[Record], Iterable[Record]]) -> Trace:
    return Trace.of(trace.header, (new for r in trace.records for new in change(r)))


def test_a_mark_that_moves_is_found(safe: SmallRun) -> None:
    mark = BlockObjects(safe.trace.header.chunk_files).mark

    def again(record: Record) -> Iterable[Record]:
        yield record
        if isinstance(record, PutRecord) and mark in record.objects:
            yield record._replace(stamp_us=record.stamp_us + us("1m"))

    found = moved_marks(changed(safe.trace, again))
    assert {breach.what for breach in found} == {"its mark moves by +60 s"}
    assert len(found) == sum(isinstance(record, RetireRecord) for record in safe.trace.records)


def test_a_block_that_loses_only_its_chunks_is_found(safe: SmallRun) -> None:
    def partly(record: Record) -> Iterable[Record]:
        yield record._replace(objects=(0,)) if isinstance(record, DeleteRecord) else record

    deleted = [r.block for r in safe.trace.records if isinstance(r, DeleteRecord)]
    assert [b.block for b in blocks_without_files(changed(safe.trace, partly))] == deleted


def test_a_block_that_nobody_retired_and_that_goes_is_found(safe: SmallRun) -> None:
    def silent(record: Record) -> Iterable[Record]:
        return [] if isinstance(record, RetireRecord) else [record]

    deleted = [r.block for r in safe.trace.records if isinstance(r, DeleteRecord)]
    assert [b.block for b in unretired_deletions(changed(safe.trace, silent))] == deleted


def test_data_that_a_gateway_lets_go_of_is_found(safe: SmallRun) -> None:
    def dropped(record: Record) -> Iterable[Record]:
        is_load = type(record).__name__ == "LoadRecord" and record.t_us > us("20h")
        return [] if is_load else [record]

    found = uncovered_data(changed(safe.trace, dropped), SYNCED)
    assert found
    assert all("gateway 0 lacks data" in breach.what for breach in found)
    # Every block takes some time to be loaded.
    assert uncovered_data(safe.trace, 0)


def test_a_gateway_that_is_down_need_not_have_anything() -> None:
    outage = {"kind": "gateway-outage", "at": "20h", "lasts": "6h", "target": 0}
    run = simulate_small(world(horizon="40h", schemes=[marks("6h", "1h")], faults=[outage]))
    assert not uncovered_data(run.trace, SYNCED)


def test_data_that_expires_need_not_be_there() -> None:
    kept = simulate_small(
        world(
            horizon="60h",
            schemes=[marks("2h", "1h")],
            compactor={"retention": {"raw": "20h"}},
        )
    )
    assert not uncovered_data(kept.trace, SYNCED)
    assert not lost_data(kept)


def test_data_that_is_deleted_for_good_is_lost() -> None:
    gone = {"kind": "delete", "at": "20h", "stream": "all", "older_than": "0s", "which": "oldest"}
    run = simulate_small(world(horizon="40h", interventions=[gone]))
    found = lost_data(run)
    assert found
    assert {breach.t_us for breach in found} == {us("20h")}


def test_garbage_has_bounds_in_time_and_bytes(safe: SmallRun) -> None:
    found = garbage_beyond(safe.timelines, longest_us=us("1h"))
    retired = [r for r in safe.trace.records if isinstance(r, RetireRecord)]
    assert [breach.block for breach in found] == [r.block for r in retired]
    assert [breach.t_us for breach in found] == [r.t_us + us("1h") + 1 for r in retired]
    # Four blocks of 100 B become one.
    assert not garbage_beyond(safe.timelines, most_bytes=400)
    (first, *_) = garbage_beyond(safe.timelines, most_bytes=399)
    assert (first.t_us, first.what) == (retired[0].t_us, "400 bytes are garbage")
