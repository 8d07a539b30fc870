"""Paired differences: their interval, and what leaves them without one."""

from __future__ import annotations

import math

import pytest

from sim.analysis.comparison.differences import Difference, paired_difference
from sim.core.streams import Streams


def test_pairs_give_a_t_interval_of_their_differences() -> None:
    found = paired_difference([0.3, 0.5, 0.4], [0.1, 0.2, 0.3])
    half = 12.70620474 * 0.1 / math.sqrt(3.0)
    assert found.method == "t"
    assert [found.difference, found.low, found.high] == pytest.approx([0.2, 0.2 - half, 0.2 + half])


def test_pairing_removes_what_the_trials_share() -> None:
    shared = Streams(2).stream("shared").run(0, 20)
    found = paired_difference(shared + 0.01, shared)
    assert found.high - found.low < 1e-12
    assert found.difference == pytest.approx(0.01)


def test_what_pairs_share_is_said_as_the_variance_that_they_take_off() -> None:
    shared, own_a, own_b = (Streams(2).stream(name).run(0, 4000) for name in "sab")
    # var(a) = var(b) = 5/12 (4 of it shared), so that var(a - b) = 2/12 instead of 10/12.
    found = paired_difference(2.0 * shared + own_a, 2.0 * shared + own_b)
    assert found.variance_reduction == pytest.approx(0.8, abs=0.02)
    apart = paired_difference(own_a, own_b)
    assert apart.variance_reduction == pytest.approx(0.0, abs=0.05)
    against = paired_difference(shared, 1.0 - shared)
    assert against.variance_reduction == pytest.approx(-1.0)
    assert math.isnan(paired_difference([0.1, 0.1], [0.2, 0.2]).variance_reduction)
    assert math.isnan(paired_difference([0.1], [0.2]).variance_reduction)


def test_one_pair_has_a_difference_but_no_interval() -> None:
    found = paired_difference([0.3], [0.1])
    assert found.method == "none"
    assert found.difference == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_no_pair_is_unknown() -> None:
    for a, b in (([], []), ([math.nan], [0.5])):
        found = paired_difference(a, b)
        assert math.isnan(found.difference)
        assert found.method == "none"


def test_no_difference_anywhere() -> None:
    assert paired_difference([0.5, 0.5], [0.5, 0.5]) == Difference(0.0, 0.0, 0.0, "t")
    found = paired_difference([0.0, 0.0], [0.0, 0.0], limits=(-0.1, 0.2))
    assert found == Difference(0.0, -0.1, 0.2, "bounds")
    assert paired_difference([0.1, 0.2], [0.1, 0.1], limits=(-0.1, 0.2)).method == "t"
    assert paired_difference([0.1], [0.1]).method == "none"


def test_pairs_with_an_unknown_side_are_left_out() -> None:
    found = paired_difference([0.3, math.nan, 0.5], [0.1, 0.2, 0.2])
    assert found == paired_difference([0.3, 0.5], [0.1, 0.2])


def test_refuses_what_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match=r"^b=\(2,\) array must have the shape of a"):
        paired_difference([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match="must be finite"):
        paired_difference([math.inf], [0.1])
