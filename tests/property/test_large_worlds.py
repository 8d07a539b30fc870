"""What is done at once for many blocks, against the same done block by block, or all together."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from sim.analysis.queries import needs
from sim.analysis.queries.exposure import Exposure
from sim.scenario.dump import to_toml
from sim.scenario.schema import Scenario
from sim.testing import SmallRun, scenarios, simulate_small
from sim.trace import loads
from sim.trace.changes import Changes
from sim.trace.columns import build
from sim.trace.recorded import Records
from sim.trace.recorder import Trace
from sim.trace.records import (
    BlockRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    LoadRecord,
    PutRecord,
    Record,
    RequestsRecord,
    UpRecord,
)
from sim.trace.timelines import BlockTable, LoadTable, ReturnTable, Timelines
from tests.worlds import header, us

few = settings(max_examples=max(10, settings().max_examples // 2))
EVENTS = (LoadRecord, DropRecord, UpRecord, DownRecord)


@st.composite
def served(draw: st.DrawFn) -> list[Record]:
    """Loads and drops of two gateways that each come up once, or not, in any order."""
    ups, loaded = set[int](), set[tuple[int, int]]()
    records: list[Record] = []
    steps = st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(-1, 2))
    t_us = 0
    for wait_us, gateway, block in draw(st.lists(steps, max_size=24)):
        t_us += wait_us
        if block < 0:
            if gateway not in ups:
                records.append(UpRecord(t_us, gateway))
            ups.add(gateway)
            continue
        kind = DropRecord if (gateway, block) in loaded else LoadRecord
        loaded ^= {(gateway, block)}
        records.append(kind(t_us, gateway, (block,)))
    return records


@given(served())
def test_loads_are_paired_as_a_walk_pairs_them(events: list[Record]) -> None:
    records = Records.of(events)
    walked = loads._walked(records.iter_of(*EVENTS))
    paired = loads._paired(records)
    assert paired is not None
    assert columns_of(paired) == columns_of(walked)


def test_loads_that_do_not_alternate_are_walked() -> None:
    twice = Records.of([LoadRecord(1, 0, (0,)), LoadRecord(2, 0, (0,)), UpRecord(3, 0)])
    assert loads._paired(twice) is None
    assert loads.loads(twice).load_us.tolist() == [1, 3]


@st.composite
def histories(draw: st.DrawFn, replicas: int) -> list[Record]:
    """Two blocks of a chunk, an index, meta.json and marks, which come and go in any way."""
    records: list[Record] = [BlockRecord(0, b, 0, 0, 0, b, b + 1, 1, 1, (b, b + 1)) for b in (0, 1)]
    held: list[set[int]] = [set(), set()]
    t_us = 0
    for block in draw(st.lists(st.integers(0, 1), max_size=8)):
        t_us += draw(st.integers(0, 9))
        is_put = not held[block] or draw(st.booleans())
        puts = st.sampled_from([(0, 1, 2), (0, 1, 2), (2, 1, 0), (3,), (3,), (0,), (1, 2), (4,)])
        drops = st.sampled_from([(*sorted(held[block]),), (*sorted(held[block], reverse=True),)])
        some = st.sampled_from([*sorted(held[block])] or [0]).map(lambda i: (i,))
        objects = draw(puts if is_put else drops | drops | some)
        n = len(objects) * replicas
        lags = st.lists(st.integers(0, 20), min_size=n, max_size=n)
        seen = tuple(t_us + lag_us for lag_us in draw(st.just([]) | lags))
        if is_put:
            held[block].update(objects)
            records.append(PutRecord(t_us, block, objects, seen, seen, 0))
        else:
            held[block].difference_update(objects)
            records.append(DeleteRecord(t_us, block, objects, seen, seen))
    return records


@given(st.integers(1, 2).flatmap(lambda n: st.tuples(st.just(n), histories(n))))
def test_whole_blocks_are_as_a_walk_finds_them(drawn: tuple[int, list[Record]]) -> None:
    replicas, records = drawn
    trace = Trace.of(header(replicas=replicas), [*records, RequestsRecord(us("14h"), (0,) * 5)])
    found = build(trace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Changes, "_find_whole", _no_whole)
        walked = build(trace)
    assert columns_of(found.blocks) == columns_of(walked.blocks)
    assert columns_of(found.returns) == columns_of(walked.returns)
    assert found.counters == walked.counters
    assert _absences(found) == _absences(walked)


def columns_of(table: LoadTable | BlockTable | ReturnTable) -> dict[str, list[int]]:
    """Every column of a table, by name."""
    return {field.name: getattr(table, field.name).tolist() for field in fields(table)}


def _no_whole(self: Changes, *_: object) -> None:
    never = np.full(self._n_blocks, -1)
    self.is_whole = np.zeros(self._n_blocks, np.bool_)
    self.came_us = self.went_us = self._came = self._went = never
    self._put_row = self._delete_row = never


def _absences(timelines: Timelines) -> set[tuple[int, ...]]:
    table = timelines.absences.each(np.arange(timelines.absences.block.size))
    rows = (table.block, table.object, table.replica, table.start_us, table.end_us)
    return {row for row in zip(*(c.tolist() for c in rows), strict=True) if row[3] < row[4]}


@few
@given(scenarios(), st.integers(0, 1), st.sets(st.integers(0, 2)))
def test_streams_may_be_looked_at_few_at_a_time(
    scenario: Scenario, index: int, left_out: set[int]
) -> None:
    note(to_toml(scenario))
    run = simulate_small(scenario, index)
    together = _needed(run, frozenset(left_out))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needs, "_COVERS_MAX", 1)
        assert _needed(run, frozenset(left_out)) == together


def _needed(run: SmallRun, left_out: frozenset[int]) -> list[list[list[int]]]:
    found = []
    for query in run.scenario.queries:
        exposure = Exposure(run.scenario, run.timelines, query)
        start_us = run.timelines.warmup_us
        tables = [
            exposure.missing(7, left_out),
            exposure.lapses(left_out),
            exposure.unserved(left_out),
            (exposure.lacking(start_us + 10**9, 7, left_out),),
        ]
        found += [[column.tolist() for column in table] for table in tables]
    return found
