"""The inverse of the curve: the shortest delay that is enough, against one run for each delay."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.analysis.curve.feedback import entanglement, with_delay
from sim.analysis.sweep import FAILING
from sim.api import CurveResult
from sim.scenario.schema import Scenario
from sim.study import delays as delays_module
from sim.study.delays import GAPS, fraction_of
from sim.study.run import run_scenario
from tests.short import SHORT
from tests.worlds import world

SECOND = 1_000_000


@pytest.fixture(scope="module")
def short() -> Scenario:
    changes = {
        "gateways.sync_interval": "7m",
        "gateways.sync_takes": "20s",
        # So that compactions end, and with them deletions, at many phases of the syncs.
        "compactor.compaction_takes": {"law": "uniform", "low": "30s", "high": "4m"},
    }
    return sim.load(SHORT, changes)


@pytest.fixture(scope="module")
def curve(short: Scenario) -> CurveResult:
    return sim.curve(short, delays="0s,1m,5m,30m,2h")


def simulated(scenario: Scenario, delay_us: int, outcome: str = "query-error") -> float:
    (scheme,) = run_scenario(with_delay(scenario, 1, delay_us), schemes=[1]).schemes
    return fraction_of(scheme, outcome)


def test_any_delay_gives_what_a_run_with_it_gives(short: Scenario, curve: CurveResult) -> None:
    for delay_us in (0, 23_456_789, 60 * SECOND, 400 * SECOND):
        assert curve.fraction_at(delay_us) == simulated(short, delay_us)
    assert curve.fraction_at("23456789us") == curve.fraction_at(23_456_789) > 0


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
def test_a_delay_is_enough_and_one_microsecond_less_is_not(
    short: Scenario, curve: CurveResult, share: float
) -> None:
    wanted = share * curve.fraction_at(0)
    delay_us = curve.delay_for(wanted)
    assert delay_us is not None
    assert simulated(short, delay_us) <= wanted < simulated(short, delay_us - 1)


def test_more_failures_need_less_delay(curve: CurveResult) -> None:
    wanted = [share * curve.fraction_at(0) for share in (0.0, 0.25, 0.9, 1.0)]
    found = [curve.delay_for(fraction) or 0 for fraction in wanted]
    assert found == sorted(set(found), reverse=True)


def test_no_failure_at_all_needs_the_critical_delay(curve: CurveResult) -> None:
    assert curve.delay_for(0.0, "failed") == max(curve.critical_us.values()) > 0


def test_ends_of_the_curve_are_ends_of_the_answer(
    short: Scenario, curve: CurveResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing between two delays is asked for, so nothing more is simulated.
    monkeypatch.setattr(delays_module, "DelayFunction", None)
    assert curve.delay_for(1.0) == 0
    assert sim.curve(short, delays="0s,1m").delay_for(0.0) is None


def test_where_no_run_answers_others_the_delay_is_found_by_simulation(short: Scenario) -> None:
    slow = sim.load(short, {"compactor.delete_takes": "1s"})
    curve = sim.curve(slow, delays="0s,5m,30m")
    assert set(curve.origins) == {"simulated"}
    delay_us = curve.delay_for(0.0)
    assert delay_us is not None
    grain_us = max(SECOND, delay_us // 50)
    assert simulated(slow, delay_us) == 0.0 < simulated(slow, delay_us - grain_us)


def test_a_zero_that_nothing_exercised_is_no_advice(short: Scenario) -> None:
    idle = sim.load(short, {"horizon": "2h", "warmup": "1h"})
    with pytest.raises(ValueError, match="no delay is known to be enough: no block was retired"):
        sim.curve(idle, delays="0s,1m").delay_for(0.0)


def test_wrong_questions_are_refused(curve: CurveResult) -> None:
    for fraction in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
            curve.delay_for(fraction)
    with pytest.raises(ValueError, match='"failed"; did you mean "query-error"'):
        curve.delay_for(0.0, "query_eror")
    with pytest.raises(ValueError, match="query='dya' must be \"day\"; did you mean"):
        curve.fraction_at(0, query="dya")
    with pytest.raises(ValueError, match="delay=-1 must be a number of µs >= 0"):
        curve.fraction_at(-1)


def test_failed_is_what_sweeps_call_failing(curve: CurveResult) -> None:
    parts = [curve.fraction_at(0, outcome) for outcome in FAILING]
    assert curve.fraction_at(0, "failed") == pytest.approx(sum(parts))
    assert set(GAPS) < set(FAILING)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"store": {"negative_cache": "1m"}}, "the front end remembers what was not there"),
        (
            {"gateways": {"sync_takes_per_block": "1ms"}},
            "a sync takes longer for what is stored",
        ),
        ({"store": {"error_rate": 0.1}}, "requests fail"),
        ({"store": {"lost_answer_rate": 0.1}}, "requests fail"),
        ({"compactor": {"count": 2}}, "several compactors look for what is due"),
        ({"compactor": {"delete_takes": "1s"}}, "deletions take time"),
        ({"store": {"order": "log"}}, "replicas show changes in order"),
    ],
    ids=str,
)
def test_what_entangles_deletions_is_named(changes: dict[str, Any], reason: str) -> None:
    assert entanglement(world()) == ()
    assert entanglement(world(**changes)) == (reason,)
