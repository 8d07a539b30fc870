"""``sim sweep``: one scenario at many settings; results to standard output or files."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sim.cli import common, complete, files, machine, screen
from sim.errors import EXIT_BAD_INPUT, EXIT_HOLDS, Problem, RunInterrupted, ScenarioError, printable

if TYPE_CHECKING:
    from sim.analysis.sweep import Sweep
    from sim.atomic import WorkFolder
    from sim.scenario.knobs import Knob
    from sim.scenario.schema import Scenario
    from sim.study.finished import FinishedTrials
    from sim.study.sweep import Settings

__all__ = ["command"]

_CELLS: Final = ".sim-cells"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    knobs: tuple[str, ...]
    together: bool
    refine: int
    schemes: tuple[str, ...]
    assignments: tuple[str, ...]
    seed: int | None
    trials: int | None
    workers: int | None
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


@click.command(
    "sweep",
    epilog=common.examples(
        "sim sweep scenario.toml --vary schemes.1.delete_delay=0s,15m,1h,48h",
        "sim sweep scenario.toml --vary 'schemes.mark first.delete_delay=0s..2h/9' \\",
        "    --vary gateways.sync_interval=log:1m..15m/4 --out out/sweep",
        "sim sweep scenario.toml --together --vary schemes.1.delete_delay=1h,2h \\",
        "    --vary schemes.1.ignore_deletion_marks_delay=30m,1h",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--vary",
    "knobs",
    multiple=True,
    required=True,
    metavar="KEY=VALUES",
    help="A key and its values: a list a,b,c; a range 0s..48h/25 of so many points, both ends "
    "among them; log:1m..48h/20 at equal ratios (repeatable).",
)
@click.option(
    "--together", is_flag=True, help="Move several keys in step, instead of every combination."
)
@click.option(
    "--refine",
    type=click.IntRange(min=0, max=1_000),
    default=0,
    metavar="N",
    help="Add up to N values of the first key, where failures change most.",
)
@click.option(
    "--scheme",
    "schemes",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Run only this scheme (repeatable).",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the file at every setting (repeatable).",
)
@click.option("--seed", type=int, help="Seed of the first trial, instead of the file's.")
@click.option("--trials", type=int, help="Number of trials, instead of the file's.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default as many as pay off."
)
@click.option(
    "--json",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the document of all cells; - is standard output.",
)
@click.option(
    "--csv",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write every number as CSV; - is standard output.",
)
@click.option(
    "--parquet",
    metavar="OUT",
    shell_complete=complete.any_file,
    help='Write the same as Parquet (extra "data"); - is standard output.',
)
@click.option(
    "--out",
    metavar="DIR",
    shell_complete=complete.any_folder,
    help="Write document, CSV and figures into a folder.",
)
@click.option(
    "--cells",
    metavar="DIR",
    default=_CELLS,
    show_default=True,
    shell_complete=complete.any_folder,
    help="Folder where every trial is kept as soon as it has ended, and looked for before it is "
    "run. It may be shared by any sweeps, and removed at any time.",
)
@click.option("--fresh", is_flag=True, help="Run also what is kept already.")
@click.option(
    "--max-memory",
    metavar="SIZE",
    callback=common.size_option,
    help="Refuse to take more, such as 2GiB; by default what is available.",
)
@click.option(
    "--max-events",
    type=click.FloatRange(min=1),
    help="Refuse a setting of more events; by default 1e9.",
)
@click.option("-y", "--yes", is_flag=True, help="Run whatever it takes.")
@common.allow_outside_option
@click.option("-q", "--quiet", is_flag=True, help="Show no table and no progress.")
def command(path: str, **options: Any) -> int:
    """Run a scenario at many settings of one or more keys. As FILE, - is standard input.

    All settings meet the same uploads, lags and arrivals. A scheme that a key does not touch runs
    once. Sweeps that were interrupted go on where they were, see --cells.
    """
    chosen = _Options(**options)
    settings, selection = _read(path, chosen)
    return _run(settings, selection, chosen)


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


def _read(path: str, options: _Options) -> "tuple[Settings, tuple[int, ...] | None]":
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
        source, text = common.scenario_source(path)
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
        files.check_apart(_targets(options), read, folder_files=_folder_files())
    if settings is not None:
        with problems.collected():
            scenario = next(iter(settings.scenarios.values()))
            selection = common.scheme_indices(scenario, options.schemes)
    if problems.is_wrong or settings is None:
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    _refuse_what_cannot_run(path, settings, options)
    return settings, selection


def _knobs(options: _Options, problems: _Problems) -> "list[Knob]":
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
    source: "Path | str", overrides: Mapping[str, Any], options: _Options, read: list[Path]
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


def _targets(options: _Options) -> dict[str, str]:
    """Paths that are written to, by option."""
    named = {
        "--json": options.json,
        "--csv": options.csv,
        "--parquet": options.parquet,
        "--out": options.out,
    }
    return {option: path for option, path in named.items() if path is not None}


def _check_targets(options: _Options, problems: _Problems) -> None:
    """Refuse before the sweep what could not be written after it."""
    from sim.report.names import SWEEP_MARKER
    from sim.report.sweepdocument import PARQUET_EXTRA, has_parquet

    targets = _targets(options)
    for option, path in targets.items():
        with problems.collected():
            if option == "--out":
                files.check_folder_target(path, option, marker=SWEEP_MARKER)
            else:
                files.check_file_target(path, option)
    if list(targets.values()).count(files.STANDARD) > 1:
        problems.tell("Error: only one of --json, --csv and --parquet can be standard output")
    if options.parquet is not None and not has_parquet():
        problems.tell(f"Error: {PARQUET_EXTRA}")
    with problems.collected():
        files.check_kept_folder(options.cells, "--cells", apart_from=options.out)


def _refuse_what_cannot_run(path: str, settings: "Settings", options: _Options) -> None:
    """Refuse settings that cannot be evaluated, or that the machine cannot hold."""
    from sim.analysis.limits import too_large
    from sim.analysis.queries import inexact

    limits = machine.limits(options.max_memory, options.max_events)
    found: dict[str, Problem] = {}
    for scenario in settings.scenarios.values():
        problems = inexact(scenario)
        if not options.yes:
            workers = options.workers or 1
            problems += too_large(scenario, limits, schemes=1, workers=workers)
        found |= {repr(problem): problem for problem in problems}
    common.refuse(path, list(found.values()))


@dataclass(slots=True)
class _Count:
    """How far a sweep has come, in trials."""

    is_quiet: bool
    name: str
    wanted: int = 0
    done: int = 0

    @contextlib.contextmanager
    def round(self, trials: int) -> Iterator[Callable[[], None]]:
        """Show the progress of so many more trials."""
        self.wanted += trials
        with screen.progress(trials, self.name, is_quiet=self.is_quiet) as advance:

            def count() -> None:
                self.done += 1
                advance()

            yield count


def _run(settings: "Settings", selection: tuple[int, ...] | None, options: _Options) -> int:
    """Run the sweep, write and show it."""
    from sim.atomic import work_folder
    from sim.study.sweep import run_sweep

    scenarios = list(settings.scenarios.values())
    count = _Count(options.quiet, scenarios[0].name)

    def say(message: str) -> None:
        if not options.quiet:
            click.echo(printable(message), err=True)

    out = None if options.out is None else Path(options.out).resolve()
    try:
        with contextlib.nullcontext() if out is None else work_folder(out) as work:
            sweep = run_sweep(
                settings,
                schemes=selection,
                refine=options.refine,
                workers=options.workers or _fitting_workers(scenarios, options),
                finished=_kept(options, say),
                fresh=options.fresh,
                progress=count.round,
                say=say,
            )
            _write(sweep, options, work)
    except KeyboardInterrupt:
        raise RunInterrupted(count.done, count.wanted, count.done > 0) from None
    if not options.quiet:
        _show(sweep, is_taken=files.STANDARD in _targets(options).values())
        say(f"trials kept in {options.cells}")
        if options.out is not None:
            say(f"files in {options.out}")
    return EXIT_HOLDS


def _kept(options: _Options, say: Callable[[str], None]) -> "FinishedTrials":
    """Where trials are kept; a folder of our own choice is kept out of version control."""
    from sim.atomic import whole_file
    from sim.study.finished import FinishedTrials

    folder = Path(options.cells)
    if options.cells == _CELLS and not folder.exists():
        folder.mkdir()
        with whole_file(folder / ".gitignore") as stream:
            stream.write("*\n")
    return FinishedTrials(folder, say=say)


def _fitting_workers(scenarios: "Sequence[Scenario]", options: _Options) -> int | None:
    """As many processes as the memory holds at the largest setting; None leaves it to the CPUs."""
    limits = machine.limits(options.max_memory, options.max_events)
    counts = [
        machine.fitting_workers(scenario, mode="exact", schemes=1, limits=limits)
        for scenario in scenarios
    ]
    return min((count for count in counts if count is not None), default=None)


def _write(sweep: "Sweep", options: _Options, work: "WorkFolder | None") -> None:
    """Write what was asked for: folder, files, then standard output."""
    from sim.report.document import to_json
    from sim.report.sweepdocument import sweep_csv, sweep_document, sweep_parquet

    if work is not None:
        from sim.report.bundle import sweep_files

        with work.replacement(is_own=lambda name: name in _folder_files()) as folder:
            for name, content in sweep_files(sweep):
                (folder / name).write_bytes(content)
    makers: dict[str, tuple[str | None, Callable[[], bytes]]] = {
        "--parquet": (options.parquet, lambda: sweep_parquet(sweep)),
        "--csv": (options.csv, lambda: sweep_csv(sweep).encode()),
        "--json": (options.json, lambda: to_json(sweep_document(sweep)).encode()),
    }
    for path, content_of in sorted(makers.values(), key=lambda maker: maker[0] == files.STANDARD):
        if path is not None:
            files.write_bytes(path, content_of())


def _show(sweep: "Sweep", *, is_taken: bool) -> None:
    """Show a table for each scheme, on standard error if standard output holds something else."""
    from sim.report.sweepdocument import sweep_document
    from sim.report.sweeptable import sweep_caption, sweep_tables

    console = common.console(stderr=is_taken)
    scenario = sweep.cells[0].result.scenario
    console.print(printable(sweep.name), soft_wrap=True)
    for title, table in sweep_tables(sweep):
        console.print()
        console.print(printable(title), style="bold", soft_wrap=True)
        console.print(table)
    console.print()
    console.print(printable(sweep_caption(sweep)), style="dim")
    console.print(f"seed    {scenario.seed}, trials {scenario.trials}", soft_wrap=True)
    console.print(f"digest  {sweep_document(sweep)['digest']}", soft_wrap=True)
