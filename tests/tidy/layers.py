"""Arrows of the architecture: only downward, never between rooms of one level.

An import inside a function or under ``TYPE_CHECKING`` is an arrow like any other.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from typing import Final

from tests.tidy.imports import imported
from tests.tidy.source import Finding, Source

LEVELS: Final = {
    "errors": 0,
    "core": 1,
    "atomic": 1,
    "scenario": 2,
    "trace": 2,
    "conventions": 3,
    "intake": 3,
    "model": 4,
    "analysis": 4,
    "study": 5,
    "report": 5,
    "testing": 6,
    "serving": 6,
    "schemes": 5,
    "faults": 5,
    "cli": 7,
    "api": 7,
    "pytest_plugin": 8,
    "__main__": 8,
    "": 8,  # the facade, sim/__init__.py
}
# A name that every room may take from the facade, as it imports nothing.
_FACADE_CONSTANTS = {"sim.__version__"}

# Library → the only places that may know it, and what the others use.
HOMES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "simpy": (("sim/core/kernel.py",), "sim.core.kernel"),
    "matplotlib": (("sim/report/",), "a figure of sim.report"),
    "hypothesis": (("sim/testing/",), "sim.testing, or a test"),
    "pytest": (("sim/pytest_plugin.py",), "a test"),
    "click": (("sim/cli",), "an exception of sim.errors"),
    "jinja2": (("sim/report/",), "a page of sim.report"),
    "rich": (("sim/cli", "sim/report/"), "plain text"),
    "pandas": (("sim/api/",), "a result's to_frame"),
    "distributed": (("sim/study/",), "a concurrent.futures.Executor"),
    "SALib": (("sim/analysis/effects.py",), "sim.analysis.effects"),
    "botocore": (("sim/serving/",), "sim.serving.signatures"),
    "waitress": (("sim/serving/",), "sim.serving.server"),
    "werkzeug": (("sim/serving/",), "sim.serving.endpoint"),
    "optuna": (("sim/study/",), "sim.study"),
    "tree_sitter": (("sim/scenario/",), "sim.scenario.load"),
    "tree_sitter_toml": (("sim/scenario/",), "sim.scenario.load"),
}

# Library → the other name under which a part of its interface is documented.
_PARTS: Final = {"pydantic": "pydantic_core"}


def arrows(sources: Iterable[Source]) -> list[Finding]:
    """Refuse an import that goes up or sideways, a room without a level, a home ignored."""
    findings = []
    for source in sources:
        if source.room not in LEVELS:
            message = f"room {source.room!r} has no level, use one of {sorted(LEVELS)[2:]}"
            findings.append(Finding(source.path, 0, message))
            continue
        for node, name in imported(source):
            problem = _arrow(source, name) or _home(source, name)
            if problem:
                findings.append(source.at(node, problem))
    return findings


def _arrow(source: Source, name: str) -> str:
    parts = name.split(".")
    if parts[0] != "sim" or name in _FACADE_CONSTANTS:
        return ""
    room, target = source.room, parts[1] if len(parts) > 1 else ""
    target = target if target in LEVELS else ""
    here, there = LEVELS[room], LEVELS[target]
    if target == room or here > there:
        return ""
    direction = "sideways" if here == there else "up"
    return (
        f"{room or 'sim'} (level {here}) imports {name} (level {there}): {direction}, "
        "use a room below, or pass the value in"
    )


def _home(source: Source, name: str) -> str:
    library = name.partition(".")[0]
    places, instead = HOMES.get(library, ((), ""))
    if not places or source.path.startswith(places):
        return ""
    return f"{library} is known only to {', '.join(places)}, use {instead}"


def declared(sources: Iterable[Source], pyproject: str) -> list[Finding]:
    """Refuse a third-party import that ``pyproject.toml`` does not ask for."""
    project = tomllib.loads(pyproject)["project"]
    extras = project.get("optional-dependencies", {})
    wanted = [*project["dependencies"], *(item for extra in extras.values() for item in extra)]
    known = {_module(item) for item in wanted} | {"sim"}
    known.update(name.lower() for name in sys.stdlib_module_names)
    known.update(part for whole, part in _PARTS.items() if whole in known)
    return [
        source.at(node, f"{name} is not declared, use a dependency of pyproject.toml")
        for source in sources
        for node, name in imported(source)
        if name.partition(".")[0].lower() not in known
    ]


def idle_extras(sources: Iterable[Source], pyproject: str) -> list[Finding]:
    """Refuse an extra of which no module is imported: who installs it gets nothing for it."""
    extras = tomllib.loads(pyproject)["project"].get("optional-dependencies", {})
    used = {name.partition(".")[0].lower() for source in sources for _, name in imported(source)}
    message = "extra {} is imported nowhere, use it or leave it out"
    return [
        Finding("pyproject.toml", 0, message.format(extra))
        for extra, wanted in extras.items()
        if used.isdisjoint(map(_module, wanted))
    ]


def _module(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    return matched[0].replace("-", "_").lower() if matched else ""
