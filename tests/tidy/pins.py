"""The constraints pin everything that the checks and tests install."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tidy.source import Finding

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+]+)$")
# Distribution → its requirement strings.
Metadata = Mapping[str, Sequence[str]]


def pins(text: str) -> dict[str, int]:
    """Line number of each pinned distribution, by canonical name."""
    return {
        canonicalize_name(matched[1]): number
        for number, line in enumerate(text.splitlines(), start=1)
        if (matched := _PIN.match(line))
    }


def malformed(text: str) -> list[Finding]:
    """Refuse a line that is neither ``name==version`` nor a comment."""
    return [
        Finding("constraints.txt", number, f"{line!r} is no exact pin, use name==version")
        for number, line in enumerate(text.splitlines(), start=1)
        if line and not line.startswith("#") and not _PIN.match(line)
    ]


def unpinned(text: str, project: str, extras: Sequence[str], metadata: Metadata) -> list[Finding]:
    """Refuse a distribution that the project needs, however indirectly, and that no line pins.

    ``metadata`` has the requirement strings of every installed distribution.
    """
    pinned = pins(text)
    return [
        Finding("constraints.txt", 0, f"{name} is not pinned, use the version that is installed")
        for name in sorted(_closure(project, extras, metadata) - {project} - set(pinned))
    ]


def _closure(project: str, extras: Sequence[str], metadata: Metadata) -> set[str]:
    waiting = [(project, extra) for extra in ("", *extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for text in metadata.get(name, ()):
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                child = canonicalize_name(wanted.name)
                waiting.extend((child, e) for e in ("", *wanted.extras))
    return {name for name, _ in seen}
