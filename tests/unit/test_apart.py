"""Gateways that never act at one instant may sleep through ticks; others may not."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.draws import draw_us
from sim.model.actors.apart import act_apart
from sim.model.faults.happening import draw_faults
from sim.model.schemes import compose
from tests.worlds import AT_ONCE, world

LEARNS: dict[str, Any] = {
    "name": "index",
    "kind": "composed",
    "record": "mark",
    "hide": {"kind": "mark-age", "after": "1h"},
    "delete": {"kind": "after", "delay": "2h"},
    "learn": "bucket-index",
    "check": {"kind": "bucket-index", "required_after": "1h", "optional_after": "1h"},
}


def may_rest(scheme: dict[str, Any] = AT_ONCE, *faults: dict[str, Any], **gateways: Any) -> bool:
    spec = {"count": 3, "phase": "uniform", "sync_interval": "15m", "sync_takes": "20s"}
    scenario = world(gateways={**spec, **gateways}, schemes=[scheme], faults=list(faults))
    streams = scenario.streams(scenario.seed)
    drawn = draw_faults(scenario, streams)
    return act_apart(scenario.gateways, compose(scenario, 0), drawn, streams)


def test_gateways_at_phases_of_their_own_are_apart() -> None:
    assert may_rest()
    assert may_rest(count=1, phase="0s")
    assert may_rest(sync_stages={"load": 0.3})


@pytest.mark.parametrize(
    "gateways",
    [
        {"phase": "0s"},
        {"count": 1, "sync_takes": "15m"},
        {"count": 1, "sync_takes": "20m"},
        {"sync_takes": {"law": "uniform", "low": "0s", "high": "1m"}},
        {"sync_interval": {"law": "uniform", "low": "1m", "high": "2m"}},
        {"sync_takes_per_block": "1ms"},
        {"sync_stages": {"marks": 0.5}},
    ],
    ids=lambda gateways: " ".join(gateways),
)
def test_others_are_not(gateways: dict[str, Any]) -> None:
    assert not may_rest(**gateways)


def test_nor_are_those_that_start_again_or_stand_still() -> None:
    outage = {"kind": "gateway-outage", "target": 1, "at": "3h", "lasts": "1h"}
    pause = {"kind": "pause", "who": "gateway/0", "at": "3h", "lasts": "1h"}
    crash = {"kind": "compactor-crash", "at": "3h", "lasts": "1h"}
    assert not may_rest(AT_ONCE, outage)
    assert not may_rest(AT_ONCE, pause)
    assert may_rest(AT_ONCE, crash)


def test_nor_are_those_beside_a_querier() -> None:
    assert not may_rest(LEARNS, partial_response="abort")


def test_a_grid_that_meets_the_end_of_another_gateways_sync_is_not_apart() -> None:
    # The phases of two gateways differ by less than a sync takes: it is set to that.
    scenario = world(gateways={"count": 2, "phase": "uniform", "sync_interval": "15m"})
    streams = scenario.streams(scenario.seed)
    interval = scenario.gateways.sync_interval
    first, second = (
        int(streams.uniform("gateway", g, "phase") * draw_us(interval, streams, "any"))
        for g in (0, 1)
    )
    apart_us = abs(first - second)
    assert not may_rest(count=2, sync_takes=f"{apart_us}us")
    assert may_rest(count=2, sync_takes=f"{apart_us + 1}us")
