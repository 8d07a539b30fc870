"""Every closed form against a plain simulation of its setting, drawn from our own streams.

Where a check says "power", the same data refuse the formula made 10 % wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.theory import closed_forms as theory
from sim.core.arrivals import arrivals, choose
from sim.core.laws import Constant, Exponential, Law, Lognormal, Pareto, Uniform, Weibull
from sim.core.streams import Streams
from tests.stats import assert_power, ks_within, mean_within, share_within

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
RANGES = (2 * HOUR, 8 * HOUR, 2 * DAY, 14 * DAY)

WRITES_PER_S = 1.0
MEAN_US = 1_500_000
DELAYS: dict[str, Law] = {
    "constant": Constant(value_us=MEAN_US),
    "uniform": Uniform(low_us=0.5e6, high_us=2.5e6),
    "exponential": Exponential(mean_us=MEAN_US),
    "lognormal": Lognormal(median_us=1.5e6, p99_us=3e6),
    "weibull": Weibull(scale_us=1.5e6, shape=2.5),
    "pareto": Pareto(minimum_us=1e6, alpha=3.0),
}


@lru_cache(maxsize=1)
def paths(name: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return writes, when each gets visible, and reads so far apart that they are independent."""
    streams = Streams(20_240_601)
    horizon_us = 1_200_000 * SECOND
    writes = arrivals(streams.stream("writes"), WRITES_PER_S, horizon_us)
    uniforms = streams.stream("delay", name).run(0, writes.size)
    visible = writes + DELAYS[name].draw_many_us(uniforms)
    reads = np.arange(100 * SECOND, horizon_us, 30 * SECOND, dtype=np.int64)
    return writes, visible, reads


def lag_of_reads(name: str) -> NDArray[np.int64]:
    """Return how many versions each read is behind: newest writes not yet visible, in a row."""
    writes, visible, reads = paths(name)
    newest = np.searchsorted(writes, reads, side="right") - 1
    lag = np.zeros(reads.size, np.int64)
    going = np.ones(reads.size, bool)
    for back in range(20):
        going &= visible[newest - back] > reads
        lag += going
    assert not going.any()
    return lag


def in_flight(name: str) -> NDArray[np.int64]:
    """Return how many versions are written and not visible at each read."""
    writes, visible, reads = paths(name)
    begun = np.searchsorted(writes, reads, side="right")
    ended = np.searchsorted(np.sort(visible), reads, side="right")
    return begun - ended


def test_stale_fraction_exponential() -> None:
    is_stale = lag_of_reads("exponential") > 0
    rate = SECOND / MEAN_US
    truth = theory.stale_fraction_exponential(WRITES_PER_S, rate)
    assert truth == pytest.approx(0.6)
    assert_power(lambda share: share_within(is_stale, share), truth)


def test_stale_fraction_constant() -> None:
    is_stale = lag_of_reads("constant") > 0
    truth = theory.stale_fraction_constant(WRITES_PER_S, MEAN_US)
    assert truth == pytest.approx(1.0 - np.exp(-1.5))
    assert_power(lambda share: share_within(is_stale, share), truth)


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_version_lag_exponential(versions: int) -> None:
    is_behind = lag_of_reads("exponential") >= versions
    truth = theory.version_lag_exponential(WRITES_PER_S, SECOND / MEAN_US, versions)
    assert_power(lambda share: share_within(is_behind, share), truth)


def test_version_lag_begins_with_the_stale_fraction() -> None:
    assert theory.version_lag_exponential(2.0, 3.0, 0) == 1.0
    assert theory.version_lag_exponential(2.0, 3.0, 1) == theory.stale_fraction_exponential(
        2.0, 3.0
    )
    assert theory.version_lag_exponential(2.0, 3.0, 2) == pytest.approx(0.4 * 0.25)


