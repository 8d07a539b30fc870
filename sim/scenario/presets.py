"""What is shipped under a name and laid under a file: the schemes of `sim/presets/schemes`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.overlay import laid_over
from sim.scenario.language.values import refusal

__all__ = ["SchemePreset", "over_scheme", "scheme_presets"]

_FOLDER: Final = files("sim") / "presets" / "schemes"


class SchemePreset(NamedTuple):
    """A way to delete that somebody has built or proposed.

    Attributes
    ----------
    name : str
        Its short name, such as ``"S3"``.
    summary : str
        What it does, in a sentence.
    source : str
        Who built or proposed it.
    weak_spots : str
        How it is expected to fail, by the names of failure modes.
    scheme : Mapping
        The keys of a ``[[schemes]]`` table, without a name.
    """

    name: str
    summary: str
    source: str
    weak_spots: str
    scheme: Mapping[str, Any]


@cache
def scheme_presets() -> Mapping[str, SchemePreset]:
    """Every scheme that is shipped, by name, in the order of their numbers."""
    found = [
        SchemePreset(
            **{**tomllib.loads(path.read_text("utf-8")), "name": path.name[: -len(".toml")]}
        )
        for path in _FOLDER.iterdir()
        if path.name.endswith(".toml")
    ]
    return MappingProxyType({preset.name: preset for preset in sorted(found, key=_by_number)})


def over_scheme(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the keys of a ``[[schemes]]`` table over those of the preset that it names.

    A table without a name has that of its preset.
    """
    known, name = scheme_presets(), raw["preset"]
    if not isinstance(name, str) or name not in known:
        raise refusal(one_of(known), hint=did_you_mean(name, known), at=("preset",))
    return laid_over({"name": name, **known[name].scheme}, raw)


def _by_number(preset: SchemePreset) -> tuple[int, str]:
    digits = "".join(character for character in preset.name if character.isdigit())
    return int(digits or 0), preset.name
