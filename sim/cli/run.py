"""``sim run``: simulate, judge, show; results to standard output or files, the rest to stderr."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, files, machine, screen
from sim.cli.executor import check_executor, executor_option, workers_elsewhere
from sim.cli.runs import add_to_index, run_folders, shared_root
from sim.cli.trials import Count, Options, at_other_delays, precision_of, simulate
from sim.errors import (
    EXIT_BROKEN,
    EXIT_HOLDS,
    EXIT_UNKNOWN,
    RunInterrupted,
    printable,
)

if TYPE_CHECKING:
    from sim.analysis.expect import Judgement
    from sim.analysis.results import Result
    from sim.analysis.sweep import Sweep
    from sim.atomic import WorkFolder
    from sim.scenario.schema import Scenario

__all__ = ["command"]


@click.command(
    "run",
    epilog=common.examples(
        "sim run scenario.toml --out out/first",
        "sim run scenario.toml --set schemes.1.delete_delay=2h --trials 16",
        "sim run scenario.toml --precision query-error=5% --max-trials 200",
        "sim run scenario.toml --scheme 'mark first' --set store.profile=swift",
        "sim run scenario.toml --csv - -q > result.csv",
        "sim init - | sim run -",
    ),
)
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, shell_complete=complete.any_file
)
@click.option("--seed", type=int, help="Seed of the first trial, instead of the file's.")
@click.option("--trials", type=int, help="Number of trials, instead of the file's.")
@click.option(
    "--precision",
    multiple=True,
    metavar="OUTCOME=WIDTH",
    help="Run trials until the interval is ±5% of the fraction, or ±1e-4 (repeatable).",
)
@click.option(
    "--max-trials", type=click.IntRange(min=1), help="With --precision, at most so many; 1000."
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default as many as pay off."
)
@executor_option
@click.option(
    "--scheme",
    "schemes",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Run only this scheme (repeatable).",
)
@common.set_option
@click.option(
    "--json",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the result document; - is standard output.",
)
@click.option(
    "--csv",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write every number as CSV; - is standard output.",
)
@click.option(
    "--out",
    metavar="DIR",
    shell_complete=complete.any_folder,
    help="Write document, CSV, figures and a page into a folder; of several, into one each.",
)
@click.option(
    "--resume",
    metavar="DIR",
    shell_complete=complete.any_folder,
    help="Keep finished trials in a folder, and go on from those that are there.",
)
@click.option(
    "--mode",
    type=click.Choice(["exact", "sampled"]),
    default="exact",
    show_default=True,
    help="Expected fractions given the trace, or fractions of drawn queries.",
)
@common.limit_options
@click.option("--check", is_flag=True, help="Run every trial twice and compare.")
@common.allow_outside_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Simulate scenarios and judge their expectations. As FILE, - is standard input.

    Exit code: 0 all expectations hold, 1 one does not, 2 the input is wrong, 3 unknown.
    """
    from sim.analysis.queries.evaluate import inexact
    from sim.report.names import FILES, INDEX_FILES

    chosen = Options(**options)
    check_executor(chosen.executor, chosen.workers)
    _check_targets(chosen, paths)
    overrides = common.override_options(
        seed=chosen.seed, trials=chosen.trials, assignments=chosen.assignments
    )
    read: list[Path] = []
    scenarios = common.read_scenarios(
        paths, overrides, allow_outside=chosen.allow_outside, on_read=read.append
    )
    files.check_apart(_targets(chosen), read, folder_files=(*FILES, *INDEX_FILES))
    root = shared_root(chosen.out, paths)
    outs = [chosen.out] * len(paths)
    if root is not None:
        outs = [str(folder) for folder in run_folders(root, scenarios)]
    selections = [common.scheme_indices(scenario, chosen.schemes) for scenario in scenarios]
    jobs = list(zip(paths, scenarios, selections, strict=True))
    for path, scenario, selection in jobs:
        if chosen.mode == "exact":
            common.refuse(path, inexact(scenario))
        if not chosen.yes:
            machine.refuse_too_much(
                path,
                scenario
                if (precision := precision_of(scenario, chosen)) is None
                else scenario.model_copy(update={"trials": precision.trials_max}),
                mode=chosen.mode,
                schemes=len(scenario.schemes if selection is None else selection),
                workers=chosen.workers or 1,
                limits=machine.limits(chosen.max_memory, chosen.max_events),
            )
    # Who holds the folder of all may write its index.
    with (
        workers_elsewhere(chosen.executor, scenarios) as elsewhere,
        _work_folder(None if root is None else chosen.out),
    ):
        codes = [
            _run_one(*job, replace(chosen, out=out, elsewhere=elsewhere), root)
            for job, out in zip(jobs, outs, strict=True)
        ]
    return next((code for code in (EXIT_BROKEN, EXIT_UNKNOWN) if code in codes), EXIT_HOLDS)


def _targets(options: Options) -> dict[str, str]:
    """Paths that are written to, by option."""
    targets = {"--json": options.json, "--csv": options.csv, "--out": options.out}
    return {option: path for option, path in targets.items() if path is not None}


