"""Draws by steps: those of the law itself, whatever was drawn before."""

from __future__ import annotations

from typing import cast

import pytest

from sim.core import steps
from sim.core.laws import Adjusted, Constant, Exponential, Law, Mixture, Pareto, Uniform
from sim.core.steps import Steps
from sim.core.streams import Streams

PARTS = Mixture(
    weights=(0.9122, 0.0878), parts=(Pareto(minimum_us=235, alpha=10.0), Exponential(mean_us=602))
)
HEAVY = Mixture(
    weights=(0.38, 0.62), parts=(Pareto(minimum_us=1050, alpha=1.51), Exponential(mean_us=5464))
)
PLAIN = Mixture(weights=(0.5, 0.5), parts=(Constant(value_us=3.0), Uniform(low_us=9.0, high_us=19)))
CAPPED = Adjusted(law=HEAVY, plus_us=0.25, at_most_us=6_000.0)
FAR = Mixture(weights=(0.9, 0.1), parts=(Exponential(mean_us=4e9), Pareto(minimum_us=9, alpha=0.3)))
UNIFORMS = [Streams(5).stream("steps").at(i) for i in range(600)]


@pytest.mark.parametrize("law", [HEAVY, PARTS, PLAIN, CAPPED, FAR])
@pytest.mark.parametrize(("most", "many"), [(2**16, 2**16), (12, 2**16), (2**16, 12)])
def test_are_those_of_the_law_however_many_are_kept(
    law: Law, most: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_MOST", most)
    monkeypatch.setattr(steps, "_MANY", many)
    drawn = Steps(law)
    expected = [law.draw_us(u) for u in UNIFORMS]
    assert Steps(law).draw_each_us(UNIFORMS) == expected
    for _ in range(2):
        assert drawn.draw_each_us(UNIFORMS[::7]) == expected[::7]
        assert [drawn.draw_us(u) for u in UNIFORMS] == expected
    assert [drawn.draw_us(u) for u in reversed(UNIFORMS)] == expected[::-1]


def watch(monkeypatch: pytest.MonkeyPatch, method: str) -> list[float]:
    """What mixtures are asked for by a method of theirs from now on."""
    asked: list[float] = []
    right = getattr(Mixture, method)

    def noted(self: Mixture, x: float) -> float:
        asked.append(x)
        return cast("float", right(self, x))

    monkeypatch.setattr(Mixture, method, noted)
    return asked


def test_where_rounding_might_decide_the_law_does(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Steps(PLAIN)
    asked = watch(monkeypatch, "draw_us")
    edges = [0.0, 2.0**-53, 0.5, 0.5 + 0.5 * 0.25, 1.0 - 2.0**-53]
    found = [drawn.draw_us(u) for u in (*edges, 0.25, 0.5 + 0.5 * 0.27)]
    assert (found, asked) == ([3, 3, 3, 12, 19, 3, 12], edges)


def test_a_step_that_is_kept_is_not_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = watch(monkeypatch, "cdf")
    drawn = Steps(PARTS)
    first = drawn.draw_us(0.3)
    assert len(asked) > 2
    asked.clear()
    assert [drawn.draw_us(u) for u in (0.3, 0.3 + 1e-5, 0.3)] == [first] * 3
    assert asked == []


def test_a_law_that_is_drawn_from_often_is_asked_for_its_tail_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uniforms = [Streams(7).stream("often").at(i) for i in range(4000)]
    expected = [PARTS.draw_us(u) for u in uniforms]
    asked = watch(monkeypatch, "cdf")

    def asked_beyond_us(many: int) -> tuple[int, bool]:
        monkeypatch.setattr(steps, "_MANY", many)
        drawn, tail_us = Steps(PARTS), PARTS.draw_us(0.999)
        drawn.draw_each_us(uniforms[:400])
        asked.clear()
        assert drawn.draw_each_us(uniforms) == expected
        return len(asked), all(x > tail_us for x in asked)

    few, is_tail = asked_beyond_us(2**7)
    more, goes_on = asked_beyond_us(2**20)
    assert is_tail
    assert not goes_on
    assert few < more / 5


@pytest.mark.parametrize("u", [-0.1, 1.5, float("nan")])
def test_refuses_what_is_no_probability(u: float) -> None:
    for draw in (Steps(PLAIN).draw_us, lambda u: Steps(PLAIN).draw_each_us([0.3, u])):
        with pytest.raises(ValueError, match="must be in"):
            draw(u)
