"""Scenario x schemes x trials to results: the one place that joins the model with its judges.

A job is one scheme in one trial. It depends on nothing but the scenario and its two ordinals, so
any number of workers gives the same result, and one trial can be repeated alone::

    from sim.study.run import run_scenario
    from sim.scenario.load import load

    result = run_scenario(load("scenarios/thanos-2022.toml"))

It stays in this process unless ``workers`` says otherwise. A program that starts processes must
guard its entry with ``if __name__ == "__main__":``.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Literal

from sim.analysis.checkers import garbage_byte_seconds, grows, observe
from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.curve.feedback import entanglement
from sim.analysis.evidence.deletion_story import told
from sim.analysis.evidence.exercised import exercised
from sim.analysis.evidence.windows import window_sample
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled
from sim.analysis.queries.exposure import exposures
from sim.analysis.results import Result, TrialResult, collect
from sim.analysis.sequences import Precision
from sim.analysis.warmup import garbage_parts
from sim.core.collector import collector_paused, return_freed
from sim.errors import DeterminismError, Problem, ScenarioError
from sim.model.world import simulate
from sim.study.enough import Enough
from sim.study.executors import Workers, run_jobs
from sim.trace.columns import build
from sim.trace.recorder import first_difference
from sim.trace.records import PassesRecord, SyncsRecord

if TYPE_CHECKING:
    from sim.analysis.curve.critical import CriticalSample
    from sim.analysis.queries.exposure import Exposure
    from sim.scenario.schema import Scenario
    from sim.study.finished import FinishedTrials, TrialFiles
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["Mode", "judge_trace", "replay", "run_scenario", "run_trial", "trace_trial"]

Mode = Literal["exact", "sampled"]


def replay(scenario: "Scenario", scheme_index: int, trial: int) -> "Timelines":
    """Simulate one scheme in one trial again, to look at what happened rather than to count it."""
    return build(trace_trial(scenario, scheme_index, trial))


def trace_trial(scenario: "Scenario", scheme_index: int, trial: int) -> "Trace":
    """Simulate one scheme in one trial and give its record."""
    return simulate(scenario, scheme_index, trial)


@collector_paused()
def run_trial(
    scenario: "Scenario",
    scheme_index: int,
    trial: int,
    mode: Mode = "exact",
    *,
    check: bool = False,
) -> TrialResult:
    """Simulate and judge one scheme in one trial.

    Parameters
    ----------
    scenario : Scenario
    scheme_index, trial : int
        From 0; the trial need not be below ``scenario.trials``.
    mode : "exact" or "sampled"
        Expected fractions given the trace, or the fractions among drawn arrivals.
    check : bool
        Do it twice, the second time actor by actor (`sim.model.computed`) and tick by tick
        (`sim.model.rests`), and compare, record by record.

    Raises
    ------
    DeterminismError
        If ``check`` finds a difference.
    """
    trace = simulate(scenario, scheme_index, trial)
    return_freed(len(trace.records))
    timelines = build(trace)
    if not check:
        # Judges read the columns: of long runs the records are as much once more.
        trace = replace(trace, records=trace.records.only(SyncsRecord, PassesRecord))
    return_freed(timelines.records)
    result = judge_trace(scenario, scheme_index, trial, mode, trace, timelines)
    if check:
        again = simulate(scenario, scheme_index, trial, step_by_step=True)
        if again.digest != trace.digest:
            raise DeterminismError(*(first_difference(trace, again) or (0, "", "")))
        second = judge_trace(scenario, scheme_index, trial, mode, again, build(again))
        # As text: a count may be nan, which differs from itself.
        one, two = repr(asdict(result)), repr(asdict(second))
        if one != two:
            raise DeterminismError(len(trace.records), one, two)
    return result


def run_scenario(
    scenario: "Scenario",
    *,
    schemes: Sequence[int] | None = None,
    workers: Workers = 1,
    mode: Mode = "exact",
    check: bool = False,
    on_result: Callable[[TrialResult], None] | None = None,
    finished: "FinishedTrials | None" = None,
    precision: Precision | None = None,
) -> Result:
    """Run every scheme in every trial.

    Parameters
    ----------
    scenario : Scenario
    schemes : sequence of int or None
        Ordinals of the schemes to run; None runs all.
    workers : int, Elsewhere or None
        Number of processes; 1 runs everything in this one, None decides by the time the first
        trials take. Never changes a result. Other than 1, the program's entry must be guarded.
    mode, check
        As for :func:`run_trial`.
    on_result : callable or None
        Called with each trial's result as it comes, in no particular order; first with those that
        were finished before.
    finished : FinishedTrials or None
        Where results are looked for before, and kept as soon as they are there, so that the same
        call goes on from where it was interrupted.
    precision : Precision or None
        How narrow intervals are to be: trials run until they are, instead of as many as the
        scenario says.

    Returns
    -------
    Result
        Trials and schemes in the scenario's order; its scenario has as many trials as ran.

    Raises
    ------
    DeterminismError
        If ``check`` finds a difference.
    ModelError
        If an invariant of the simulator broke, a worker process died, or workers are to be
        started from an entry that is not guarded.
    OSError
        If a finished trial cannot be kept.
    ScenarioError
        If phases are stratified, which needs a known number of trials, and ``precision`` is to
        decide it.
    """
    chosen = range(len(scenario.schemes)) if schemes is None else sorted(set(schemes))
    files = None if finished is None else finished.of(scenario, mode=mode, check=check)
    # A run that is to be precise has the most trials that it may take.
    wanted = scenario.trials if precision is None else precision.trials_max
    if precision is not None and scenario.gateways.stratified:
        rule = "be left out where trials go on until they are enough: it spreads a known number"
        raise ScenarioError([Problem("gateways.stratified", True, rule)])
    enough = Enough(precision or Precision(goals=(), trials_max=wanted), chosen)
    there = {} if files is None else _found(files, chosen, wanted)
    count = len(chosen) * wanted
    if files is not None and there:
        files.say(f"{len(there)} of {count} trials were there already")

    def report(result: TrialResult) -> None:
        if precision is not None:
            enough.add(result)
        if on_result is not None:
            on_result(result)

    for result in there.values():
        report(result)

    def keep(result: TrialResult) -> None:
        if files is not None:
            files[result.scheme, result.trial] = result
        report(result)

    trials = run_jobs(
        functools.partial(_work, scenario, mode, check),
        enough.jobs(set(there)),
        count=count - len(there),
        workers=workers,
        on_result=keep,
    )
    found = [*there.values(), *trials]
    if precision is None:
        return collect(scenario, mode, found)
    ran = scenario.model_copy(update={"trials": enough.trials})
    return collect(ran, mode, [r for r in found if r.trial < enough.trials], precision)


def _found(
    files: "TrialFiles", chosen: Sequence[int], trials: int
) -> dict[tuple[int, int], TrialResult]:
    """Read what is finished of what is wanted, by (scheme, trial)."""
    wanted = [key for key in files if key[0] in chosen and key[1] < trials]
    results = ((key, files.get(key)) for key in wanted)
    return {key: result for key, result in results if result is not None}


def _work(scenario: "Scenario", mode: Mode, check: bool, ordinals: tuple[int, int]) -> TrialResult:
    return run_trial(scenario, *ordinals, mode, check=check)


def judge_trace(
    scenario: "Scenario",
    scheme_index: int,
    trial: int,
    mode: Mode,
    trace: "Trace",
    timelines: "Timelines",
    exposed: "Sequence[Exposure] | None" = None,
) -> TrialResult:
    """Ask every judge about one trace, of which ``timelines`` are the columns."""
    seed = scenario.seed + trial
    exposed = exposed or exposures(scenario, timelines)
    if mode == "exact":
        classes = evaluate_exact(scenario, timelines, exposed)
    else:
        classes = evaluate_sampled(scenario, timelines, exposed)
    return_freed(timelines.records)
    window_count, windows_us = window_sample(timelines)
    asked = math.fsum(c.queries for c in classes)
    counts = observe(scenario, timelines, exposed)
    return TrialResult(
        scheme=scheme_index,
        trial=trial,
        seed=seed,
        digest=trace.digest,
        records=timelines.records,
        classes=classes,
        counts=dict(counts),
        garbage_byte_seconds=garbage_byte_seconds(timelines),
        garbage_parts=garbage_parts(timelines),
        window_count=window_count,
        windows_us=windows_us,
        exercised=exercised(scenario, timelines, asked, exposed, grows=grows(counts)),
        story=told(scenario, timelines, exposed, scheme_index=scheme_index, trial=trial),
        critical=_critical(scenario, scheme_index, trace, timelines, exposed),
    )


def _critical(
    scenario: "Scenario",
    scheme_index: int,
    trace: "Trace",
    timelines: "Timelines",
    exposed: "Sequence[Exposure]",
) -> "tuple[CriticalSample, ...]":
    """Critical delays of every class; none where the trace does not say when blocks would go."""
    if scenario.schemes[scheme_index].kind != "deletion-mark" or entanglement(scenario):
        return ()
    every = EveryDelay(scenario, scheme_index, trace, timelines, exposed)
    return every.critical_samples if every.is_predictable else ()
