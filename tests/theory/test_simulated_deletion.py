"""Whole simulations against closed forms: discovery, error windows, safe delay, steady state."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.queries.evaluate import class_hazards, evaluate_exact
from sim.analysis.queries.exposure import Exposure
from sim.analysis.theory import closed_forms as theory
from sim.core.laws import Exponential
from sim.core.units import NEVER
from sim.scenario.schema import Scenario
from tests.stats import assert_power, ks_within, mean_within
from tests.worlds import lag, marks, run, us, world

MINUTE = us("1m")
HOUR = us("1h")
DAY = us("24h")
OLD = [{"name": "old", "range": "1d", "offset": "3h"}]


def windows(scenario: Scenario, trials: int) -> NDArray[np.float64]:
    """Per trial and outcome (error or partial, warned), how long it lasts, µs."""
    rows = []
    for trial in range(trials):
        _, timelines = run(scenario, trial=trial)
        found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
        lengths = (found.end_us - found.start_us).tolist()
        total = {"query-error": 0, "partial-response": 0, "warned": 0}
        for outcome, length_us in zip(found.outcome, lengths, strict=True):
            if outcome in total:
                total[outcome] += length_us
        rows.append((total["query-error"], total["partial-response"], total["warned"]))
    return np.array(rows, np.float64)


def one_deletion(*, streams: int = 1, takes: str = "1m", **gateways: Any) -> Scenario:
    """Sources of one compaction a stream go from 10h1m on; nothing else happens to old data."""
    return world(
        horizon="13h",
        producers={"count": streams},
        compactor={"wait_interval": "2h", "ranges": ["2h", "8h"], "compaction_takes": takes},
        gateways={"phase": "uniform", "sync_interval": "60m", **gateways},
        queries=OLD,
    )


@lru_cache(maxsize=1)
def windows_of_one_gateway() -> NDArray[np.float64]:
    return windows(one_deletion(sync_takes="7m"), 1200)[:, 0]


def test_the_error_window_of_an_immediate_deletion_is_uniform() -> None:
    lengths = windows_of_one_gateway()
    s = 7 * MINUTE

    def uniform(period_us: float) -> bool:
        return ks_within(lengths, lambda x: np.clip((x - s) / period_us, 0.0, 1.0))

    assert_power(uniform, 60 * MINUTE)
    mean = theory.error_window_immediate(60 * MINUTE, s).mean
    assert mean == 37 * MINUTE
    assert_power(lambda claim: mean_within(lengths, claim), mean)


@pytest.mark.parametrize(("n", "trials"), [(2, 600), (4, 300)])
def test_gateways_under_abort_are_as_stale_as_the_last_of_them(n: int, trials: int) -> None:
    lengths = windows(one_deletion(count=n), trials)[:, 0]
    assert_power(lambda mean: mean_within(lengths, mean), 60 * MINUTE * n / (n + 1))


def test_gateways_under_warn_lose_data_while_all_are_stale() -> None:
    found = windows(one_deletion(count=2, partial_response="warn"), 2400)
    assert found[:, 0].max() == 0
    assert_power(lambda mean: mean_within(found[:, 1], mean), 60 * MINUTE / 3)
    assert_power(lambda mean: mean_within(found[:, 2], mean), 60 * MINUTE / 3)


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


def test_discovery_by_polling() -> None:
    # A block is listed as soon as one of its three objects is: the least of three exponential
    # lags of 30m is exponential of 10m. Every stream has a gateway, so a phase, of its own.
    law = {"law": "exponential", "mean": "30m"}
    scenario = world(
        horizon="8h",
        store={"lag": lag(create_list=law)},
        producers={"count": 100},
        compactor={"ranges": ["2h"], "wait_interval": "99h"},
        gateways={"count": 100, "shards": 100, "phase": "uniform", "sync_interval": "60m"},
    )
    delays = []
    for trial in range(40):
        _, timelines = run(scenario, trial=trial)
        blocks, loads = timelines.blocks, timelines.loads
        first = blocks.min_us[loads.block] == 0
        delays += (loads.load_us - blocks.committed_us[loads.block])[first].tolist()
    sample = np.array(delays, np.float64)
    assert sample.size == 40 * 100
    truth = theory.polling_delay(60 * MINUTE, Exponential(mean_us=10.0 * MINUTE))
    assert truth.mean == 40 * MINUTE
    assert_power(lambda mean: mean_within(sample, mean), truth.mean)
    squares = (sample - truth.mean) ** 2
    assert_power(lambda variance: mean_within(squares, variance), truth.variance)


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


RANGES = ["2h", "8h", "2d", "14d"]
RANGES_US = (2 * HOUR, 8 * HOUR, 2 * DAY, 14 * DAY)


def test_blocks_retired_compactions_and_marked_blocks_in_the_steady_state() -> None:
    delay_us = 2 * DAY
    scenario = world(
        horizon="45d",
        warmup="17d",
        producers={"count": 2, "block_length": "2h"},
        compactor={"ranges": RANGES, "wait_interval": "30m"},
        gateways={"phase": "99d"},
        schemes=[marks("48h", "24h")],
    )
    _, timelines = run(scenario)
    blocks, low, high = timelines.blocks, 17 * DAY, 45 * DAY
    days = 28 * 2  # of two streams
    retired = ((blocks.retired_us >= low) & (blocks.retired_us < high)).sum()
    assert retired / days == theory.retired_blocks_per_day(RANGES_US) == 15.5
    compactions = timelines.counters["compactions"]
    assert compactions / days == pytest.approx(theory.compactions_per_day(RANGES_US))
    assert compactions / days == pytest.approx(3.571, abs=1e-3)
    # A mark is there from its stamp to its deletion: for the delay and up to one pass more.
    begin = np.maximum(blocks.retired_us, low)
    end = np.minimum(blocks.deleted_us, high)
    kept = blocks.retired_us < NEVER
    present = np.maximum(end - begin, 0)[kept].sum() / (high - low) / 2
    least = theory.marked_blocks_present(RANGES_US, delay_us)
    assert least == pytest.approx(31.0)
    assert least <= present <= theory.marked_blocks_present(RANGES_US, delay_us + HOUR)


def test_marked_blocks_follow_the_delay() -> None:
    for hours in (2, 12):
        scenario = world(
            horizon="31d",
            warmup="17d",
            compactor={"ranges": RANGES, "wait_interval": "30m"},
            gateways={"phase": "99d"},
            schemes=[marks(f"{hours}h", "1h")],
        )
        _, timelines = run(scenario)
        blocks = timelines.blocks
        begin = np.maximum(blocks.retired_us, 17 * DAY)
        end = np.minimum(blocks.deleted_us, 31 * DAY)
        present = float(np.maximum(end - begin, 0).sum()) / (14 * DAY)
        per_day = theory.retired_blocks_per_day(RANGES_US)
        assert per_day * hours / 24 <= present <= per_day * (hours + 1) / 24
