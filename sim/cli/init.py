"""``sim init``: a small scenario that runs, to start from."""

from pathlib import Path
from typing import Final

import click

from sim.cli import common, complete, files
from sim.errors import printable

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
        "sim init", "sim init fast.toml && sim run fast.toml", "sim init - | sim check -"
    ),
)
@click.argument("path", metavar="[FILE]", default="scenario.toml", shell_complete=complete.any_file)
def command(path: str) -> int:
    """Write a small scenario to start from; by default scenario.toml, - is standard output.

    An existing file is never overwritten.
    """
    if path == files.STANDARD:
        files.write_text(path, TEMPLATE)
        return 0
    files.check_file_target(path, "FILE")
    try:
        with Path(path).open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(TEMPLATE)
    except FileExistsError:
        raise click.BadParameter(f"{path} exists already", param_hint="FILE") from None
    again = common.command_line("run", path)
    click.echo(f"{printable(path)} written; now: {again}", err=True)
    return 0
