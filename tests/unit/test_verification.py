"""The verification report says which numbers came out, which did not, and which prove nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from reports import verification
from sim.analysis.theory.oracle import Finding, Oracle, Sample, exactly, judge
from sim.report.style import PALETTE, to_svg
from sim.report.verification import (
    FreshReads,
    Quantiles,
    agreement,
    fresh_reads,
    quantile_panels,
)


def found(value: float, sample: Sample) -> Finding:
    return judge(
        Oracle(quantity="q", setting="s", value=value, source="nobody", sample=lambda: sample)
    )


GOOD = found(1.0, Sample(found=1.01, error=0.01, size=50))
BAD = found(1.0, Sample(found=1.2, error=0.01, size=50))
WEAK = found(1.0, Sample(found=1.0, error=0.2, size=50))
EXACT = found(2.0, exactly(2.0))


@pytest.mark.parametrize(
    ("finding", "cells"),
    [
        (GOOD, ("+1.00", "pass", "10% refused")),
        (BAD, ("+20.00", "FAIL", "10% refused")),
        (WEAK, ("+0.00", "pass", "NONE")),
        (EXACT, ("0", "pass", "10% refused")),
        (found(2.0, exactly(3.0)), ("∞", "FAIL", "10% refused")),
    ],
)
def test_a_row_says_verdict_and_power(finding: Finding, cells: tuple[str, ...]) -> None:
    text = b"".join(_page(finding)).decode()
    assert f"| {' | '.join(cells)} |" in text


def _page(*findings: Finding) -> list[bytes]:
    return [part.encode() for part in verification.parts({"Some": list(findings)})]


def test_the_page_counts_what_came_out_and_what_is_sharp() -> None:
    text = _page(GOOD, BAD, WEAK, EXACT)[0].decode()
    assert text.startswith("3 of 4 numbers that others found come out of the simulator; for 3 of")


def test_a_number_that_did_not_come_out_is_drawn_in_another_colour() -> None:
    svg = to_svg(agreement([GOOD, BAD])).decode()
    assert PALETTE[0] in svg
    assert PALETTE[2] in svg
    assert PALETTE[2] not in to_svg(agreement([GOOD, EXACT])).decode()


def test_laws_and_curves_are_drawn_and_repeat() -> None:
    x = np.linspace(0.0, 60.0, 50)
    law = Quantiles(title="wait", simulated=x, expected=x)
    counts = {"constant": np.array([0.0, 1.0, 1.0])}
    figures: list[Callable[[], Figure]] = [
        lambda: quantile_panels([law], counts, np.array([0.3, 0.7])),
        lambda: fresh_reads(
            [FreshReads(name="fit", fresh_from_ms=x, published=[(0.0, 0.9), (50.0, 0.999)])]
        ),
    ]
    for draw in figures:
        assert to_svg(draw()) == to_svg(draw())
