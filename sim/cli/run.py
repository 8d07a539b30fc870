"""``sim run``: simulate, judge, show; results to standard output or files, the rest to stderr."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from sim.cli import common, files, machine
from sim.errors import (
    EXIT_BROKEN,
    EXIT_HOLDS,
    EXIT_UNKNOWN,
    RunInterrupted,
    printable,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sim.analysis.expect import Judgement, Replay
    from sim.analysis.results import Result, TrialResult
    from sim.scenario.schema import Scenario
    from sim.trace.timelines import Timelines

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    seed: int | None
    trials: int | None
    assignments: tuple[str, ...]
    schemes: tuple[str, ...]
    workers: int | None
    mode: Literal["exact", "sampled"]
    check: bool
    quiet: bool
    json: str | None
    csv: str | None
    out: str | None
    max_memory: float | None
    max_events: float | None
    yes: bool


@click.command("run")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@click.option("--seed", type=int, help="Seed of the first trial, instead of the file's.")
@click.option("--trials", type=int, help="Number of trials, instead of the file's.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default as many as pay off."
)
@click.option(
    "--scheme", "schemes", multiple=True, metavar="NAME", help="Run only this scheme (repeatable)."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the file, such as gateways.count=3 (repeatable).",
)
@click.option("--json", metavar="OUT", help="Write the result document; - is standard output.")
@click.option("--csv", metavar="OUT", help="Write the fractions as CSV; - is standard output.")
@click.option("--out", metavar="DIR", help="Write document, CSV and figures into a folder.")
@click.option(
    "--mode",
    type=click.Choice(["exact", "sampled"]),
    default="exact",
    show_default=True,
    help="Expected fractions given the trace, or fractions of drawn queries.",
)
@click.option(
    "--max-memory",
    metavar="SIZE",
    callback=common.size_option,
    help="Refuse to take more, such as 2GiB; by default what is available.",
)
@click.option(
    "--max-events",
    type=click.FloatRange(min=1),
    help="Refuse a run of more events; by default 1e9.",
)
@click.option("-y", "--yes", is_flag=True, help="Run whatever it takes.")
@click.option("--check", is_flag=True, help="Run every trial twice and compare.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Simulate scenarios and judge their expectations.

    Exit code: 0 all expectations hold, 1 one does not, 2 the input is wrong, 3 unknown.
    """
    from sim.analysis.queries import inexact

    chosen = _Options(**options)
    _check_targets(chosen, paths)
    overrides = common.override_options(
        seed=chosen.seed, trials=chosen.trials, assignments=chosen.assignments
    )
    scenarios = common.read_scenarios(paths, overrides)
    selections = [common.scheme_indices(scenario, chosen.schemes) for scenario in scenarios]
    jobs = list(zip(paths, scenarios, selections, strict=True))
    for path, scenario, selection in jobs:
        if chosen.mode == "exact":
            common.refuse(path, inexact(scenario))
        if not chosen.yes:
            machine.refuse_too_much(
                path,
                scenario,
                mode=chosen.mode,
                schemes=len(scenario.schemes if selection is None else selection),
                workers=chosen.workers or 1,
                limits=machine.limits(chosen.max_memory, chosen.max_events),
            )
    codes = [_run_one(*job, chosen) for job in jobs]
    return next((code for code in (EXIT_BROKEN, EXIT_UNKNOWN) if code in codes), EXIT_HOLDS)


def _check_targets(options: _Options, paths: Sequence[str]) -> None:
    """Refuse before the run what could not be written after it."""
    from sim.report.names import MARKER

    targets = {"--json": options.json, "--csv": options.csv, "--out": options.out}
    for option, path in targets.items():
        if path is None:
            continue
        if len(paths) > 1:
            raise click.BadParameter("takes one scenario at a time", param_hint=option)
        if option == "--out":
            files.check_folder_target(path, option, marker=MARKER)
        else:
            files.check_file_target(path, option)
    if options.json == options.csv == files.STANDARD:
        raise click.UsageError("--json - and --csv - would mix on standard output")


