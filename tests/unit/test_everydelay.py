"""Where settings prove that a delay moves only deletions, and what follows from the passes."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.curve.feedback import feedback, with_delay
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.results import collect
from sim.core.units import NEVER, US_PER_S
from sim.model.world import simulate
from sim.report.document import document
from sim.scenario.schema import Scenario
from sim.study import curve
from sim.study.curve import CURVE, SIMULATED, trials_over_delays
from sim.study.run import run_trial
from sim.trace.columns import build
from sim.trace.passes import Passes
from tests.short import SHORT
from tests.traces import changed
from tests.worlds import AT_ONCE, lag, marks, us, world

MARK = 1
HOUR_US = 3600 * US_PER_S


@pytest.fixture(scope="module")
def short() -> Scenario:
    return Scenario.model_validate(tomllib.loads(SHORT))


def every(scenario: Scenario, delay_us: int = 0) -> EveryDelay:
    scenario = with_delay(scenario, MARK, delay_us)
    trace = simulate(scenario, MARK, 0)
    return EveryDelay(scenario, MARK, trace, build(trace))


def failing(scenario: Scenario, delay_us: int) -> float:
    timelines = build(simulate(with_delay(scenario, MARK, delay_us), MARK, 0))
    return evaluate_exact(scenario, timelines)[0].fractions["query-error"]


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"store": {"lag": {"delete": {"list": "1s"}}}}, "the store shows changes late"),
        ({"store": {"negative_cache": "1m"}}, "the front end remembers what was not there"),
        (
            {"gateways": {"sync_takes_per_block": "1ms"}},
            "a sync takes longer for what is stored",
        ),
        ({"gateways": {"cache": {}}}, "gateways remember what the store answered"),
        (
            {"gateways": {"count": 2, "shards": 2, "shard_by": "block"}},
            "a block and its replacement are on different gateways",
        ),
        ({"store": {"error_rate": 0.01}}, "requests fail"),
        ({"store": {"order": "log"}}, "replicas show changes in order"),
        ({"compactor": {"delete_takes": "1s"}}, "deletions take time"),
        ({"compactor": {"count": 2}}, "several compactors look for what is due"),
        (
            {"compactor": {"retention": {"raw": "9d"}}},
            "retention retires blocks that nothing replaces",
        ),
        (
            {"gateways": {"sync_takes": "20s", "sync_stages": {"marks": 0.5}}},
            "a sync looks at the bucket more than once",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_feed_back_are_named(
    short: Scenario, tables: dict[str, Any], reason: str
) -> None:
    assert feedback(short) == ()
    assert reason in feedback(changed(short, **tables))


def test_a_scheme_without_a_delay_has_no_curve(short: Scenario) -> None:
    with pytest.raises(ValueError, match="has no delete delay"):
        trials_over_delays(short, 0, 0, [0, HOUR_US])


def test_a_block_goes_at_the_first_pass_that_finds_its_mark_old_enough() -> None:
    passes = Passes(
        at_us=np.array([10, 20, 30, 40]),
        syncs=np.zeros(4, np.int64),
        block=np.array([3, 5]),
        stamp_us=np.array([5, 5]),
        known=np.array([0, 2]),
    )
    # Old enough is older than the delay: at 10 a mark of 5 is no older than 5.
    assert passes.deleted_us(4).tolist() == [10, 30]
    assert passes.deleted_us(5).tolist() == [20, 30]
    assert passes.deleted_us(34).tolist() == [40, 40]
    assert passes.deleted_us(35).tolist() == [NEVER, NEVER]


def test_the_least_delay_is_the_inverse_of_the_deletion() -> None:
    passes = Passes(
        at_us=np.array([10, 20, 30, 40]),
        syncs=np.zeros(4, np.int64),
        block=np.array([3, 5]),
        stamp_us=np.array([5, 5]),
        known=np.array([0, 2]),
    )
    row = np.array([0, 1])
    for before_us in range(60):
        least = passes.least_delay_us(row, np.array([before_us, before_us])).tolist()
        for i, delay_us in enumerate(least):
            assert passes.deleted_us(delay_us)[i] >= before_us
            assert delay_us == 0 or passes.deleted_us(delay_us - 1)[i] < before_us


def test_the_largest_critical_delay_is_the_smallest_safe_one(short: Scenario) -> None:
    """Against simulation: there no query fails, and a microsecond below some do."""
    slow = changed(short, gateways={"sync_interval": "17m", "sync_takes": "40s"})
    (critical,) = every(slow).critical
    assert len(set(critical.delay_us.tolist())) > 3
    assert critical.largest_us > 10 * 60 * US_PER_S
    assert failing(slow, critical.largest_us) == 0.0
    assert failing(slow, critical.largest_us - 1) > 0.0


def test_what_queries_of_several_resolutions_use_is_the_same_at_every_delay() -> None:
    query = {"name": "q", "range": "9d", "takes": "2h", "max_resolution": "5m"}
    scenario = world(
        horizon="20d",
        producers={"block_length": "2d"},
        compactor={"wait_interval": "7h", "ranges": ["2d", "4d"], "downsampling": True},
        gateways={"sync_interval": "31h", "phase": "2h"},
        queries=[{**query, "name": "raw", "max_resolution": "raw"}, query],
        schemes=[AT_ONCE, marks("0s", "0s")],
    )
    curve = every(scenario)
    raw, coarse = (critical.largest_us for critical in curve.critical)
    assert raw != coarse
    for delay_us in (0, raw, coarse - 1, coarse):
        timelines = build(simulate(with_delay(scenario, MARK, delay_us), MARK, 0))
        judged, own = curve.judged(delay_us, 0).classes, evaluate_exact(scenario, timelines)
        assert [c.fractions for c in judged] == [c.fractions for c in own]
        fails = [outcome.fractions["query-error"] > 0 for outcome in own]
        assert fails == [delay_us < raw, delay_us < coarse]


def test_a_result_says_which_delay_would_have_been_enough(short: Scenario) -> None:
    """Whatever its own delay is: the readers and the passes are the same."""
    slow = changed(short, gateways={"sync_interval": "17m"})
    results = [run_trial(with_delay(slow, MARK, d), MARK, 0) for d in (0, HOUR_US, 6 * HOUR_US)]
    assert results[0].critical == results[1].critical == results[2].critical
    (sample,) = results[0].critical
    (critical,) = every(slow).critical
    assert sample.largest_us == critical.largest_us > 0
    assert sample.count == critical.delay_us.size
    collected = collect(slow, "exact", [replace(results[0], scheme=MARK)])
    (scheme,) = document(collected, [])["schemes"]
    assert scheme["critical_delays"] == {
        "day": {"n": sample.count, "largest_us": sample.largest_us}
    }
    assert run_trial(short, 0, 0).critical == ()
    assert run_trial(changed(short, compactor={"delete_takes": "1s"}), MARK, 0).critical == ()


def test_what_is_not_deleted_has_no_lag_that_a_result_could_know() -> None:
    scenario = world(
        horizon="6h",
        store={"lag": lag(delete_get="5m")},
        producers={"block_length": "1h"},
        compactor={"wait_interval": "15m", "ranges": ["1h", "2h"], "compaction_takes": "4m"},
        gateways={"sync_interval": "40m", "phase": "0s"},
        schemes=[marks("0s", "0s")],
    )
    delays_us = [0, us("5h")]
    found = trials_over_delays(scenario, 0, 0, delays_us)
    assert found.origins[-1] == CURVE
    simulated = [run_trial(with_delay(scenario, 0, t_us), 0, 0).critical for t_us in delays_us]
    assert [result.critical for result in found.results] == simulated
    assert simulated[0] != simulated[1]


def test_a_shorter_delay_than_the_one_that_ran_is_refused(short: Scenario) -> None:
    with pytest.raises(ValueError, match="must be >="):
        every(short, HOUR_US).timelines(HOUR_US - 1)


def test_a_load_that_failed_is_not_taken_for_one(
    short: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays_us = [0, HOUR_US]
    assert trials_over_delays(short, MARK, 0, delays_us).origins == (SIMULATED, CURVE)
    monkeypatch.setattr(curve, "could_not_load", lambda trace: True)
    found = trials_over_delays(short, MARK, 0, delays_us)
    assert found.origins == (SIMULATED, SIMULATED)
    assert "could not load" in found.reason


def test_feedback_is_found_where_settings_prove_nothing(short: Scenario) -> None:
    """Expired blocks stay in view until they are hidden or gone: the drop depends on the delay."""
    expiring = changed(short, compactor={"retention": {"raw": "30h"}}, horizon="4d")
    found = trials_over_delays(expiring, MARK, 0, [0, HOUR_US, 8 * HOUR_US])
    assert found.origins[:2] == (SIMULATED, SIMULATED)
    assert "reaches more than deletions" in found.reason


def test_delays_come_back_in_the_order_in_which_they_were_asked_for(short: Scenario) -> None:
    delays_us = [HOUR_US, 0, 2 * HOUR_US, 0]
    found = trials_over_delays(short, MARK, 0, delays_us)
    assert found.delays_us == tuple(delays_us)
    assert found.origins == (CURVE, SIMULATED, CURVE, SIMULATED)
    assert found.results[1] == found.results[3]
    garbage = [result.garbage_byte_seconds for result in found.results]
    assert garbage[1] < garbage[0] < garbage[2]


def test_sampled_queries_are_simulated_delay_by_delay(short: Scenario) -> None:
    found = trials_over_delays(short, MARK, 0, [0, HOUR_US], mode="sampled")
    assert found.origins == (SIMULATED, SIMULATED)


def test_schemes_that_differ_in_delays_alone_lie_on_one_curve(short: Scenario) -> None:
    later = short.schemes[MARK].model_dump(by_alias=True)
    raw = short.raw()
    raw["schemes"] = [
        *raw["schemes"],
        {**later, "name": "soon", "ignore_deletion_marks_delay": "0s"},
    ]
    two = Scenario.model_validate(raw)
    assert curve.schemes_alike(two) == ((1, 2),)
    assert curve.schemes_alike(changed(two, compactor={"delete_takes": "1s"})) == ((1,), (2,))
    one, other = (trials_over_delays(two, i, 0, [0, HOUR_US]).results for i in (1, 2))
    for a, b in zip(one, other, strict=True):
        assert a.classes[0].fractions == b.classes[0].fractions
        assert a.classes[0].bounds == b.classes[0].bounds
        assert a.counts == b.counts


@pytest.mark.parametrize(
    "tables",
    [
        {"store": {"order": "log", "lag": {"delete": {"get": "1s"}}}},
        {"store": {"lost_answer_rate": 0.02}},
        {"store": {"negative_cache": "1m"}},
        {"compactor": {"delete_takes": "1s"}},
    ],
    ids=lambda tables: str(tables),
)
def test_where_every_delay_is_a_world_of_its_own_each_is_simulated(
    short: Scenario, tables: dict[str, Any]
) -> None:
    """Drawn scenarios showed each: two delays agreed, and one between them did not."""
    found = trials_over_delays(changed(short, **tables), MARK, 0, [0, HOUR_US])
    assert found.origins == (SIMULATED, SIMULATED)
    assert "a world of its own" in found.reason


def test_requests_are_those_of_simulations_where_readers_wait_for_blocks_to_age(
    short: Scenario,
) -> None:
    # Blocks that go before a gateway looks at them, and after, by their delete delay.
    waiting = changed(short, gateways={"consistency_delay": "6h", "sync_interval": "17m"})
    delays_us = [0, HOUR_US, 3 * HOUR_US, 9 * HOUR_US]
    found = trials_over_delays(waiting, MARK, 0, delays_us)
    assert found.origins.count(CURVE) >= 3
    gets = []
    for delay_us, result in zip(delays_us, found.results, strict=True):
        simulated = run_trial(with_delay(waiting, MARK, delay_us), MARK, 0)
        assert result.counts["requests"] == simulated.counts["requests"]
        gets.append(result.counts["requests"]["get"])
    assert len(set(gets)) > 1
