"""Sweeps: the same trials at many settings, none simulated twice.

A *unit* is one scheme alone in its scenario, in one trial: what the knobs do not touch is one unit
for all settings. Units that differ in nothing but the scheme's delete delay are one *job*, which
``curve.py`` answers together. Results are kept by the digest of what they depend on
(``finished.py``), so that the next sweep, of whatever settings, finds them there::

    from sim.scenario.knobs import parse_knob
    from sim.scenario.load import load
    from sim.study.sweep import load_settings, run_sweep

    knobs = [parse_knob("schemes.1.delete_delay=0s,15m,1h,48h")]
    sweep = run_sweep(load_settings(lambda values: load("scenario.toml", values), knobs))
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sim.analysis.results import TrialResult, collect
from sim.analysis.sweep import Cell, Sweep
from sim.errors import Problem, ScenarioError
from sim.scenario.knobs import Knob, settings_of
from sim.study.curve import trials_over_delays
from sim.study.executors import run_jobs
from sim.study.finished import TrialFiles, key_of
from sim.study.refine import refinement
from sim.study.run import run_trial

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.study.finished import FinishedTrials

__all__ = ["Load", "Progress", "Settings", "load_settings", "run_sweep"]

Load = Callable[[Mapping[str, Any]], "Scenario"]
"""Makes the scenario in which the values of some key paths are replaced."""

Progress = Callable[[int], AbstractContextManager[Callable[[], None]]]
"""Is told of a number of trials, and gives what to call at the end of each."""

_MODE: Final = "exact"


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
    workers: int | None = 1,
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
    workers : int or None
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
    desk = _Desk(workers=workers, finished=finished, fresh=fresh, progress=progress, say=say)
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


@dataclass(frozen=True, slots=True)
class _Unit:
    """One scheme alone in its scenario, all trials; ``family`` is shared by what differs in D."""

    scenario: "Scenario"
    key: str
    family: str
    delay_us: int | None


@dataclass(frozen=True, slots=True)
class _Job:
    """Units of one family, in one trial."""

    units: tuple[_Unit, ...]
    trial: int


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of a job: a result for each of its units, by key."""

    results: dict[str, TrialResult]
    trial: int
    reason: str


@dataclass(slots=True, kw_only=True)
class _Desk:
    """Runs units that have not run yet; has the results of all, by key and trial."""

    workers: int | None
    finished: "FinishedTrials | None"
    fresh: bool
    progress: Progress
    say: Callable[[str], None]
    results: dict[tuple[str, int], TrialResult] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)

    def run(self, units: Sequence[_Unit]) -> None:
        new = list({u.key: u for u in units if (u.key, 0) not in self.results}.values())
        count = sum(unit.scenario.trials for unit in new)
        there = self._found(new)
        self.results |= there
        if there:
            self.say(f"{len(there)} of {count} trials were there already")
        with self.progress(count) as advance:
            for _ in there:
                advance()

            def keep(done: _Done) -> None:
                self._keep(done)
                for _ in done.results:
                    advance()

            jobs = _jobs(new, there)
            run_jobs(_work, jobs, count=len(jobs), workers=self.workers, on_result=keep)

    def _found(self, units: Sequence[_Unit]) -> dict[tuple[str, int], TrialResult]:
        if self.fresh or self.finished is None:
            return {}
        found = {}
        for unit in units:
            files = self._files(unit.key)
            for trial in range(unit.scenario.trials):
                result = files.get((0, trial))
                if result is not None:
                    found[unit.key, trial] = result
        return found

    def _keep(self, done: _Done) -> None:
        for key, result in done.results.items():
            self.results[key, done.trial] = result
            if self.finished is not None:
                self._files(key)[0, done.trial] = result
        if done.reason and done.reason not in self.said:
            self.said.add(done.reason)
            self.say(done.reason)

    def _files(self, key: str) -> TrialFiles:
        assert self.finished is not None
        return TrialFiles(self.finished.folder, key, self.finished.say)


def _chosen(scenario: "Scenario", schemes: Sequence[int] | None) -> Sequence[int]:
    return range(len(scenario.schemes)) if schemes is None else sorted(set(schemes))


def _unit(scenario: "Scenario", index: int) -> _Unit:
    spec = scenario.schemes[index]
    alone = scenario.model_copy(update={"schemes": (spec,), "expect": {}})
    key = key_of(alone, mode=_MODE, check=False)
    if "delete_delay_us" not in type(spec).model_fields:
        return _Unit(alone, key, key, None)
    at_once = spec.model_copy(update={"delete_delay_us": 0})
    family = key_of(alone.model_copy(update={"schemes": (at_once,)}), mode=_MODE, check=False)
    return _Unit(alone, key, family, spec.delete_delay_us)


def _units(settings: Settings, schemes: Sequence[int] | None) -> list[_Unit]:
    return [
        _unit(scenario, index)
        for scenario in settings.scenarios.values()
        for index in _chosen(scenario, schemes)
    ]


def _jobs(units: Sequence[_Unit], there: Mapping[tuple[str, int], TrialResult]) -> list[_Job]:
    """Make jobs of the trials that are not there; those of one trial stand together."""
    families: dict[str, list[_Unit]] = {}
    for unit in units:
        families.setdefault(unit.family, []).append(unit)
    trials = max((unit.scenario.trials for unit in units), default=0)
    jobs = []
    for trial, members in itertools.product(range(trials), families.values()):
        missing = [unit for unit in members if (unit.key, trial) not in there]
        if missing and trial < missing[0].scenario.trials:
            ordered = sorted(missing, key=lambda unit: unit.delay_us or 0)
            jobs.append(_Job(tuple(ordered), trial))
    return jobs


def _work(job: _Job) -> _Done:
    units = job.units
    if len(units) == 1:
        result = run_trial(units[0].scenario, 0, job.trial, _MODE)
        return _Done({units[0].key: result}, job.trial, "")
    delays_us = [unit.delay_us or 0 for unit in units]
    curve = trials_over_delays(units[0].scenario, 0, job.trial, delays_us, mode=_MODE)
    results = dict(zip((unit.key for unit in units), curve.results, strict=True))
    return _Done(results, job.trial, f"{units[0].scenario.schemes[0].name}: {curve.reason}")


def _collected(settings: Settings, schemes: Sequence[int] | None, desk: _Desk) -> Sweep:
    # What several settings share is one value: a comparison of lines sees it at once.
    shared: dict[tuple[str, int, int], TrialResult] = {}

    def trials(scenario: "Scenario") -> Iterator[TrialResult]:
        for index in _chosen(scenario, schemes):
            key = _unit(scenario, index).key
            for trial in range(scenario.trials):
                own = shared.get((key, trial, index))
                if own is None:
                    own = replace(desk.results[key, trial], scheme=index)
                    shared[key, trial, index] = own
                yield own

    cells = [
        Cell(setting=setting, result=collect(scenario, _MODE, list(trials(scenario))))
        for setting, scenario in settings.scenarios.items()
    ]
    return Sweep(
        name=cells[0].result.scenario.name,
        knobs=settings.knobs,
        is_together=settings.is_together,
        cells=tuple(cells),
    )
