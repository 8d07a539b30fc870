"""``sim init``: a small scenario that runs, to start from."""

from pathlib import Path
from typing import Final

import click

from sim.cli import common, files
from sim.errors import printable

__all__ = ["TEMPLATE", "command"]

TEMPLATE: Final = """\
schema  = 1
name    = "first"
summary = "Sources are compacted away; gateways learn of it at their next sync."
horizon = "14d"
warmup  = "2d"
trials  = 4

[store]
profile = "strong"                  # `sim stores` lists the others

[[queries]]
name  = "last-week"
rate  = "1/s"
range = "7d"

[[schemes]]
name = "delete at once"
kind = "immediate"

[[schemes]]
name = "mark, 1h"
kind = "deletion-mark"
delete_delay = "1h"
ignore_deletion_marks_delay = "30m"
"""


@click.command("init")
@click.argument("path", metavar="[FILE]", default="scenario.toml")
def command(path: str) -> int:
    """Write a small scenario to start from; by default scenario.toml.

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
