"""The scenarios that come with the program, and copies of a scenario to start from.

They stand in ``scenarios/`` beside the package in a checkout, and inside it once it is installed:
``setup.py`` puts them there.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.scenario.complaints.places import places
from sim.scenario.complaints.text import MISSING, format_string
from sim.scenario.systems import system_paths

__all__ = ["beginnings", "shipped", "with_name", "without_stray_schema"]

_PACKAGE: Final = Path(__file__).parents[1]
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"(?!")|\'[^\']*\'(?!\')')
_SCHEMA_LINE: Final = re.compile(r"#:schema\s+(?P<path>\S+)\s*\n")


def shipped() -> Mapping[str, Path]:
    """Files of the scenarios that come with the program, by name; those in folders come last."""
    for folder in (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios"):
        found = sorted(folder.rglob("*.toml"), key=lambda path: (len(path.parts), path))
        if found:
            return {path.stem: path for path in found}
    return {}


def beginnings() -> Mapping[str, Path]:
    """Files to start from by name: the scenarios, then the systems."""
    return {**shipped(), **system_paths()}


def with_name(text: str, name: str) -> str:
    """Return a scenario's text with another name; everything else stays, comments as well.

    Raises
    ------
    ScenarioError
        If the text has no name in one line.
    """
    place = places(text).of_value(("name",))
    if place is not None:
        lines = text.split("\n")
        line = lines[place.line - 1]
        match = _STRING.match(line, place.column - 1)
        if match:
            lines[place.line - 1] = (
                line[: match.start()] + format_string(name) + line[match.end() :]
            )
            return "\n".join(lines)
    raise ScenarioError([Problem("name", MISSING, "be given, in one line")])


def without_stray_schema(text: str, folder: Path) -> str:
    """Return a text without the line that names a schema, if in `folder` it leads nowhere."""
    match = _SCHEMA_LINE.match(text)
    if match is None or (folder / match["path"]).exists():
        return text
    return text[match.end() :]
