"""The store model against closed forms: stale reads, versions in flight, partial quorums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.theory import closed_forms as theory
from sim.analysis.theory.wars import EXACT
from sim.core.arrivals import arrivals
from sim.core.laws import Exponential, Law, Mixture, Pareto
from sim.core.units import US_PER_S
from sim.model.store.visibility import GET
from sim.trace.records import PutRecord
from tests.stats import assert_power, mean_within, share_within
from tests.worlds import Rig, lag

META = 2
TRIALS = 60
SECONDS = 300
READ_EVERY_S = 10
WRITES_PER_S = 1.0
MEAN_US = 1_500_000


def trial(law: Any, seed: int) -> tuple[Rig, NDArray[np.int64]]:
    """A store whose one key is written at random; when it was."""
    rig = Rig(seed=seed, lag=lag(create_get=law, overwrite_get=law))
    written = arrivals(rig.streams.stream("writes"), WRITES_PER_S, SECONDS * US_PER_S)
    block = rig.block(0, 2)
    for t_us in written.tolist():
        if t_us > rig.kernel.now_us:
            rig.kernel.run(t_us)
        rig.store.put(block, (META,), stamp_us=t_us)
    return rig, written


def stale_share(law: Any, seed: int) -> float:
    """Of reads every few seconds, those that do not see the newest write."""
    rig, written = trial(law, seed)
    (block,) = rig.catalog.blocks
    stale = []
    for t_us in range(20 * US_PER_S, SECONDS * US_PER_S, READ_EVERY_S * US_PER_S):
        newest = int(written[np.searchsorted(written, t_us, side="right") - 1])
        version = rig.store.shown(block, META, GET, 0, t_us)
        stale.append(version is None or version.stamp_us != newest)
    return float(np.mean(stale))


def in_flight(law: Any, seed: int) -> float:
    """Mean number of versions that are acknowledged and not shown, over time."""
    rig, written = trial(law, seed)
    puts = [r for r in rig.trace().records if isinstance(r, PutRecord)]
    low, high = 20 * US_PER_S, SECONDS * US_PER_S
    stays = [
        max(0, min(put.get[0], high) - max(int(t), low))
        for put, t in zip(puts, written, strict=True)
    ]
    return sum(stays) / (high - low)


def of_trials(measure: Callable[[Any, int], float], law: Any) -> NDArray[np.float64]:
    return np.array([measure(law, seed) for seed in range(TRIALS)])


def test_stale_reads_with_an_exponential_lag() -> None:
    shares = of_trials(stale_share, {"law": "exponential", "mean": "1500ms"})
    truth = theory.stale_fraction_exponential(WRITES_PER_S, US_PER_S / MEAN_US)
    assert truth == pytest.approx(0.6)
    assert_power(lambda share: mean_within(shares, share), truth)


def test_stale_reads_with_a_constant_lag() -> None:
    shares = of_trials(stale_share, "1500ms")
    truth = theory.stale_fraction_constant(WRITES_PER_S, MEAN_US)
    assert_power(lambda share: mean_within(shares, share), truth)


@pytest.mark.parametrize(
    "law",
    [
        pytest.param({"law": "exponential", "mean": "1500ms"}, id="exponential"),
        pytest.param({"law": "uniform", "low": "500ms", "high": "2500ms"}, id="uniform"),
        pytest.param("1500ms", id="constant"),
    ],
)
def test_versions_in_flight_are_rate_times_mean(law: Any) -> None:
    means = of_trials(in_flight, law)
    truth = theory.little(WRITES_PER_S, MEAN_US)
    assert truth == pytest.approx(1.5)
    assert_power(lambda mean: mean_within(means, mean), truth)


def fit(weight: float, minimum_us: float, alpha: float, mean_us: float) -> Law:
    """A published fit; the language says means in whole microseconds, within 0.1 %."""
    parts = (Pareto(minimum_us=minimum_us, alpha=alpha), Exponential(mean_us=mean_us))
    return Mixture(weights=(weight, 1.0 - weight), parts=parts)


SSD = fit(0.9122, 235.0, 10.0, round(1e3 / 1.66))
DISK = fit(0.38, 1050.0, 1.51, round(1e3 / 0.183))


@pytest.mark.parametrize(
    ("name", "write", "r", "w", "n_puts", "wrong"),
    [
        # 2.6 % stale reads need more draws than 56 %, and what they are made wrong by is rounded.
        ("LNKD-SSD", SSD, 1, 1, 8_000, 0.25),
        ("LNKD-DISK", DISK, 1, 1, 1_500, 0.1),
        ("LNKD-DISK", DISK, 2, 1, 4_500, 0.1),
    ],
)
def test_quorum_reads_are_as_stale_as_published(
    name: str, write: Law, r: int, w: int, n_puts: int, wrong: float
) -> None:
    legs = {"write": write, "ack": SSD, "read": SSD, "response": SSD}
    rig = Rig(quorum={"n": 3, "r": r, "w": w, **legs})
    for number in range(n_puts):
        rig.store.put(rig.block(2 * number, 2 * number + 2), (0, 1))
    puts = [record for record in rig.trace().records if isinstance(record, PutRecord)]
    lags_ms = np.array([t for put in puts for t in put.get + put.list]) / 1e3
    assert lags_ms.size == 4 * n_puts
    exact = EXACT[name, r, w]
    # A version counts as late from half a microsecond on, and the means are rounded.
    rounding = 1e-3
    assert share_within(lags_ms > 0.0, 1.0 - exact.fresh_at_once, rounding=rounding)
    assert share_within(lags_ms <= exact.t_ms, 0.999, rounding=1e-4)
    assert not share_within(lags_ms <= exact.t_ms / 2, 0.999, rounding=1e-4)
    assert_power(
        lambda share: share_within(lags_ms > 0.0, share, rounding=rounding),
        1.0 - exact.fresh_at_once,
        wrong,
    )
