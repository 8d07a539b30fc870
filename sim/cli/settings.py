"""What ``sim sweep`` is asked for: options, and the scenarios of all settings.

Everything that is wrong with a call is shown together, before anything runs.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, files, machine
from sim.errors import EXIT_BAD_INPUT, Problem, ScenarioError, printable

if TYPE_CHECKING:
    from sim.scenario.knobs import Knob
    from sim.scenario.schema import Scenario
    from sim.study.sweep import Settings

__all__ = ["SweepOptions", "read_settings", "source_of", "targets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """The options of ``sim sweep`` as click gives them; ``None`` is not given."""

    knobs: tuple[str, ...]
    together: bool
    refine: int
    schemes: tuple[str, ...]
    assignments: tuple[str, ...]
    seed: int | None
    trials: int | None
    workers: int | None
    executor: str
    json: str | None
    csv: str | None
    parquet: str | None
    out: str | None
    cells: str
    fresh: bool
    allow_outside: bool
    max_memory: float | None
    max_events: float | None
    yes: bool
    quiet: bool


@dataclass(slots=True)
class _Problems:
    """Everything that is wrong with a call, shown together."""

    is_wrong: bool = False

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """Show what is wrong with an option, and go on."""
        try:
            yield
        except click.UsageError as error:
            self.tell(f"Error: {error.format_message()}")

    def tell(self, message: str) -> None:
        self.is_wrong = True
        click.echo(printable(message), err=True)

    def wrong_knob(self, message: object) -> None:
        self.tell(f"Error: Invalid value for --vary: {message}")


def read_settings(path: str, options: SweepOptions) -> "tuple[Settings, tuple[int, ...] | None]":
    """Make the scenarios of all settings; or show everything that is wrong, and exit with 2."""
    from sim.scenario.knobs import unfit
    from sim.study.sweep import load_settings

    problems = _Problems()
    read: list[Path] = []
    overrides: dict[str, Any] = {}
    with problems.collected():
        overrides = common.override_options(
            seed=options.seed, trials=options.trials, assignments=options.assignments
        )
    knobs = _knobs(options, problems)
    _check_targets(options, problems)
    selection, settings = None, None
    try:
        source, text = source_of(path)
        for message in unfit(text, knobs):
            problems.wrong_knob(message)
        settings = load_settings(
            _loading(source, overrides, options, read), knobs, together=options.together
        )
    except ScenarioError as error:
        problems.is_wrong = True
        common.show_problems(path, error, text if path == files.STANDARD else None)
    except OSError as error:
        problems.tell(f"{common.shown_path(path)}: {error.strerror or error}")
    except ValueError as error:
        problems.wrong_knob(error)
    with problems.collected():
        files.check_apart(targets(options), read, folder_files=_folder_files())
    if settings is not None:
        with problems.collected():
            scenario = next(iter(settings.scenarios.values()))
            selection = common.scheme_indices(scenario, options.schemes)
    if problems.is_wrong or settings is None:
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    _refuse_what_cannot_run(path, settings, options)
    return settings, selection


def source_of(path: str) -> tuple[Path | str, str]:
    """What is loaded for a path, and its text as far as it is one; standard input is read once.

    Raises
    ------
    ScenarioError
        If standard input is no text, or too much.
    OSError
        If the file cannot be read.
    """
    from sim.scenario.inputs import read_file

    if path == files.STANDARD:
        text = f"{common.standard_input()}\n"
        return text, text
    return Path(path), read_file(Path(path)).decode("utf-8-sig", errors="replace")


def _knobs(options: SweepOptions, problems: _Problems) -> "list[Knob]":
    """Read ``--vary``; those that are wrong are left out."""
    from sim.scenario.knobs import parse_knob

    knobs: list[Knob] = []
    for text in options.knobs:
        try:
            knobs.append(parse_knob(text))
        except ValueError as error:
            problems.wrong_knob(error)
    if options.refine and options.together:
        problems.tell("Error: --refine adds values to one key, so not with --together")
    if options.refine and knobs and knobs[0].numbers is None:
        problems.tell(f"Error: --refine needs a first key with numbers, not {knobs[0].path}")
    return knobs


def _loading(
    source: "Path | str", overrides: Mapping[str, Any], options: SweepOptions, read: list[Path]
) -> "Callable[[Mapping[str, Any]], Scenario]":
    """Give what makes the scenario at a setting; ``read`` takes in the files that it reads."""
    from sim.scenario.load import load

    def at(values: Mapping[str, Any]) -> "Scenario":
        return load(
            source,
            {**overrides, **values},
            allow_outside=options.allow_outside,
            on_read=read.append,
        )

    return at


def _folder_files() -> tuple[str, ...]:
    from sim.report.names import SWEEP_FILES

    return SWEEP_FILES


def targets(options: SweepOptions) -> dict[str, str]:
    """Paths that are written to, by option."""
    named = {
        "--json": options.json,
        "--csv": options.csv,
        "--parquet": options.parquet,
        "--out": options.out,
    }
    return {option: path for option, path in named.items() if path is not None}


def _check_targets(options: SweepOptions, problems: _Problems) -> None:
    """Refuse before the sweep what could not be written after it."""
    from sim.report.names import SWEEP_MARKER
    from sim.report.sweepdocument import PARQUET_EXTRA, has_parquet

    paths = targets(options)
    for option, path in paths.items():
        with problems.collected():
            if option == "--out":
                files.check_folder_target(path, option, marker=SWEEP_MARKER)
            else:
                files.check_file_target(path, option)
    if list(paths.values()).count(files.STANDARD) > 1:
        problems.tell("Error: only one of --json, --csv and --parquet can be standard output")
    if options.parquet is not None and not has_parquet():
        problems.tell(f"Error: {PARQUET_EXTRA}")
    with problems.collected():
        files.check_kept_folder(options.cells, "--cells", apart_from=options.out)


def _refuse_what_cannot_run(path: str, settings: "Settings", options: SweepOptions) -> None:
    """Refuse settings that cannot be evaluated, or that the machine cannot hold."""
    from sim.analysis.queries.evaluate import inexact

    limits = machine.limits(options.max_memory, options.max_events)
    workers = options.workers or 1
    found: dict[str, Problem] = {}
    for scenario in settings.scenarios.values():
        # There is no other mode here than the exact one.
        problems = [
            replace(p, hint="give it an at_most" if p.path.endswith(".takes") else "")
            for p in inexact(scenario)
        ]
        if not options.yes:
            problems += machine.too_much(
                scenario, mode="exact", schemes=1, workers=workers, limits=limits
            )
        found |= {repr(problem): problem for problem in problems}
    common.refuse(path, list(found.values()))
