"""The screen about a run: numbers that can be read at 80 columns."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console, RenderableType

from sim.analysis.estimators import Interval
from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import collect
from sim.core.units import US_PER_S
from sim.report.tables import (
    format_bytes_short,
    format_count,
    format_fraction,
    format_interval,
    judgement_lines,
    observation_lines,
    scheme_table,
)
from tests.conftest import GoldenCheck
from tests.made_results import outcome, result, scenario, trial

GOLDEN = Path(__file__).parents[1] / "golden"


def _screen(*content: RenderableType, colour: bool = False) -> str:
    text = io.StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    console = Console(file=text, width=80, force_terminal=colour, color_system=system)
    for item in content:
        console.print(item, soft_wrap=not hasattr(item, "columns"))
    return text.getvalue()


def _judgements() -> tuple[Judgement, ...]:
    def made(verdict: Verdict, rule: str, witness: dict[str, object] | None = None) -> Judgement:
        return Judgement(scheme="at once", rule=rule, verdict=verdict, witness=witness)

    place = {"trial": 1, "seed": 8}
    hazard = {
        **place,
        "query": "fast",
        "at_us": 90_061 * US_PER_S,
        "until_us": 90_121 * US_PER_S + 5,
        "stream": 0,
        "gateway": 2,
        "block": "0.raw.0-1.2.0",
    }
    fraction = {"fraction": 0.2, "low": 0.1, "high": 0.3}
    return (
        made(Verdict.INVALID, "never query-error", hazard),
        made(Verdict.INVALID, "at most 0.01 query-error", {**fraction, **hazard}),
        made(Verdict.INVALID, "never lost-block", {**place, "count": 1}),
        made(Verdict.INVALID, "at most 3 lost-block", {"total": 9, **place, "count": 6}),
        made(Verdict.UNKNOWN, "sometimes silent-gap"),
        made(Verdict.VALID, "never warned"),
    )


def test_the_screen_as_text(golden: GoldenCheck) -> None:
    made = result([0.25, 0.5], [0.0, 1e-7])
    golden(GOLDEN / "screen.txt", _screen(scheme_table(made), *judgement_lines(_judgements())))


def test_long_names_fold_and_numbers_do_not() -> None:
    made = scenario()
    name = "a mark that is hidden after half a day and deleted after one, plus one hour"
    scheme = made.schemes[1].model_copy(update={"name": name})
    made = made.model_copy(update={"schemes": (made.schemes[0], scheme)})
    classes = [outcome("fast", 1e9, query_error=0.123456, silent_gap=1.23456e-7)]
    trials = [trial(s, k, classes, {"requests": {"get": 10**9}}) for s in (0, 1) for k in (0, 1, 2)]
    screen = _screen(scheme_table(collect(made, "exact", trials)))
    assert max(map(len, screen.splitlines())) <= 80
    assert "12.3 %" in screen
    assert "1.23e-7" in screen
    assert "…" not in screen


def test_colour_is_only_for_terminals() -> None:
    lines = judgement_lines(_judgements())
    assert "\x1b[" in _screen(*lines, colour=True)
    assert "\x1b[" not in _screen(*lines)


def test_only_what_went_wrong_is_listed() -> None:
    classes = [outcome("fast", 10.0, duplicated=0.5, warned=0.25)]
    counts = [{"lost-block": 1, "compactor-halt": 0}, {"lost-block": 2, "compactor-halt": 0}]
    wrong = collect(scenario(), "exact", [trial(0, k, classes, counts[k]) for k in (0, 1)])
    assert observation_lines(wrong.schemes) == [
        "at once: 3 lost-block, 50 % duplicated, 25 % warned"
    ]
    assert observation_lines(result([0.1, 0.1], [0.0, 0.0]).schemes) == []


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (math.nan, "–"),
        (0.0, "0"),
        (1.234e-9, "1.23e-9"),
        (1.234e-12, "1.23e-12"),
        (0.000999, "9.99e-4"),
        (0.001, "0.1 %"),
        (0.123456, "12.3 %"),
        (0.9949, "99.5 %"),
        (0.9999876, "99.99876 %"),
        (1.0, "100 %"),
    ],
)
def test_fractions_keep_what_matters(fraction: float, text: str) -> None:
    assert format_fraction(fraction) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(math.nan, math.nan, math.nan, "none"), "not measured"),
        (Interval(0.0, 0.0, 1e-7, "rule-of-three"), "< 1.00e-7"),
        (Interval(0.02, 0.01, 0.03, "t"), "1 – 3 %"),
        (Interval(0.0005, 0.0, 0.01, "t"), "0 – 1 %"),
    ],
)
def test_intervals_name_their_unit_once(interval: Interval, text: str) -> None:
    assert format_interval(interval) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (999.6, "1k"), (1250, "1.25k"), (17971200.0, "18M"), (2e13, "20T")],
)
def test_counts_have_three_digits(number: float, text: str) -> None:
    assert format_count(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "0 B"), (1023, "0.999 KiB"), (2**30 * 1.5, "1.5 GiB"), (2**80, "1.05e+06 EiB")],
)
def test_bytes_are_binary(amount: float, text: str) -> None:
    assert format_bytes_short(amount) == text
