"""What a shell may complete: files, the schemes of a file, stores; in bash, zsh and fish.

Click asks when the shell does. A file that cannot be read completes to nothing.
"""

import os
import shlex
import tomllib
from collections.abc import Iterable

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    add_completion_class,
)

from sim.cli import files

__all__ = ["any_file", "any_folder", "outcomes", "register", "scenarios", "schemes", "stores"]

Items = list[CompletionItem[str]]


def any_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Leave it to the shell to complete a file."""
    return [CompletionItem(incomplete, type="file")]


def any_folder(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Leave it to the shell to complete a folder."""
    return [CompletionItem(incomplete, type="dir")]


def schemes(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Complete the name of a scheme of the files that stand before it."""
    # Behind an option without its value, click has not told arguments from the rest.
    given = [*(ctx.params.get("paths") or ()), ctx.params.get("path"), *ctx.args]
    names = [name for path in given if path for name in _scheme_names(path)]
    return _starting_with(incomplete, dict.fromkeys(names))


def stores(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Complete the name of a store."""
    from sim.scenario.profiles import PROFILES

    return _starting_with(incomplete, PROFILES)


def scenarios(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Complete the name of a scenario that comes with the program."""
    from sim.scenario.shipped import shipped

    return _starting_with(incomplete, shipped())


def outcomes(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Complete the name of an outcome that is not ok."""
    from sim.scenario.schema import OUTCOMES

    return _starting_with(incomplete, [outcome for outcome in OUTCOMES if outcome != "ok"])


def _starting_with(incomplete: str, names: Iterable[str]) -> Items:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _scheme_names(path: str) -> list[str]:
    """Names in a file that may be far from a valid scenario."""
    if path == files.STANDARD or not os.path.isfile(path):
        return []
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file).get("schemes")
    except (OSError, ValueError, RecursionError):
        return []
    tables = found if isinstance(found, list) else []
    names = [table.get("name") for table in tables if isinstance(table, dict)]
    return [name for name in names if isinstance(name, str)]


def register() -> None:
    """Make click complete words with spaces and commas, which names of schemes have."""
    add_completion_class(_Bash)
    add_completion_class(_Fish)


class _Bash(BashComplete):
    """Quotes what a shell would split, unless a quote is open already."""

    def format_completion(self, item: CompletionItem[str]) -> str:
        word = os.environ["COMP_WORDS"].rpartition("\n")[2]
        if item.type == "plain" and not word.startswith(("'", '"')):
            item = CompletionItem(shlex.quote(item.value))
        return super().format_completion(item)


class _Fish(FishComplete):
    """Splits what click answers at its first comma only."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )
