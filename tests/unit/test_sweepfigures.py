"""Figures and tables of a sweep: what they say, zeros among it, and that nothing overlaps."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from rich.console import Console

from sim.analysis.evidence.exercised import Exercised
from sim.analysis.queries.outcomes import Bound
from sim.analysis.sweep import Sweep, lines_of
from sim.report.bundle import sweep_figures, sweep_files
from sim.report.names import SWEEP_FILES, knob_name
from sim.report.style import to_svg
from sim.report.sweepdocument import sweep_document
from sim.report.sweeptable import sweep_caption, sweep_tables, untried_lines
from sim.scenario.load import load
from tests.made_results import SCENARIO
from tests.sweeps import made

DELAY = "schemes.later.delete_delay=0s,10m,1h,48h"
SYNC = "gateways.sync_interval=1m,15m"
MANY = "gateways.sync_interval=log:30s..30m/8"
RULED_OUT = Bound(proof="R1")
UNSEEN = Bound(clusters=1000, most=0.5)
STEPS: tuple[float | Bound, ...] = (0.1, 0.001, UNSEEN, RULED_OUT)


def _grid(second: str, count: int) -> Sweep:
    settings = itertools.product(range(4), range(count))
    # The more seldom readers look, the later failures end.
    found = {(x, y): STEPS[max(0, x - (y >= count / 2))] for x, y in settings}
    garbage = {(x, y): 1e14 * x + y for x, y in found}
    return made([DELAY, second], found, garbage=garbage)


ONE = made([DELAY], dict(zip([(i,) for i in range(4)], STEPS, strict=True)))
TWO = _grid(SYNC, 2)
EIGHT = _grid(MANY, 8)
WORDS = made(["store.profile=strong,s3"], {(0,): 0.1, (1,): UNSEEN})
NOTHING = made([DELAY], dict.fromkeys([(i,) for i in range(4)], RULED_OUT))
STEP = made(
    ["schemes.later.delete_delay=1h,2h", "schemes.later.ignore_deletion_marks_delay=5m,6m"],
    {(0, 0): 0.1, (1, 1): 0.0},
    together=True,
)
SWEEPS = {"one": ONE, "two": TWO, "eight": EIGHT, "words": WORDS, "none": NOTHING, "step": STEP}
MAPPED = ("two", "eight")


def _figures(sweep: Sweep) -> dict[str, Figure]:
    return dict(sweep_figures(sweep))


@pytest.mark.parametrize("name", ["words", "step"])
def test_equal_sweeps_give_equal_files(name: str) -> None:
    files = dict(sweep_files(SWEEPS[name]))
    assert files == dict(sweep_files(SWEEPS[name]))
    assert set(files) <= set(SWEEP_FILES)


@pytest.mark.parametrize("name", SWEEPS)
def test_there_is_a_map_where_two_knobs_have_numbers(name: str) -> None:
    assert ("map" in _figures(SWEEPS[name])) == (name in MAPPED)


def _boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """Where each text of a figure stands, in pixels."""
    figure.draw_without_rendering()
    # Ticks beyond the limits of their axis have texts that are not drawn.
    undrawn = {
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    }
    texts = [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text not in undrawn
        and text.get_visible()
        and text.get_text().strip()
    ]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return boxes


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, k) for n in SWEEPS for k in ("failures", "map", "prices") if k != "map" or n in MAPPED],
)
def test_no_text_covers_another(name: str, kind: str) -> None:
    found = _boxes(_figures(SWEEPS[name])[kind])
    for (one, box), (two, other) in itertools.combinations(found, 2):
        common = Bbox.intersection(box, other)
        covered = 0.0 if common is None else common.width * common.height
        assert covered < 0.05 * min(box.width * box.height, other.width * other.height), (one, two)


@pytest.mark.parametrize("name", SWEEPS)
def test_titles_ask_and_axes_have_units(name: str) -> None:
    for kind, figure in _figures(SWEEPS[name]).items():
        assert figure.get_suptitle().endswith("?")
        if kind == "prices":
            assert ["(" in ax.get_xlabel() for ax in figure.axes[:2]] == [True, True]
        if kind == "failures":
            assert "interval" in figure.get_supylabel()


def _x(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def _y(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def test_a_zero_is_a_bound_or_stands_below_the_axis() -> None:
    (ax,) = _figures(ONE)["failures"].axes
    hollow = [
        (str(line.get_marker()), _y(line)[0]) for line in ax.lines if line.get_fillstyle() == "none"
    ]
    (unseen,) = [y for marker, y in hollow if marker == "v"]
    (proven,) = [y for marker, y in hollow if marker == "o"]
    point = lines_of(ONE)[1].points[2]
    assert unseen == point.failing.interval.high
    floor = next(10.0**p for p in range(-15, 1) if 10.0**p > proven)
    assert ax.get_ylim()[0] < proven < floor < unseen
    legend = [text.get_text() for text in _figures(ONE)["failures"].legends[0].get_texts()]
    assert legend == [
        "at once",
        "later",
        "none seen: at most this",
        "0: ruled out",
        "from here on no read fails, by the rules",
    ]


def test_the_rule_is_a_line_where_its_delay_is() -> None:
    def lines(sweep: Sweep) -> list[float]:
        ax = _figures(sweep)["failures"].axes[0]
        return [
            _x(line)[0] for line in ax.lines if len(set(_x(line))) == 1 and _y(line) == [0.0, 1.0]
        ]

    # No retention: a mark alone hides nothing. P and a second for the stamp.
    second = 1e6
    assert lines(ONE) == [(180 + 1) * second]
    assert lines(TWO) == [(60 + 1) * second, (900 + 1) * second]
    assert lines(WORDS) == []


def test_many_lines_have_axes_for_each_scheme_that_is_touched() -> None:
    figure = _figures(EIGHT)["failures"]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["later"]
    legend = figure.legends[0]
    assert legend.get_title().get_text() == "gateways.sync_interval"
    assert [text.get_text() for text in legend.get_texts()][:8] == list(EIGHT.knobs[1].texts)
    assert len(_figures(TWO)["failures"].axes) == 1


def test_the_map_draws_both_frontiers() -> None:
    ax = _figures(TWO)["map"].axes[0]
    proven, unseen = (
        [[tuple(map(float, end)) for end in edge] for edge in found.get_segments()]
        for found in ax.collections
        if isinstance(found, LineCollection)
    )
    # Rows are sync intervals; with the longer one everything is a column later.
    assert sorted(unseen) == [
        [(1.5, -0.5), (1.5, 0.5)],
        [(1.5, 0.5), (2.5, 0.5)],
        [(2.5, 0.5), (2.5, 1.5)],
    ]
    assert sorted(proven) == [[(2.5, -0.5), (2.5, 0.5)], [(2.5, 0.5), (3.5, 0.5)]]
    written = [text.get_text() for text in ax.texts]
    assert written.count("0") == 1
    assert "10 %" in written
    assert sum(text.startswith("<") for text in written) == 2


def test_the_front_is_labelled_with_what_was_set() -> None:
    def labels(sweep: Sweep) -> list[set[str]]:
        axes = _figures(sweep)["prices"].axes
        return [{text.get_text() for text in ax.texts} - {"0"} for ax in axes]

    # Garbage costs more with each delay, requests are the same for all. Of the zero at 1h less is
    # known than was seen at 10m.
    assert labels(_priced()) == [{"at once", "0s", "10m", "48h"}, {"48h"}]


def _priced() -> Sweep:
    settings = [(i,) for i in range(4)]
    garbage = dict(zip(settings, (1e15, 2e15, 4e15, 8e15), strict=True))
    return made([DELAY], dict(zip(settings, STEPS, strict=True)), garbage=garbage)


@pytest.mark.parametrize("fraction", [math.nan, 0.0])
def test_what_was_never_asked_is_drawn_as_nothing(fraction: float) -> None:
    sweep = made([DELAY], dict.fromkeys([(i,) for i in range(4)], fraction))
    for figure in _figures(sweep).values():
        assert to_svg(figure)


def _shown(sweep: Sweep, columns: int = 80) -> list[str]:
    console = Console(width=columns, record=True, file=io.StringIO())
    for title, table in sweep_tables(sweep):
        console.print(title)
        console.print(table)
    return console.export_text().splitlines()


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize("columns", [80, 40])
def test_the_table_fits_the_screen(name: str, columns: int) -> None:
    assert all(len(line) <= columns for line in _shown(SWEEPS[name], columns))


def test_the_table_has_a_row_for_each_setting_that_matters() -> None:
    lines = _shown(ONE)
    assert lines[0] == "at once"
    assert lines[4].split() == ["any", "25", "%", "0", "B", "0/d"]
    assert "later (proven from a delete_delay of 3m1s on)" in lines
    start = lines.index("later (proven from a delete_delay of 3m1s on)")
    rows = [line.split()[:2] for line in lines[start + 4 :: 2]]
    assert rows == [["0s", "10"], ["10m", "0.1"], ["1h", "0"], ["48h", "0"]]
    below = [line.split() for line in lines[start + 5 :: 2]]
    assert below[2][0] == "<"
    assert below[3][0] == "proven"
    assert sweep_caption(ONE).startswith("setting: delete_delay of later;")


def test_a_zero_that_nothing_could_have_broken_is_told_of() -> None:
    assert untried_lines(ONE) == []
    cell = ONE.cells[3]
    first, later = cell.result.schemes
    idle = replace(later, trials=tuple(replace(t, exercised=Exercised()) for t in later.trials))
    result = replace(cell.result, schemes=(first, idle))
    sweep = replace(ONE, cells=(*ONE.cells[:3], replace(cell, result=result)))
    assert untried_lines(sweep) == [
        "warning: later: no query was asked, so that a zero says nothing (at 1 of 4 settings)"
    ]
    scheme = sweep_document(sweep)["cells"][3]["schemes"][1]
    assert scheme["untried"] == "no query was asked"
    assert sweep_document(ONE)["cells"][3]["schemes"][1]["untried"] is None


def test_a_knob_of_a_scheme_is_called_by_its_name() -> None:
    scenario = load(SCENARIO)
    assert knob_name("schemes.1.delete_delay", scenario) == "delete_delay of later"
    assert knob_name("schemes[1].delete_delay", scenario) == "delete_delay of later"
    assert knob_name('schemes."at once".delete_delay', scenario) == "delete_delay of at once"
    assert knob_name("schemes.9.delete_delay", scenario) == "schemes.9.delete_delay"
    assert knob_name("gateways.count", scenario) == "gateways.count"
