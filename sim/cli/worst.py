"""``sim worst``: choose what chance decides against a scenario, and tell the worst of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, files, machine
from sim.errors import EXIT_BROKEN, EXIT_HOLDS, Problem, ScenarioError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.analysis.evidence.counterexample import Worst
    from sim.scenario.schema import Scenario

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    schemes: tuple[str, ...]
    outcomes: tuple[str, ...]
    moves: tuple[str, ...]
    tries: int
    trial: int
    output: str | None
    seed: int | None
    assignments: tuple[str, ...]
    allow_outside: bool
    max_memory: float | None
    max_events: float | None
    anyway: bool
    yes: bool
    quiet: bool


@click.command(
    "worst",
    epilog=common.examples(
        "sim worst scenario.toml",
        "sim worst scenario.toml --scheme 'mark first' --outcome query-error -o found.toml",
        "sim worst scenario.toml --move faults.0.at=1h..6h --tries 1000",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--scheme",
    "schemes",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Scheme to attack (repeatable); by default all that must never do something.",
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.outcomes,
    help="What to look for (repeatable); by default every never of [expect].",
)
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="KEY=FROM..TO",
    help="A constant time that may be moved, and how far, as of a fault (repeatable).",
)
@click.option(
    "--tries",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    help="How many schedules to try for each, at most.",
)
@click.option(
    "--trial",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Whose seed makes the draws that are not chosen.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the first that is found as a scenario that repeats it; - is standard output.",
)
@click.option("--anyway", is_flag=True, help="Search also for what a rule proves never happens.")
@click.option("--seed", type=int, help="Seed of trial 0, instead of the file's.")
@common.set_option
@common.allow_outside_option
@common.limit_options
@click.option("-q", "--quiet", is_flag=True, help="Do not say what is being searched.")
def command(path: str, **options: Any) -> int:
    """Attack what must never happen: choose phases, lags and times of faults against the scenario.

    All that the world draws may be chosen within its law; constants stay. That nothing is found
    proves nothing. As FILE, - is standard input.

    Exit code: 0 nothing found; 1 something that must never happen does; 2 the input is wrong.
    """
    chosen = _Options(**options)
    overrides = common.override_options(
        seed=chosen.seed, trials=None, assignments=chosen.assignments
    )
    if chosen.output is not None:
        files.check_file_target(chosen.output, "--output")
    read: list[Path] = []
    (scenario,) = common.read_scenarios(
        [path], overrides, allow_outside=chosen.allow_outside, on_read=read.append
    )
    if chosen.output is not None:
        files.check_apart({"--output": chosen.output}, read)
    targets = _targets(scenario, chosen)
    if not chosen.yes:
        machine.refuse_too_much(
            path,
            scenario.model_copy(update={"trials": chosen.tries}),
            mode="exact",
            schemes=len(targets),
            workers=1,
            limits=machine.limits(chosen.max_memory, chosen.max_events),
        )
    found = None
    for worst in _searched(path, scenario, targets, chosen):
        _show(worst, chosen)
        found = found or worst.found
    if found is not None and chosen.output is not None:
        files.write_text(chosen.output, found.toml())
    return EXIT_HOLDS if found is None else EXIT_BROKEN


def _targets(scenario: "Scenario", options: _Options) -> list[tuple[int, str]]:
    """Schemes and what to look for with each; or exit with 2."""
    from sim.study.worst import ATTACKED

    for outcome in options.outcomes:
        if outcome not in ATTACKED:
            guess = common.guess_among(outcome, ATTACKED)
            message = f"--outcome: {outcome!r} is nothing to look for; {guess}"
            raise click.UsageError(printable(message))
    indices = common.scheme_indices(scenario, options.schemes)
    targets = []
    for index in range(len(scenario.schemes)) if indices is None else indices:
        expected = scenario.expect.get(scenario.schemes[index].name)
        never = expected.never if expected is not None else ()
        names = options.outcomes or tuple(name for name in never if name in ATTACKED)
        targets += [(index, name) for name in names]
    if not targets:
        raise click.UsageError("the scenario says no never in [expect]; say --outcome NAME")
    return targets


def _searched(
    path: str, scenario: "Scenario", targets: list[tuple[int, str]], options: _Options
) -> "Iterator[Worst]":
    from sim.analysis.evidence.counterexample import Worst
    from sim.study.worst import find_worst, proven, span_of

    try:
        spans = [span_of(scenario, *_move(text)) for text in options.moves]
    except ScenarioError as error:
        common.refuse(path, [one for one in error.problems if isinstance(one, Problem)])
        raise
    for index, outcome in targets:
        proof = proven(scenario, index, outcome)
        if proof and not options.anyway:
            yield Worst(
                scheme=scenario.schemes[index].name,
                outcome=outcome,
                tried=0,
                drawn=0,
                slack_us=float("inf"),
                proof=proof,
                found=None,
            )
            continue
        yield find_worst(
            scenario,
            outcome,
            scheme_index=index,
            trial=options.trial,
            spans=spans,
            tries=options.tries,
            on_step=None if options.quiet else _say,
        )


def _move(text: str) -> tuple[str, str, str]:
    """The key, the earliest and the latest of ``KEY=FROM..TO``; or exit with 2."""
    key, equals, ends = text.partition("=")
    low, dots, high = ends.partition("..")
    if not (key and equals and low and dots and high):
        message = f"--move: {text!r} must be KEY=FROM..TO, such as faults.0.at=1h..6h"
        raise click.UsageError(printable(message))
    return key.strip(), low.strip(), high.strip()


def _say(step: str) -> None:
    click.echo(printable(step), err=True)


def _show(worst: "Worst", options: _Options) -> None:
    from sim.report.counterexample import worst_lines

    is_taken = options.output == files.STANDARD
    for line in worst_lines(worst, columns=common.console(stderr=is_taken).width):
        click.echo(line, err=is_taken)
