"""Samples are held against numbers in their own errors; an oracle without power is found out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.theory.oracle import (
    LawSample,
    Oracle,
    Sample,
    exactly,
    judge,
    mean_of,
    quantile_of,
    share_of,
    variance_of,
)

UNIFORM = (np.arange(400) + 0.5) / 400


def oracle(value: float, sample: Sample, *, rounding: float = 0.0, wrong: float = 0.1) -> Oracle:
    return Oracle(
        quantity="q", setting="s", value=value, source="nobody", sample=lambda: sample,
        rounding=rounding, wrong=wrong,
    )  # fmt: skip


def test_a_mean_is_off_in_standard_errors() -> None:
    sample = mean_of(UNIFORM)
    assert sample.found == pytest.approx(0.5)
    assert sample.error == pytest.approx(math.sqrt(1 / 12 / 400), rel=0.01)
    assert sample.off(0.5 - 2 * sample.error) == pytest.approx(2.0)
    assert variance_of(UNIFORM, 0.5).found == pytest.approx(1 / 12, rel=1e-4)


@pytest.mark.parametrize(
    ("errors", "passes"), [(3.9, True), (-3.9, True), (4.1, False), (-4.1, False)]
)
def test_four_standard_errors_pass(errors: float, passes: bool) -> None:
    sample = Sample(found=1.0 + errors * 0.01, error=0.01, size=50)
    assert judge(oracle(1.0, sample)).passes == passes


def test_a_share_of_all_leaves_nothing_to_chance() -> None:
    assert share_of(40, 40).off(1.0) == 0.0
    assert share_of(40, 40).off(0.9) == math.inf
    assert share_of(10, 40).error == pytest.approx(math.sqrt(0.25 * 0.75 / 40))


def test_a_quantile_has_the_error_of_its_rank() -> None:
    sample = quantile_of(np.arange(10_000.0), 0.99)
    assert sample.found == 9_900.0
    assert sample.error == pytest.approx(math.sqrt(10_000 * 0.99 * 0.01), abs=0.5)


def test_what_is_rounded_may_be_off_by_so_much() -> None:
    assert judge(oracle(2.0, exactly(2.05), rounding=0.05 + 1e-9)).passes
    assert not judge(oracle(2.0, exactly(2.05), rounding=0.04)).passes
    assert exactly(2.0).off(1.0) == math.inf
    assert exactly(2.0).off(3.0) == -math.inf


def test_a_sample_that_is_too_small_has_no_power() -> None:
    assert judge(oracle(1.0, Sample(found=1.0, error=0.02, size=50))).has_power
    weak = Sample(found=1.0, error=0.03, size=50)
    assert not judge(oracle(1.0, weak)).has_power
    assert judge(oracle(1.0, weak, wrong=0.2)).has_power
    # Refused above is not enough.
    assert not judge(oracle(1.0, Sample(found=0.93, error=0.02, size=50))).has_power


def test_a_law_is_held_against_its_distribution_function() -> None:
    sample = LawSample(
        found=1.0, size=400, values=UNIFORM, cdf=lambda x, high: np.clip(x / high, 0.0, 1.0)
    )
    assert sample.off(1.0) == pytest.approx(0.5 / math.sqrt(400))
    assert judge(oracle(1.0, sample)).passes
    assert not judge(oracle(1.3, sample)).passes


@pytest.mark.parametrize(
    "few",
    [lambda: mean_of(UNIFORM[:29]), lambda: share_of(3, 29), lambda: quantile_of(UNIFORM[:9], 0.5)],
)
def test_too_few_values_are_refused(few: object) -> None:
    assert callable(few)
    with pytest.raises(ValueError, match="must have at least 30 values"):
        few()
