"""The model of partial quorums once more, plainly and with NumPy's own laws.

It shares nothing with `sim.analysis.theory.wars` and made the exact values of `pbs.EXACT` for
YMMR and WAN: ``python -m tests.theory.plain_wars 20000000`` prints them in some minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

REPLICAS = 3
QUORUMS = ((1, 1), (1, 2), (2, 1))


def mixed(weight: float, minimum_ms: float, alpha: float, rate_per_ms: float) -> Draw:
    """Delays to or from each replica: a Pareto body, an exponential tail."""

    def draw(rng: np.random.Generator, n: int) -> Floats:
        body = minimum_ms * (1.0 + rng.pareto(alpha, (n, REPLICAS)))
        tail = rng.exponential(1.0 / rate_per_ms, (n, REPLICAS))
        return np.where(rng.random((n, REPLICAS)) < weight, body, tail)

    return draw


SSD = mixed(0.9122, 0.235, 10.0, 1.66)
DISK = mixed(0.38, 1.05, 1.51, 0.183)
FITS = {
    "LNKD-SSD": (SSD, SSD, 0.0),
    "LNKD-DISK": (DISK, SSD, 0.0),
    "YMMR": (mixed(0.939, 3.0, 3.5, 0.0028), mixed(0.982, 1.5, 3.8, 0.0217), 0.0),
    "WAN": (DISK, SSD, 75.0),
}


def thresholds_ms(name: str, rng: np.random.Generator, n: int) -> dict[tuple[int, int], Floats]:
    """From which t on each of n reads is fresh, by (R, W)."""
    write_law, other_law, remote_ms = FITS[name]
    write, ack, read, response = write_law(rng, n), *(other_law(rng, n) for _ in range(3))
    if remote_ms:
        for legs in ((write, ack), (read, response)):
            far = np.full((n, REPLICAS), remote_ms)
            far[np.arange(n), rng.integers(REPLICAS, size=n)] = 0.0
            for leg in legs:
                leg += far
    commits = np.sort(write + ack, axis=1)
    order = np.argsort(read + response, axis=1)
    left = np.take_along_axis(write - read, order, axis=1)
    return {
        (r, w): np.maximum(0.0, left[:, :r].min(axis=1) - commits[:, w - 1]) for r, w in QUORUMS
    }


def exact(name: str, samples: int, seed: int) -> dict[tuple[int, int], tuple[float, ...]]:
    """By (R, W): P(fresh at once), the t for 99.9 %, and its 95 % interval, ms."""
    rng = np.random.default_rng(seed)
    fresh: dict[tuple[int, int], int] = dict.fromkeys(QUORUMS, 0)
    tails: dict[tuple[int, int], list[Floats]] = {quorum: [] for quorum in QUORUMS}
    piece = min(samples, 500_000)
    for _ in range(samples // piece):
        for quorum, found in thresholds_ms(name, rng, piece).items():
            fresh[quorum] += int((found == 0.0).sum())
            tails[quorum].append(np.sort(found)[-piece // 200 :])
    answers = {}
    total = samples // piece * piece
    spread = 1.96 * np.sqrt(total * 0.001 * 0.999)
    for quorum in QUORUMS:
        latest = np.sort(np.concatenate(tails[quorum]))[::-1]
        ranks = (0.001 * total + np.array([0.0, spread, -spread])).astype(int)
        answers[quorum] = (fresh[quorum] / total, *(float(latest[rank]) for rank in ranks))
    return answers


if __name__ == "__main__":
    for fit in reversed(FITS):
        for quorum, answer in exact(fit, int(sys.argv[1]), seed=2012).items():
            sys.stdout.write(f"{fit} {quorum}: {answer}\n")