@pytest.mark.parametrize("name", sorted(DELAYS))
def test_versions_in_flight_are_poisson_whatever_the_law(name: str) -> None:
    flying = in_flight(name)
    mean_us = DELAYS[name].mean
    truth = theory.little(WRITES_PER_S, mean_us)
    assert_power(lambda mean: mean_within(flying, mean), truth)
    for number in range(6):
        share = theory.in_flight_pmf(WRITES_PER_S, mean_us, number)
        assert share_within(flying == number, share)
    # Power of the distribution, not of its mean: variance and mean of a Poisson law agree.
    assert_power(lambda variance: mean_within((flying - truth) ** 2, variance), truth)


def test_in_flight_pmf_is_a_distribution() -> None:
    shares = [theory.in_flight_pmf(2.0, 1_700_000, k) for k in range(60)]
    assert sum(shares) == pytest.approx(1.0)
    assert sum(k * share for k, share in enumerate(shares)) == pytest.approx(3.4)
    assert [theory.in_flight_pmf(0.0, 5.0, k) for k in range(2)] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("replicas", "read", "write", "versions"),
    [(3, 1, 1, 1), (5, 2, 2, 1), (3, 1, 1, 3), (7, 2, 3, 2)],
)
def test_quorum_miss(replicas: int, read: int, write: int, versions: int) -> None:
    streams = Streams(7)
    samples = np.arange(60_000)
    asked = choose(streams.stream("read", replicas, read), samples, replicas, read)
    missed = np.ones(samples.size, bool)
    for version in range(versions):
        stream = streams.stream("write", replicas, write, version)
        written = choose(stream, samples, replicas, write)
        missed &= ~(asked[:, :, None] == written[:, None, :]).any(axis=(1, 2))
    truth = theory.quorum_miss(replicas, read, write, versions)
    # One read quorum meets every version; by symmetry its chance to miss does not depend on it.
    assert_power(lambda share: share_within(missed, share), truth)


def test_known_quorums() -> None:
    assert theory.quorum_miss(3, 1, 1) == pytest.approx(2 / 3)
    assert theory.quorum_miss(3, 1, 2) == pytest.approx(1 / 3)
    assert theory.quorum_miss(3, 2, 2) == 0.0
    assert theory.quorum_miss(3, 1, 1, 2) == pytest.approx(4 / 9)


