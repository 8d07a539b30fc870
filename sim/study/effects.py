"""Which knob matters most: a scenario at settings drawn from ranges, with the seeds of all alike.

::

    from sim.scenario.ranges import parse_range
    from sim.scenario.load import load
    from sim.study.effects import draw_settings, knob_effects

    knobs = [parse_range("gateways.sync_interval=1m..15m")]
    drawn = draw_settings(lambda values: load("scenario.toml", values), knobs, samples=64, seed=0)
    found = knob_effects(drawn, knobs, 0, "query-error", samples=64)
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from sim.analysis.costs import garbage_bytes
from sim.analysis.effects import KnobEffects, draw_shares, effects_of
from sim.analysis.queries.evaluate import inexact
from sim.analysis.results import estimate
from sim.errors import Problem, ScenarioError
from sim.scenario.schema import OUTCOMES
from sim.study.sweep import Load, Settings, load_settings, run_sweep

if TYPE_CHECKING:
    from sim.analysis.sweep import Cell
    from sim.scenario.knobs import Knob
    from sim.study.units import Progress

__all__ = ["GARBAGE", "MEASURES", "SAMPLES", "draw_settings", "knob_effects", "scheme_of"]

GARBAGE: Final = "garbage-bytes"
"""Retired data still stored, mean over time."""

MEASURES: Final = (*OUTCOMES, GARBAGE)
"""What effects may be asked about."""

SAMPLES: Final = 64
"""Base samples, if nobody says how many."""


def draw_settings(load: Load, knobs: "Sequence[Knob]", *, samples: int, seed: int) -> Settings:
    """Draw settings from the ranges of knobs, and make the scenario of each.

    Parameters
    ----------
    load : callable
        Given the values of the knobs by path.
    knobs : sequence of Knob
        At the ends of their ranges, see :func:`sim.scenario.ranges.parse_range`.
    samples : int
        A power of two.
    seed : int
        Of the settings, >= 0.

    Raises
    ------
    ScenarioError
        With the problems of all settings, each once.
    ImportError, ValueError
        As :func:`sim.analysis.effects.draw_shares`; ValueError without any knob.
    """
    if not knobs:
        raise ValueError("effects need at least one knob with a range")
    columns = draw_shares(len(knobs), samples, seed).T.tolist()
    drawn = [knob.along(shares) for knob, shares in zip(knobs, columns, strict=True)]
    settings = load_settings(load, drawn, together=True)
    problems: dict[str, Problem | str] = {
        repr(problem): problem
        for scenario in settings.scenarios.values()
        for problem in inexact(scenario)
    }
    if problems:
        raise ScenarioError(problems.values())
    return settings


def scheme_of(settings: Settings) -> int:
    """Ordinal of the first scheme that a knob is of; of the first of all if none is."""
    first, *others = settings.scenarios.values()
    return next(
        (
            i
            for i, spec in enumerate(first.schemes)
            if any(other.schemes[i] != spec for other in others)
        ),
        0,
    )


def knob_effects(
    settings: Settings,
    knobs: "Sequence[Knob]",
    scheme: int,
    measure: str,
    *,
    samples: int,
    workers: int | None = 1,
    progress: "Progress" = lambda _: nullcontext(lambda: None),
) -> KnobEffects:
    """Simulate one scheme at every setting, and say what each knob does to a number of it.

    Parameters
    ----------
    settings : Settings
        As :func:`draw_settings` made them.
    knobs : sequence of Knob
        Of which it made them.
    scheme : int
        Ordinal.
    measure : str
        One of ``MEASURES``.
    samples : int
        As the settings were drawn.
    workers : int or None
        As for ``run_scenario``; never changes a result.
    progress : callable
        As for ``run_sweep``.

    Raises
    ------
    ValueError
        If there is no such measure.
    """
    if measure not in MEASURES:
        raise ValueError(f"outcome={measure!r} must be one of {', '.join(MEASURES)}")
    sweep = run_sweep(settings, schemes=[scheme], workers=workers, progress=progress)
    values = [_value(cell, measure) for cell in sweep.cells]
    scenario = sweep.cells[0].result.scenario
    ends = [(knob.path, knob.texts[0], knob.texts[-1]) for knob in knobs]
    return KnobEffects(
        name=scenario.name,
        scheme=scenario.schemes[scheme].name,
        measure=measure,
        seed=scenario.seed,
        trials=scenario.trials,
        samples=samples,
        settings=len(set(zip(*(knob.texts for knob in settings.knobs), strict=True))),
        mean=math.fsum(values) / len(values),
        least=min(values),
        most=max(values),
        effects=effects_of(ends, values, scenario.seed),
    )


def _value(cell: "Cell", measure: str) -> float:
    (scheme,) = cell.result.schemes
    if measure == GARBAGE:
        return garbage_bytes(cell.result.scenario, scheme)
    return estimate(scheme, (measure,)).interval.fraction
