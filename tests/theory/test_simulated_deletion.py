"""Whole simulations against closed forms, beyond ``test_oracles.py``: drawn syncs, every phase."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.theory import closed_forms as theory
from sim.scenario.schema import Scenario
from tests.stats import assert_power, ks_within, mean_within
from tests.worlds import lag, marks, run, us, world

MINUTE = us("1m")
HOUR = us("1h")
DAY = us("24h")
OLD = [{"name": "old", "range": "1d", "offset": "3h"}]


def one_deletion(*, streams: int = 1, takes: str = "1m", **gateways: Any) -> Scenario:
    """Sources of one compaction a stream go from 10h1m on; nothing else happens to old data."""
    return world(
        horizon="13h",
        producers={"count": streams},
        compactor={"wait_interval": "2h", "ranges": ["2h", "8h"], "compaction_takes": takes},
        gateways={"phase": "uniform", "sync_interval": "60m", **gateways},
        queries=OLD,
    )


@pytest.mark.nightly
def test_irregular_syncs_leave_a_window_of_a_whole_mean_interval() -> None:
    # Inspection paradox: the wait for the next event of a Poisson process is a whole interval.
    # A hundred streams, each with a gateway of its own, are as many deletions in one run; at one
    # instant, so that the horizon cuts none of the windows off.
    law = {"law": "exponential", "mean": "10m"}
    scenario = one_deletion(streams=100, takes="0s", count=100, shards=100, sync_interval=law)
    lengths = []
    for trial in range(80):
        _, timelines = run(scenario, trial=trial)
        blocks, loads = timelines.blocks, timelines.loads
        row = (blocks.min_us[loads.block] == 0) & (blocks.level[loads.block] == 1)
        lengths += (loads.drop_us - blocks.deleted_us[loads.block])[row].tolist()
    sample = np.array(lengths, np.float64)
    assert sample.size == 80 * 100
    assert sample.max() < HOUR * 3
    assert_power(lambda mean: mean_within(sample, mean), 10 * MINUTE)
    assert_power(lambda mean: ks_within(sample, lambda x: 1.0 - np.exp(-x / mean)), 10 * MINUTE)


P_US, S_US, Q_US = us("10s"), us("2s"), us("3s")


def retention_errors(delay_us: int, phase_us: int, *, hide: str, view_lag: str) -> float:
    """Share of query errors where blocks of a minute are retired at the age of a minute and a half.

    Marked at 90s sharp; passes every 100ms, so that deletion follows the delay by 100ms at most.
    """
    scenario = world(
        horizon="125s",
        store={"replicas": 2, "primary": True, "lag": lag(create_get=view_lag)},
        producers={"block_length": "1m"},
        compactor={
            "ranges": ["1m"],
            "wait_interval": "100ms",
            "retention": {"raw": "29900ms"},
        },
        gateways={
            "phase": f"{phase_us}us",
            "sync_interval": f"{P_US}us",
            "sync_takes": f"{S_US}us",
        },
        queries=[{"name": "q", "range": "1h", "takes": f"{Q_US}us"}],
        schemes=[marks(f"{delay_us}us", hide)],
    )
    _, timelines = run(scenario)
    assert timelines.marks.stamp_us[0] == us("90s")
    (exact,) = evaluate_exact(scenario, timelines)
    return exact.fractions["query-error"]


@pytest.mark.parametrize(
    ("hide", "view_lag", "worst_us"),
    [
        # The sync that still sees the block is the one at the age itself, or just before the
        # mark shows.
        pytest.param("5s", "0s", us("95s"), id="hidden by age"),
        pytest.param("5s", "8s", us("98s") - 1, id="hidden when the mark shows"),
    ],
)
def test_the_safe_delay(hide: str, view_lag: str, worst_us: int) -> None:
    safe_us = theory.safe_delay_us(
        period_us=P_US,
        sync_takes_us=S_US,
        query_takes_us=Q_US,
        hide_after_us=us(hide),
        view_lag_us=us(view_lag),
    )
    assert safe_us == max(us(hide), us(view_lag)) + us("15s")
    # Ticks are counted from the end of the first sync (G1).
    adversary_us = (worst_us - S_US) % P_US
    phases = [*range(0, P_US, P_US // 8), adversary_us - 1, adversary_us, adversary_us + 1]
    for phase_us in phases:
        assert retention_errors(safe_us, phase_us, hide=hide, view_lag=view_lag) == 0.0
    # Two passes less: deleted at least 100ms early.
    below_us = safe_us - us("200ms")
    assert retention_errors(below_us, adversary_us, hide=hide, view_lag=view_lag) > 0.0
    shares = [retention_errors(below_us, p, hide=hide, view_lag=view_lag) for p in phases]
    assert 0 < sum(share > 0 for share in shares) < len(shares)
