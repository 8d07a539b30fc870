"""``sim presets``: schemes and settings that are shipped or installed, and where each is from."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, named

if TYPE_CHECKING:
    from sim.scenario.language.outside import Installed
    from sim.scenario.presets import SchemePreset, SettingsPreset

    Shown = Installed | SchemePreset | SettingsPreset

__all__ = ["command"]


@click.command(
    "presets",
    epilog=common.examples("sim presets", "sim presets S7", "sim presets thanos-0.33 --json"),
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete.presets)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> int:
    """List the schemes and settings that are shipped, or show one: what it says, its source.

    Kinds of schemes that installed packages bring are listed after them, and not imported.
    """
    from sim.scenario.language.outside import installed
    from sim.scenario.presets import scheme_presets, settings_presets

    known: dict[str, Shown] = {**scheme_presets(), **settings_presets()}
    known = {**known, **installed(), **known}
    named.show(known, name, "preset", _lines, _as_data if as_json else None)
    return 0


def _as_data(preset: "Shown") -> dict[str, Any]:
    return preset._asdict()


def _lines(preset: "Shown") -> Iterator[str]:
    """Give the preset as a file says it, and what is known about it."""
    from sim.scenario.language.outside import Installed
    from sim.scenario.presets import SchemePreset

    yield preset.summary
    yield ""
    if isinstance(preset, Installed):
        yield f'kind = "{preset.name}"'
        yield "# of a table in [[schemes]], or of one of its slots"
        return
    if isinstance(preset, SchemePreset):
        yield from _scheme_lines(preset)
    else:
        yield f'presets = ["{preset.name}"]'
        for table, keys in preset.settings.items():
            yield from (f"# {table}.{line}" for line in _said(keys))
    yield ""
    yield f"source: {preset.source}"
    if isinstance(preset, SchemePreset):
        yield f"expected to be weak at: {preset.weak_spots}"
    else:
        yield from preset.history


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
