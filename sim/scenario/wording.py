"""Problems as text: key paths and values as a TOML file has them, and the line they are about."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

from sim.errors import Problem
from sim.scenario.values import Path

__all__ = [
    "MISSING",
    "Missing",
    "format_key",
    "format_path",
    "format_problem",
    "format_string",
    "shown",
    "value_at",
]

_COLUMNS: Final = 80
_VALUE_LENGTH_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands where a scenario has no value."""

    def __repr__(self) -> str:
        return "(missing)"


MISSING: Final = Missing()


def value_at(raw: Any, path: Path) -> Any:
    """Return the value at a key path of a mapping as TOML has it, or `MISSING`."""
    value = raw
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part, MISSING)
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


def format_path(path: Path) -> str:
    """Return a key path as text.

    >>> format_path(("expect", "mark, 48h", "never", 0))
    'expect."mark, 48h".never[0]'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + format_key(part)
    return text


def format_key(key: str) -> str:
    """Return a key, in quotes where TOML asks for them."""
    is_bare = key != "" and key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare else format_string(key)


def format_string(text: str) -> str:
    """Return a TOML string in double quotes."""
    # DEL is the one character that JSON leaves as it is and TOML does not allow.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def shown(value: object) -> str:
    """Return a value as the file has it, on one line and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = format_string(value)
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key} = {shown(inner)}" for key, inner in value.items()) + "}"
    elif isinstance(value, Sequence):
        text = "[" + ", ".join(shown(inner) for inner in value) + "]"
    else:
        text = repr(value) if isinstance(value, int | float | Missing) else str(value)
    return text if len(text) <= _VALUE_LENGTH_MAX else f"{text[: _VALUE_LENGTH_MAX - 1]}…"


def format_problem(problem: Problem, source: str | None = None) -> str:
    """Return a problem as a compiler would show it.

    ::

        small.toml:12:1: gateways.sync_intervall="3m" must be a known key; did you
            mean "sync_interval"?
           12 | sync_intervall = "3m"
              | ^

    Parameters
    ----------
    problem : Problem
    source : str or None
        The text of the file; None reads it from where the problem says.

    Returns
    -------
    str
        Lines of at most 80 columns where words allow it, without a newline at the end.
    """
    place = ":".join(
        str(part) for part in (problem.file, problem.line, problem.column) if part not in ("", None)
    )
    subject = problem.path
    if problem.value is not MISSING:
        subject += ("=" if problem.path else "") + shown(problem.value)
    sentence = f"{subject} must {problem.rule}".lstrip()
    text = f"{place}: {sentence}" if place else sentence
    text += f"; {problem.hint}" if problem.hint else ""
    lines = textwrap.wrap(
        text,
        _COLUMNS,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*lines, *_excerpt(problem, source)])


def _excerpt(problem: Problem, source: str | None) -> list[str]:
    """Return the line of a problem and a caret below its column."""
    if problem.line is None:
        return []
    if source is None:
        try:
            source = FilePath(problem.file).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return []
    lines = source.split("\n")
    if not 1 <= problem.line <= len(lines):
        return []
    margin = f"{problem.line:>5} | "
    line = lines[problem.line - 1].rstrip().replace("\t", " ")
    column = min(problem.column or 1, len(line) + 1)
    room = _COLUMNS - len(margin)
    if len(line) > room:
        # Keep the caret in sight, a third into the line.
        start = max(0, min(column - 1 - room // 3, len(line) - room))
        line, column = line[start : start + room], column - start
    bar = " " * (len(margin) - 2) + "| "
    return [f"{margin}{line}".rstrip(), f"{bar}{' ' * (column - 1)}^"]
