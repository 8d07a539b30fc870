"""Blocks that a producer uploads again, for it has forgotten that it did (P3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.analysis import checkers
from sim.analysis.curve.feedback import entanglement
from sim.analysis.evidence.holding import Why, holding
from sim.analysis.evidence.windows import error_windows, gone_from_us
from sim.analysis.queries.exposure import exposures
from sim.analysis.theory.plain_worlds import is_plain
from sim.scenario.schema import Scenario
from sim.trace.timelines import ReturnTable, Timelines
from tests.worlds import marks, run, story, us, world

CRASH = {"kind": "producer-crash", "target": 0, "at": "11h", "lasts": "5m"}
# The first 8h are merged at 10h1m, and their sources deleted.


def returning(memory: str | None, local_retention: str, **changes: Any) -> Scenario:
    producers = {"memory": memory, "local_retention": local_retention, "block_bytes": "100B"}
    return world(**{"producers": producers, "faults": [CRASH], "horizon": "12h", **changes})


def again(timelines: Timelines) -> list[tuple[int, int, int]]:
    table = timelines.returns
    columns = (table.block.tolist(), table.gone_us.tolist(), table.back_us.tolist())
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize(
    ("memory", "local_retention", "blocks"),
    [
        (None, "1d", []),
        ("kept", "1d", []),
        ("lost", "1d", [0, 1, 2, 3]),
        # At 11h5m it has the data of less than 6h: what ended after 5h5m.
        ("lost", "6h", [2, 3]),
        ("lost", "3h5m", []),
        ("lost", "0s", []),
    ],
)
def test_what_is_still_on_its_disk_comes_back(
    memory: str | None, local_retention: str, blocks: list[int]
) -> None:
    _, timelines = run(returning(memory, local_retention))
    at = us("10h6m"), us("11h5m")
    assert [block for block, *_ in again(timelines)] == blocks
    assert all(gap[0] <= at[0] and gap[1] == at[1] for _, *gap in again(timelines))


def test_what_the_bucket_still_has_is_not_uploaded_again() -> None:
    trace, timelines = run(returning("lost", "1d", schemes=[marks("3h", "1h")]))
    assert again(timelines) == []
    puts = [line for line in story(trace.records) if " put " in line and "mark" not in line]
    assert not any(line.startswith("11h5m") for line in puts)


def test_what_is_contained_goes_again() -> None:
    trace, timelines = run(returning("lost", "1d"))
    deleted = [line for line in story(trace.records) if " delete 0:" in line]
    assert len(deleted) == 2
    assert int(timelines.blocks.deleted_us[0]) < us("11h15m")
    retired = [line for line in story(trace.records) if " retire 0 " in line]
    assert len(retired) == 1


def test_bytes_are_counted_while_they_are_there() -> None:
    scenario = returning("lost", "1d")
    _, timelines = run(scenario)
    empty = timelines.returns.block[:0]
    none = replace(timelines, returns=ReturnTable(block=empty, gone_us=empty, back_us=empty))
    gone_us = sum(back - gone for _, gone, back in again(timelines))
    counted = checkers.garbage_byte_seconds(none) - checkers.garbage_byte_seconds(timelines)
    assert gone_us > 0
    assert counted == pytest.approx(100 * gone_us / 1e6)


def test_who_loads_it_anew_meets_its_next_deletion() -> None:
    # Block 0 expires at 6h, goes at 6h40m, comes back at 7h5m, and goes again at 7h20m.
    scenario = returning(
        "lost",
        "1d",
        compactor={"ranges": ["2h"], "retention": {"raw": "4h"}, "wait_interval": "40m"},
        gateways={"sync_interval": "15m", "phase": "0s"},
        faults=[CRASH | {"at": "7h"}],
        horizon="7h45m",
    )
    _, timelines = run(scenario)
    loads = timelines.loads
    mine = loads.block == 0
    assert again(timelines) == [(0, us("6h40m"), us("7h5m"))]
    assert loads.load_us[mine].tolist() == [us("2h"), us("7h15m")]
    assert gone_from_us(timelines, np.flatnonzero(mine)).tolist() == [us("6h40m"), us("7h20m")]
    windows = error_windows(timelines)
    assert (windows.start_us.tolist(), windows.end_us.tolist()) == ([us("7h20m")], [us("7h30m")])


def test_a_block_that_came_back_waits_for_its_new_mark() -> None:
    scenario = returning("lost", "1d", schemes=[marks("10m", "5m")], horizon="13h")
    trace, timelines = run(scenario)
    key = timelines.blocks.id[0]
    (first_us, second_us) = timelines.marks.stamp_us[timelines.marks.block == 0].tolist()

    def why(at: str) -> tuple[Why, int]:
        exposed = exposures(scenario, timelines)
        found = holding(scenario, trace, timelines, exposed, key, us(at), scheme_index=0)
        return found.why, found.due_us

    assert why("10h5m") == (Why.DELAY, first_us + us("10m") + 1)
    assert why("11h")[0] is Why.GONE
    assert why("11h12m") == (Why.DELAY, second_us + us("10m") + 1)


def test_nothing_is_proven_of_what_may_come_back() -> None:
    assert "a producer forgets what it has uploaded" in entanglement(returning("lost", "1d"))
    assert entanglement(returning("kept", "1d")) == ()
    plain = {"gateways": {"sync_interval": "1h", "phase": "uniform"}}
    assert is_plain(returning("kept", "1d", **plain))
    assert not is_plain(returning("lost", "1d", **plain))
