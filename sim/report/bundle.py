"""Everything about one run as files: the document, the CSV, and the figures that apply.

``files`` gives names and bytes; who calls it decides where they go. A figure about deletions is
there only if something was deleted.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.deletion import error_window_immediate
from sim.analysis.expect import Judgement, Replay
from sim.analysis.explain import Story, story
from sim.analysis.results import Result, SchemeResult, estimate
from sim.analysis.windows import pick_deletion
from sim.core.laws import Law
from sim.report.document import document, to_csv, to_json
from sim.report.figures import OutcomeFraction, outcome_fractions, outcomes_width
from sim.report.names import MARKER
from sim.report.style import new_figure, to_png, to_svg
from sim.report.timeline import story_lanes, story_timeline
from sim.report.windows import WindowLengths, window_lengths, windows_height
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.scenario.schema import Scenario, SchemeSpec

__all__ = ["error_window_law", "figures", "files", "told_deletion"]


def files(
    result: Result, judgements: Sequence[Judgement], replay: Replay
) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the bundle.

    Parameters
    ----------
    result : Result
    judgements : sequence of Judgement
    replay : callable
        ``replay(scheme_index, trial)`` simulates one trial again, for the figure of a deletion.
    """
    yield MARKER, to_json(document(result, judgements)).encode()
    yield "result.csv", to_csv(result).encode()
    for name, figure in figures(result, replay):
        yield f"{name}.svg", to_svg(figure)
        yield f"{name}.png", to_png(figure)


def figures(result: Result, replay: Replay) -> Iterator[tuple[str, "Figure"]]:
    """Draw the figures that apply to a result, each with its name."""
    outcomes = _outcome_rows(result)
    width = outcomes_width(outcomes)
    yield (
        "outcomes",
        new_figure(lambda ax: outcome_fractions(outcomes, ax), width=width, height=4.2),
    )
    told = told_deletion(result, replay)
    if told is not None:
        height = 2.1 + 0.36 * story_lanes(told)
        yield "deletion", new_figure(lambda ax: story_timeline(told, ax), height=height)
    windows = [_windows(result, scheme) for scheme in result.schemes]
    if any(len(row.lengths_us) for row in windows):
        height = windows_height(len(windows))
        yield "windows", new_figure(lambda ax: window_lengths(windows, ax), height=height)


def told_deletion(result: Result, replay: Replay) -> Story | None:
    """Tell the deletion that a reader outlasted for longest, in the first scheme that has one.

    Without any, the first deletion of the first scheme that deletes, to show that the readers let
    go first; None if nothing was deleted.
    """
    met = [
        (scheme.index, max(scheme.trials, key=lambda trial: trial.windows_us[-1:]))
        for scheme in result.schemes
        if any(trial.windows_us for trial in scheme.trials)
    ]
    if not met:
        return None
    scheme_index, trial = next((m for m in met if m[1].windows_us[-1] > 0), met[0])
    timelines = replay(scheme_index, trial.trial)
    block = pick_deletion(timelines)
    if block is None:
        return None
    return story(
        result.scenario,
        timelines,
        scheme_index=scheme_index,
        trial=trial.trial,
        block=block,
    )


def error_window_law(scenario: "Scenario", scheme: "SchemeSpec") -> Law | None:
    """Law of the length of an error window, where its closed form applies.

    It does for immediate, instantaneous deletion on a store without lag or errors, read by
    gateways that sync at constant intervals, list when a sync begins and suffer no faults.
    """
    gateways, store = scenario.gateways, scenario.store
    lags = (store.lag.create, store.lag.overwrite, store.lag.delete)
    strong = all(law.is_constant and law.mean == 0 for lag in lags for law in (lag.get, lag.list))
    steady = gateways.sync_interval.is_constant and gateways.sync_takes.is_constant
    at_once = scenario.compactor.delete_takes.is_constant
    if not (
        scheme.kind == "immediate"
        and strong
        and store.quorum is None
        and store.error_rate == store.lost_answer_rate == 0
        and store.negative_cache_us == 0
        and steady
        and gateways.phase == "uniform"
        and gateways.sync_takes.mean <= gateways.sync_interval.mean
        and gateways.sync_stages.check == 0
        and at_once
        and scenario.compactor.delete_takes.mean == 0
        and not scenario.faults
    ):
        return None
    return error_window_immediate(gateways.sync_interval.mean, gateways.sync_takes.mean)


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
