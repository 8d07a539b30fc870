"""``sim presets``: schemes, settings and systems that are shipped, and where each is from."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, named

if TYPE_CHECKING:
    from sim.scenario.language.outside import Installed
    from sim.scenario.presets import SchemePreset, SettingsPreset
    from sim.scenario.systems import System

    Shown = Installed | SchemePreset | SettingsPreset | System

__all__ = ["command"]


@click.command(
    "presets",
    epilog=common.examples("sim presets", "sim presets S7", "sim presets mimir --json"),
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete.presets)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> int:
    """List the schemes, settings and systems that are shipped, or show one, and its source.

    Of a system every value is shown with its source. Kinds of schemes that installed packages
    bring are listed last, and not imported.
    """
    from sim.scenario.language.outside import installed
    from sim.scenario.presets import scheme_presets, settings_presets
    from sim.scenario.systems import systems

    known: dict[str, Shown] = {**scheme_presets(), **settings_presets(), **systems()}
    known = {**known, **installed(), **known}
    named.show(known, name, "preset", _lines, _as_data if as_json else None)
    return 0


def _as_data(preset: "Shown") -> dict[str, Any]:
    from sim.scenario.systems import System

    data = preset._asdict()
    return (
        {**data, "rows": [asdict(row) for row in preset.rows]}
        if isinstance(preset, System)
        else data
    )


def _lines(preset: "Shown") -> Iterator[str]:
    """Give the preset as a file says it, and what is known about it."""
    from sim.scenario.language.outside import Installed
    from sim.scenario.presets import SchemePreset
    from sim.scenario.systems import System

    yield preset.summary
    yield ""
    if isinstance(preset, Installed):
        yield f'kind = "{preset.name}"'
        yield "# of a table in [[schemes]], or of one of its slots"
    elif isinstance(preset, SchemePreset):
        yield from _scheme_lines(preset)
        yield from ("", f"source: {preset.source}")
        yield f"expected to be weak at: {preset.weak_spots}"
    elif isinstance(preset, System):
        yield from _system_lines(preset)
    else:
        yield f'presets = ["{preset.name}"]'
        for table, keys in preset.settings.items():
            yield from (f"# {table}.{line}" for line in _said(keys))
        yield from ("", f"source: {preset.source}", *preset.history)


def _system_lines(system: "System") -> Iterator[str]:
    yield common.command_line("init", "--from", system.name)
    yield ""
    yield f"source: {system.source}"
    for row in system.rows:
        yield ""
        yield f"{row.key}{': ' if row.value else ''}{row.value}  [{row.label}]"
        yield from (f"    {text}" for text in (row.source, row.note) if text)


def _scheme_lines(preset: "SchemePreset") -> Iterator[str]:
    for name in preset.presets:
        yield f'presets = ["{name}"]'
        yield ""
    yield "[[schemes]]"
    yield f'preset = "{preset.name}"'
    yield from (f"# {line}" for line in _said(preset.scheme))


def _said(keys: Mapping[str, Any]) -> Iterator[str]:
    from sim.scenario.dump import inline

    yield from (f"{key} = {inline(value)}" for key, value in keys.items())
