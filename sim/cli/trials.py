"""What ``sim run`` runs: its options, the trials, and those at other delays for the page."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sim.cli import machine, screen

if TYPE_CHECKING:
    from sim.analysis.results import Result, TrialResult
    from sim.analysis.sequences import Precision
    from sim.analysis.sweep import Sweep
    from sim.scenario.schema import Scenario
    from sim.study.cluster import Cluster
    from sim.study.executors import Workers

__all__ = ["Count", "Options", "at_other_delays", "precision_of", "simulate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """As they are on the command line; ``None`` is what was not said."""

    seed: int | None
    trials: int | None
    precision: tuple[str, ...]
    max_trials: int | None
    assignments: tuple[str, ...]
    schemes: tuple[str, ...]
    workers: int | None
    executor: str
    mode: Literal["exact", "sampled"]
    check: bool
    quiet: bool
    json: str | None
    csv: str | None
    out: str | None
    resume: str | None
    allow_outside: bool
    max_memory: float | None
    max_events: float | None
    yes: bool
    elsewhere: "Cluster | None" = None


def precision_of(scenario: "Scenario", options: Options) -> "Precision | None":
    """How precise the run is to be; None where trials are counted.

    Raises
    ------
    click.UsageError
        If what is asked for is none, or goes with nothing.
    """
    from sim.analysis.precision import parse_precision

    if not options.precision:
        if options.max_trials is not None:
            raise click.UsageError("--max-trials goes with --precision")
        return None
    if options.trials is not None:
        raise click.UsageError("--trials and --precision both say how many; --max-trials limits it")
    names = [query_class.name for query_class in scenario.queries]
    try:
        return parse_precision(options.precision, names, options.max_trials)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--precision") from None


@dataclass(slots=True)
class Count:
    """How far a run has come."""

    wanted: int
    done: int = 0


def simulate(
    scenario: "Scenario",
    selection: tuple[int, ...] | None,
    options: Options,
    folder: "str | Path | None",
    progress: Count,
    precision: "Precision | None",
) -> "Result":
    """Run what is not finished yet, and count and show how far it is."""
    from sim.study.finished import FinishedTrials
    from sim.study.run import run_scenario

    def say(message: str) -> None:
        if not options.quiet:
            click.echo(message, err=True)

    with screen.progress(progress.wanted, scenario.name, is_quiet=options.quiet) as advance:

        def count(_: "TrialResult") -> None:
            progress.done += 1
            advance()

        return run_scenario(
            scenario,
            schemes=selection,
            workers=_workers(scenario, selection, options),
            mode=options.mode,
            check=options.check,
            on_result=count,
            finished=None if folder is None else FinishedTrials(Path(folder), say=say),
            precision=precision,
        )


def at_other_delays(
    scenario: "Scenario",
    selection: tuple[int, ...] | None,
    options: Options,
) -> "Sweep | None":
    """What the page has a slider for: other delete delays, where one more run says them all."""
    from sim.study.delaytable import delay_table

    if options.out is None or options.mode != "exact":
        return None
    name = f"{scenario.name} at other delays"
    return delay_table(
        scenario,
        progress=lambda count: screen.progress(count, name, is_quiet=options.quiet),
        schemes=selection,
        workers=_workers(scenario, selection, options),
    )


def _workers(
    scenario: "Scenario", selection: tuple[int, ...] | None, options: Options
) -> "Workers":
    """As asked for, or as many as the memory holds; None leaves it to the number of CPUs."""
    return (
        options.elsewhere
        or options.workers
        or machine.fitting_workers(
            scenario,
            mode=options.mode,
            schemes=len(scenario.schemes if selection is None else selection),
            limits=machine.limits(options.max_memory, options.max_events),
        )
    )
