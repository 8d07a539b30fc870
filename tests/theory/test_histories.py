"""What is measured on histories against closed forms: stale reads, versions behind, in flight."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.consistency.reads import Reading, Written, readings
from sim.analysis.consistency.staleness import lag_tail, stale, t_visibility_us, windows
from sim.analysis.theory import closed_forms as theory
from sim.core.units import US_PER_S
from sim.model.probe import probe
from sim.scenario.probing import Probing
from sim.scenario.schema import Scenario
from sim.trace.records import PutRecord
from tests.stats import assert_power, mean_within
from tests.worlds import lag, world

WRITES_PER_S = 1.0
MEAN_US = 1_500_000
WARMUP_US = 10 * US_PER_S
TRIALS = 60
WARMUP_N = 15
ONE_KEY = Probing(
    lasts_us=90 * US_PER_S,
    keys=1,
    writers=1,
    readers=1,
    writes_per_s=WRITES_PER_S,
    reads_per_s=0.7,
    deletes=0.0,
    adds=0.0,
    heads=0.0,
    lists=0.0,
)
UNIFORM = (("law", "uniform"), ("low", "500ms"), ("high", "2500ms"))
EXPONENTIAL = (("law", "exponential"), ("mean", "1500ms"))


class Trial:
    """One history of a store with a lag, after its warm-up."""

    def __init__(self, scenario: Scenario, trial: int) -> None:
        probed = probe(scenario, ONE_KEY, trial)
        self.written = Written(probed.history)
        read = readings(probed.history, self.written)
        self.read: list[Reading] = [r for r in read if r.op.call_us >= WARMUP_US]
        self.puts = [r for r in probed.trace.records if isinstance(r, PutRecord)]


@cache
def trials(law: Any) -> list[Trial]:
    """Trials of a store whose only replica shows changes late, by a law."""
    told = law if isinstance(law, str) else dict(law)
    scenario = world(store={"lag": lag(create_get=told, overwrite_get=told)})
    return [Trial(scenario, trial) for trial in range(TRIALS)]


def stale_shares(law: Any) -> NDArray[np.float64]:
    return np.array([stale(trial.read).fraction for trial in trials(law)])


def test_stale_reads_with_an_exponential_lag() -> None:
    truth = theory.stale_fraction_exponential(WRITES_PER_S, US_PER_S / MEAN_US)
    assert truth == pytest.approx(0.6)
    assert_power(lambda share: mean_within(stale_shares(EXPONENTIAL), share), truth)


def test_stale_reads_with_a_constant_lag() -> None:
    truth = theory.stale_fraction_constant(WRITES_PER_S, MEAN_US)
    assert_power(lambda share: mean_within(stale_shares("1500ms"), share), truth)


@pytest.mark.parametrize(("versions", "wrong"), [(2, 0.2), (3, 0.4)])
def test_reads_are_versions_behind(versions: int, wrong: float) -> None:
    tails = [lag_tail(trial.read, versions).fraction for trial in trials(EXPONENTIAL)]
    truth = theory.version_lag_exponential(WRITES_PER_S, US_PER_S / MEAN_US, versions)
    assert_power(lambda share: mean_within(tails, share), truth, wrong)


@pytest.mark.parametrize("law", [EXPONENTIAL, "1500ms", UNIFORM], ids=str)
def test_versions_in_flight_are_rate_times_mean(law: Any) -> None:
    end_us = ONE_KEY.lasts_us
    means = [
        sum(max(0, min(p.get[0], end_us) - max(p.t_us, WARMUP_US)) for p in trial.puts)
        / (end_us - WARMUP_US)
        for trial in trials(law)
    ]
    truth = theory.little(WRITES_PER_S, MEAN_US)
    assert_power(lambda mean: mean_within(means, mean), truth, 0.15)


def test_a_quorum_without_lag_bound_misses_as_many_versions_as_counting_says() -> None:
    """Three replicas, of which one has each version: k versions are missed with (2/3)^k."""
    late = lag(create_get="1h", overwrite_get="1h")
    scenario = world(store={"replicas": 3, "acks": 1, "read_from": "any", "lag": late})
    found = [Trial(scenario, trial).read for trial in range(TRIALS // 2)]
    for versions, wrong in ((1, 0.1), (2, 0.2), (3, 0.3)):
        assert_power(partial(_fits, found, versions), theory.quorum_miss(3, 1, 1, versions), wrong)


def _fits(found: list[list[Reading]], versions: int, share: float) -> bool:
    return mean_within([lag_tail(read, versions).fraction for read in found], share)


def test_half_of_the_reads_are_fresh_at_the_median_of_an_exponential_lag() -> None:
    found = [t_visibility_us(trial.read, 0.5) for trial in trials(EXPONENTIAL)]
    medians_us = [float(t_us) for t_us in found if t_us is not None]
    assert len(medians_us) == TRIALS
    assert_power(lambda median: mean_within(medians_us, median), MEAN_US * math.log(2.0), 0.3)


@pytest.mark.parametrize("probability", [0.5, 0.999])
def test_all_reads_are_fresh_from_a_constant_lag_on(probability: float) -> None:
    read = [r for trial in trials("1500ms") for r in trial.read]
    found = t_visibility_us(read, probability)
    assert found is not None
    assert MEAN_US < found < 1.01 * MEAN_US


def test_inconsistency_windows_end_with_the_last_read_before_a_constant_lag_is_over() -> None:
    """Of Poisson reads at rate r the last in (0, d) is at d − (1 − exp(−r d))/r in the mean."""
    reads_per_s = ONE_KEY.clients * ONE_KEY.reads_per_s
    delay_s = MEAN_US / US_PER_S
    means = []
    for trial in trials("1500ms"):
        spans_us = [w.last_us for w in windows(trial.written, trial.read, "get")]
        # Those at the ends have no reads before the lag is over.
        means.append(float(np.mean(spans_us[WARMUP_N:-WARMUP_N])))
    truth_s = delay_s + math.expm1(-reads_per_s * delay_s) / reads_per_s
    assert_power(lambda mean_s: mean_within(means, mean_s * US_PER_S), truth_s)
