"""What is shipped under a name and laid under a file: ``sim/presets``.

``presets/schemes`` has ways to delete, for ``preset`` in ``[[schemes]]``; ``presets/settings`` has
tables of a scenario, for ``presets`` at its top.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.overlay import laid_over
from sim.scenario.language.values import refusal

__all__ = [
    "SchemePreset",
    "SettingsPreset",
    "over_scheme",
    "over_settings",
    "scheme_presets",
    "settings_presets",
]

_FOLDER: Final = files("sim") / "presets"


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
    presets : sequence of str
        Settings without which it is none.
    """

    name: str
    summary: str
    source: str
    weak_spots: str
    scheme: Mapping[str, Any]
    presets: tuple[str, ...] = ()


class SettingsPreset(NamedTuple):
    """Settings that somebody ran with.

    Attributes
    ----------
    name : str
    summary : str
        Whose they are, in a sentence.
    source : str
        Where they stand.
    history : sequence of str
        How they came about, from version to version.
    settings : Mapping
        Tables of a scenario.
    """

    name: str
    summary: str
    source: str
    history: tuple[str, ...]
    settings: Mapping[str, Any]


@cache
def scheme_presets() -> Mapping[str, SchemePreset]:
    """Every scheme that is shipped, by name, in the order of their numbers."""
    found = [
        SchemePreset(**(table | {"name": name, "presets": tuple(table.get("presets", ()))}))
        for name, table in _tables("schemes")
    ]
    return MappingProxyType({preset.name: preset for preset in sorted(found, key=_by_number)})


@cache
def settings_presets() -> Mapping[str, SettingsPreset]:
    """All settings that are shipped, by name."""
    found = {
        name: SettingsPreset(**(table | {"name": name, "history": tuple(table["history"])}))
        for name, table in sorted(_tables("settings"))
    }
    return MappingProxyType(found)


def over_scheme(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the keys of a ``[[schemes]]`` table over those of the preset that it names.

    A table without a name has that of its preset.
    """
    known, name = scheme_presets(), raw["preset"]
    if not isinstance(name, str) or name not in known:
        raise refusal(one_of(known), hint=did_you_mean(name, known), at=("preset",))
    return laid_over({"name": name, **known[name].scheme}, raw)


def over_settings(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the tables of a scenario over those of the presets that it names, the last uppermost."""
    names = raw["presets"]
    if not isinstance(names, list | tuple):
        raise refusal("be an array of names", at=("presets",))
    known = settings_presets()
    for i, name in enumerate(names):
        if not isinstance(name, str) or name not in known:
            hint = did_you_mean(name, known)
            raise refusal(one_of(known), hint=hint, at=("presets", i))
    return reduce(laid_over, (*(known[name].settings for name in names), raw), {})


def _tables(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in (_FOLDER / folder).iterdir():
        if path.name.endswith(".toml"):
            yield path.name.removesuffix(".toml"), tomllib.loads(path.read_text("utf-8"))


def _by_number(preset: SchemePreset) -> tuple[int, str]:
    digits = "".join(character for character in preset.name if character.isdigit())
    return int(digits or 0), preset.name