def _run_one(
    path: str, scenario: "Scenario", selection: tuple[int, ...] | None, options: _Options
) -> int:
    """Run one scenario and give its exit code."""
    from sim.analysis.expect import exit_code_of, judge
    from sim.run import replay, run_scenario

    schemes = range(len(scenario.schemes)) if selection is None else selection
    jobs = len(schemes) * scenario.trials
    done = 0
    began_s = time.perf_counter()

    @functools.lru_cache(maxsize=1)
    def replay_trial(scheme_index: int, trial: int) -> "Timelines":
        # A witness and the picture of a deletion are often of the same trial.
        return replay(scenario, scheme_index, trial)

    try:
        with _progress(jobs, scenario.name, is_quiet=options.quiet) as advance:

            def count(result: "TrialResult") -> None:
                nonlocal done
                done += 1
                advance()

            result = run_scenario(
                scenario,
                schemes=selection,
                workers=options.workers
                or machine.fitting_workers(
                    scenario,
                    mode=options.mode,
                    schemes=len(schemes),
                    limits=machine.limits(options.max_memory, options.max_events),
                ),
                mode=options.mode,
                check=options.check,
                on_result=count,
            )
        took_s = time.perf_counter() - began_s
        judgements = judge(result, replay_trial)
        _write(result, judgements, replay_trial, options)
    except KeyboardInterrupt:
        raise RunInterrupted(done, jobs) from None
    _show(path, result, judgements, options)
    if not options.quiet:
        _show_throughput(result, took_s)
        if options.out is not None:
            click.echo(printable(f"files in {options.out}"), err=True)
    return exit_code_of(judgements)


def _write(
    result: "Result",
    judgements: "Sequence[Judgement]",
    replay: "Replay",
    options: _Options,
) -> None:
    """Write what was asked for: folder, files, then standard output."""
    from sim.report.document import document, to_csv, to_json

    if options.out is not None:
        from sim.report.bundle import files as bundle_files
        from sim.report.names import FILES

        with files.new_folder(options.out, is_own=lambda name: name in FILES) as folder:
            for name, content in bundle_files(result, judgements, replay):
                (folder / name).write_bytes(content)
    if options.csv is not None:
        files.write_text(options.csv, to_csv(result))
    if options.json is not None:
        files.write_text(options.json, to_json(document(result, judgements)))


def _show(
    path: str, result: "Result", judgements: "Sequence[Judgement]", options: _Options
) -> None:
    """Show the table, the verdicts and how to have them again."""
    from sim.analysis.expect import Verdict
    from sim.report import tables

    scenario = result.scenario
    if options.quiet:
        failed = [judgement for judgement in judgements if judgement.verdict != Verdict.VALID]
        screen = common.console(stderr=True)
        for line in tables.judgement_lines(failed):
            screen.print(line, soft_wrap=True)
        return
    is_taken = files.STANDARD in (options.json, options.csv)
    screen = common.console(stderr=is_taken)
    title = f"{scenario.name}: {scenario.summary}" if scenario.summary else scenario.name
    screen.print(printable(title), soft_wrap=True)
    screen.print()
    screen.print(tables.scheme_table(result))
    screen.print(tables.CAPTION, style="dim")
    _print_block(screen, tables.observation_lines(result.schemes))
    _print_block(screen, tables.judgement_lines(judgements))
    words = _repeating_words(path, scenario, options)
    screen.print()
    screen.print(f"seed    {scenario.seed}, trials {scenario.trials}", soft_wrap=True)
    screen.print(f"digest  {result.digest}", soft_wrap=True)
    screen.print(f"again   {common.command_line(*words)}", soft_wrap=True)


def _print_block(screen: "Console", lines: Sequence[Any]) -> None:
    """Print lines below an empty one; nothing without lines."""
    if lines:
        screen.print()
    for line in lines:
        screen.print(line, soft_wrap=True)


def _repeating_words(path: str, scenario: "Scenario", options: _Options) -> list[object]:
    """Arguments that repeat the run, whatever the file's own seed and trials become."""
    words: list[object] = ["run", path]
    words += ["--seed", scenario.seed, "--trials", scenario.trials]
    for name in options.schemes:
        words += ["--scheme", name]
    for assignment in options.assignments:
        words += ["--set", assignment]
    if options.mode != "exact":
        words += ["--mode", options.mode]
    return words


def _show_throughput(result: "Result", took_s: float) -> None:
    from sim.report.tables import format_count

    trials = [trial for scheme in result.schemes for trial in scheme.trials]
    records = sum(trial.records for trial in trials)
    queries = sum(query.queries for trial in trials for query in trial.classes)
    span_us = result.scenario.horizon_us * len(trials)
    speed = span_us / 1e6 / max(took_s, 1e-9)
    number = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    click.echo(
        f"{number} in {took_s:.2f} s: {format_count(records)} records, "
        f"{format_count(queries)} queries, {format_count(speed)} simulated seconds a second",
        err=True,
    )


@contextlib.contextmanager
def _progress(jobs: int, name: str, *, is_quiet: bool) -> Iterator[Callable[[], None]]:
    """Show a bar with the time left on a terminal, and nothing elsewhere."""
    screen = common.console(stderr=True)
    if is_quiet or not screen.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeLeft())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(name, total=jobs)
        yield lambda: bar.advance(task)
