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
from sim.trace.records import DownRecord, DropRecord, LoadRecord, UpRecord
from sim.trace.timelines import BlockTable, LoadTable, ReturnTable, Timelines

few = settings(max_examples=max(10, settings().max_examples // 2))
EVENTS = (LoadRecord, DropRecord, UpRecord, DownRecord)


@few
@given(scenarios(), st.integers(0, 1))
def test_loads_are_paired_as_a_walk_pairs_them(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    records = simulate_small(scenario, index).trace.records
    walked = loads._walked(records.iter_of(*EVENTS))
    assert columns_of(loads.loads(records)) == columns_of(walked)
    if not any(isinstance(record, DownRecord) for record in records):
        assert loads._paired(records) is not None


@few
@given(scenarios(), st.integers(0, 1))
def test_whole_blocks_are_as_a_walk_finds_them(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    trace = simulate_small(scenario, index).trace
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
