"""Everything about one run as files: the document, the CSV, and the figures that apply.

``files`` gives names and bytes; who calls it decides where they go. A figure about deletions is
there only if something was deleted.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.expect import Judgement
from sim.analysis.explain import told_deletion
from sim.analysis.results import Result, SchemeResult, estimate
from sim.analysis.windows import error_window_law
from sim.report.document import document, to_csv, to_json
from sim.report.figures import OutcomeFraction, outcome_fractions, outcomes_width
from sim.report.names import MARKER
from sim.report.style import new_figure, to_png, to_svg
from sim.report.timeline import story_height, story_timeline
from sim.report.windows import WindowLengths, window_lengths, windows_height
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.scenario.schema import SchemeSpec

__all__ = ["figures", "files"]


def files(result: Result, judgements: Sequence[Judgement]) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the bundle.

    Parameters
    ----------
    result : Result
    judgements : sequence of Judgement
    """
    yield MARKER, to_json(document(result, judgements)).encode()
    yield "result.csv", to_csv(result).encode()
    for name, figure in figures(result):
        yield f"{name}.svg", to_svg(figure)
        yield f"{name}.png", to_png(figure)


def figures(result: Result) -> Iterator[tuple[str, "Figure"]]:
    """Draw the figures that apply to a result, each with its name."""
    outcomes = _outcome_rows(result)
    width = outcomes_width(outcomes)
    yield (
        "outcomes",
        new_figure(lambda ax: outcome_fractions(outcomes, ax), width=width, height=4.2),
    )
    told = told_deletion(result)
    if told is not None:
        height = story_height(told)
        yield "deletion", new_figure(lambda ax: story_timeline(told, ax), height=height)
    windows = [_windows(result, scheme) for scheme in result.schemes]
    if any(len(row.lengths_us) for row in windows):
        height = windows_height(len(windows))
        yield "windows", new_figure(lambda ax: window_lengths(windows, ax), height=height)


def _outcome_rows(result: Result) -> list[OutcomeFraction]:
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
