"""When gateways sync, worked out from the draws, compared with what the trace records of them."""

from __future__ import annotations

import pytest

from sim.analysis.queries.syncs import syncs
from sim.core.units import NEVER
from sim.scenario.schema import Scenario
from sim.trace.records import DropRecord, LoadRecord, UpRecord
from tests.worlds import run, us, world

EVERY = {"law": "uniform", "low": "20m", "high": "100m"}
TAKES = {"law": "uniform", "low": "1m", "high": "30m"}


@pytest.mark.parametrize(
    "gateways",
    [
        {"count": 2, "phase": "uniform"},
        {"count": 2, "phase": "uniform", "sync_takes": "4m"},
        {"sync_interval": "10m", "sync_takes": "25m"},
        {"sync_interval": EVERY, "sync_takes": TAKES},
    ],
    ids=["instant", "takes", "overruns", "drawn"],
)
def test_what_a_sync_changes_is_recorded_when_it_ends(gateways: dict[str, object]) -> None:
    scenario = world(gateways=gateways)
    trace, timelines = run(scenario)
    for gateway in range(scenario.gateways.count):
        ends = {sync.end_us for sync in syncs(scenario, timelines, gateway, 0, NEVER)}
        changed = {
            record.t_us
            for record in trace.records
            if isinstance(record, LoadRecord | DropRecord | UpRecord) and record.gateway == gateway
        }
        assert changed
        assert changed <= ends


def _with_outage(**gateways: object) -> Scenario:
    outage = {"kind": "gateway-outage", "target": 0, "at": "5h", "lasts": "1h"}
    return world(gateways=gateways, faults=[outage])


def test_an_outage_begins_a_new_grid() -> None:
    scenario = _with_outage(sync_takes="4m")
    _, timelines = run(scenario)
    found = syncs(scenario, timelines, 0, 0, NEVER)
    assert not [sync for sync in found if us("5h") <= sync.start_us < us("6h")]
    # The second follows the first at once.
    starts = [sync.start_us for sync in found if sync.start_us >= us("5h")]
    assert starts[:3] == [us("6h"), us("6h4m"), us("7h4m")]


def test_what_is_not_known_after_an_outage_is_left_out() -> None:
    scenario = _with_outage(sync_takes=TAKES)
    _, timelines = run(scenario)
    up_us = int(timelines.downs.end_us[-1])
    later = [s.start_us for s in syncs(scenario, timelines, 0, 0, NEVER) if s.start_us >= us("5h")]
    assert us("6h1m") <= up_us == later[0]


def test_only_syncs_that_touch_the_stretch_are_given() -> None:
    scenario = world(gateways={"sync_takes": "4m"})
    _, timelines = run(scenario)
    found = syncs(scenario, timelines, 0, us("2h36m"), us("4h34m"))
    assert [sync.start_us for sync in found] == [us("2h34m"), us("3h34m")]
    assert not syncs(scenario, timelines, 0, us("2h40m"), us("2h50m"))
