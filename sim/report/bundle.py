"""Everything about one run, or one sweep, as files: document, CSV, and the figures that apply.

``files`` gives names and bytes; who calls it decides where they go. A figure about deletions is
there only if something was deleted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.costs import garbage_bytes, requests_per_day
from sim.analysis.evidence.deletion_story import told_deletion
from sim.analysis.evidence.windows import error_window_law
from sim.analysis.expect import Judgement
from sim.analysis.results import Result, SchemeResult, estimate
from sim.analysis.sweep import Line, Sweep, lines_of
from sim.report.costs import SchemeCost, costs_height, scheme_costs
from sim.report.csvtable import to_csv
from sim.report.day import bucket_day, day_height
from sim.report.document import document, to_json
from sim.report.figures import OutcomeFraction, outcome_fractions, outcomes_width
from sim.report.headline import HEADLINE_HEIGHT, headline
from sim.report.heatmap import failure_map, map_height, mapped
from sim.report.names import MARKER, PAGE, SWEEP_MARKER
from sim.report.page import run_page, sweep_page
from sim.report.prices import prices
from sim.report.style import new_figure, new_panels, to_png, to_svg
from sim.report.sweepdocument import sweep_csv, sweep_document
from sim.report.sweepfigures import failures_height, failures_over_knob, panels_of
from sim.report.timeline import story_height, story_timeline
from sim.report.windows import WindowLengths, window_lengths, windows_height
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.scenario.schema import SchemeSpec

__all__ = ["figures", "files", "outcome_rows", "sweep_figures", "sweep_files"]


def files(
    result: Result,
    judgements: Sequence[Judgement],
    *,
    again: str = "",
    delays: Sweep | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the bundle.

    Parameters
    ----------
    result : Result
    judgements : sequence of Judgement
    again : str
        The line that repeats the run, for the page; empty if there is none.
    delays : Sweep or None
        The result at other delete delays, for a figure and for the page.
    """
    yield MARKER, to_json(document(result, judgements)).encode()
    yield "result.csv", to_csv(result).encode()
    drawn = list(figures(result))
    if delays is not None:
        drawn.append(("headline", _headline(delays, lines_of(delays))))
    pictures = dict(_pictures(drawn))
    yield from pictures.items()
    vectors = _vectors(pictures)
    yield PAGE, run_page(result, judgements, vectors, again=again, delays=delays).encode()


def _pictures(drawn: "Iterable[tuple[str, Figure]]") -> Iterator[tuple[str, bytes]]:
    for name, figure in drawn:
        yield f"{name}.svg", to_svg(figure)
        yield f"{name}.png", to_png(figure)


def _vectors(pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """The SVG files of pictures by the names of their figures."""
    kind = ".svg"
    return {n.removesuffix(kind): svg for n, svg in pictures.items() if n.endswith(kind)}


def sweep_files(sweep: Sweep, *, again: str = "") -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of a sweep's folder; ``again`` is for the page."""
    yield SWEEP_MARKER, to_json(sweep_document(sweep)).encode()
    yield "sweep.csv", sweep_csv(sweep).encode()
    pictures = dict(_pictures(sweep_figures(sweep)))
    yield from pictures.items()
    yield PAGE, sweep_page(sweep, _page_vectors(sweep, pictures), again=again).encode()


def _page_vectors(sweep: Sweep, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """Figures of a sweep's page: the headline, which has all that ``failures`` has if few lines."""
    vectors = _vectors(pictures)
    if "" in panels_of(lines_of(sweep)):
        del vectors["failures"]
    return vectors


def sweep_figures(sweep: Sweep) -> Iterator[tuple[str, "Figure"]]:
    """Draw the figures that apply to a sweep, each with its name; the map wants two knobs."""
    lines = lines_of(sweep)
    yield "headline", _headline(sweep, lines)
    yield (
        "failures",
        new_panels(lambda f: failures_over_knob(sweep, lines, f), height=failures_height(lines)),
    )
    if mapped(sweep, lines):
        height = map_height(sweep, lines)
        yield "map", new_panels(lambda f: failure_map(sweep, lines, f), height=height)
    yield "prices", new_panels(lambda f: prices(sweep, lines, f), height=4.2)


def _headline(sweep: Sweep, lines: Sequence[Line]) -> "Figure":
    return new_panels(lambda f: headline(sweep, lines, f), height=HEADLINE_HEIGHT)


def figures(result: Result) -> Iterator[tuple[str, "Figure"]]:
    """Draw the figures that apply to a result, each with its name."""
    outcomes = outcome_rows(result)
    width = outcomes_width(outcomes)
    yield (
        "outcomes",
        new_figure(lambda ax: outcome_fractions(outcomes, ax), width=width, height=4.2),
    )
    costs = [
        SchemeCost(
            scheme=scheme.name,
            garbage_bytes=garbage_bytes(result.scenario, scheme),
            requests_per_day=requests_per_day(result.scenario, scheme),
        )
        for scheme in result.schemes
    ]
    yield "costs", new_panels(lambda f: scheme_costs(costs, f), height=costs_height(costs))
    told = told_deletion(result)
    if told is not None:
        height = story_height(told)
        yield "deletion", new_figure(lambda ax: story_timeline(told, ax), height=height)
        day = told.day
        if day is not None and day.lives:
            yield "day", new_figure(lambda ax: bucket_day(day, ax), height=day_height(day))
    windows = [_windows(result, scheme) for scheme in result.schemes]
    if any(len(row.lengths_us) for row in windows):
        height = windows_height(len(windows))
        yield "windows", new_figure(lambda ax: window_lengths(windows, ax), height=height)


def outcome_rows(result: Result) -> list[OutcomeFraction]:
    """Failures and gaps always, other outcomes than ok where some scheme saw them."""
    seen = {
        outcome: any(estimate(scheme, (outcome,)).expected > 0 for scheme in result.schemes)
        for outcome in OUTCOMES
    }
    shown = [o for o in OUTCOMES if o != "ok" and (seen[o] or o in ("query-error", "silent-gap"))]
    return [
        OutcomeFraction(
            scheme=scheme.name,
            outcome=outcome,
            interval=estimate(scheme, (outcome,)).interval,
            delay_us=_delay_us(result.scenario.schemes[scheme.index]),
        )
        for scheme in result.schemes
        for outcome in shown
    ]


def _delay_us(scheme: "SchemeSpec") -> int | None:
    """Delay that places a scheme among others; None for one that is more than a delay."""
    if scheme.kind == "immediate":
        return 0
    return scheme.delete_delay_us if scheme.kind == "deletion-mark" else None


def _windows(result: Result, scheme: SchemeResult) -> WindowLengths:
    lengths = [length for trial in scheme.trials for length in trial.windows_us]
    return WindowLengths(
        scheme=scheme.name,
        lengths_us=np.sort(np.array(lengths, dtype=np.int64)),
        count=sum(trial.window_count for trial in scheme.trials),
        reference=error_window_law(result.scenario, result.scenario.schemes[scheme.index]),
    )
