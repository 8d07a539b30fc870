"""``sim import``: a scenario of a bucket that there is."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, files
from sim.errors import EXIT_BAD_INPUT, Problem, ScenarioError, printable

if TYPE_CHECKING:
    from sim.intake.facts import Facts
    from sim.intake.found import Bucket
    from sim.intake.lags import MeasuredLags

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    output: str
    lags: tuple[str, ...]
    at_most: str | None
    columns: str
    name: str | None
    allow_outside: bool


@click.command(
    "import",
    epilog=common.examples(
        "sim import blocks.json -o mine.toml",
        "sim import - -o mine.toml < blocks.json",
        "sim import metas/ inventory.csv --lags store.lag.create.list=lags.csv",
        "sim import data.csv.gz --columns 'Bucket, Key, Size, LastModifiedDate'",
    ),
)
@click.argument(
    "sources", metavar="BUCKET...", nargs=-1, required=True, shell_complete=complete.any_file
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="bucket.toml",
    show_default=True,
    shell_complete=complete.any_file,
    help="Scenario to write; - is standard output.",
)
@click.option(
    "--lags",
    multiple=True,
    metavar="[KEY=]CSV",
    shell_complete=complete.any_file,
    help="Measured lags of KEY, some of them perhaps not over (> before it, or the column "
    "censored); by default of store.lag.create.list (repeatable).",
)
@click.option(
    "--at-most",
    metavar="DURATION",
    help="How long the longest lags are, where nobody saw them end.",
)
@click.option(
    "--columns",
    default="",
    metavar="NAMES",
    help="Columns of an inventory whose first row does not name them, as fileSchema of S3 does.",
)
@click.option("--name", help="Name of the scenario; by default that of the file.")
@common.allow_outside_option
def command(sources: tuple[str, ...], **options: Any) -> int:
    """Write a scenario of a bucket that there is, with what is read and what is assumed.

    BUCKET is what `thanos tools bucket ls -o json` prints, a folder with a meta.json (and marks)
    in a folder a block, or an inventory: a CSV with the columns key, size and last_modified. What
    several say of a block is put together. - is standard input; gzip is unpacked.

    The scenario is checked before it stays. An existing file is never overwritten.
    """
    chosen = _Options(**options)
    is_shown = chosen.output == files.STANDARD
    if not is_shown:
        files.check_file_target(chosen.output, "--output")
        if Path(chosen.output).exists():
            raise click.BadParameter(f"{chosen.output} exists already", param_hint="--output")
    if sources.count(files.STANDARD) > 1:
        raise click.BadParameter("standard input can be read only once", param_hint="BUCKET")
    bucket, facts, lags = _found(sources, chosen)
    from sim.intake.writing import scenario_text, summary_lines

    name = chosen.name
    if name is None:
        name = "bucket" if is_shown else Path(chosen.output).stem
    text = scenario_text(name, bucket.sources, facts, lags)
    if not _write(chosen, text):
        return EXIT_BAD_INPUT
    for line in summary_lines(facts, lags):
        click.echo(printable(line), err=is_shown)
    if not is_shown:
        again = common.command_line("advise", chosen.output, "--slo", "query-error=0")
        click.echo(f"{printable(chosen.output)} written; now: {again}", err=True)
    return 0


def _found(sources: Sequence[str], options: _Options) -> "tuple[Bucket, Facts, list[MeasuredLags]]":
    """Read everything; or show everything that is wrong, and exit with 2."""
    from sim.core.units import parse_duration
    from sim.intake.complaints import Complaints
    from sim.intake.found import Bucket
    from sim.intake.lags import read_lags
    from sim.intake.survey import survey

    complaints, bucket = Complaints(), Bucket()
    at_most_us = None
    if options.at_most is not None:
        try:
            at_most_us = parse_duration(options.at_most)
        except ValueError:
            problem = Problem("--at-most", options.at_most, "be a duration such as 10m")
            complaints.add(problem)
        if not options.lags:
            complaints.add(Problem("--at-most", options.at_most, "go with --lags"))
    folder = Path() if options.output == files.STANDARD else Path(options.output).parent
    lags, wrong = read_lags(options.lags, folder, at_most_us, allow_outside=options.allow_outside)
    for problem in wrong:
        complaints.add(problem)
    for source in sources:
        _read(source, bucket, complaints, options.columns)
    if not complaints.problems and not bucket.blocks:
        complaints.add(Problem("BUCKET", ", ".join(sources), "have at least one block"))
    if complaints.problems:
        said = [str(problem) for problem in complaints.problems]
        said += ["…"] * (complaints.n_problems - len(said))
        common.show_problems(", ".join(sources), ScenarioError(said))
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    return bucket, survey(bucket), lags


def _read(source: str, bucket: "Bucket", complaints: Any, columns: str) -> None:
    from sim.intake.reading import read_bytes, read_source

    try:
        if source == files.STANDARD:
            with open(sys.stdin.fileno(), "rb", closefd=False) as stream:
                read_bytes(stream, "<stdin>", bucket, complaints, columns)
        else:
            read_source(source, bucket, complaints, columns)
    except OSError as error:
        reason = error.strerror or str(error)
        complaints.add(Problem("", reason, "be readable", file=error.filename or source))


def _write(options: _Options, text: str) -> bool:
    """Write the scenario if it is one; else show what is wrong with it."""
    from sim.scenario.load import load

    try:
        if options.output == files.STANDARD:
            load(text, allow_outside=options.allow_outside)
            files.write_text(options.output, text)
            return True
        from sim.atomic import whole_file

        target = Path(options.output)
        with whole_file(target, is_new=True) as stream:
            stream.write(text)
            stream.flush()
            load(Path(stream.name), allow_outside=options.allow_outside)
    except FileExistsError:
        message = f"{options.output} exists already"
        raise click.BadParameter(message, param_hint="--output") from None
    except ScenarioError as error:
        located = [
            replace(problem, file=options.output) if isinstance(problem, Problem) else problem
            for problem in error.problems
        ]
        common.show_problems(options.output, ScenarioError(located), text)
        return False
    return True
