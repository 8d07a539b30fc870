"""Units of work: one scheme alone in its scenario, in every trial, run once and kept.

Units that differ in nothing but the scheme's delete delay are one *job* in each trial, which
``curve.py`` answers together.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sim.analysis.results import TrialResult
from sim.study.curve import trials_over_delays
from sim.study.executors import Workers, run_jobs
from sim.study.finished import TrialFiles, key_of
from sim.study.run import run_trial

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.study.finished import FinishedTrials

__all__ = ["Desk", "Progress", "Unit", "unit_of"]

Progress = Callable[[int], AbstractContextManager[Callable[[], None]]]
"""Is told of a number of trials, and gives what to call at the end of each."""

_MODE: Final = "exact"
# Kept apart: a run that goes on from the same folder must not take what has no trace for its own.
_READ_OFF: Final = "-curve"


@dataclass(frozen=True, slots=True)
class Unit:
    """One scheme alone in its scenario, in every trial.

    Attributes
    ----------
    scenario : Scenario
        With that scheme only.
    key : str
        Digest of what a result depends on, see ``finished.key_of``.
    family : str
        The same without the delete delay.
    delay_us : int or None
        The delete delay; None for a scheme that has none.
    """

    scenario: "Scenario"
    key: str
    family: str
    delay_us: int | None


@dataclass(frozen=True, slots=True)
class _Job:
    """Units of one family, in one trial."""

    units: tuple[Unit, ...]
    trial: int


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of a job: a result for each of its units, by key."""

    results: dict[str, TrialResult]
    trial: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Desk:
    """Runs units that have not run yet; ``results`` has those of all, by key and trial.

    Its other attributes are parameters of ``run_sweep``.
    """

    workers: Workers
    finished: "FinishedTrials | None"
    fresh: bool
    progress: Progress
    say: Callable[[str], None]
    results: dict[tuple[str, int], TrialResult] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)

    def run(self, units: Sequence[Unit]) -> None:
        """Find or run every trial of every unit, each once."""
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

    def _found(self, units: Sequence[Unit]) -> dict[tuple[str, int], TrialResult]:
        if self.fresh or self.finished is None:
            return {}
        found = {}
        for unit in units:
            places = [self._files(unit.key)]
            if unit.delay_us is not None:
                places.append(self._files(unit.key + _READ_OFF))
            for trial in range(unit.scenario.trials):
                results = (files.get((0, trial)) for files in places)
                result = next((result for result in results if result is not None), None)
                if result is not None:
                    found[unit.key, trial] = result
        return found

    def _keep(self, done: _Done) -> None:
        for key, result in done.results.items():
            self.results[key, done.trial] = result
            if self.finished is not None:
                place = key if result.digest else key + _READ_OFF
                self._files(place)[0, done.trial] = result
        if done.reason and done.reason not in self.said:
            self.said.add(done.reason)
            self.say(done.reason)

    def _files(self, key: str) -> TrialFiles:
        assert self.finished is not None
        return TrialFiles(self.finished.folder, key, self.finished.say)


def unit_of(scenario: "Scenario", index: int) -> Unit:
    """Take one scheme, by its ordinal, alone with its environment."""
    spec = scenario.schemes[index]
    alone = scenario.model_copy(update={"schemes": (spec,), "expect": {}})
    key = key_of(alone, mode=_MODE, check=False)
    if spec.kind != "deletion-mark":
        return Unit(alone, key, key, None)
    at_once = spec.model_copy(update={"delete_delay_us": 0})
    family = key_of(alone.model_copy(update={"schemes": (at_once,)}), mode=_MODE, check=False)
    return Unit(alone, key, family, spec.delete_delay_us)


def _jobs(units: Sequence[Unit], there: Mapping[tuple[str, int], TrialResult]) -> list[_Job]:
    """Make jobs of the trials that are not there; those of one trial stand together."""
    families: dict[str, list[Unit]] = {}
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
