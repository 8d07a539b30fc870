"""``sim stores``: the named stores, their values, and where each number comes from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, named

if TYPE_CHECKING:
    from sim.scenario.stores.provenance import Profile

__all__ = ["command"]


@click.command(
    "stores", epilog=common.examples("sim stores", "sim stores s3-pre-2020", "sim stores r2 --json")
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete.stores)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> int:
    """List the named stores, or show one: its values, and where each number comes from."""
    from sim.scenario.stores.profiles import PROFILES

    named.show(PROFILES, name, "store", _lines, _as_data if as_json else None)
    return 0


def _as_data(profile: "Profile") -> dict[str, Any]:
    return {
        "name": profile.name,
        "summary": profile.summary,
        "values": _plain(profile.values),
        "provenance": [asdict(row) for row in profile.provenance],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _lines(profile: "Profile") -> Iterator[str]:
    """Give the profile as a table of a scenario, and its provenance row by row."""
    yield profile.summary
    yield ""
    yield "[store]"
    yield f"profile = {_toml(profile.name)}"
    for key, value in _flat(profile.values):
        yield f"# {key} = {_toml(value)}"
    for row in profile.provenance:
        yield ""
        yield f"{row.key}: {row.value}  [{row.label}]"
        yield from (f"    {text}" for text in (row.source, row.note) if text)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give dotted keys and their values; a law, and an empty table, stay in one piece."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value and "law" not in value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _toml(value: Any) -> str:
    """One value as TOML, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