def _check_targets(options: Options, paths: Sequence[str]) -> None:
    """Refuse before the run what could not be written after it."""
    from sim.report.names import INDEX, MARKER

    root = shared_root(options.out, paths)
    for option, path in _targets(options).items():
        if len(paths) > 1 and option != "--out":
            raise click.BadParameter("takes one scenario at a time", param_hint=option)
        if option == "--out":
            files.check_folder_target(path, option, marker=INDEX if root else MARKER)
        else:
            files.check_file_target(path, option)
    if options.json == options.csv == files.STANDARD:
        raise click.UsageError("--json - and --csv - would mix on standard output")
    if options.resume is not None:
        files.check_kept_folder(options.resume, "--resume", apart_from=options.out)


def _run_one(
    path: str,
    scenario: "Scenario",
    selection: tuple[int, ...] | None,
    options: Options,
    root: Path | None,
) -> int:
    """Run one scenario, add it to the index of the root if there is one, give its exit code."""
    from sim.analysis.expect import exit_code_of, judge

    precision = precision_of(scenario, options)
    most = scenario.trials if precision is None else precision.trials_max
    progress = Count(len(selection or scenario.schemes) * most)
    began_s = time.perf_counter()

    try:
        with _work_folder(options.out) as work:
            folder = options.resume if work is None or options.resume else work.kept
            result = simulate(scenario, selection, options, folder, progress, precision)
            took_s = time.perf_counter() - began_s
            judgements = judge(result)
            # From beside the file: a page names no place of a machine.
            words = _repeating_words(Path(path).name, scenario, options)
            delays = at_other_delays(result.scenario, selection, options)
            page_again = common.command_line(*words)
            _write(result, judgements, options, work, page_again=page_again, delays=delays)
        if root is not None:
            add_to_index(root, result, judgements)
    except KeyboardInterrupt:
        is_kept = progress.done > 0 and (options.out or options.resume) is not None
        raise RunInterrupted(progress.done, progress.wanted, is_kept) from None
    if options.quiet:
        screen.show_failed(judgements)
        return exit_code_of(judgements)
    again = common.command_line(*_repeating_words(path, scenario, options))
    why = _explaining_words(path, result, options)
    source = "  # with the same standard input" if path == files.STANDARD else ""
    screen.show(
        result,
        judgements,
        again=f"{again}{source}",
        why=f"{common.command_line(*why)}{source}" if why else "",
        is_taken=files.STANDARD in (options.json, options.csv),
    )
    screen.show_throughput(result, took_s)
    if options.out is not None:
        click.echo(printable(f"files in {options.out}"), err=True)
    return exit_code_of(judgements)


def _work_folder(out: str | None) -> "contextlib.AbstractContextManager[WorkFolder | None]":
    """Hold the place where the files of ``--out`` are prepared; nothing without the option."""
    from sim.atomic import work_folder

    return contextlib.nullcontext() if out is None else work_folder(Path(out).resolve())


def _write(
    result: "Result",
    judgements: "Sequence[Judgement]",
    options: Options,
    work: "WorkFolder | None",
    *,
    page_again: str,
    delays: "Sweep | None",
) -> None:
    """Write what was asked for: folder, files, then standard output."""
    from sim.report.csvtable import to_csv
    from sim.report.document import document, to_json

    if work is not None:
        from sim.report.bundle import files as bundle_files
        from sim.report.names import FILES

        with work.replacement(is_own=lambda name: name in FILES) as folder:
            for name, content in bundle_files(result, judgements, again=page_again, delays=delays):
                (folder / name).write_bytes(content)
    if options.csv is not None:
        files.write_text(options.csv, to_csv(result))
    if options.json is not None:
        files.write_text(options.json, to_json(document(result, judgements)))


def _repeating_words(path: str, scenario: "Scenario", options: Options) -> list[object]:
    """Arguments that repeat the run, whatever the file's own seed and trials become."""
    words: list[object] = ["run", path]
    words += ["--seed", scenario.seed]
    if options.precision:
        for goal in options.precision:
            words += ["--precision", goal]
        words += [] if options.max_trials is None else ["--max-trials", options.max_trials]
    else:
        words += ["--trials", scenario.trials]
    for name in options.schemes:
        words += ["--scheme", name]
    return [*words, *_same_world_words(options)]


def _explaining_words(path: str, result: "Result", options: Options) -> list[object]:
    """Arguments that tell how a query failed under the first scheme where one did; none if none."""
    from sim.analysis.results import estimate
    from sim.analysis.sweep import FAILING

    failing = (s.name for s in result.schemes if estimate(s, FAILING).interval.fraction > 0)
    name = next(failing, None)
    if name is None:
        return []
    words: list[object] = ["explain", path, "--scheme", name]
    if options.seed is not None:
        words += ["--seed", options.seed]
    return [*words, *_same_world_words(options)]


def _same_world_words(options: Options) -> list[object]:
    """Arguments by which another command simulates the same, but for seeds."""
    words: list[object] = []
    for assignment in options.assignments:
        words += ["--set", assignment]
    return words if options.mode == "exact" else [*words, "--mode", options.mode]
