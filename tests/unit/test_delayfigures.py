"""Figures of needed delays show what was found, what is proven, and zeros for what they are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.analysis.estimators import Interval
from sim.report.delayfigures import (
    NeededDelay,
    failing_ladder,
    needed_by_interval,
    needed_by_store,
    store_height,
)
from sim.report.style import new_figure, new_panels, to_svg

_MINUTE_US = 60_000_000


def _row(store: str, minutes: int, **changes: float) -> NeededDelay:
    values = {"lag_us": 0.0, "found_us": minutes * _MINUTE_US, "terms_us": 2e6 * 60 * minutes}
    values |= changes
    return NeededDelay(
        store=store,
        interval_us=minutes * _MINUTE_US,
        lag_us=values["lag_us"],
        found_us=values["found_us"],
        terms_us=values["terms_us"],
        is_proven=store == "strong",
    )


_ROWS = [
    _row("strong", 3),
    _row("strong", 15),
    _row("a_$late$", 3, lag_us=3e8),
    _row("a_$late$", 15, lag_us=math.inf, terms_us=math.inf),
]
_FOUND = {
    "strong": {
        "3m": [Interval(0.0, 0.0, 0.0, "rule"), Interval(1e-3, 5e-4, 2e-3, "t")],
        "15m": [Interval(0.0, 0.0, 1e-4, "clusters"), Interval(math.nan, math.nan, 1.0, "none")],
    }
}


def _y(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata(), np.float64)]


def _by_interval() -> Figure:
    return new_figure(lambda ax: needed_by_interval(_ROWS, ax))


def _by_store() -> Figure:
    return new_figure(lambda ax: needed_by_store(_ROWS, ax), height=store_height(_ROWS))


def _ladder() -> Figure:
    return new_panels(lambda figure: failing_ladder(["48h/24h", "at once"], _FOUND, figure))


@pytest.mark.parametrize("draw", [_by_interval, _by_store, _ladder])
def test_equal_data_give_equal_bytes(draw: Callable[[], Figure]) -> None:
    assert to_svg(draw()) == to_svg(draw())


@pytest.mark.parametrize("draw", [_by_interval, _by_store, _ladder])
def test_axes_say_what_is_measured(draw: Callable[[], Figure]) -> None:
    figure = draw()
    assert "duration" in figure.axes[-1].get_xlabel()
    assert figure.axes[0].get_title(loc="left")


def test_a_worst_case_without_a_bound_is_not_drawn() -> None:
    dashed = [
        line
        for line in _by_interval().axes[0].get_lines()
        if line.get_linestyle() not in ("-", "None")
    ]
    assert [len(line.get_xdata()) for line in dashed] == [2, 1]  # type: ignore[arg-type]


def test_every_store_has_a_row_and_a_lag_without_a_bound_is_left_out() -> None:
    ax = _by_store().axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["strong", r"a_\$late\$"]
    assert sum(line.get_marker() == "D" for line in ax.get_lines()) == 3


def test_a_delay_that_was_not_found_is_not_drawn_and_nothing_is_left_of_zero() -> None:
    rows = [*_ROWS, _row("copied", 3, found_us=math.inf, terms_us=0.0)]
    ax = new_figure(lambda ax: needed_by_store(rows, ax)).axes[0]
    drawn = [np.asarray(line.get_xdata(), np.float64) for line in ax.get_lines()]
    own = [x for x, line in zip(drawn, ax.get_lines(), strict=True) if min(_y(line)) >= 2]
    assert sum(bool(np.isfinite(x).all()) for x in own) == 1
    assert min(float(x[np.isfinite(x)].min(initial=math.inf)) for x in drawn) > ax.get_xlim()[0]


def test_zeros_and_fractions_are_told_apart_and_what_is_unknown_is_left_out() -> None:
    marks = [
        (line.get_marker(), line.get_fillstyle())
        for line in _ladder().axes[0].get_lines()
        if line.get_linestyle() == "None"
    ]
    assert sorted(marks) == [("o", "full"), ("o", "none"), ("v", "none")]


def test_rows_of_more_stores_take_more_height() -> None:
    assert store_height(_ROWS) > store_height(_ROWS[:2])
