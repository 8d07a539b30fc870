"""What a shell may complete: files, the schemes of a file, stores; in bash, zsh and fish.

Click asks when the shell does. A file that cannot be read completes to nothing.
"""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from sim.cli import files

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Items = list[CompletionItem[str]]

__all__ = [
    "any_file",
    "any_folder",
    "keys",
    "outcomes",
    "scenarios",
    "schemes",
    "stores",
]


def any_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Leave it to the shell to complete a file."""
    return [_item(incomplete, "file")]


def any_folder(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Leave it to the shell to complete a folder."""
    return [_item(incomplete, "dir")]


def schemes(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Complete the name of a scheme of the files that stand before it."""
    names = [name for path in _given(ctx) for name in _scheme_names(path)]
    return _starting_with(incomplete, dict.fromkeys(names))


def keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Complete the path of a key, with the schemes, queries and faults of the files before it."""
    import json

    from sim.scenario.editor import SCHEMA_PATH

    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    tables = next(filter(None, map(_tables, _given(ctx))), {})
    return _starting_with(incomplete, dict.fromkeys(_paths(schema, schema, tables, "")))


def _given(ctx: click.Context) -> list[str]:
    """Arguments before the word, the files of a command among them."""
    one = [ctx.params.get(name) for name in ("path", "path_a", "path_b")]
    # Behind an option without its value, click has not told arguments from the rest.
    return [path for path in (*(ctx.params.get("paths") or ()), *one, *ctx.args) if path]


def _paths(
    schema: dict[str, Any], part: dict[str, Any], tables: object, before: str
) -> Iterator[str]:
    """Paths of all keys below a table of the schema; a law is one key."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    kinds = part.get("discriminator", {}).get("mapping", {})
    if "items" in part and isinstance(tables, list) and before.count(".") == 1:
        for i, table in enumerate(tables):
            yield from _paths(schema, part["items"], table, f"{before}{i}.")
    elif isinstance(tables, dict) and tables.get("kind") in kinds:
        yield from _paths(schema, {"$ref": kinds[tables["kind"]]}, {}, before)
    elif "properties" in part:
        for name, inner in part["properties"].items():
            own = tables.get(name) if isinstance(tables, dict) else None
            yield from _paths(schema, inner, own, f"{before}{name}.")
    else:
        yield before.removesuffix(".")


def stores(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Complete the name of a store."""
    from sim.scenario.stores.profiles import PROFILES

    return _starting_with(incomplete, PROFILES)


def presets(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Complete the name of a scheme, settings or a system that is shipped or installed."""
    from sim.scenario.language.outside import installed
    from sim.scenario.presets import scheme_presets, settings_presets
    from sim.scenario.systems import system_paths

    known = [*scheme_presets(), *settings_presets(), *system_paths(), *installed()]
    return _starting_with(incomplete, known)


def scenarios(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Complete the name of a scenario or system that comes with the program."""
    from sim.scenario.shipped import beginnings

    return _starting_with(incomplete, beginnings())


def outcomes(ctx: click.Context, param: click.Parameter, incomplete: str) -> "Items":
    """Complete the name of an outcome that is not ok."""
    from sim.scenario.schema import OUTCOMES

    return _starting_with(incomplete, [outcome for outcome in OUTCOMES if outcome != "ok"])


def _starting_with(incomplete: str, names: Iterable[str]) -> "Items":
    return [_item(name) for name in names if name.startswith(incomplete)]


def _item(value: str, kind: str = "plain") -> "CompletionItem[str]":
    from click.shell_completion import CompletionItem

    return CompletionItem(value, type=kind)


def _scheme_names(path: str) -> list[str]:
    """Names in a file that may be far from a valid scenario."""
    found = _tables(path).get("schemes")
    tables = found if isinstance(found, list) else []
    names = [table.get("name") for table in tables if isinstance(table, dict)]
    return [name for name in names if isinstance(name, str)]


def _tables(path: str) -> dict[str, Any]:
    """What a file has, as TOML; nothing if it cannot be read."""
    if path == files.STANDARD or not os.path.isfile(path):
        return {}
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
