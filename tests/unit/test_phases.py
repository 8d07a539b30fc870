"""Integration over phases, against the average of simulations at many phases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.phases import failing_over_phases
from sim.analysis.results import estimate
from sim.analysis.theory.plain_worlds import is_one_draw, is_plain
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario
from tests.worlds import AT_ONCE, marks, run, us, world

PERIOD_M = 40
PHASES = 40


def small(scheme: dict[str, Any], **gateways: Any) -> Scenario:
    return world(
        horizon="30h",
        warmup="2h",
        compactor={"wait_interval": "15m", "retention": {"raw": "13h"}},
        gateways={"sync_interval": f"{PERIOD_M}m", "phase": "uniform", **gateways},
        queries=[{"name": "day", "range": "1d", "takes": "5m"}],
        schemes=[scheme],
    )


def integrated(scenario: Scenario) -> float:
    (query_class,) = scenario.queries
    exposure = Exposure(scenario, run(scenario)[1], query_class)
    found = failing_over_phases(exposure, query_class.takes.draw_us(0.5))
    assert found is not None
    return found


def averaged(scheme: dict[str, Any], **gateways: Any) -> float:
    """Mean over phases at the middle of equal slices: exact for what is linear on each."""
    fractions = []
    for i in range(PHASES):
        phase_us = us(f"{PERIOD_M}m") * (2 * i + 1) // (2 * PHASES)
        scenario = small(scheme, **{**gateways, "phase": f"{phase_us}us"})
        (found,) = evaluate_exact(scenario, run(scenario)[1])
        fractions.append(found.fractions["query-error"])
    return float(np.mean(fractions))


def kept(hide: Any, **parts: Any) -> dict[str, Any]:
    """Readers keep what is replaced."""
    return {"name": "kept", "kind": "composed", "hide": hide, **parts}


UNTIL_GONE = kept("gone", record="nothing", delete="at-once")
UNTIL_MARKED = kept(
    {"kind": "mark-age", "after": "40m", "keeps_superseded": True},
    record="mark",
    delete={"kind": "after", "delay": "1h"},
)


@pytest.mark.parametrize("sync_takes", ["0s", "3m"])
@pytest.mark.parametrize(
    "scheme",
    [AT_ONCE, marks("20m", "0s"), marks("1h", "40m"), UNTIL_GONE, UNTIL_MARKED],
    ids=["at once", "I 0", "I 40m", "until gone", "until marked"],
)
def test_it_is_the_mean_over_all_phases(scheme: dict[str, Any], sync_takes: str) -> None:
    mean = averaged(scheme, sync_takes=sync_takes)
    assert mean > 0
    assert integrated(small(scheme, sync_takes=sync_takes)) == pytest.approx(mean, rel=2e-3)
    assert integrated(small(scheme, sync_takes=sync_takes)) != pytest.approx(1.1 * mean, rel=2e-3)


def test_what_is_safe_at_every_phase_is_zero() -> None:
    assert averaged(marks("3h", "1h")) == 0.0
    assert integrated(small(marks("3h", "1h"))) == 0.0


def test_several_readers_fail_together_or_apart() -> None:
    one = integrated(small(AT_ONCE))
    three = integrated(small(AT_ONCE, count=3))
    # The latest of three is later than one, and not by as much as all three together.
    assert one < three < 3 * one
    # A shard with a reader of its own and no streams fails nobody.
    assert integrated(small(AT_ONCE, count=2, shards=2)) == pytest.approx(one)


def test_an_empty_window_has_no_fraction() -> None:
    scenario = small(AT_ONCE)
    _, timelines = run(scenario)
    exposure = Exposure(scenario, timelines, scenario.queries[0])
    object.__setattr__(timelines, "warmup_us", timelines.horizon_us)
    assert failing_over_phases(exposure, 0) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"gateways": {"sync_interval": {"law": "uniform", "low": "1m", "high": "2m"}}},
        {"gateways": {"sync_takes": {"law": "uniform", "low": "1m", "high": "2m"}}},
        {"gateways": {"phase": "3m"}},
        {"gateways": {"sync_takes": "2h", "phase": "uniform"}},
        {"store": {"error_rate": 0.1}},
        {"store": {"negative_cache": "1m"}},
        {"gateways": {"phase": "uniform", "cache": {}}},
        {"gateways": {"count": 2, "shards": 2, "shard_by": "block"}},
        {"gateways": {"phase": "uniform", "sync_takes_per_block": "1ms"}},
        {"store": {"lag": {"create": {"get": "1s"}}}},
        {"faults": [{"kind": "gateway-outage", "target": 0, "at": "1h", "lasts": "1h"}]},
    ],
    ids=str,
)
def test_other_worlds_are_not_plain(changes: dict[str, Any]) -> None:
    plain = world(gateways={"phase": "uniform"})
    assert is_plain(plain)
    assert is_one_draw(plain)
    merged = {**changes, "gateways": {"phase": "uniform", **changes.get("gateways", {})}}
    assert not is_plain(world(**merged))
    assert not is_one_draw(world(**merged))


def test_drawn_work_leaves_phases_plain_but_not_alone() -> None:
    law = {"law": "uniform", "low": "1m", "high": "2m"}
    scenario = world(gateways={"phase": "uniform"}, compactor={"compaction_takes": law})
    assert is_plain(scenario)
    assert not is_one_draw(scenario)


def test_no_phase_is_integrated_over_where_deletions_follow_readers() -> None:
    # With a lease nothing goes before the reader has looked: at another phase it goes later.
    for hold, method in (("nothing", "phases"), ("leases", "clusters")):
        scheme = {"name": "held", "kind": "composed", "hold": hold}
        scenario = small(scheme).model_copy(update={"trials": 2})
        result = run_scenario(scenario, workers=1)
        (found,) = result.schemes
        assert estimate(found, ("query-error",)).interval.method == method
