"""Sweeps: the same trials at many settings, none simulated twice.

What is run are units (``units.py``): a scheme that the knobs do not touch is one unit for all
settings. Results are kept by the digest of what they depend on (``finished.py``), so that the next
sweep, of whatever settings, finds them there::

    from sim.scenario.knobs import parse_knob
    from sim.scenario.load import load
    from sim.study.sweep import load_settings, run_sweep

    knobs = [parse_knob("schemes.1.delete_delay=0s,15m,1h,48h")]
    sweep = run_sweep(load_settings(lambda values: load("scenario.toml", values), knobs))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sim.analysis.results import TrialResult, collect
from sim.analysis.sweep import Cell, Sweep
from sim.errors import Problem, ScenarioError
from sim.scenario.knobs import Knob, settings_of
from sim.study.executors import Workers
from sim.study.refine import refinement
from sim.study.units import Desk, Progress, Unit, unit_of

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.study.finished import FinishedTrials

__all__ = ["Load", "Settings", "load_settings", "run_sweep"]

Load = Callable[[Mapping[str, Any]], "Scenario"]
"""Makes the scenario in which the values of some key paths are replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The scenario of every setting, in their order.

    Attributes
    ----------
    knobs : tuple of Knob
    is_together : bool
        Whether the knobs move in step.
    scenarios : dict
        By setting: the positions of the knobs' values.
    load : callable
        What made them, and makes more.
    """

    knobs: tuple[Knob, ...]
    is_together: bool
    scenarios: "dict[tuple[int, ...], Scenario]"
    load: Load


def load_settings(load: Load, knobs: Sequence[Knob], *, together: bool = False) -> Settings:
    """Make the scenario of every setting.

    Parameters
    ----------
    load : callable
        Given the values of the knobs by path.
    knobs : sequence of Knob
        At least one.
    together : bool
        Whether they move in step instead of making a grid.

    Raises
    ------
    ScenarioError
        With the problems of all settings, each once.
    ValueError
        As :func:`sim.scenario.knobs.settings_of`.
    """
    scenarios = {}
    problems: dict[str, Problem | str] = {}
    for setting in settings_of(knobs, together=together):
        values = {knob.path: knob.values[i] for knob, i in zip(knobs, setting, strict=True)}
        try:
            scenarios[setting] = load(values)
        except ScenarioError as error:
            problems |= {repr(problem): problem for problem in error.problems}
    if problems:
        raise ScenarioError(problems.values())
    return Settings(knobs=tuple(knobs), is_together=together, scenarios=scenarios, load=load)


def run_sweep(
    settings: Settings,
    *,
    schemes: Sequence[int] | None = None,
    refine: int = 0,
    workers: Workers = 1,
    finished: "FinishedTrials | None" = None,
    fresh: bool = False,
    progress: Progress = lambda _: nullcontext(lambda: None),
    say: Callable[[str], None] = lambda _: None,
) -> Sweep:
    """Run every scheme at every setting, in *exact* mode.

    Parameters
    ----------
    settings : Settings
    schemes : sequence of int or None
        Ordinals of the schemes to run; None runs all.
    refine : int
        How many values may be added to the first knob where failing fractions change most. It
        must have numbers then, and the knobs make a grid.
    workers : int, Elsewhere or None
        As for ``run_scenario``; never changes a result.
    finished : FinishedTrials or None
        Where results are looked for before, and kept as soon as they are there.
    fresh : bool
        Keep, but do not look.
    progress : callable
        Called with the number of trials of each round, and then once a trial.
    say : callable
        Called with a sentence about what was there already, and about how delays were answered.

    Returns
    -------
    Sweep
        The same whatever was there already, but for which delays were simulated.

    Raises
    ------
    ModelError, OSError
        As for ``run_scenario``.
    """
    desk = Desk(workers=workers, finished=finished, fresh=fresh, progress=progress, say=say)
    if refine:
        ascending = [settings.knobs[0].ascending(), *settings.knobs[1:]]
        settings = load_settings(settings.load, ascending)
    desk.run(_units(settings, schemes))
    sweep = _collected(settings, schemes, desk)
    while refine > 0:
        # Half of what is left at a time: what is found decides where the rest goes.
        more = refinement(sweep, (refine + 1) // 2)
        if not more:
            break
        refine -= len(more)
        knobs = [settings.knobs[0].including(more), *settings.knobs[1:]]
        try:
            settings = load_settings(settings.load, knobs)
        except ScenarioError:
            say("no further values: one between two that are valid is not")
            break
        desk.run(_units(settings, schemes))
        sweep = _collected(settings, schemes, desk)
    return sweep


def _chosen(scenario: "Scenario", schemes: Sequence[int] | None) -> Sequence[int]:
    return range(len(scenario.schemes)) if schemes is None else sorted(set(schemes))


def _units(settings: Settings, schemes: Sequence[int] | None) -> list[Unit]:
    return [
        unit_of(scenario, index)
        for scenario in settings.scenarios.values()
        for index in _chosen(scenario, schemes)
    ]


def _collected(settings: Settings, schemes: Sequence[int] | None, desk: Desk) -> Sweep:
    # What several settings share is one value: a comparison of lines sees it at once.
    shared: dict[tuple[str, int, int], TrialResult] = {}

    def trials(scenario: "Scenario") -> Iterator[TrialResult]:
        for index in _chosen(scenario, schemes):
            key = unit_of(scenario, index).key
            for trial in range(scenario.trials):
                own = shared.get((key, trial, index))
                if own is None:
                    own = replace(desk.results[key, trial], scheme=index)
                    shared[key, trial, index] = own
                yield own

    cells = [
        Cell(setting=setting, result=collect(scenario, "exact", list(trials(scenario))))
        for setting, scenario in settings.scenarios.items()
    ]
    return Sweep(
        name=cells[0].result.scenario.name,
        knobs=settings.knobs,
        is_together=settings.is_together,
        cells=tuple(cells),
    )
