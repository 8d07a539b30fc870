"""Figures: what they say, and that equal data give equal bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sim.analysis.estimators import Interval
from sim.analysis.evidence.day import Day, Life
from sim.analysis.evidence.deletion_story import (
    Absence,
    Failures,
    Hazard,
    Load,
    Story,
    Tick,
    told_deletion,
)
from sim.analysis.evidence.windows import error_window_law
from sim.analysis.results import collect
from sim.analysis.theory.deletion import error_window_immediate
from sim.core.units import NEVER, US_PER_S
from sim.report.bundle import figures
from sim.report.costs import SchemeCost, costs_height, scheme_costs
from sim.report.day import bucket_day, day_height
from sim.report.figures import OutcomeFraction, outcome_fractions, outcomes_width
from sim.report.style import escaped, legend_below, new_figure, new_panels, to_png, to_svg
from sim.report.timeline import story_height, story_lanes, story_timeline
from sim.report.windows import WindowLengths, window_lengths, windows_height
from sim.scenario.load import load
from sim.study.run import run_scenario
from tests.made_results import SCENARIO, outcome, result, scenario, trial
from tests.short import SHORT

S = US_PER_S
T = 864_000 * S

STORY = Story(
    scheme="at once, for $5",
    trial=0,
    seed=0,
    block="0.0.0-1.2.0",
    stream=0,
    start_us=T - 60 * S,
    end_us=T + 300 * S,
    retired_us=T,
    retired_why=1,
    marked_us=NEVER,
    absent_us=T + 3 * S,
    error_us=171 * S,
    n_replicas=2,
    loads=(
        Load(gateway=0, start_us=0, end_us=T + 174 * S, crashed=False),
        Load(gateway=2, start_us=0, end_us=T - 20 * S, crashed=True),
    ),
    absences=(
        Absence(replica=0, start_us=T + 3 * S, end_us=NEVER),
        Absence(replica=1, start_us=T + 40 * S, end_us=NEVER),
    ),
    hazards=(Hazard(query="day", start_us=T + 3 * S, end_us=T + 174 * S, outcome="query-error"),),
    failures=(
        Failures(query="day", t_us=(T + 5 * S, T + 9 * S), outcome=("query-error",) * 2),
        Failures(query="hour", t_us=(), outcome=()),
        Failures(query="often", t_us=None, outcome=()),
    ),
)

FRACTIONS = (
    OutcomeFraction(
        scheme="at once, for $5",
        outcome="query-error",
        interval=Interval(3e-3, 2.8e-3, 3.2e-3, "t"),
    ),
    OutcomeFraction(
        scheme="a name that is too long for one line",
        outcome="query-error",
        interval=Interval(0.0, 0.0, 1e-7, "clusters"),
    ),
)

LENGTHS = (
    WindowLengths(
        scheme="at once, for $5",
        lengths_us=np.arange(0, 180 * S, S),
        count=180,
        reference=error_window_immediate(180 * S, 0),
    ),
    WindowLengths(scheme="later", lengths_us=np.zeros(5, dtype=np.int64), count=7),
    WindowLengths(scheme="never", lengths_us=np.zeros(0, dtype=np.int64), count=0),
)

DAY = Day(
    stream=0,
    start_us=0,
    end_us=24 * 3_600 * S,
    lives=(
        Life(
            block="0.raw.0-7200000000.1.0",
            level=1,
            resolution=0,
            created_us=0,
            committed_us=7_200 * S,
            retired_us=30_000 * S,
            deleted_us=50_000 * S,
        ),
        Life(
            block="0.raw.0-28800000000.2.0",
            level=2,
            resolution=0,
            created_us=28_000 * S,
            committed_us=30_000 * S,
            retired_us=NEVER,
            deleted_us=NEVER,
        ),
    ),
    left_out=0,
    syncs_us=((2, (600 * S, 1_200 * S)),),
    hazards=(Hazard(query="day", start_us=50_000 * S, end_us=51_000 * S, outcome="query-error"),),
)

DRAWN: tuple[Callable[[Axes], Any], ...] = (
    lambda ax: outcome_fractions(FRACTIONS, ax),
    lambda ax: story_timeline(STORY, ax),
    lambda ax: window_lengths(LENGTHS, ax),
    lambda ax: bucket_day(DAY, ax),
    lambda ax: outcome_fractions(_at(0, S, 2 * S, 3 * S), ax),
    lambda ax: window_lengths([*LENGTHS, replace(LENGTHS[0], scheme="again")], ax),
)
IDS = ("outcomes", "deletion", "windows", "day", "outcomes by delay", "windows in rows")


def _legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("draw", DRAWN, ids=IDS)
def test_equal_data_give_equal_bytes(draw: Callable[[Axes], Any]) -> None:
    one, two = new_figure(draw), new_figure(draw)
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


@pytest.mark.parametrize("draw", DRAWN, ids=IDS)
def test_files_hold_no_date_and_no_version(draw: Callable[[Axes], Any]) -> None:
    figure = new_figure(draw)
    assert not re.search(rb"<dc:date>|Matplotlib v|\d{4}-\d\d-\d\dT", to_svg(figure))
    assert b"tEXt" not in to_png(figure)


@pytest.mark.parametrize("draw", DRAWN, ids=IDS)
def test_a_title_asks_and_the_axes_have_units(draw: Callable[[Axes], Any]) -> None:
    (ax,) = new_figure(draw).axes
    assert "?" in ax.get_title(loc="left")
    assert "(" in ax.get_xlabel() + ax.get_ylabel()


def test_zeros_are_shown_as_bounds() -> None:
    figure = new_figure(DRAWN[0])
    assert _legend(figure) == ["query-error", "none: at most the bar"]
    (ax,) = figure.axes
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] < 1e-7
    assert ax.get_xticklabels()[1].get_text() == "a name that is\ntoo long for one\nline"


def _at(*delays_us: int | None) -> list[OutcomeFraction]:
    one = FRACTIONS[0]
    return [replace(one, scheme=f"scheme {i}", delay_us=us) for i, us in enumerate(delays_us)]


def _labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def test_what_is_ruled_out_stands_open_at_the_foot() -> None:
    ruled_out = replace(FRACTIONS[1], interval=Interval(0.0, 0.0, 0.0, "rule"))
    figure = new_figure(lambda ax: outcome_fractions([FRACTIONS[0], ruled_out], ax))
    assert _legend(figure) == ["query-error", "ruled out"]
    (ax,) = figure.axes
    assert [line.get_fillstyle() for line in ax.lines] == ["full", "full", "none"]
    # Nothing else was seen: the axis has a length all the same.
    alone = new_figure(lambda ax: outcome_fractions([ruled_out], ax))
    low, high = alone.axes[0].get_ylim()
    assert 0 < low < high


def test_many_delays_stand_where_they_are() -> None:
    rows = _at(0, 300 * S, 600 * S, 3_600 * S, 48 * 3_600 * S)
    (ax,) = new_figure(lambda ax: outcome_fractions(rows, ax), width=outcomes_width(rows)).axes
    assert ax.get_xscale() == "symlog"
    assert ax.get_xticks().tolist() == [row.delay_us for row in rows]
    assert _labels(ax) == ["0s", "5m", "10m", "1h", "2d"]
    assert "delay" in ax.get_xlabel()
    assert outcomes_width(rows) == outcomes_width(FRACTIONS)
    places = {line.get_xdata()[0] for line in ax.lines}  # type: ignore[index]
    assert places == {row.delay_us for row in rows}


@pytest.mark.parametrize(
    "delays_us",
    [(0, S, 2 * S), (0, S, 2 * S, None), (0, S, 2 * S, S)],
    ids=["few", "more than a delay", "one delay twice"],
)
def test_other_schemes_stand_side_by_side(delays_us: tuple[int | None, ...]) -> None:
    rows = _at(*delays_us)
    (ax,) = new_figure(lambda ax: outcome_fractions(rows, ax)).axes
    assert ax.get_xscale() == "linear"
    assert _labels(ax) == [row.scheme for row in rows]
    assert outcomes_width(_at(*[None] * 12)) > outcomes_width(FRACTIONS)


def test_labels_do_not_touch_each_other() -> None:
    rows = _at(0, 600 * S, 601 * S, 3_600 * S, 3_700 * S)
    (ax,) = new_figure(lambda ax: outcome_fractions(rows, ax)).axes
    assert _labels(ax) == ["0s", "10m", "", "1h", ""]


def test_schemes_are_placed_by_the_delay_they_have() -> None:
    asked = []

    def keep(data: list[OutcomeFraction], ax: Axes) -> None:
        asked.extend(data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.report.bundle.outcome_fractions", keep)
        next(figures(result([0.25], [0.5])))
    assert {row.scheme: row.delay_us for row in asked} == {"at once": 0, "later": 172_800 * S}


def test_more_than_three_schemes_have_a_row_each() -> None:
    many = [*LENGTHS, replace(LENGTHS[0], scheme="again", reference=None, count=12_345)]
    (ax,) = new_figure(lambda ax: window_lengths(many, ax), height=windows_height(4)).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        r"at once, for \$5",
        "later",
        "never",
        "again",
    ]
    words = [text.get_text() for text in ax.texts]
    assert words[:4] == ["99.4 % of 180", "0 of 7", "no deletions", "99.4 % of 12.3k"]
    assert _legend(new_figure(lambda ax: window_lengths(many, ax)))[-1] == "closed form"
    assert ax.get_xscale() == "log"
    assert {"1s", "10s", "1m"} <= set(_labels(ax))
    assert windows_height(12) > windows_height(4)


def test_windows_of_one_size_are_on_a_linear_axis() -> None:
    row = WindowLengths(scheme="a", lengths_us=np.arange(60, 180) * S, count=120)
    rows = [replace(row, scheme=name) for name in "abcd"]
    (ax,) = new_figure(lambda ax: window_lengths(rows, ax)).axes
    assert ax.get_xscale() == "linear"
    assert _labels(ax) == ["0s", "30s", "1m", "1m30s", "2m", "2m30s", "3m"]
    legend = _legend(new_figure(lambda ax: window_lengths(rows, ax)))
    assert legend == ["shortest to longest", "the middle half", "median"]


def test_rows_can_be_drawn_without_any_window() -> None:
    rows = [replace(LENGTHS[1], scheme=name) for name in "abcd"]
    (ax,) = new_figure(lambda ax: window_lengths(rows, ax)).axes
    assert [text.get_text() for text in ax.texts][:4] == ["0 of 7"] * 4


def test_a_story_says_whether_the_block_was_read() -> None:
    (ax,) = new_figure(DRAWN[1]).axes
    assert "yes, for 2m51s" in ax.get_title(loc="left")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        "replica 0",
        "replica 1",
        "gateway 0",
        "gateway 2",
        "day\n(2 hit)",
        "hour\n(no hazard)",
        "often\n(too many to draw)",
    ]
    assert story_lanes(STORY) == len(labels)
    told = replace(STORY, error_us=0)
    (ax,) = new_figure(lambda ax: story_timeline(told, ax)).axes
    assert "no, readers let go first" in ax.get_title(loc="left")


def test_a_story_shows_what_replaced_the_block_and_when_readers_synced() -> None:
    told = replace(
        STORY,
        marked_us=T,
        hidden_us=T + 90 * S,
        replacement="0.raw.0-4.2.0",
        replacement_loads=(Load(gateway=0, start_us=T + 174 * S, end_us=NEVER, crashed=False),),
        replacement_absences=(Absence(replica=0, start_us=0, end_us=T),),
        syncs=(
            Tick(gateway=0, start_us=T + 150 * S, end_us=T + 174 * S),
            Tick(gateway=0, start_us=T + 290 * S, end_us=T + 310 * S),
            Tick(gateway=7, start_us=T, end_us=T + 20 * S),
        ),
    )
    figure = new_figure(lambda ax: story_timeline(told, ax))
    (ax,) = figure.axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[2:4] == ["its replacement", "gateway 0"]
    assert story_lanes(told) == len(labels) == story_lanes(STORY) + 1
    assert story_height(told) > story_height(STORY)
    legend = _legend(figure)
    assert {"gateway answers from its replacement", "a sync ends", "retired, marked"} <= set(legend)
    assert "gateways may hide it" in legend
    assert ax.get_xlabel() == "time since the block was retired, 10d into the run (min)"
    # Only the sync that ends within the picture, of a gateway that is in it.
    lines = [c for c in ax.collections if isinstance(c, LineCollection)]
    lowest = [[segment[0][1] for segment in c.get_segments()] for c in lines]
    assert [low for low in lowest if 3 - 0.44 in low] == [[3 - 0.44]]


def test_time_counts_from_the_retirement_only_where_it_is_shown() -> None:
    alive = replace(STORY, retired_us=NEVER)
    (ax,) = new_figure(lambda ax: story_timeline(alive, ax)).axes
    assert ax.get_xlabel() == "time since 9d23h59m into the run (min)"


def test_the_closed_form_is_drawn_where_one_applies() -> None:
    assert "closed form" in _legend(new_figure(DRAWN[2]))
    plain = [replace(row, reference=None) for row in LENGTHS]
    legend = _legend(new_figure(lambda ax: window_lengths(plain, ax)))
    assert "(no closed form applies)" in legend
    assert "later (7 seen, 100 % without a window)" in legend
    assert "never: no deletions" in legend


def test_the_closed_form_applies_to_immediate_deletion_on_a_strong_store() -> None:
    plain = scenario()
    at_once, later = plain.schemes
    period_us = plain.gateways.sync_interval.mean
    takes_us = plain.gateways.sync_takes.mean
    assert error_window_law(plain, at_once) == error_window_immediate(period_us, takes_us)
    assert error_window_law(plain, later) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"gateways.sync_interval": {"law": "exponential", "mean": "3m"}},
        {"compactor.delete_takes": "1s"},
        {"store.lag.delete.get": "1s"},
        {"store.error_rate": 0.1},
        {"gateways.phase": "0s"},
    ],
    ids=str,
)
def test_no_closed_form_is_claimed_elsewhere(changed: dict[str, Any]) -> None:
    other = load(SCENARIO, changed)
    assert error_window_law(other, other.schemes[0]) is None


def test_without_deletions_no_figure_is_about_one() -> None:
    made = result([0.25, 0.5], [0.0, 0.0])
    assert [name for name, _ in figures(made)] == ["outcomes", "costs"]
    assert told_deletion(made) is None


def test_the_told_deletion_is_of_the_first_scheme_that_was_read_too_long() -> None:
    def told(*windows_us: tuple[int, ...]) -> Story | None:
        trials = [
            trial(
                i // 2,
                i % 2,
                [outcome("fast", 1.0)],
                windows_us=w,
                story=replace(STORY, trial=i) if w else None,
            )
            for i, w in enumerate(windows_us)
        ]
        return told_deletion(collect(scenario(), "exact", trials))

    assert told((0, 0), (0,), (0, 5), (7,)) == replace(STORY, trial=3)
    assert told((), (0,), (0, 0), (0,)) == replace(STORY, trial=1)
    assert told((), (), (), ()) is None


@pytest.mark.parametrize("name", ["_hidden", r"a\$b$c$", "<&>\"'", r"\alpha^2_{x}", "$\\frac{"])
def test_any_name_is_drawn_as_it_is(name: str) -> None:
    def draw(ax: Axes) -> None:
        ax.plot([0, 1], [0, 1], label=escaped(name))
        ax.set_title(escaped(name))
        handles, labels = ax.get_legend_handles_labels()
        assert len(labels) == 1
        legend_below(ax, handles)

    ElementTree.fromstring(to_svg(new_figure(draw)))


def test_a_day_has_a_lane_for_each_block_and_each_gateway() -> None:
    (ax,) = new_figure(lambda ax: bucket_day(DAY, ax), height=day_height(DAY)).axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["level 1, 2h", "level 2, 8h", "syncs of gateway 2"]
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle) and bar.get_height() < 1]
    widths = sorted(round(bar.get_width(), 3) for bar in bars)
    # Made for 2 h and 2000 s; in use from there; the first waits 20,000 s for its deletion.
    assert widths == [round(h, 3) for h in (2000 / 3600, 2.0, 20 / 3.6, 22.8 / 3.6, 56.4 / 3.6)]


def test_a_day_is_taken_around_the_deletion_that_is_told() -> None:
    ran = run_scenario(load(SHORT))
    for scheme in ran.schemes:
        for own in scheme.trials:
            told = own.story
            assert told is not None
            assert told.day is not None
            assert told.day.start_us <= told.absent_us < told.day.end_us
            assert told.day.end_us - told.day.start_us == 24 * 3_600 * S
            assert told.block in [life.block for life in told.day.lives]
            assert {life.block.split(".")[0] for life in told.day.lives} == {str(told.stream)}
            committed = [life.committed_us for life in told.day.lives]
            assert committed == sorted(committed)


def test_costs_are_bars_with_their_number_beside_them() -> None:
    data = [
        SchemeCost(scheme="at once, for $5", garbage_bytes=0.0, requests_per_day=1234.0),
        SchemeCost(scheme="later", garbage_bytes=3 * 2**30, requests_per_day=math.nan),
    ]
    one, two = (
        new_panels(lambda f: scheme_costs(data, f), height=costs_height(data)) for _ in range(2)
    )
    assert to_svg(one) == to_svg(two)
    left, right = one.axes
    assert [text.get_text() for text in left.texts] == ["0 B", "3 GiB"]
    assert [text.get_text() for text in right.texts] == ["1.23k", "unknown"]
    bars = [bar for bar in left.patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == [0.0, 3.0]
    assert "(GiB)" in left.get_xlabel()
    assert "(per simulated day)" in right.get_xlabel()