@pytest.mark.parametrize("name", ["constant", "exponential", "weibull"])
def test_polling_delay(name: str) -> None:
    period_us = 4 * SECOND
    streams = Streams(8)
    changes = arrivals(streams.stream("changes"), 0.05, 1_200_000 * SECOND)
    uniforms = streams.stream("delay", name).run(0, changes.size)
    visible = changes + DELAYS[name].draw_many_us(uniforms)
    phase_us = int(streams.uniform("phase") * period_us)
    polls = -(-(visible - phase_us) // period_us)
    found = (polls * period_us + phase_us - changes).astype(np.float64)
    truth = theory.polling_delay(period_us, DELAYS[name])
    assert_power(lambda mean: mean_within(found, mean), truth.mean)
    squares = (found - truth.mean) ** 2
    assert_power(lambda variance: mean_within(squares, variance), truth.variance)


def test_error_window_of_an_immediate_deletion() -> None:
    period_us, sync_us = 180 * SECOND, 20 * SECOND
    streams = Streams(9)
    deletions = arrivals(streams.stream("deletions"), 0.001, 30_000_000 * SECOND)
    phase_us = int(streams.uniform("phase") * period_us)
    syncs = -(-(deletions - phase_us) // period_us)
    windows = (syncs * period_us + phase_us + sync_us - deletions).astype(np.float64)
    law = theory.error_window_immediate(period_us, sync_us)
    assert law.mean == pytest.approx(period_us / 2 + sync_us)
    assert_power(lambda scale: ks_within(windows, lambda x: law.cdf_many(x / scale)))
    assert_power(lambda mean: mean_within(windows, mean), law.mean)


def last_use_us(phase: int, *, period: int, sync: int, hide: int, lag: int, query: int) -> int:
    """Return the end of the last query that uses a block marked at 0, by going through syncs."""
    begin = phase
    while begin <= hide or begin < lag:
        begin += period
    return begin + sync - 1 + query


@pytest.mark.parametrize("hide", [0, 3, 17])
@pytest.mark.parametrize("lag", [0, 5, 17, 30])
@pytest.mark.parametrize(("period", "sync", "query"), [(7, 0, 0), (7, 3, 11), (20, 5, 0)])
def test_safe_delay_is_safe_and_tight(
    hide: int, lag: int, period: int, sync: int, query: int
) -> None:
    worst = max(
        last_use_us(phase, period=period, sync=sync, hide=hide, lag=lag, query=query)
        for phase in range(period)
    )
    delay = theory.safe_delay_us(
        period_us=period, sync_takes_us=sync, query_takes_us=query, hide_after_us=hide,
        view_lag_us=lag,
    )  # fmt: skip
    assert worst < delay
    # Time is discrete here: a block is hidden after the age, but seen at the lag.
    assert delay - worst == (1 if hide >= lag else 2)


def retirements(days: int) -> NDArray[np.int64]:
    """Return when the blocks of one stream are retired, by going through its compactions."""
    times = []
    for small, large in pairwise(RANGES):
        for end in range(large, days * DAY + 1, large):
            times += [end] * (large // small)
    return np.sort(np.array(times, dtype=np.int64))


def test_retired_blocks_and_compactions_per_day() -> None:
    days = 28
    retired = retirements(days)
    assert theory.retired_blocks_per_day(RANGES) == retired.size / days == 15.5
    assert theory.compactions_per_day(RANGES) == pytest.approx(np.float64(3.5 + 1 / 14))
    assert theory.compactions_per_day(RANGES[:1]) == 0.0
    assert theory.retired_blocks_per_day(RANGES[:1]) == 0.0


@pytest.mark.parametrize("delay_us", [2 * DAY, 5 * HOUR, 14 * DAY])
def test_marked_blocks_present(delay_us: int) -> None:
    retired = retirements(56)
    # Averaged over two periods of the largest range, after the start has passed.
    low, high = 28 * DAY, 56 * DAY
    overlap = np.minimum(retired + delay_us, high) - np.maximum(retired, low)
    mean = float(np.maximum(overlap, 0).sum()) / (high - low)
    assert theory.marked_blocks_present(RANGES, delay_us) == pytest.approx(mean, rel=1e-12)
    assert theory.marked_blocks_present(RANGES, delay_us) == pytest.approx(15.5 * delay_us / DAY)


def test_refuses_what_has_no_meaning() -> None:
    cases: list[tuple[Callable[[], float], str]] = [
        (lambda: theory.stale_fraction_exponential(-1.0, 1.0), "writes_per_s=-1.0 must be finite"),
        (lambda: theory.stale_fraction_exponential(1.0, 0.0), "visible_per_s=0.0 must be finite"),
        (lambda: theory.stale_fraction_constant(1.0, -1.0), "delay_us=-1.0 must be finite"),
        (lambda: theory.in_flight_pmf(1.0, 1.0, -1), "count=-1 must be >= 0"),
        (lambda: theory.version_lag_exponential(1.0, 1.0, -1), "versions=-1 must be >= 0"),
        (lambda: theory.quorum_miss(3, 0, 1), "read=0, write=1 must be in [1, replicas=3]"),
        (lambda: theory.quorum_miss(3, 1, 1, 0), "versions=0 must be >= 1"),
        (lambda: theory.polling_delay(0.0, DELAYS["constant"]).mean, "period_us=0.0 must be"),
        (lambda: theory.error_window_immediate(5.0, 6.0).mean, "sync_takes_us=6.0 must be in"),
        (lambda: theory.error_window_immediate(0.0, 0.0).mean, "period_us=0.0 must be finite"),
        (lambda: theory.safe_delay_us(period_us=-1), "durations=(-1, 0, 0, 0, 0) must be >= 0"),
        (lambda: theory.retired_blocks_per_day(()), "ranges_us=() must hold at least one"),
        (lambda: theory.compactions_per_day((2, 3)), "ranges_us=(2, 3) must each be a multiple"),
        (lambda: theory.marked_blocks_present((2, 4), -1.0), "delete_delay_us=-1.0 must be"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is asserted below
            call()
        assert str(caught.value).startswith(message)
