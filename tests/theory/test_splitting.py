"""Rare events: splitting against closed forms, where brute force reaches and far beyond."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from sim.analysis.splitting import RareEstimate, Split, Stage, of_repeats, split, stages
from sim.core.moved import MovedStreams
from sim.core.streams import Streams
from sim.scenario.schema import Scenario
from sim.study.rare import rare
from tests.stats import ks_within, mean_within
from tests.worlds import marks, world


@dataclass(frozen=True)
class Way:
    streams: MovedStreams
    score: float
    damage: float
    weight: float = 1.0


Model = Callable[[MovedStreams], tuple[float, float]]


def late(delay: float, lags: int, law: Callable[[float], float]) -> Model:
    """The latest of some lags against a constant delay."""

    def model(streams: MovedStreams) -> tuple[float, float]:
        latest = max(law(streams.uniform("lag", i)) for i in range(lags))
        return latest - delay, float(latest > delay)

    return model


def exponential(uniform: float) -> float:
    return -math.log1p(-uniform)


def log_pareto(uniform: float) -> float:
    """Logarithm of a Pareto lag of scale 1 s and shape 2."""
    return -math.log1p(-uniform) / 2.0


def in_a_row(chance: float, syncs: int) -> Model:
    """So many syncs that fail one after the other."""

    def model(streams: MovedStreams) -> tuple[float, float]:
        failed = 0
        while failed < syncs and streams.uniform("sync", failed) < chance:
            failed += 1
        return failed - syncs + 0.5, float(failed == syncs)

    return model


class Ways:
    """What splitting asks for, of a model and a seed."""

    def __init__(self, model: Model, seed: int) -> None:
        self._model = model
        self._root = Streams(seed)

    def drawn(self, number: int) -> Way:
        return self._way(MovedStreams(self._root.word("way", number)))

    def moved(self, way: Way, kept: float | None, number: int) -> Way:
        return self._way(way.streams.near(self._root.word("way", number), kept, 16))

    def _way(self, streams: MovedStreams) -> Way:
        return Way(streams, *self._model(streams))


def repeated(model: Model, *, samples: int, repeats: int) -> list[Split[Way]]:
    pilot = Ways(model, 1000)
    by = stages(pilot.drawn, pilot.moved, samples=2 * samples)
    ways = (Ways(model, 10_000 + seed) for seed in range(repeats))
    return [split(one.drawn, one.moved, by, samples=samples) for one in ways]


def estimate(model: Model, *, samples: int = 100, repeats: int = 8) -> RareEstimate:
    found = repeated(model, samples=samples, repeats=repeats)
    return of_repeats([one.fraction for one in found])


@pytest.mark.parametrize(
    ("model", "answer", "samples"),
    [
        (late(3.0, 1, exponential), math.exp(-3.0), 100),
        (late(20.7, 1, exponential), math.exp(-20.7), 200),
        (late(9.0, 3, exponential), -math.expm1(3.0 * math.log1p(-math.exp(-9.0))), 200),
        (late(math.log(1e3), 2, log_pareto), 1.0 - (1.0 - 1e-6) ** 2, 200),
        (in_a_row(0.3, 5), 0.3**5, 300),
    ],
)
def test_splitting_finds_what_closed_forms_say(model: Model, answer: float, samples: int) -> None:
    found = estimate(model, samples=samples)
    assert found.low <= answer <= found.high
    assert 0.0 < found.relative_error < 0.8
    assert answer / 3.0 < found.fraction < 3.0 * answer
    # The interval is narrow enough to refuse what is many times as much, or a tenth.
    assert found.high < 40.0 * answer
    assert found.low > answer / 10.0


def test_where_brute_force_reaches_both_agree() -> None:
    model = late(5.0, 2, exponential)
    found = repeated(model, samples=40, repeats=40)
    ways = Ways(model, 5000)
    brute = [ways.drawn(number).damage for number in range(20_000)]
    answer = 1.0 - (1.0 - math.exp(-5.0)) ** 2
    assert mean_within(brute, answer)
    assert mean_within([one.fraction for one in found], answer)
    assert not mean_within([one.fraction for one in found], 2.0 * answer)


def test_draws_near_others_have_the_law_of_all_draws() -> None:
    start = Streams(1)
    for kept in (0.0, 0.95, None):
        chain = [MovedStreams(start.word("first", i)) for i in range(1000)]
        firsts = [one.uniform("x", 3) for one in chain]
        for step in range(3):
            chain = [one.near(start.word("next", i, step), kept, 2) for i, one in enumerate(chain)]
        found = [one.uniform("x", 3) for one in chain]
        assert ks_within(found, lambda u: u)
        is_near = float(np.corrcoef(firsts, found)[0, 1])
        assert is_near > 0.75 if kept else is_near < 0.75


def test_what_stays_is_what_was_asked_for_first() -> None:
    one = MovedStreams(5)
    values = [one.uniform("draw", i) for i in range(6)]
    near = MovedStreams(6, one, stay=4)
    assert [near.uniform("draw", i) == values[i] for i in range(6)] == [True] * 4 + [False] * 2
    lot = MovedStreams(7, one, share=0.5)
    stayed = sum(lot.uniform("many", i) == one.uniform("many", i) for i in range(400))
    assert 150 < stayed < 250


def test_repetitions_of_products_are_covered() -> None:
    # Lognormal with mean 1: what products of counted factors are.
    rng = np.random.default_rng(4)
    for repeats, sigma in ((8, 0.8), (5, 0.4)):
        values = np.exp(sigma * rng.standard_normal((1000, repeats)) - sigma**2 / 2.0)
        found = [of_repeats(row) for row in 1e-9 * values]
        held = sum(one.low <= 1e-9 <= one.high for one in found) / len(found)
        assert 0.93 <= held <= 0.985
    nothing = of_repeats([0.0, 0.0, 0.0])
    assert (nothing.fraction, nothing.low, nothing.high) == (0.0, 0.0, 1.0)
    some = of_repeats([0.0, 1e-9, 2e-9])
    assert some.fraction == pytest.approx(1e-9)
    assert (some.low, some.high) == (0.0, 1.0)
    with pytest.raises(ValueError, match="at least 3"):
        of_repeats([1.0, 1.0])
    assert of_repeats([1e-9, 2e-9, 2e-9]).low > 0.0
    part = of_repeats([1e-9, 2e-9, 2e-9], are_whole=False)
    assert (part.low, part.high) == (0.0, 1.0)


def test_damage_counts_with_its_weight_below_every_level() -> None:
    ways = [Way(MovedStreams(i), i - 9.5, damage=0.5, weight=0.1 * i) for i in range(10)]

    def moved(way: Way, kept: float | None, number: int) -> Way:
        return way

    found = split(ways.__getitem__, moved, [Stage(-5.0, 0.5), Stage(-2.0, 0.5)], samples=10)
    assert found.fraction == pytest.approx(0.5 * 0.45)
    assert found.is_whole
    cut = split(ways.__getitem__, moved, [Stage(-5.0, 0.5), Stage(5.0, 0.5)], samples=10)
    assert cut.fraction == pytest.approx(0.5 * 0.45)
    assert not cut.is_whole


def one_deletion(mean: str, delay: str) -> Scenario:
    """Blocks are marked at 10h, and go at the first pass, each five minutes, after the delay."""
    return world(
        horizon="13h",
        warmup="9h",
        compactor={"ranges": ["2h", "8h"], "compaction_takes": "0s"},
        gateways={"phase": "uniform", "sync_interval": {"law": "exponential", "mean": mean}},
        queries=[{"name": "old", "range": "1d", "offset": "3h"}],
        schemes=[marks(delay, "0s")],
    )


def failing(mean_m: float, delay_m: float) -> float:
    """A Poisson process waits longer than the delay, by a whole mean interval; of four hours."""
    return mean_m * math.exp(-delay_m / mean_m) / 240.0


@pytest.mark.nightly
def test_syncs_that_come_too_late_for_a_simulated_deletion() -> None:
    mean_m, delay_m = 10, 30
    found = rare(one_deletion(f"{mean_m}m", f"{delay_m}m"), 0, samples=200).estimate
    # Stamps are whole seconds: the pass at which the mark is as old as the delay is too early.
    answer = failing(mean_m, delay_m + 5)
    assert found.low <= answer <= found.high
    assert found.relative_error < 0.5
