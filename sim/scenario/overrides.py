"""Values that replace those of a scenario file, by key path."""

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.complaints.text import DEPTH_MAX, DEPTH_RULE, MISSING, format_path, too_deep
from sim.scenario.language.values import Path

__all__ = ["Refused", "overridden", "place_of", "value_of"]

_PART: Final = re.compile(
    r'\[(?P<position>\d+)\]|\.?(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^.\["]+))'
)
_POSITION_DIGITS_MAX: Final = 10
_RULE: Final = "name a place in the scenario"

Refused = tuple[str, Any, str, str]
"""An override that cannot be applied: its key, its value, the rule, a hint."""


def value_of(text: str) -> Any:
    """Read a value as a file has it, or else as a string, so that 5m needs no quotes.

    Raises
    ------
    RecursionError
        If it is nested too deep.
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:  # also a number of too many digits
        return text.strip()


def overridden(
    raw: Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[Path, ...], list[Refused]]:
    """Return a copy of a mapping with some values replaced.

    Parameters
    ----------
    raw : Mapping
        Keys as in a scenario file.
    overrides : Mapping
        By key path: ``gateways.count``, ``schemes.1.delete_delay`` or ``schemes[1].delete_delay``
        (positions from 0), ``schemes."mark, 48h".delete_delay`` (the entry with that name).
        Tables that are missing are made.

    Returns
    -------
    tuple
        The copy; the key paths that were replaced; the overrides that have no place.
    """
    changed = copy.deepcopy(dict(raw))
    paths: list[Path] = []
    refused: list[Refused] = []
    for key, value in overrides.items():
        try:
            parts = _parts(key)
            if len(parts) > DEPTH_MAX or too_deep(value) is not None:
                refused.append((key, MISSING, DEPTH_RULE, ""))
            else:
                paths.append(_set(changed, parts, copy.deepcopy(value)))
        except LookupError as error:
            refused.append((key, value, _RULE, str(error.args[0])))
    return changed, tuple(paths), refused


def place_of(raw: Any, key: str) -> Path | None:
    """The place that a key path means, by names and positions; None if it leads nowhere."""
    path: Path = ()
    container = raw
    try:
        for part in _parts(key):
            step = _step(container, part, path)
            path, container = (*path, step), container[step]
    except LookupError:
        return None
    return path


def _parts(key: str) -> tuple[str, ...]:
    """Split a key path."""
    parts: list[str] = []
    end = 0
    for match in _PART.finditer(key):
        if match.start() != end:
            break
        end = match.end()
        quoted = match["quoted"]
        try:
            parts.append(json.loads(quoted) if quoted else match["position"] or match["bare"])
        except ValueError:
            raise LookupError(f"{quoted} is no text in quotes") from None
    if end != len(key) or not parts:
        raise LookupError("keys are separated by dots: schemes.0.delete_delay")
    return tuple(parts)


def _set(changed: dict[str, Any], parts: tuple[str, ...], value: Any) -> Path:
    """Set a value below a mapping and return its key path; raises LookupError with a hint."""
    container: Any = changed
    path: Path = ()
    for part in parts[:-1]:
        step = _step(container, part, path)
        path = (*path, step)
        if isinstance(container, dict):
            container.setdefault(step, {})
        container = container[step]
    step = _step(container, parts[-1], path)
    container[step] = value
    return (*path, step)


def _step(container: Any, part: str, path: Path) -> str | int:
    """Return the key or position in a container that a part of a key path means."""
    if isinstance(container, dict):
        return part
    if not isinstance(container, list | tuple):
        raise LookupError(f"{format_path(path)} is no table")
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in container]
    if part in names:
        return names.index(part)
    # A longer number is beyond every array, and perhaps beyond what Python reads.
    if part.isdecimal() and len(part) < _POSITION_DIGITS_MAX and int(part) < len(container):
        return int(part)
    size = f"{format_path(path)} has {len(container)} entries, counted from 0"
    guess = did_you_mean(part, [name for name in names if isinstance(name, str)])
    raise LookupError(guess or size)
