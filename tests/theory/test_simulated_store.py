"""The store model against published numbers of partial quorums (others: `test_histories`)."""

from __future__ import annotations

import numpy as np
import pytest

from sim.analysis.theory.wars import EXACT
from sim.core.laws import Exponential, Law, Mixture, Pareto
from sim.trace.records import PutRecord
from tests.stats import assert_power, share_within
from tests.worlds import Rig


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
