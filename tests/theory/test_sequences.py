"""Do sequences hold what they promise, whenever one stops? Experiments with a known answer."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.estimators import t_half_width
from sim.analysis.queries.outcomes import Bound
from sim.analysis.sequences import Goal, Precision, sequence_bounds, sequence_interval

Floats = NDArray[np.float64]
Look = Callable[[Floats, float], tuple[float, float]]

EXPERIMENTS = 200
TRIALS_MAX = 400
LOOKS = (*range(3, 30, 3), *range(30, TRIALS_MAX + 1, 20))
MOST = 8.0 / 60.0


def fractions(law: str, rng: np.random.Generator) -> Floats:
    """Fractions of trials: of one reader's phase, or all of a trial or nothing."""
    uniforms = rng.random(TRIALS_MAX)
    if law == "phase":
        # As in test_coverage: a query of 8m, a sync every 15m, one deletion an hour.
        return np.asarray(np.maximum(0.0, uniforms * 15.0 - 7.0) / 60.0)
    return np.where(uniforms < 0.3, 1.0, 0.0)


MEANS = {"phase": 8.0**2 / 30.0 / 60.0, "coin": 0.3}


def precision(half_width: float, *, is_relative: bool = True) -> Precision:
    goal = Goal(
        text="", query=None, outcome="query-error", half_width=half_width, is_relative=is_relative
    )
    return Precision(goals=(goal,), trials_max=TRIALS_MAX)


def by_sequence(law: str) -> Look:
    def look(seen: Floats, width: float) -> tuple[float, float]:
        aim = precision(width)
        most = np.full(seen.size, 1.0 if law == "coin" else MOST)
        return sequence_bounds(seen, most, aim, aim.goals[0])

    return look


def by_t(seen: Floats, width: float) -> tuple[float, float]:
    half = t_half_width(seen)
    return float(seen.mean()) - half, float(seen.mean()) + half


def stopped(look: Look, law: str, width: float) -> tuple[float, float]:
    """Share of experiments that stop with the answer in the interval, and mean of their trials."""
    held, trials = 0, 0
    for seed in range(EXPERIMENTS):
        values = fractions(law, np.random.default_rng(seed))
        for n in LOOKS:
            low, high = look(values[:n], width)
            if high - low <= 2.0 * width * float(values[:n].mean()):
                break
        held += low <= MEANS[law] <= high
        trials += n
    return held / EXPERIMENTS, trials / EXPERIMENTS


@pytest.mark.parametrize(("law", "width"), [("phase", 0.6), ("coin", 0.6)])
def test_stopping_where_it_is_narrow_keeps_what_a_sequence_promises(law: str, width: float) -> None:
    held, trials = stopped(by_sequence(law), law, width)
    assert held >= 0.95
    # It costs a few times the trials that one look would take, and no more.
    values = fractions(law, np.random.default_rng(0))
    once = (1.96 * float(values.std()) / float(values.mean()) / width) ** 2
    assert trials <= 5.0 * once
    by_chance, _ = stopped(by_t, law, width)
    assert by_chance < 0.93


def test_an_interval_that_is_a_third_as_wide_is_found_out() -> None:
    def too_narrow(seen: Floats, width: float) -> tuple[float, float]:
        low, high = by_sequence("coin")(seen, width)
        middle = (low + high) / 2.0
        return middle - (high - low) / 6.0, middle + (high - low) / 6.0

    assert stopped(too_narrow, "coin", 0.2)[0] < 0.95


def test_nothing_seen_is_bounded_and_narrows_with_the_damage_that_there_can_be() -> None:
    aim = precision(1e-3, is_relative=False)
    nothing = np.zeros(200)
    low, high = sequence_bounds(nothing, np.ones(200), aim, aim.goals[0])
    # A fraction of more than this, all of it in a few trials, would have shown with 97.5 %.
    assert low == 0.0
    assert 1.0 - 0.025 ** (1.0 / 200) <= high < 3.0 * math.log(40.0) / 200
    _, less = sequence_bounds(nothing, np.full(200, 0.01), aim, aim.goals[0])
    assert less < high / 20.0


def test_a_value_beyond_what_was_thought_possible_makes_anything_possible() -> None:
    aim = precision(0.1)
    values = np.r_[np.full(50, 0.01), 0.5]
    believed = sequence_bounds(values, np.full(51, 0.01), aim, aim.goals[0])
    assert believed == sequence_bounds(values, np.ones(51), aim, aim.goals[0])
    assert believed != sequence_bounds(values, np.full(51, 0.25), aim, aim.goals[0])


def test_what_a_rule_proves_and_what_nobody_asked_needs_no_sequence() -> None:
    aim = precision(0.05)
    found = sequence_interval([0.0, 0.0], 10.0, [Bound(proof="R1")] * 2, aim)
    assert (found.low, found.high, found.method) == (0.0, 0.0, "rule")
    assert aim.goals[0].is_reached(found)
    nobody = sequence_interval([math.nan], 0.0, [Bound()], aim)
    assert nobody.method == "none"
    assert not aim.goals[0].is_reached(nobody)
    seen = sequence_interval([0.2, 0.4], 10.0, [Bound()] * 2, aim)
    assert seen.method == "sequence"
    assert seen.low < 0.3 < seen.high
