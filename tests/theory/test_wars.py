"""The sampler of partial quorums keeps its definition; its answers are in ``test_oracles.py``."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.theory.pbs import LNKD_DISK, LNKD_SSD, SWEEP_READS, WAN, first_passage
from sim.analysis.theory.wars import Fit, WarsDraws, wars_draws
from sim.core.laws import Constant, Exponential, Law
from sim.core.streams import Stream
from tests.stats import assert_power, ks_within, mean_within, share_within

Floats = NDArray[np.float64]


def test_a_far_replica_answers_so_much_later() -> None:
    wan = wars_draws(Stream(3), 0, 3_000, 3, WAN)
    near = wars_draws(Stream(3), 0, 3_000, 3, replace(WAN, remote_us=0.0))
    for there, back in (("write", "ack"), ("read", "response")):
        added = getattr(wan, there) - getattr(near, there)
        assert np.allclose(added, getattr(wan, back) - getattr(near, back))
        is_near = np.abs(added) < 1.0
        assert np.allclose(added[~is_near], 75_000.0)
        assert (is_near.sum(axis=1) == 1).all()
        assert all(share_within(is_near[:, replica], 1 / 3) for replica in range(3))
    writers, readers = (
        np.abs(getattr(wan, leg) - getattr(near, leg)) < 1.0 for leg in ("write", "read")
    )
    assert share_within((writers & readers).any(axis=1), 1 / 3)


def test_pieces_equal_the_whole_with_far_replicas() -> None:
    whole = wars_draws(Stream(6), 0, 100, 3, WAN)
    pieces = [wars_draws(Stream(6), start, 50, 3, WAN) for start in (0, 50)]
    assert np.array_equal(whole.write, np.concatenate([piece.write for piece in pieces]))
    assert np.array_equal(whole.read, np.concatenate([piece.read for piece in pieces]))


def test_a_sweep_stops_before_the_quantile() -> None:
    # Reads are fresh from an exponential of 1 ms on: 99.9 % are after 6.9 ms.
    thresholds_ms = -np.log(1.0 - (np.arange(1_000_000) + 0.5) / 1_000_000)
    rng = np.random.default_rng(1)
    for step_ms in (0.01, 0.5):
        mean_ms, spread_ms = first_passage(thresholds_ms, step_ms)
        t_ms = np.arange(0.0, 9.0, step_ms)
        stops = rng.binomial(SWEEP_READS, np.exp(-t_ms), (400, t_ms.size)) <= SWEEP_READS // 1000
        firsts = t_ms[stops.argmax(axis=1)]
        assert mean_within(firsts, mean_ms)
        assert not mean_within(firsts, mean_ms + spread_ms / 2)
        assert abs(float(firsts.std()) / spread_ms - 1.0) < 0.15
    assert first_passage(thresholds_ms, 0.01)[0] < 6.8 < np.quantile(thresholds_ms, 0.999)


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


def test_no_uniform_decides_two_things() -> None:
    stream = Stream(9)
    used: list[tuple[int, int]] = []

    class Watched:
        def run(self, first: int, count: int) -> Floats:
            used.append((first, first + count))
            return stream.run(first, count)

    watched: Any = Watched()
    wars_draws(watched, 5, 100, 3, WAN)
    used.sort()
    # Four legs, and which replica is near for whoever writes and whoever reads.
    assert len(used) == 6
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(used))
