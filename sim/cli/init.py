"""``sim init``: a small scenario that runs, to start from."""

from pathlib import Path
from typing import Final

import click

from sim.cli import common, complete, files
from sim.errors import EXIT_BAD_INPUT, Problem, ScenarioError, printable

__all__ = ["TEMPLATE", "command"]

TEMPLATE: Final = """\
schema  = 1
name    = "first"
horizon = "8d"                       # simulated time; numbers are about what follows warmup
warmup  = "3d"
trials  = 4                          # worlds, each with a seed of its own
store.profile = "s3"                 # `sim stores` lists the others
producers.local_retention = "6h"     # until then a producer answers for its data, too
compactor.ranges = ["2h", "8h"]      # four blocks become one, which is kept until
compactor.retention.raw = "2d"       # this old; then it is marked, hidden and deleted
compactor.downsampling = false       # no 5m or 1h blocks are made of it before
gateways.sync_interval = "3m"        # how often a reader looks at the store
queries = [{ name = "three-days", rate = "1/s", range = "3d", takes = "30s" }]

[[schemes]]
name = "delete at once"
kind = "immediate"

[[schemes]]
name = "mark first"
kind = "deletion-mark"
delete_delay = "1h"                  # D: from the mark until the objects are deleted
ignore_deletion_marks_delay = "30m"  # I: from the mark until readers let go of the block

[expect]
"mark first" = { never = ["query-error", "silent-gap"] }
"""


@click.command(
    "init",
    epilog=common.examples(
        "sim init",
        "sim init fast.toml && sim run fast.toml",
        "sim init --from thanos-2022 --name mine mine.toml",
        "sim init --from mimir",
        "sim init - | sim check -",
    ),
)
@click.argument("path", metavar="[FILE]", required=False, shell_complete=complete.any_file)
@click.option(
    "--from",
    "origin",
    metavar="NAME",
    shell_complete=complete.scenarios,
    help="Scenario or system that comes with sim, or a file, to start from.",
)
@click.option("--name", help="Name of the new scenario.")
@click.option(
    "--list", "is_list", is_flag=True, help="List the scenarios and systems that come with sim."
)
@common.allow_outside_option
def command(
    path: str | None, origin: str | None, name: str | None, is_list: bool, allow_outside: bool
) -> int:
    """Write a small scenario to start from; by default scenario.toml, - is standard output.

    With --from it is a copy of another, comments and all, by default called NAME.toml. It is
    checked before it stays. An existing file is never overwritten.
    """
    from sim.scenario.shipped import beginnings, with_name, without_stray_schema

    if is_list:
        for known in beginnings():
            click.echo(known)
        return 0
    source = None if origin is None else _source(origin)
    if path is None:
        path = "scenario.toml" if source is None else source.with_suffix(".toml").name
    if path != files.STANDARD:
        files.check_file_target(path, "FILE")
        if Path(path).exists():
            raise click.BadParameter(f"{path} exists already", param_hint="FILE")
    try:
        text = TEMPLATE if source is None else _read(source)
        text = without_stray_schema(text, Path(path).parent)
        text = text if name is None else with_name(text, name)
    except ScenarioError as error:
        common.show_problems(str(source or path), error, "")
        return EXIT_BAD_INPUT
    if path == files.STANDARD:
        files.write_text(path, text)
        return 0
    try:
        with Path(path).open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise click.BadParameter(f"{path} exists already", param_hint="FILE") from None
    if common.read_scenario(path, {}, allow_outside=allow_outside) is None:
        Path(path).unlink()
        return EXIT_BAD_INPUT
    again = common.command_line("run", path)
    click.echo(f"{printable(path)} written; now: {again}", err=True)
    return 0


def _source(origin: str) -> Path:
    """Find what to start from: a scenario or system that comes with the program, or a file."""
    from sim.scenario.shipped import beginnings

    known = beginnings()
    if origin in known:
        return known[origin]
    if Path(origin).exists():
        return Path(origin)
    message = f"no scenario and no file is called {origin!r}; {common.guess_among(origin, known)}"
    raise click.BadParameter(message, param_hint="--from")


def _read(source: Path) -> str:
    """Read the text of a file; raises OSError or ScenarioError."""
    from sim.scenario.inputs import read_file

    try:
        return read_file(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem("", f"byte {error.start}", "be UTF-8", file=str(source))
        raise ScenarioError([problem]) from None
