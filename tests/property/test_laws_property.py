from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.laws import (
    Adjusted,
    Constant,
    Empirical,
    Exponential,
    Law,
    Lognormal,
    Mixture,
    Pareto,
    Uniform,
    Weibull,
)
from sim.core.steps import Steps
from sim.core.units import LONGEST_US

durations = st.floats(1.0, 1e12)
# The numbers that streams give.
probabilities = st.integers(0, 2**53 - 1).map(lambda k: k * 2.0**-53) | st.sampled_from(
    [0.0, 2.0**-53, 0.25, 0.5, 1.0 - 2.0**-53]
)


@st.composite
def uniforms(draw: st.DrawFn) -> Law:
    low, high = sorted((draw(durations), draw(durations)))
    return Uniform(low_us=low, high_us=high)


@st.composite
def lognormals(draw: st.DrawFn) -> Law:
    median = draw(durations)
    return Lognormal(median_us=median, p99_us=median * draw(st.floats(1.01, 1e3)))


@st.composite
def adjusted(draw: st.DrawFn, inner: st.SearchStrategy[Law]) -> Law:
    cap = draw(durations | st.just(math.inf))
    return Adjusted(law=draw(inner), plus_us=draw(st.floats(0.0, 1e12)), at_most_us=cap)


@st.composite
def mixtures(draw: st.DrawFn, inner: st.SearchStrategy[Law]) -> Law:
    parts = draw(st.lists(inner, min_size=1, max_size=3))
    weights = tuple(draw(st.floats(0.01, 1.0)) for _ in parts)
    return Mixture(weights=weights, parts=tuple(parts))


continuous = (
    uniforms()
    | st.builds(Exponential, mean_us=durations)
    | lognormals()
    | st.builds(Weibull, scale_us=durations, shape=st.floats(0.3, 5.0))
    | st.builds(Pareto, minimum_us=durations, alpha=st.floats(0.5, 12.0))
)
simple = (
    continuous
    | st.builds(Constant, value_us=durations)
    | st.builds(Empirical, samples_us=st.lists(durations, min_size=1, max_size=30).map(tuple))
)
laws = st.recursive(simple, lambda inner: mixtures(inner) | adjusted(inner), max_leaves=4)


@given(continuous, st.floats(1e-6, 1.0 - 1e-6))
def test_the_inverse_undoes_a_continuous_law(law: Law, u: float) -> None:
    if law.variance > 1e-12 * law.mean**2:
        assert law.cdf(law.ppf(u)) == pytest.approx(u, abs=1e-6)


@given(laws, probabilities)
def test_the_inverse_is_the_least_value_that_reaches_the_probability(law: Law, u: float) -> None:
    x = law.ppf(u)
    # One rounding in either function moves the probability by less than this.
    assert law.cdf(x * (1.0 + 1e-9) + 1e-5) >= u - 1e-12
    below = x * (1.0 - 1e-9) - 1e-5
    assert below < 0.0 or law.cdf(below) <= u + 1e-12


@given(laws, probabilities, probabilities)
def test_a_larger_uniform_never_gives_a_smaller_value(law: Law, u: float, v: float) -> None:
    low, high = sorted((u, v))
    assert law.ppf(low) <= law.ppf(high)
    assert law.draw_us(low) <= law.draw_us(high)
    assert law.cdf(law.ppf(low)) <= law.cdf(law.ppf(high))


@given(laws, st.lists(probabilities, max_size=4))
def test_a_few_are_each_what_it_is_alone(law: Law, uniforms: list[float]) -> None:
    assert law.ppf_each(uniforms) == [law.ppf(u) for u in uniforms]
    assert law.draw_each_us(uniforms) == [law.draw_us(u) for u in uniforms]


@given(laws)
def test_stays_between_its_ends(law: Law) -> None:
    low, high = law.ppf(0.0), law.ppf(1.0)
    assert 0.0 <= low <= law.ppf(0.5) <= high
    assert low <= law.mean * (1.0 + 1e-12)
    assert law.mean <= high * (1.0 + 1e-12)
    assert law.variance >= 0.0
    assert law.cdf(-1.0) == 0.0


@given(laws)
def test_moments_up_to_half_are_those_of_a_grid(law: Law) -> None:
    n = 2_000
    grid = law.ppf_many((np.arange(n) + 0.5) / (2 * n))
    spread = (law.ppf(0.5) - law.ppf(0.0)) / n
    # Mixtures are inverted on a lattice of a millionth of a µs.
    error = spread + 1e-5
    assert law.moment_to(0.5, 1) == pytest.approx(0.5 * grid.mean(), rel=1e-9, abs=error)
    second = 0.5 * float(np.mean(grid**2))
    error *= 2.0 * law.ppf(0.5)
    assert law.moment_to(0.5, 2) == pytest.approx(second, rel=1e-9, abs=error)


@given(laws, st.integers(1, 40))
def test_slices_average_to_the_mean(law: Law, n: int) -> None:
    slices = law.slice_means(n)
    assert slices.shape == (n,)
    assert bool((np.diff(slices) >= -1e-9 * np.abs(slices[:-1])).all())
    if math.isfinite(law.mean):
        assert slices.mean() == pytest.approx(law.mean, rel=1e-9, abs=1e-5)
    else:
        assert math.isinf(slices[-1])
    for i, value in enumerate(slices.tolist()):
        assert law.ppf(i / n) <= value * (1.0 + 1e-11) + 1e-5
        assert value <= law.ppf((i + 1) / n) * (1.0 + 1e-11)


@given(laws, st.lists(probabilities, max_size=20))
def test_vector_and_scalar_agree(law: Law, us: list[float]) -> None:
    many = law.ppf_many(np.array(us, dtype=np.float64))
    assert many.tolist() == pytest.approx([law.ppf(u) for u in us], rel=1e-11, abs=1e-5)
    xs = many[np.isfinite(many)] * 1.25 + 0.01
    expected = [law.cdf(x) for x in xs.tolist()]
    assert law.cdf_many(xs).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(simple, st.floats(1.5, 3.0))
def test_a_shift_and_a_cap_commute_with_the_quantile(law: Law, factor: float) -> None:
    cap = factor * law.ppf(0.25)
    changed = Adjusted(law=law, plus_us=7.0, at_most_us=cap)
    for u in (0.1, 0.5, 0.9):
        assert changed.ppf(u) == min(law.ppf(u) + 7.0, cap)


mixed = mixtures(laws) | adjusted(mixtures(laws))


@given(mixed, st.lists(probabilities, min_size=1, max_size=8), st.integers(0, 10**6))
def test_steps_draw_what_the_law_draws(law: Law, us: list[float], drawn_us: int) -> None:
    steps = Steps(law)
    # Right at a step as well, where rounding decides.
    edge = law.cdf(drawn_us + 0.5)
    near = [u for u in (edge - 2.0**-43, edge, edge + 2.0**-43) if 0.0 <= u < 1.0]
    for u in (*us, *near, *us):
        assert steps.draw_us(u) == law.draw_us(u)


@given(mixtures(continuous), st.floats(1e-6, 1.0 - 1e-6))
def test_steps_agree_with_plain_bisection(law: Law, u: float) -> None:
    low_us, high_us = -1, LONGEST_US
    while high_us - low_us > 1:
        middle_us = (low_us + high_us) // 2
        if law.cdf(middle_us + 0.5) < u:
            low_us = middle_us
        else:
            high_us = middle_us
    found_us = Steps(law).draw_us(u)
    # Beyond 2^32 µs the law itself decides, on a lattice that grows coarse.
    assert found_us == high_us or abs(found_us - high_us) <= high_us * 2.0**-32
