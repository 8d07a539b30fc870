"""Phases that are spread over trials: a Latin hypercube, and an interval that knows of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest, qmc

from sim.analysis.estimators import Interval, fraction_interval
from sim.analysis.results import estimate
from sim.analysis.sequences import Precision
from sim.core.strata import GROUPS, is_spread, spread_uniform
from sim.errors import ScenarioError
from sim.model.world import asked
from sim.scenario.load import build
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario, run_trial
from tests.theory.test_coverage import PERIOD_M, constant_mean, hourly
from tests.worlds import world

Floats = NDArray[np.float64]

TRIALS, READERS = 32, 2
EXPERIMENTS = 400
TAKES_M = 12.0
IN_GROUPS = [trial % GROUPS for trial in range(TRIALS)]


def spread(seed: int, readers: int = READERS, trials: int = TRIALS) -> Floats:
    """Phases of the readers in each trial, as shares of an interval."""
    names = [("gateway", reader, "phase") for reader in range(readers)]
    return np.array(
        [[spread_uniform(seed, t, trials, name) for name in names] for t in range(trials)]
    )


def test_each_stratum_is_met_once_in_each_group() -> None:
    phases = spread(7)
    strata = np.floor(phases * (TRIALS // GROUPS)).astype(int)
    for group in range(GROUPS):
        for reader in range(READERS):
            assert sorted(strata[group::GROUPS, reader]) == list(range(TRIALS // GROUPS))
    assert any((strata[g::GROUPS, 0] != strata[g::GROUPS, 1]).any() for g in range(GROUPS))
    # Neighbours are of different groups, and may be of one stratum.
    assert any(strata[k, 0] == strata[k + 1, 0] for k in range(TRIALS - 1))


def test_it_is_as_even_as_latin_hypercubes_of_others_and_each_draw_is_uniform() -> None:
    own = [qmc.discrepancy(spread(seed)) for seed in range(60)]
    rng = np.random.default_rng(3)
    parts = [
        [qmc.LatinHypercube(READERS, rng=rng).random(TRIALS // GROUPS) for _ in range(GROUPS)]
        for _ in range(60)
    ]
    theirs = [qmc.discrepancy(np.concatenate(part)) for part in parts]
    free = [qmc.discrepancy(rng.random((TRIALS, READERS))) for _ in range(60)]
    error = np.hypot(np.std(own, ddof=1), np.std(theirs, ddof=1)) / np.sqrt(60)
    assert abs(np.mean(own) - np.mean(theirs)) < 4 * error
    assert np.mean(free) - np.mean(own) > 4 * error
    first = np.array([spread(100 * seed)[0, 0] for seed in range(500)])
    assert kstest(first, "uniform").pvalue > 1e-3


def fractions(phases: Floats) -> Floats:
    """What `hourly` gives: the latest reader is late by this share of an hour."""
    late_m = np.maximum(0.0, phases.max(axis=1) * PERIOD_M + TAKES_M - PERIOD_M)
    return np.asarray(late_m / 60.0, np.float64)


def covers(found: Interval, answer: float) -> bool:
    return found.low <= answer <= found.high


def test_means_of_groups_cover_and_are_narrower() -> None:
    answer = constant_mean(TAKES_M, READERS)
    shares = [fractions(spread(10_000 * seed)) for seed in range(EXPERIMENTS)]
    grouped = [fraction_interval(s, 3600.0, None, IN_GROUPS) for s in shares]
    assert {one.method for one in grouped} == {"stratified"}
    assert 0.93 <= np.mean([covers(one, answer) for one in grouped]) <= 0.97
    # Taken for independent, the same trials give an interval that says too little.
    plain = [fraction_interval(s, 3600.0) for s in shares]
    assert np.mean([covers(one, answer) for one in plain]) > 0.99
    widths = [np.mean([one.high - one.low for one in found]) for found in (grouped, plain)]
    assert widths[0] < 0.65 * widths[1]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    plain = hourly("12m", readers=READERS, stratified=True)
    return plain.model_copy(update={"trials": 16, "horizon_us": plain.horizon_us // 2})


def test_a_run_says_that_its_phases_are_spread(scenario: Scenario) -> None:
    result = run_scenario(scenario)
    interval = estimate(result.schemes[0], ["query-error"]).interval
    assert interval.method == "stratified"
    alone = run_trial(scenario, 0, 9)
    assert alone.digest == result.schemes[0].trials[9].digest
    phases = [asked(scenario, 0, trial)["gateway", 0, "phase"] for trial in range(16)]
    assert [round(p, 12) for p in phases] == [
        round(p, 12) for p in spread(scenario.seed, 1, 16)[:, 0]
    ]
    free = dataclasses.replace(result.schemes[0], groups=0)
    assert estimate(free, ["query-error"]).interval.method == "bootstrap"


def test_where_trials_do_not_make_groups_phases_are_drawn_as_ever(scenario: Scenario) -> None:
    assert [n for n in range(40) if is_spread(n)] == [16, 24, 32]
    odd = scenario.model_copy(update={"trials": 17})
    assert not odd.is_spread
    name, seed = ("gateway", 0, "phase"), scenario.seed
    assert odd.streams(seed + 3).uniform(*name) != scenario.streams(seed + 3).uniform(*name)
    # A trial beyond the last is one of its own, and a pinned draw stays where it is.
    assert odd.streams(seed + 16).uniform(*name) == scenario.streams(seed + 16).uniform(*name)
    assert scenario.with_pins({name: 0.25}).streams(seed + 3).uniform(*name) == 0.25


def test_what_cannot_be_spread_is_refused(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="stratified=True must be left out unless phase is"):
        build(world().raw() | {"gateways": {"stratified": True, "phase": "10s"}})
    with pytest.raises(ScenarioError, match="must be left out where trials go on"):
        run_scenario(scenario, precision=Precision(goals=()))
