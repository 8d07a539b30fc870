"""``sim presets``: the schemes that are shipped, how each is composed, and where it comes from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sim.cli import common, complete, named

if TYPE_CHECKING:
    from sim.scenario.presets import SchemePreset

__all__ = ["command"]


@click.command(
    "presets", epilog=common.examples("sim presets", "sim presets S7", "sim presets S3 --json")
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete.presets)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> int:
    """List the schemes that are shipped, or show one: what it is composed of, and its source."""
    from sim.scenario.presets import SchemePreset, scheme_presets

    as_data = SchemePreset._asdict if as_json else None
    named.show(scheme_presets(), name, "preset", _lines, as_data)
    return 0


def _lines(preset: "SchemePreset") -> Iterator[str]:
    """Give the preset as a table of a scenario, and what is known about it."""
    from sim.scenario.dump import inline

    yield preset.summary
    yield ""
    yield "[[schemes]]"
    yield f'preset = "{preset.name}"'
    for key, value in preset.scheme.items():
        yield f"# {key} = {inline(value)}"
    yield ""
    yield f"source: {preset.source}"
    yield f"expected to be weak at: {preset.weak_spots}"
