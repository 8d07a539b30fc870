"""The sampler of partial quorums against what others computed and published with the model."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.theory.wars import (
    EXACT,
    LNKD_DISK,
    LNKD_SSD,
    PUBLISHED,
    PUBLISHED_FRESH,
    Fit,
    WarsDraws,
    wars_draws,
)
from sim.core.laws import Constant, Exponential, Law
from sim.core.streams import Stream, Streams
from tests.stats import assert_power, ks_within, share_within

FITS = {fit.name: fit for fit in (LNKD_SSD, LNKD_DISK)}
SAMPLES = 3_000_000
PIECE = 250_000
READS_PER_T = 50_000
TAIL = 0.001

Floats = NDArray[np.float64]


class Columns(NamedTuple):
    """Samples in ms: thresholds by (R, W), latencies by quorum size."""

    thresholds: dict[tuple[int, int], Floats]
    reads: dict[int, Floats]
    writes: dict[int, Floats]


@lru_cache(maxsize=2)
def columns(name: str) -> Columns:
    stream = Streams(2012).stream("wars", name)
    quorums = [(r, w) for fit, r, w in EXACT if fit == name]
    thresholds: dict[tuple[int, int], list[Floats]] = {quorum: [] for quorum in quorums}
    reads: dict[int, list[Floats]] = {k: [] for k in (1, 2, 3)}
    writes: dict[int, list[Floats]] = {k: [] for k in (1, 2, 3)}
    for start in range(0, SAMPLES, PIECE):
        draws = wars_draws(stream, start, PIECE, 3, FITS[name])
        for quorum in quorums:
            thresholds[quorum].append(draws.thresholds_us(*quorum) / 1e3)
        if start < 1_000_000:
            for k in (1, 2, 3):
                reads[k].append(draws.read_latency_us(k) / 1e3)
                writes[k].append(draws.write_latency_us(k) / 1e3)
    return Columns(
        {quorum: np.concatenate(parts) for quorum, parts in thresholds.items()},
        {k: np.concatenate(parts) for k, parts in reads.items()},
        {k: np.concatenate(parts) for k, parts in writes.items()},
    )


def quantile_interval(values: Floats, tail: float = TAIL) -> tuple[float, float]:
    """Return order statistics that hold the upper `tail` quantile, 4 standard errors wide."""
    n = values.size
    rank, error = n * (1.0 - tail), 4.0 * np.sqrt(n * tail * (1.0 - tail))
    places = [int(rank - error), int(rank + error)]
    low, high = np.partition(values, places)[places]
    return float(low), float(high)


@pytest.mark.parametrize("key", sorted(EXACT), ids=str)
def test_the_share_of_fresh_reads_at_once_is_the_exact_one(key: tuple[str, int, int]) -> None:
    name, *quorum = key
    thresholds = columns(name).thresholds[(quorum[0], quorum[1])]
    truth = EXACT[key].fresh_at_once
    assert_power(lambda p: p <= 1.0 and share_within(thresholds == 0.0, p, rounding=5e-5), truth)


@pytest.mark.parametrize("key", sorted(EXACT), ids=str)
def test_the_time_to_999_is_the_exact_one(key: tuple[str, int, int]) -> None:
    name, *quorum = key
    thresholds = columns(name).thresholds[(quorum[0], quorum[1])]
    low, high = quantile_interval(thresholds)
    exact = EXACT[key]
    if exact.t_ms == 0.0:
        assert low == high == 0.0
        return
    assert_power(lambda factor: low <= exact.high_ms * factor and exact.low_ms * factor <= high)


@pytest.mark.parametrize("key", sorted(PUBLISHED_FRESH), ids=str)
def test_the_published_shares_of_fresh_reads(key: tuple[str, float]) -> None:
    name, after_ms = key
    share = float((columns(name).thresholds[(1, 1)] <= after_ms).mean())
    # Three published digits of a sample of 50,000.
    assert_power(lambda p: abs(share - p) < 0.008, PUBLISHED_FRESH[key])


@pytest.mark.parametrize("key", sorted(PUBLISHED), ids=str)
def test_the_published_latencies(key: tuple[str, int, int]) -> None:
    name, read, write = key
    reads, writes = columns(name).reads[read], columns(name).writes[write]
    for values, published in ((reads, PUBLISHED[key].read_ms), (writes, PUBLISHED[key].write_ms)):
        found = float(np.quantile(values, 1.0 - TAIL))

        def fits(claim: float, found: float = found) -> bool:
            return abs(found / claim - 1.0) < 0.025

        assert_power(fits, published)


def first_passages(thresholds: Floats, around_ms: float) -> Floats:
    """Return the first t of sweeps that shows 99.9 % fresh among 50,000 reads of its own.

    A sweep goes up from 0.6 `around_ms` in steps of 1 %; every step takes reads that no other
    step of the sweep takes.
    """
    batches = thresholds[: thresholds.size // READS_PER_T * READS_PER_T].reshape(-1, READS_PER_T)
    grid = around_ms * np.arange(0.6, 1.2, 0.01)
    fresh = np.stack([(batches <= t).mean(axis=1) for t in grid])
    firsts = []
    for turn in range(batches.shape[0]):
        steps = (np.arange(grid.size) + turn) % batches.shape[0]
        passed = fresh[np.arange(grid.size), steps] >= 1.0 - TAIL
        firsts.append(grid[int(np.argmax(passed))])
    return np.array(firsts)


@pytest.mark.parametrize("key", [key for key in sorted(EXACT) if EXACT[key].t_ms > 0.0], ids=str)
def test_the_published_times_are_first_passages_of_a_sweep(key: tuple[str, int, int]) -> None:
    name, read, write = key
    thresholds = columns(name).thresholds[(read, write)]
    published, exact = PUBLISHED[key].t_ms, EXACT[key]
    firsts = first_passages(thresholds, exact.t_ms)
    low, high = np.quantile(firsts, [0.05, 0.95])
    assert published < exact.low_ms, "the published time lies below the exact quantile"
    assert low <= published <= high
    assert float(np.median(firsts)) < exact.low_ms, "a noisy sweep stops early"
    assert_power(lambda t: abs(float(np.median(firsts)) / t - 1.0) < 0.06, published)


def test_thresholds_follow_the_definition() -> None:
    draws = wars_draws(Stream(5), 0, 300, 4, LNKD_DISK)
    for read, write in ((1, 1), (2, 1), (3, 2), (4, 4)):
        found = draws.thresholds_us(read, write)
        for i in range(300):
            w, a, r, s = draws.write[i], draws.ack[i], draws.read[i], draws.response[i]
            commit = sorted(w + a)[write - 1]
            first = sorted(range(4), key=(r + s).tolist().__getitem__)[:read]
            at = float(found[i])
            assert any(commit + at + 1e-6 + r[j] >= w[j] for j in first)
            assert at == 0.0 or all(commit + at - 1e-6 + r[j] < w[j] for j in first)


def test_pieces_equal_the_whole() -> None:
    whole = wars_draws(Stream(6), 0, 100, 3, LNKD_SSD)
    pieces = [wars_draws(Stream(6), start, 50, 3, LNKD_SSD) for start in (0, 50)]
    for leg in ("write", "ack", "read", "response"):
        parts = [getattr(piece, leg) for piece in pieces]
        assert np.array_equal(getattr(whole, leg), np.concatenate(parts))


@pytest.mark.parametrize("leg", ["write", "ack", "read", "response"])
def test_legs_follow_their_laws(leg: str) -> None:
    draws: Floats = getattr(wars_draws(Stream(7), 0, 20_000, 3, LNKD_DISK), leg).ravel()
    law = getattr(LNKD_DISK, leg)
    assert_power(lambda scale: ks_within(draws, lambda x: law.cdf_many(x / scale)))


def test_legs_are_independent() -> None:
    draws = wars_draws(Stream(8), 0, 20_000, 2, LNKD_SSD)
    legs = [draws.write, draws.ack, draws.read, draws.response]
    above = np.stack([leg > np.median(leg) for leg in legs]).transpose(0, 2, 1).reshape(8, -1)
    for i in range(8):
        for j in range(i):
            assert share_within(above[i] == above[j], 0.5)


def test_inverting_the_mixture_gives_the_same_law() -> None:
    uniforms = Stream(9).run(0, 20_000)
    for law in (LNKD_DISK.write, LNKD_SSD.write):
        values = law.ppf_many(uniforms)

        def fits(scale: float, values: Floats = values, law: Law = law) -> bool:
            return ks_within(values, lambda x: law.cdf_many(x / scale))

        assert_power(fits)


def test_refuses_what_is_no_quorum() -> None:
    draws = wars_draws(Stream(0), 0, 5, 3, LNKD_SSD)
    for read, write in ((0, 1), (1, 4), (4, 1), (1, 0)):
        with pytest.raises(ValueError, match=r"_quorum=\d must be in \[1, 3\]"):
            draws.thresholds_us(read, write)
    with pytest.raises(ValueError, match=r"^read_quorum=4"):
        draws.read_latency_us(4)
    with pytest.raises(ValueError, match=r"^write_quorum=0"):
        draws.write_latency_us(0)
    for start, count, replicas in ((-1, 1, 3), (0, -1, 3), (0, 1, 0)):
        with pytest.raises(ValueError, match=r"^start="):
            wars_draws(Stream(0), start, count, replicas, LNKD_SSD)


def test_no_samples() -> None:
    draws = wars_draws(Stream(0), 0, 0, 3, LNKD_SSD)
    assert draws.thresholds_us(1, 1).shape == (0,)


def test_a_constant_network_is_never_stale() -> None:
    one = Constant(value_us=1000)
    fit = Fit(name="same", write=one, ack=one, read=one, response=one)
    assert wars_draws(Stream(0), 0, 100, 3, fit).thresholds_us(1, 1).tolist() == [0.0] * 100


def test_exponential_commits_have_a_closed_form() -> None:
    # One replica is never stale: its write is there before it is acknowledged. With two, the
    # commit is the smaller of two sums of two exponentials.
    law = Exponential(mean_us=1000)
    fit = Fit(name="exp", write=law, ack=law, read=law, response=law)
    assert not wars_draws(Stream(1), 0, 1000, 1, fit).thresholds_us(1, 1).any()
    draws: WarsDraws = wars_draws(Stream(2), 0, 20_000, 2, fit)

    def cdf(x: Floats, scale: float) -> Floats:
        y = x / (1000.0 * scale)
        outlives: Floats = (1.0 + y) * np.exp(-y)
        return 1.0 - outlives**2

    commits = draws.write_latency_us(1)
    assert_power(lambda scale: ks_within(commits, lambda x: cdf(x, scale)))
