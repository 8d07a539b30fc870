"""From a TOML file to a `Scenario`, or to everything that is wrong with it.

file → text → raw mapping → overrides → `Scenario`; every problem of it is told at once, with its
place in the text. The syntax tree that knows the places is only made when there is a problem.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from sim.errors import Problem, ScenarioError
from sim.scenario.complaints.examine import examine
from sim.scenario.complaints.places import Places, places
from sim.scenario.complaints.text import DEPTH_RULE, MISSING, format_path, shown, too_deep, value_at
from sim.scenario.inputs import Reading, read_file
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import UNKNOWN_KEY, Path
from sim.scenario.origins import Given
from sim.scenario.overrides import overridden
from sim.scenario.schema import Scenario

__all__ = ["build", "load"]

_MESSAGE: Final = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")
_FAR: Final = 2**62


def load(
    source: FilePath | str,
    overrides: Mapping[str, Any] | None = None,
    *,
    allow_outside: bool = False,
    on_read: Callable[[FilePath], None] | None = None,
    on_given: Callable[[Given], None] | None = None,
) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    source : Path or str
        A file, or the text of one if the string has more than one line.
    overrides : Mapping or None
        Values that replace those of the file, by key path: ``{"schemes.1.delete_delay": "1h"}``.
        Positions count from 0; instead of a position the name of the entry may stand.
    allow_outside : bool
        Whether a law may read files that are not below the folder of the scenario (for a text:
        the current folder).
    on_read : callable or None
        Called with the path of every file that is read.
    on_given : callable or None
        Called, if nothing is wrong, with what the file and the overrides say.

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        With every problem, in the order of the file.
    OSError
        If the file cannot be read, is none (a folder, a pipe, a device) or has more than
        `sim.scenario.inputs.LARGEST_BYTES`.
    """
    report = on_read or (lambda _: None)
    if isinstance(source, str) and "\n" in source:
        text, file, folder = source, "", None
    else:
        path = FilePath(source)
        file, folder = str(source), path.parent
        report(path)
        try:
            text = read_file(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = Problem("", f"byte {error.start}", "be UTF-8", file=file)
            raise ScenarioError([problem]) from None
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError([_syntax(error, text, file)]) from None
    reading = Reading(folder=folder, allow_outside=allow_outside, on_read=report)
    return _judged(raw, overrides or {}, text=text, file=file, reading=reading, on_given=on_given)


def build(
    raw: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    *,
    allow_outside: bool = False,
) -> Scenario:
    """Make a scenario from a mapping with the keys of a file.

    The same as `load` without a text: problems have a key path and no line. Files that the
    mapping names are relative to the current directory, and below it unless `allow_outside`.
    """
    reading = Reading(allow_outside=allow_outside)
    return _judged(raw, overrides or {}, text="", file="", reading=reading)


def _judged(
    raw: Mapping[str, Any],
    overrides: Mapping[str, Any],
    *,
    text: str,
    file: str,
    reading: Reading,
    on_given: Callable[[Given], None] | None = None,
) -> Scenario:
    """Make a scenario, or raise all of its problems."""
    deep = too_deep(raw)
    if deep is not None:
        place = places(text).of_value(deep)
        line, column = place or (None, None)
        path = format_path(deep)
        raise ScenarioError([Problem(path, MISSING, DEPTH_RULE, "", line, column, file)])
    changed, changes, refused = overridden(raw, overrides)
    scenario, findings = examine(changed, reading)
    if scenario is not None and not refused:
        if on_given is not None:
            on_given(Given(raw=changed, text=text, overridden=changes))
        return scenario
    found = places(text)
    problems = [Problem(path, value, rule, hint=hint) for path, value, rule, hint in refused]
    problems += [_problem(finding, changed, changes, found, file) for finding in findings]
    problems.sort(key=lambda p: (p.line or _FAR, p.column or _FAR))
    raise ScenarioError(problems)


def _problem(
    finding: Finding, raw: Mapping[str, Any], changes: tuple[Path, ...], found: Places, file: str
) -> Problem:
    """Give a finding its place in the text, and the values as they are written there."""
    at = finding.at
    value = _value(finding, raw, 0)
    place = found.of_key(at) if finding.rule == UNKNOWN_KEY else found.of_value(at)
    hints = [finding.hint] if finding.hint else []
    for i, other in enumerate(finding.others, start=1):
        other_value = _value(finding, raw, i)
        said = "" if other_value is MISSING else f"={shown(other_value)}"
        hints.append(f"see {format_path(other)}{said}")
        other_place = found.of_value(other)
        if value_at(raw, other) is MISSING:
            hints[-1] += " (not in the file)" if file else " (the default)"
        elif other_place and not _is_changed(other, changes):
            hints[-1] += f" (line {other_place.line})"
    if _is_changed(at, changes):
        place = None
        hints.append("set by an override")
    return Problem(
        format_path(at),
        value,
        finding.rule,
        hint="; ".join(hints),
        line=place.line if place else None,
        column=place.column if place else None,
        file=file,
    )


def _value(finding: Finding, raw: Mapping[str, Any], i: int) -> Any:
    """Return the value at a place of a finding: as it is written, or else as it is resolved."""
    value = value_at(raw, (finding.at, *finding.others)[i])
    return finding.values[i] if value is MISSING and i < len(finding.values) else value


def _is_changed(path: Path, changes: tuple[Path, ...]) -> bool:
    """Whether an override made the value at a key path."""
    return any(path[: len(change)] == change for change in changes)


def _syntax(error: Exception, text: str, file: str) -> Problem:
    """Say where a text is no TOML."""
    match = _MESSAGE.fullmatch(str(error))
    if match:
        what, line, column = match["what"], int(match["line"]), int(match["column"])
    else:
        lines = text.rstrip("\n").split("\n")
        what, line, column = str(error), len(lines), len(lines[-1]) + 1
    what = what.removesuffix(" (at end of document)")
    what = what[:1].lower() + what[1:]
    return Problem("", MISSING, "be TOML", hint=what, line=line, column=column, file=file)
