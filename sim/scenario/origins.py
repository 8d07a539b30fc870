"""Every value of a scenario with its origin: an override, the file, a profile, or a default."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sim.scenario.complaints.places import Places, places
from sim.scenario.complaints.text import MISSING, format_path, value_at
from sim.scenario.language.sources import places_of
from sim.scenario.language.values import Path
from sim.scenario.stores.profiles import PROFILES
from sim.scenario.stores.provenance import Provenance

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["Given", "Origin", "ResolvedValue", "from_profile", "leaves", "resolved_values"]

_LISTS_OF_TABLES: Final = ("queries", "schemes", "faults", "interventions", "draws")


class Origin(StrEnum):
    """Who decided a value."""

    OVERRIDE = "override"
    FILE = "file"
    PROFILE = "profile"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was said of a scenario.

    Attributes
    ----------
    raw : Mapping
        What its file and the overrides say together.
    text : str
        The file's text; empty where there is none.
    overridden : tuple of Path
        Key paths that an override replaced.
    """

    raw: Mapping[str, Any]
    text: str
    overridden: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedValue:
    """One value of a scenario as it will be used.

    Attributes
    ----------
    path : Path
    value : object
        As a scenario file says it.
    origin : Origin
    line : int or None
        Where it stands in the file.
    provenance : Provenance or None
        How a profile knows it.
    sourced_by : str or None
        The row of ``[sources]`` that speaks of it, unless an override replaced it.
    """

    path: Path
    value: Any
    origin: Origin
    line: int | None = None
    provenance: Provenance | None = None
    sourced_by: str | None = None


def resolved_values(scenario: "Scenario", given: Given) -> tuple[ResolvedValue, ...]:
    """Give every value of a scenario, in the order in which it is printed.

    Parameters
    ----------
    scenario : Scenario
        Made of `given`.
    given : Given

    Returns
    -------
    tuple of ResolvedValue
        A law and a list of plain values are one value each.
    """
    found = places(given.text)
    profile = PROFILES[scenario.store.profile]
    rows = {path: key for key, path in places_of(scenario.raw(), scenario.sources or ()).items()}
    values = []
    for path, value in leaves((), scenario.raw()):
        if value_at(given.raw, path) is not MISSING:
            values.append(_said(path, value, given, found, rows))
        elif path[0] == "store" and value_at(profile.values, path[1:]) is not MISSING:
            row = _provenance(profile.provenance, path[1:])
            values.append(
                ResolvedValue(path=path, value=value, origin=Origin.PROFILE, provenance=row)
            )
        else:
            # What is said of a table is said of what stands in the file.
            own = rows.get(path)
            values.append(
                ResolvedValue(path=path, value=value, origin=Origin.DEFAULT, sourced_by=own)
            )
    return tuple(values)


def from_profile(scenario: "Scenario") -> tuple[Provenance, ...]:
    """Give the provenance of those values of the store that are its profile's, in its order.

    A value that the scenario replaces has none here, also if it says the same of a part.
    """
    profile = PROFILES[scenario.store.profile]
    named = type(scenario.store).model_validate({"profile": profile.name})
    ours = scenario.raw()["store"]
    theirs = scenario.model_copy(update={"store": named}).raw()["store"]
    return tuple(
        row
        for row in profile.provenance
        if value_at(ours, tuple(row.key.split("."))) == value_at(theirs, tuple(row.key.split(".")))
    )


def leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Give every value below a place with its path; a law, or a list of values, is one value."""
    if isinstance(value, Mapping) and "law" not in value:
        for key, inner in value.items():
            yield from leaves((*path, key), inner)
    elif len(path) == 1 and path[0] in _LISTS_OF_TABLES:
        for i, inner in enumerate(value):
            yield from leaves((*path, i), inner)
    else:
        yield path, value


def _said(
    path: Path, value: Any, given: Given, found: Places, rows: Mapping[Path | None, str]
) -> ResolvedValue:
    if any(path[: len(changed)] == changed for changed in given.overridden):
        return ResolvedValue(path=path, value=value, origin=Origin.OVERRIDE)
    place = found.of_value(path)
    line = place.line if place else None
    covering = (rows.get(path[:n]) for n in range(len(path), 0, -1))
    row = next((key for key in covering if key is not None), None)
    return ResolvedValue(path=path, value=value, origin=Origin.FILE, line=line, sourced_by=row)


def _provenance(rows: tuple[Provenance, ...], path: Path) -> Provenance | None:
    """Return the row of a profile that covers a key, the most exact one."""
    key = format_path(path)
    covering = [row for row in rows if key == row.key or key.startswith(f"{row.key}.")]
    return max(covering, key=lambda row: len(row.key), default=None)
