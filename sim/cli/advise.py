"""``sim advise``: the smallest delays that meet objectives, and what they cost."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, files, machine, screen
from sim.cli.executor import executor_option, workers_elsewhere
from sim.errors import (
    EXIT_BAD_INPUT,
    EXIT_BROKEN,
    EXIT_HOLDS,
    EXIT_UNKNOWN,
    ScenarioError,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.analysis.advice import Advice, Objective
    from sim.scenario.knobs import Knob
    from sim.scenario.schema import Scenario

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    objectives: tuple[str, ...]
    scheme: str | None
    knobs: tuple[str, ...]
    together: bool
    assignments: tuple[str, ...]
    seed: int | None
    trials: int | None
    executor: str
    json: str | None
    max_memory: float | None
    max_events: float | None
    allow_outside: bool
    yes: bool
    quiet: bool


@click.command(
    "advise",
    epilog=common.examples(
        "sim advise scenario.toml --slo query-error=1e-6 --slo silent-gap=0",
        "sim advise scenario.toml --slo dashboard.query-error=1e-4 --scheme 'mark first'",
        "sim advise scenario.toml --slo query-error=0 --vary gateways.sync_interval=1m,3m,15m",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--slo",
    "objectives",
    multiple=True,
    required=True,
    metavar="[CLASS.]OUTCOME=SHARE",
    help="At most this share of the queries may have the outcome (repeatable).",
)
@click.option(
    "--scheme",
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Scheme; by default the first with a delete delay.",
)
@click.option(
    "--vary",
    "knobs",
    multiple=True,
    metavar="KEY=VALUES",
    shell_complete=complete.keys,
    help="Advise at every value of a key, as in sim sweep, and mark what is worth its price "
    "(repeatable).",
)
@click.option(
    "--together", is_flag=True, help="Move several keys in step, instead of every combination."
)
@common.set_option
@click.option("--seed", type=int, help="Seed of the first trial, instead of the file's.")
@click.option("--trials", type=int, help="Number of trials, instead of the file's.")
@executor_option
@click.option(
    "--json",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the advice as JSON; - is standard output.",
)
@common.limit_options
@common.allow_outside_option
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but the answer.")
def command(path: str, **options: Any) -> int:
    """Find the smallest delays that meet objectives: delete and hide. As FILE, - is standard input.

    Exit code: 0 delays are found and sure, at some setting; 1 none meet the objectives; 2 the input
    is wrong; 3 unknown: nothing was exercised, or the trials are too few to be sure.
    """
    chosen = _Options(**options)
    scenarios, objectives, index = _read(path, chosen)
    if chosen.json is not None:
        files.check_file_target(chosen.json, "--json")
    if not chosen.yes:
        _refuse_too_much(path, scenarios, chosen)
    found = _found(scenarios, objectives, index, chosen)
    _show(path, found, chosen)
    if chosen.json is not None:
        from sim.report.advice import advice_document
        from sim.report.document import to_json

        files.write_text(chosen.json, to_json(advice_document(found)))
    codes = {_exit_code(advice) for _, advice in found}
    return next(code for code in (EXIT_HOLDS, EXIT_UNKNOWN, EXIT_BROKEN) if code in codes)


def _exit_code(advice: "Advice") -> int:
    if advice.unmet:
        return EXIT_BROKEN
    if advice.untried or advice.confident is None:
        return EXIT_UNKNOWN
    return EXIT_HOLDS


def _read(
    path: str, options: _Options
) -> "tuple[list[tuple[dict[str, str], Scenario]], list[Objective], int]":
    """Make the scenario of every setting; or show everything that is wrong, and exit with 2."""
    from sim.analysis.advice import parse_objective
    from sim.scenario.load import load
    from sim.study.sweep import load_settings

    problems: list[str] = []
    try:
        overrides = common.override_options(
            seed=options.seed, trials=options.trials, assignments=options.assignments
        )
    except click.UsageError as error:
        problems.append(error.format_message())
        overrides = {}
    knobs = _knobs(options, problems)
    scenarios: list[tuple[dict[str, str], Scenario]] = []
    text = None
    try:
        text = f"{common.standard_input()}\n" if path == files.STANDARD else None
        source = Path(path) if text is None else text

        def at(values: Mapping[str, Any]) -> "Scenario":
            return load(source, {**overrides, **values}, allow_outside=options.allow_outside)

        if knobs:
            settings = load_settings(at, knobs, together=options.together)
            for setting, scenario in settings.scenarios.items():
                named = {k.path: k.texts[i] for k, i in zip(knobs, setting, strict=True)}
                scenarios.append((named, scenario))
        else:
            scenarios.append(({}, at({})))
    except ScenarioError as error:
        common.show_problems(path, error, text)
    except OSError as error:
        common.show_unreadable(path, error)
    except ValueError as error:
        problems.append(f"Invalid value for --vary: {error}")
    index = _scheme(scenarios[0][1], options, problems) if scenarios else 0
    objectives = []
    for written in options.objectives:
        # Without a scenario nobody knows its classes; the rest can be said.
        if scenarios or "." not in written.partition("=")[0]:
            classes = [query.name for query in scenarios[0][1].queries] if scenarios else []
            try:
                objectives.append(parse_objective(written, classes))
            except ValueError as error:
                problems.append(f"Invalid value for --slo: {error}")
    for problem in problems:
        click.echo(printable(f"Error: {problem}"), err=True)
    if problems or not scenarios:
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    return scenarios, objectives, index


def _knobs(options: _Options, problems: list[str]) -> "list[Knob]":
    from sim.scenario.knobs import parse_knob

    knobs = []
    for text in options.knobs:
        try:
            knobs.append(parse_knob(text))
        except ValueError as error:
            problems.append(f"Invalid value for --vary: {error}")
    return knobs


def _scheme(scenario: "Scenario", options: _Options, problems: list[str]) -> int:
    """Position of the scheme to advise on; what is wrong with it becomes a problem."""
    marked = [i for i, s in enumerate(scenario.schemes) if s.kind == "deletion-mark"]
    if options.scheme is None:
        if not marked:
            problems.append(f"{scenario.name} has no scheme with a delete delay (deletion-mark)")
        return marked[0] if marked else 0
    names = [scheme.name for scheme in scenario.schemes]
    if options.scheme not in names:
        guess = common.guess_among(options.scheme, names)
        problems.append(
            f"Invalid value for --scheme: {scenario.name} has no scheme {options.scheme!r}; {guess}"
        )
        return 0
    index = names.index(options.scheme)
    if index not in marked:
        problems.append(f"Invalid value for --scheme: {options.scheme!r} has no delete delay")
    return index


def _refuse_too_much(
    path: str, scenarios: "Sequence[tuple[dict[str, str], Scenario]]", options: _Options
) -> None:
    limits = machine.limits(options.max_memory, options.max_events)
    for _, scenario in scenarios:
        machine.refuse_too_much(
            path, scenario, mode="exact", schemes=1, workers=scenario.trials, limits=limits
        )


def _found(
    scenarios: "Sequence[tuple[dict[str, str], Scenario]]",
    objectives: "Sequence[Objective]",
    index: int,
    options: _Options,
) -> "list[tuple[dict[str, str], Advice]]":
    """Advise at every setting: one after the other here, or each in a worker elsewhere."""
    with workers_elsewhere(options.executor, (one for _, one in scenarios)) as elsewhere:
        if elsewhere is None:
            return [
                (setting, _advise(one, objectives, index, options)) for setting, one in scenarios
            ]
        from sim.study.advise import advise
        from sim.study.executors import run_jobs

        name = scenarios[0][1].name
        with screen.progress(len(scenarios), name, is_quiet=options.quiet) as advance:
            advices = run_jobs(
                functools.partial(advise, objectives=objectives, scheme_index=index),
                (one for _, one in scenarios),
                count=len(scenarios),
                workers=elsewhere,
                on_result=lambda _: advance(),
            )
    return [(setting, found) for (setting, _), found in zip(scenarios, advices, strict=True)]


def _advise(
    scenario: "Scenario", objectives: "Sequence[Objective]", index: int, options: _Options
) -> "Advice":
    from sim.study.advise import advise

    with screen.status(scenario.name, is_quiet=options.quiet) as say:
        return advise(scenario, objectives, scheme_index=index, say=say)


def _show(path: str, found: "list[tuple[dict[str, str], Advice]]", options: _Options) -> None:
    """Show the answer; on standard error if standard output holds something else."""
    from sim.report import advice as report

    console = common.console(stderr=options.json == files.STANDARD)
    for setting, advice in found:
        scheme = advice.scenario.schemes[advice.scheme_index]
        place = ", ".join(f"{key}={value}" for key, value in setting.items())
        title = ": ".join(filter(None, [advice.scenario.name, scheme.name, place]))
        console.print(printable(title), style="bold", soft_wrap=True)
        console.print(printable(report.answer(advice)), soft_wrap=True)
        if options.quiet:
            continue
        console.print()
        console.print(report.advice_table(advice))
        console.print(printable(report.caption(advice)), style="dim")
        if not setting:
            console.print()
            for line in report.advice_lines(advice):
                console.print(printable(line), soft_wrap=True)
            if advice.below is not None:
                told = common.command_line(*report.below_command(advice, path))
                console.print(f"told by  {told}", soft_wrap=True)
        console.print()
    if len(found) > 1:
        for line in report.front_lines(found):
            console.print(printable(line), soft_wrap=True)
