"""Small sweeps: one that is run, and one whose numbers a test chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.analysis.queries.outcomes import Bound, ClassOutcome
from sim.analysis.results import TrialResult, collect
from sim.analysis.sweep import Cell, Sweep
from sim.scenario.knobs import parse_knob, settings_of
from sim.scenario.load import load
from sim.study.sweep import Settings, load_settings
from tests import made_results
from tests.short import SHORT

DELAYS = "schemes.later.delete_delay=0s,10m,2h"
SYNCS = "gateways.sync_interval=3m,15m"


def settings(*knobs: str, together: bool = False, **changes: Any) -> Settings:
    """Settings of the short scenario, with some of its keys replaced."""
    return load_settings(
        lambda values: load(SHORT, {**changes, **values}),
        [parse_knob(knob) for knob in knobs],
        together=together,
    )


def numbers_alone(trial: TrialResult, *, with_requests: bool = True) -> TrialResult:
    """A trial without what one that was read off the trace of another delay does not have."""
    return replace(
        trial,
        digest="",
        records=0,
        counts={k: v for k, v in trial.counts.items() if with_requests or k != "requests"},
        story=None,
        window_count=0,
        windows_us=(),
        classes=tuple(replace(outcome, witnesses={}) for outcome in trial.classes),
    )


def made(
    knobs: Sequence[str],
    fractions: Mapping[Any, float | Bound],
    *,
    together: bool = False,
    garbage: Mapping[Any, float] | None = None,
) -> Sweep:
    """A sweep of the made scenario: of "at once" one fraction, of "later" one for each setting.

    A `Bound` stands for a zero of which that is known, nan for nothing being asked.
    """
    parsed = tuple(parse_knob(knob) for knob in knobs)
    cells = []
    for setting in settings_of(parsed, together=together):
        values = {knob.path: knob.values[i] for knob, i in zip(parsed, setting, strict=True)}
        found = fractions[setting]
        trials = [
            *(_trial(0, number, 0.25, 0.0) for number in range(2)),
            *(_trial(1, number, found, (garbage or {}).get(setting, 1e9)) for number in range(2)),
        ]
        cells.append(
            Cell(
                setting=setting,
                result=collect(load(made_results.SCENARIO, values), "exact", trials),
            )
        )
    return Sweep(name="made", knobs=parsed, is_together=together, cells=tuple(cells))


def _trial(scheme: int, number: int, found: float | Bound, garbage: float) -> TrialResult:
    trial = made_results.trial(scheme, number, [_class("fast", 1000.0, found)])
    # As many again, so that a class and all of them are not the same number.
    classes = (*trial.classes, _class("slow", 3000.0, found))
    return replace(trial, classes=classes, garbage_byte_seconds=garbage)


def _class(name: str, queries: float, found: float | Bound) -> ClassOutcome:
    if isinstance(found, Bound):
        zero = made_results.outcome(name, queries)
        return replace(zero, bounds=dict.fromkeys(zero.fractions, found))
    if math.isnan(found):
        return made_results.outcome(name, 0.0, query_error=found)
    return made_results.outcome(name, queries, query_error=found)
