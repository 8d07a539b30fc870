"""Do the intervals hold what they promise? Repeated experiments with a known answer.

Every hour a block is marked, hidden at once, and deleted a good quarter of an hour later. A reader
that has not synced since fails the queries that still read it then. What fraction that is follows
from where the syncs of the reader fall, and its mean from a closed form, for a constant interval
of syncs (one phase decides a whole trial) and for a drawn one (phases are forgotten).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.estimators import Interval, fraction_interval, t_half_width
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.queries.outcomes import Bound, ClassOutcome
from sim.analysis.rules.safety import proof, rules
from sim.scenario.schema import Scenario
from tests.stats import assert_power, mean_within
from tests.worlds import marks, run, us, world

Floats = NDArray[np.float64]
Estimator = Callable[[Floats], Interval]

HOURS = 48
"""Measured, so deletions of a trial."""
PERIOD_M, LONGEST_M = 15.0, 20.0
"""Mean interval of syncs, and the longest where it is uniform from 10 to 20 minutes."""
QUERIES_PER_TRIAL = HOURS * 3600.0
EXPERIMENTS = 3000


def hourly(takes: str, *, readers: int = 1, drawn: bool = False, **gateways: object) -> Scenario:
    """Passes every 5m: marked at a whole quarter of an hour, deleted after 15m, or 20m."""
    interval = {"law": "uniform", "low": "10m", "high": "20m"} if drawn else "15m"
    return world(
        horizon="60h",
        warmup="12h",
        producers={"block_length": "1h"},
        compactor={"ranges": ["1h"], "wait_interval": "5m", "retention": {"raw": "5h"}},
        gateways={"count": readers, "sync_interval": interval, "phase": "uniform", **gateways},
        queries=[{"name": "day", "rate": "1/s", "range": "1d", "takes": takes}],
        schemes=[marks("19m" if drawn else "14m", "0s")],
    )


def simulated(scenario: Scenario, trial: int = 0) -> ClassOutcome:
    (found,) = evaluate_exact(scenario, run(scenario, trial=trial)[1])
    return found


def constant_fractions(takes_m: float, readers: int, trials: int) -> Floats:
    """Fractions of trials; an independent model of readers with a constant interval."""
    wait_m = np.random.default_rng(1).random((trials, readers)) * PERIOD_M
    late_m = np.maximum(0.0, wait_m.max(axis=1) + takes_m - PERIOD_M)
    return np.asarray(late_m / 60.0, np.float64)


def drawn_fractions(takes_m: float, readers: int, trials: int) -> Floats:
    """The same for an interval that is drawn: sync after sync, with all they remember."""
    rng = np.random.default_rng(2)
    late_m = np.zeros((trials, HOURS))
    for _ in range(readers):
        steps = rng.uniform(10.0, 20.0, (trials, 400))
        syncs = rng.random((trials, 1)) * PERIOD_M + np.cumsum(steps, axis=1) - 10.0
        for i in range(HOURS):
            mark_m = 60.0 * (12 + i)
            next_m = np.where(syncs >= mark_m, syncs, np.inf).min(axis=1)
            late_m[:, i] = np.maximum(late_m[:, i], next_m - mark_m + takes_m - LONGEST_M)
    return np.asarray(late_m.mean(axis=1) / 60.0, np.float64)


def constant_mean(takes_m: float, readers: int) -> float:
    """∫ P(the latest of the readers is late by more than y) dy, one deletion an hour."""
    y = np.linspace(0.0, takes_m, 20_001)
    return float(np.trapezoid(1.0 - (1.0 - (takes_m - y) / PERIOD_M) ** readers, y)) / 60.0


def drawn_mean(takes_m: float, readers: int) -> float:
    """The same; the wait for a sync is the residual life of an interval uniform on (10, 20)."""
    y = np.linspace(0.0, takes_m, 20_001)
    wait_m = LONGEST_M - takes_m + y
    late = np.where(wait_m < 10.0, 1.0 - wait_m / PERIOD_M, (LONGEST_M - wait_m) ** 2 / 300.0)
    return float(np.trapezoid(1.0 - (1.0 - late) ** readers, y)) / 60.0


def bound_of(takes_m: float, readers: int, *, drawn: bool) -> Bound:
    """What one simulated trial says about its bound, without its phases."""
    scenario = hourly(f"{round(60 * takes_m)}s", readers=readers, drawn=drawn)
    bound = simulated(scenario).bounds["query-error"]
    return Bound(clusters=bound.clusters, most=bound.most)


def coverage(fractions: Floats, trials: int, answer: float, estimator: Estimator) -> float:
    """Share of experiments, each of as many trials, whose interval holds the answer."""
    held = 0
    for experiment in fractions[: EXPERIMENTS * trials].reshape(-1, trials):
        interval = estimator(experiment)
        held += interval.low <= answer <= interval.high
    return held / (len(fractions[: EXPERIMENTS * trials]) // trials)


def by_clusters(bound: Bound) -> Estimator:
    return lambda f: fraction_interval(f, QUERIES_PER_TRIAL, [bound] * f.size)


def by_rule_of_three(fractions: Floats) -> Interval:
    """The bound that counts queries as if each were a new chance."""
    if fractions.any():
        return fraction_interval(fractions, QUERIES_PER_TRIAL)
    total = QUERIES_PER_TRIAL * fractions.size
    return Interval(0.0, 0.0, 1.0 - 0.05 ** (1.0 / total), "rule-of-three")


@pytest.mark.parametrize("phase_s", [0, 30, 270, 299, 300, 301, 840, 899])
def test_the_model_of_a_reader_is_the_simulated_one(phase_s: int) -> None:
    scenario = hourly("6m", phase=f"{phase_s}s")
    # Marked 5m after the hour, at the pass after the end of retention; hidden strictly later.
    wait_m = (phase_s / 60.0 - 5.0) % PERIOD_M or PERIOD_M
    late_m = max(0.0, wait_m + 6.0 - PERIOD_M)
    assert simulated(scenario).fractions["query-error"] == pytest.approx(late_m / 60.0, abs=1e-6)


def test_the_model_of_drawn_syncs_is_the_simulated_one() -> None:
    scenario = hourly("18m", drawn=True)
    found = [simulated(scenario, trial).fractions["query-error"] for trial in range(40)]
    assert mean_within(found, drawn_mean(18.0, 1))
    assert not mean_within(found, 1.1 * drawn_mean(18.0, 1))


@pytest.mark.parametrize("readers", [1, 3])
def test_the_answers_are_known(readers: int) -> None:
    for sample, truth in (
        (constant_fractions(1.0, readers, 400_000), constant_mean(1.0, readers)),
        (constant_fractions(5.0, readers, 400_000), constant_mean(5.0, readers)),
        (drawn_fractions(3.0, readers, 3000), drawn_mean(3.0, readers)),
    ):
        assert_power(partial(mean_within, sample), truth)


@pytest.mark.parametrize("trials", [1, 4, 8])
@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("takes_m", [0.5, 1.0, 3.0])
def test_few_seen_of_constant_phases_are_bounded(takes_m: float, readers: int, trials: int) -> None:
    fractions = constant_fractions(takes_m, readers, EXPERIMENTS * trials)
    answer = constant_mean(takes_m, readers)
    bound = bound_of(takes_m, readers, drawn=False)
    assert bound.clusters == 1
    assert fractions.max() <= bound.most
    assert coverage(fractions, trials, answer, by_clusters(bound)) >= 0.95
    # Nobody has seen it in most experiments, and each of them is sure that it is rarer.
    if trials * readers * takes_m / PERIOD_M < 0.5:
        assert coverage(fractions, trials, answer, by_rule_of_three) < 0.75


@pytest.mark.parametrize("trials", [1, 4])
@pytest.mark.parametrize("readers", [1, 3])
def test_few_seen_of_drawn_phases_are_bounded(readers: int, trials: int) -> None:
    fractions = drawn_fractions(1.0, readers, 600 * trials)
    answer = drawn_mean(1.0, readers)
    bound = bound_of(1.0, readers, drawn=True)
    # A trial counts for several: its phases are forgotten within hours.
    assert bound.clusters > 5
    estimator = by_clusters(bound)
    assert coverage(fractions, trials, answer, estimator) >= 0.95
    assert coverage(fractions, trials, answer, by_rule_of_three) < 0.9
    # One that believed the clusters and forgot the damage of each would say much less.
    nothing = estimator(np.zeros(trials)).high
    assert nothing < 1.0 - 0.05 ** (1.0 / trials)


@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("takes", ["30s", "1m", "5m"])
def test_phases_that_are_integrated_over_give_the_answer(takes: str, readers: int) -> None:
    bound = simulated(hourly(takes, readers=readers)).bounds["query-error"]
    answer = constant_mean(us(takes) / us("1m"), readers)
    assert bound.is_certain
    assert bound.over_phases == pytest.approx(answer, rel=1e-4)
    nothing = fraction_interval([0.0] * 4, QUERIES_PER_TRIAL, [bound] * 4)
    assert (nothing.method, nothing.high) == ("phases", bound.over_phases)


@pytest.mark.parametrize("trials", [4, 8])
@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("takes_m", [8.0, 10.0, 12.0, 15.0])
def test_the_spread_of_trials_covers(takes_m: float, readers: int, trials: int) -> None:
    fractions = constant_fractions(takes_m, readers, EXPERIMENTS * trials)
    bound = Bound(most=takes_m / 60.0)
    covered = coverage(fractions, trials, constant_mean(takes_m, readers), by_clusters(bound))
    error = math.sqrt(0.95 * 0.05 / EXPERIMENTS)
    assert covered >= 0.93 - 2.0 * error
    assert by_clusters(bound)(fractions[fractions > 0][:trials]).method == "t"
    # The interval is no wider than it must be: half as much again is often refused.
    wrong = 1.5 * constant_mean(takes_m, readers)
    if trials == 8 and readers == 3:
        assert coverage(fractions, trials, wrong, by_clusters(bound)) < 0.75


@pytest.mark.parametrize("trials", [12, 32])
def test_trials_that_lean_to_one_side_cover_where_t_does_not(trials: int) -> None:
    # Damage that is exponential: few trials have most of it.
    rng = np.random.default_rng(6)
    fractions = np.minimum(1.0, rng.exponential(0.01, 800 * trials))
    seen = [fraction_interval(f, 1.0) for f in fractions.reshape(-1, trials)]
    methods = [interval.method for interval in seen]
    assert 0.4 < methods.count("bootstrap") / len(seen) < 0.99
    held = sum(interval.low <= 0.01 <= interval.high for interval in seen) / len(seen)
    assert 0.93 <= held <= 0.97
    halves = [t_half_width(f) for f in fractions.reshape(-1, trials)]
    by_t = sum(
        abs(interval.fraction - 0.01) <= half for interval, half in zip(seen, halves, strict=True)
    )
    assert by_t / len(seen) < (0.93 if trials == 12 else held)


def integrated(trials: Sequence[float]) -> Estimator:
    """Phases that are integrated over in worlds that differ otherwise."""
    bounds = [Bound(over_phases=fraction, most=1.0) for fraction in trials]
    return lambda seen: fraction_interval(seen, QUERIES_PER_TRIAL, bounds)


def test_phases_of_worlds_that_differ_cover() -> None:
    # Deletions are late by up to ten minutes, drawn for each, so trials differ a little.
    rng = np.random.default_rng(3)
    takes_m = rng.uniform(0.0, 10.0, (EXPERIMENTS * 8, HOURS))
    fractions = (takes_m**2 / (2.0 * PERIOD_M) / 60.0).mean(axis=1)
    answer = (10.0**2 / 3.0) / (2.0 * PERIOD_M) / 60.0
    held = 0
    for experiment in fractions.reshape(-1, 8):
        interval = integrated(experiment.tolist())(np.zeros(8))
        assert interval.method == "phases"
        held += interval.high >= answer
    assert 0.93 <= held / EXPERIMENTS <= 0.995


@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("extra", ["0s", "1s", "10m"])
def test_at_and_above_the_rule_there_is_nothing(extra: str, readers: int, drawn: bool) -> None:
    raw = hourly("1m", readers=readers, drawn=drawn).raw()
    (required_us,) = [
        rule.required_us
        for rule in rules(Scenario.model_validate(raw), 0)
        if rule.key == "delete_delay" and rule.is_met
    ]
    raw["schemes"][0]["delete_delay"] = f"{round(required_us + us(extra))}us"
    scenario = Scenario.model_validate(raw)
    assert proof(scenario, 0, "query-error") == "R1"
    found = [simulated(scenario, trial) for trial in range(3)]
    fractions = [one.fractions["query-error"] for one in found]
    interval = fraction_interval(fractions, 1.0, [one.bounds["query-error"] for one in found])
    assert interval == Interval(0.0, 0.0, 0.0, "rule")


@pytest.mark.parametrize("readers", [1, 3])
def test_just_below_the_rule_nothing_is_proven(readers: int) -> None:
    scenario = hourly("1m", readers=readers)
    (rule,) = [r for r in rules(scenario, 0) if r.key == "delete_delay" and r.is_met]
    assert (rule.name, rule.slack_us) == ("R1", us("14m") - us("16m1s"))
    assert proof(scenario, 0, "query-error") == ""
