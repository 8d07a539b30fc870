"""The picture of a comparison: a line for each outcome that matters, and a place for 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from sim.analysis.comparison.compare import Comparison, compare
from sim.analysis.comparison.numbers import Numbers, numbers_of
from sim.analysis.results import collect
from sim.report.forest import difference_figure, difference_groups
from tests.made_results import outcome, result, scenario, trial


def _compared(a: list[float], b: list[float]) -> Comparison:
    pairs = [("at once", "at once"), ("later", "later")]
    return compare(_numbers(a), _numbers(b), pairs)


def _numbers(at_once: list[float]) -> Numbers:
    made = numbers_of(result(at_once, [0.0] * len(at_once)))
    world = str(at_once)
    schemes = [replace(made.schemes[0], world_digest=world), made.schemes[1]]
    return replace(made, schemes=tuple(schemes))


def _texts(figure: Figure) -> list[str]:
    (ax,) = figure.axes
    return [label.get_text() for label in ax.get_yticklabels()]


def test_there_is_a_line_for_every_outcome_and_class_that_a_side_has() -> None:
    found = _compared([0.1, 0.2], [0.2, 0.2])
    groups = difference_groups(found)
    assert [group.title for group in groups] == ["at once", "later"]
    assert [(row.metric, row.query) for row in groups[0].rows] == [
        ("query-error", None),
        ("query-error", "fast"),
        ("query-error", "slow"),
        ("silent-gap", None),
    ]
    figure = difference_figure(found)
    assert _texts(figure)[:4] == ["query-error", "fast", "slow", "silent-gap"]
    assert _texts(figure)[4:] == ["query-error", "silent-gap"]
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["at once", "later"]
    assert "fraction of queries" in ax.get_xlabel()
    assert "paired" in ax.get_xlabel()


def test_the_axis_has_zero_in_its_middle_and_room_for_every_interval() -> None:
    (ax,) = difference_figure(_compared([0.1, 0.2], [0.2, 0.2])).axes
    low, high = ax.get_xlim()
    assert low == -high
    assert 0.0 in ax.get_xticks()
    drawn = [np.asarray(line.get_xdata()) for line in ax.lines if line.get_marker() == "|"]
    ends = np.concatenate(drawn)
    assert low < ends.min() <= ends.max() < high


def test_what_is_ruled_out_is_an_open_marker() -> None:
    (ax,) = difference_figure(_compared([0.1, 0.2], [0.2, 0.2])).axes
    fills = [line.get_fillstyle() for line in ax.lines if line.get_marker() in ("o", "D")]
    # The errors and gaps of the scheme that is the same on both sides.
    assert fills.count("none") == 2
    assert fills.count("full") == len(fills) - 2 > 0


@pytest.mark.parametrize("share", [0.0, 1e-12, 1.0])
def test_any_difference_can_be_drawn(share: float) -> None:
    figure = difference_figure(_compared([0.0, 0.0], [share, share]))
    assert figure.axes[0].get_xlim()[1] >= share
    figure.canvas.draw()


def test_what_was_not_measured_is_left_out() -> None:
    silent = numbers_of(
        collect(scenario(), "exact", [trial(0, k, [outcome("fast", 0.0)]) for k in (0, 1)])
    )
    found = compare(silent, silent, [("at once", "at once")])
    assert difference_groups(found)[0].rows == ()
    difference_figure(found).canvas.draw()
