"""``sim sweep``: one scenario at many settings; results to standard output or files."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sim.cli import common, complete, files, machine, screen
from sim.cli.executor import check_executor, executor_option, workers_elsewhere
from sim.cli.settings import SweepOptions, read_settings, targets
from sim.errors import EXIT_HOLDS, RunInterrupted, printable

if TYPE_CHECKING:
    from sim.analysis.sweep import Sweep
    from sim.atomic import WorkFolder
    from sim.scenario.schema import Scenario
    from sim.study.cluster import Cluster
    from sim.study.finished import FinishedTrials
    from sim.study.sweep import Settings

__all__ = ["command"]

_CELLS: Final = ".sim-cells"


@click.command(
    "sweep",
    epilog=common.examples(
        "sim sweep scenario.toml --vary schemes.1.delete_delay=0s,15m,1h,48h",
        "sim sweep scenario.toml --vary schemes.1.delete_delay=0s..2h/9 --refine 8 --out out/sweep",
        "sim sweep s.toml --vary schemes.1.delete_delay=1h,4h --vary gateways.sync_interval=1m,15m",
        "sim sweep scenario.toml --vary 'schemes.mark first.delete_delay=log:1m..48h/20' --csv -",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--vary",
    "knobs",
    multiple=True,
    required=True,
    metavar="KEY=VALUES",
    shell_complete=complete.keys,
    help="A key, as in --set, and its values: a list a,b,c; a range 0s..48h/25 of so many points, "
    "both ends among them; log:1m..48h/20 at equal ratios (repeatable).",
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
@executor_option
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
    help="Write document, CSV, figures and a page with sliders into a folder.",
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
@common.limit_options
@common.allow_outside_option
@click.option("-q", "--quiet", is_flag=True, help="Show no table and no progress.")
def command(path: str, **options: Any) -> int:
    """Run a scenario at many settings of one or more keys. As FILE, - is standard input.

    All settings meet the same uploads, lags and arrivals. A scheme that a key does not touch runs
    once. Sweeps that were interrupted go on where they were, see --cells.
    """
    chosen = SweepOptions(**options)
    check_executor(chosen.executor, chosen.workers)
    settings, selection = read_settings(path, chosen)
    with workers_elsewhere(chosen.executor, settings.scenarios.values()) as elsewhere:
        return _run(path, settings, selection, chosen, elsewhere)


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


def _run(
    path: str,
    settings: "Settings",
    selection: tuple[int, ...] | None,
    options: SweepOptions,
    elsewhere: "Cluster | None",
) -> int:
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
                workers=elsewhere or options.workers or _fitting_workers(scenarios, options),
                finished=_kept(options, say),
                fresh=options.fresh,
                progress=count.round,
                say=say,
            )
            _write(sweep, options, work, again=_again(path, scenarios[0], options))
    except KeyboardInterrupt:
        raise RunInterrupted(count.done, count.wanted, count.done > 0) from None
    if not options.quiet:
        _show(sweep, is_taken=files.STANDARD in targets(options).values())
        say(f"trials kept in {options.cells}")
        if options.out is not None:
            say(f"files in {options.out}")
    return EXIT_HOLDS


def _kept(options: SweepOptions, say: Callable[[str], None]) -> "FinishedTrials":
    """Where trials are kept; a folder of our own choice is kept out of version control."""
    from sim.atomic import whole_file
    from sim.study.finished import FinishedTrials

    folder = Path(options.cells)
    if options.cells == _CELLS and not folder.exists():
        folder.mkdir()
        with whole_file(folder / ".gitignore") as stream:
            stream.write("*\n")
    return FinishedTrials(folder, say=say)


def _fitting_workers(scenarios: "Sequence[Scenario]", options: SweepOptions) -> int | None:
    """As many processes as the memory holds at the largest setting; None leaves it to the CPUs."""
    limits = machine.limits(options.max_memory, options.max_events)
    counts = [
        machine.fitting_workers(scenario, mode="exact", schemes=1, limits=limits)
        for scenario in scenarios
    ]
    return min((count for count in counts if count is not None), default=None)


def _again(path: str, scenario: "Scenario", options: SweepOptions) -> str:
    """The line that repeats the sweep, from beside the file, whatever the file's seed becomes."""
    words: list[object] = ["sweep", Path(path).name]
    words += ["--seed", scenario.seed, "--trials", scenario.trials]
    for option, values in (
        ("--vary", options.knobs),
        ("--scheme", options.schemes),
        ("--set", options.assignments),
    ):
        for value in values:
            words += [option, value]
    words += ["--together"] if options.together else []
    words += ["--refine", options.refine] if options.refine else []
    return common.command_line(*words)


def _write(sweep: "Sweep", options: SweepOptions, work: "WorkFolder | None", *, again: str) -> None:
    """Write what was asked for: folder, files, then standard output."""
    from sim.report.document import to_json
    from sim.report.sweepdocument import sweep_csv, sweep_document, sweep_parquet

    if work is not None:
        from sim.report.bundle import sweep_files
        from sim.report.names import SWEEP_FILES

        with work.replacement(is_own=lambda name: name in SWEEP_FILES) as folder:
            for name, content in sweep_files(sweep, again=again):
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
    from sim.report.sweeptable import sweep_caption, sweep_tables, untried_lines

    console = common.console(stderr=is_taken)
    scenario = sweep.cells[0].result.scenario
    console.print(printable(sweep.name), soft_wrap=True)
    for line in untried_lines(sweep):
        console.print(printable(line), style="red", soft_wrap=True)
    for title, table in sweep_tables(sweep):
        console.print()
        console.print(printable(title), style="bold", soft_wrap=True)
        console.print(table)
    console.print()
    console.print(printable(sweep_caption(sweep)), style="dim")
    console.print(f"seed    {scenario.seed}, trials {scenario.trials}", soft_wrap=True)
    console.print(f"digest  {sweep_document(sweep)['digest']}", soft_wrap=True)
