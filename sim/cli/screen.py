"""What ``sim run`` shows: progress, the table, warnings, verdicts, and what to type next."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common
from sim.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from sim.analysis.expect import Judgement
    from sim.analysis.results import Result

__all__ = ["progress", "show", "show_failed", "show_throughput"]


def show_failed(judgements: "Sequence[Judgement]") -> None:
    """Show what did not hold, and nothing else, on standard error."""
    from sim.analysis.expect import Verdict
    from sim.report import tables

    failed = [judgement for judgement in judgements if judgement.verdict != Verdict.VALID]
    screen = common.console(stderr=True)
    for line in tables.judgement_lines(failed):
        screen.print(line, soft_wrap=True)


def show(
    result: "Result",
    judgements: "Sequence[Judgement]",
    *,
    again: str,
    why: str,
    is_taken: bool,
) -> None:
    """Show a result.

    Parameters
    ----------
    result : Result
    judgements : sequence of Judgement
    again : str
        The line that repeats the run.
    why : str
        The line that tells how a query failed; empty if none did.
    is_taken : bool
        Whether standard output holds something else, so that standard error is used.
    """
    from sim.report import tables

    scenario = result.scenario
    screen = common.console(stderr=is_taken)
    title = f"{scenario.name}: {scenario.summary}" if scenario.summary else scenario.name
    screen.print(printable(title), soft_wrap=True)
    for line in tables.warning_lines(result):
        screen.print(line, soft_wrap=True)
    screen.print()
    screen.print(tables.scheme_table(result))
    screen.print(tables.caption(result), style="dim")
    _print_block(screen, tables.exposure_lines(result.schemes))
    _print_block(screen, tables.observation_lines(result.schemes))
    _print_block(screen, tables.judgement_lines(judgements))
    screen.print()
    screen.print(f"seed    {scenario.seed}, trials {scenario.trials}", soft_wrap=True)
    screen.print(f"digest  {result.digest}", soft_wrap=True)
    screen.print(f"again   {again}", soft_wrap=True)
    if why:
        screen.print(f"why     {why}", soft_wrap=True)


def _print_block(screen: "Console", lines: Sequence[Any]) -> None:
    """Print lines below an empty one; nothing without lines."""
    if lines:
        screen.print()
    for line in lines:
        screen.print(line, soft_wrap=True)


def show_throughput(result: "Result", took_s: float) -> None:
    """Say on standard error how fast it was."""
    from sim.report.formats import format_count, format_span

    trials = [trial for scheme in result.schemes for trial in scheme.trials]
    records = sum(trial.records for trial in trials)
    queries = sum(query.queries for trial in trials for query in trial.classes)
    span_us = result.scenario.horizon_us * len(trials)
    speed = span_us / 1e6 / max(took_s, 1e-9)
    number = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    click.echo(
        f"{number} in {format_span(took_s * 1e6)}: {format_count(records)} records, "
        f"{format_count(queries)} queries, {format_count(speed)} simulated seconds a second",
        err=True,
    )


@contextlib.contextmanager
def progress(jobs: int, name: str, *, is_quiet: bool) -> Iterator[Callable[[], None]]:
    """Show a bar with the time left on a terminal, and nothing elsewhere."""
    screen = common.console(stderr=True)
    if is_quiet or not screen.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    label = TextColumn("{task.description}", markup=False)
    columns = (label, BarColumn(), MofNCompleteColumn(), TimeLeft())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(name, total=jobs)
        yield lambda: bar.advance(task)


@contextlib.contextmanager
def status(name: str, *, is_quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show what is being done on a terminal, and nothing elsewhere."""
    console = common.console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status(printable(name)) as shown:
        yield lambda what: shown.update(printable(f"{name}: {what}"))
