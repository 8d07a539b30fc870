"""Problems as text: key paths and values as a TOML file has them, and the line they are about."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

from sim.errors import Problem, is_plain, printable, shortened
from sim.scenario.language.values import Path

__all__ = [
    "DEPTH_MAX",
    "DEPTH_RULE",
    "MISSING",
    "Missing",
    "excerpt_lines",
    "format_key",
    "format_path",
    "format_problem",
    "format_string",
    "message_lines",
    "shown",
    "too_deep",
    "value_at",
]

_COLUMNS: Final = 80
_COLUMNS_MIN: Final = 24
# Python refuses to write longer numbers in decimal (4,300 digits).
_DECIMAL_BITS_MAX: Final = 14_000
_VALUE_LENGTH_MAX: Final = 40
_PATH_LENGTH_MAX: Final = 200
_SENTENCE_LENGTH_MAX: Final = 1_200


DEPTH_MAX: Final = 40
"""Most tables and arrays inside each other; a mixture of laws that are mixtures uses two each."""

DEPTH_RULE: Final = f"be nested at most {DEPTH_MAX} deep"


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


def too_deep(raw: Any) -> Path | None:
    """Return the first place that is nested deeper than `DEPTH_MAX`, or None.

    What goes through values by recursion, here and in libraries, relies on there being none.
    """
    waiting: list[tuple[Path, Any]] = [((), raw)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            inside = list(value.items())
        elif isinstance(value, list | tuple):
            inside = list(enumerate(value))
        else:
            continue
        if len(path) >= DEPTH_MAX:
            return path
        waiting += [((*path, key), inner) for key, inner in reversed(inside)]
    return None


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
    """Return a TOML string in double quotes; what is not plain is escaped."""
    return printable(json.dumps(text, ensure_ascii=False))


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
    elif isinstance(value, int) and value.bit_length() > _DECIMAL_BITS_MAX:
        text = hex(value)
    else:
        text = repr(value) if isinstance(value, int | float | Missing) else str(value)
    return text if len(text) <= _VALUE_LENGTH_MAX else f"{text[: _VALUE_LENGTH_MAX - 1]}…"


def format_problem(problem: Problem, source: str | None = None, *, columns: int = _COLUMNS) -> str:
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
    columns : int
        Width of the screen.

    Returns
    -------
    str
        `message_lines` and `excerpt_lines`, without a newline at the end.
    """
    lines = message_lines(problem, columns=columns)
    return "\n".join([*lines, *excerpt_lines(problem, source, columns=columns)])


def message_lines(problem: Problem, *, columns: int = _COLUMNS) -> list[str]:
    """Return what is wrong, and where: at most `columns` wide where words allow it."""
    place = ":".join(
        str(part) for part in (problem.file, problem.line, problem.column) if part not in ("", None)
    )
    subject = shortened(problem.path, _PATH_LENGTH_MAX)
    if problem.value is not MISSING:
        subject += ("=" if problem.path else "") + shown(problem.value)
    sentence = f"{subject} must {problem.rule}".lstrip()
    sentence += f"; {problem.hint}" if problem.hint else ""
    sentence = shortened(sentence, _SENTENCE_LENGTH_MAX)
    return textwrap.wrap(
        printable(f"{place}: {sentence}" if place else sentence),
        max(columns, _COLUMNS_MIN),
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def excerpt_lines(
    problem: Problem, source: str | None = None, *, columns: int = _COLUMNS
) -> list[str]:
    """Return the line of a problem and a caret below its column; nothing without a line.

    A line that is too wide is cut so that the caret stays in sight.
    """
    if problem.line is None:
        return []
    if source is None:
        try:
            source = FilePath(problem.file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeError):
            return []
    lines = source.split("\n")
    if not 1 <= problem.line <= len(lines):
        return []
    margin = f"{problem.line:>5} | "
    line = lines[problem.line - 1].rstrip().replace("\t", " ")
    column = min(problem.column or 1, len(line) + 1)
    room = max(columns, _COLUMNS_MIN) - len(margin)
    # A third into the line; an escape is wider than what it stands for.
    start = max(0, min(column - 1 - room // 3, len(line) - room))
    if any(not is_plain(c) for c in line[start : start + room]):
        start = max(start, column - 1 - room // 18)
    shown_line = printable(line[start : start + room])[:room]
    caret = len(printable(line[start : column - 1]))
    bar = " " * (len(margin) - 2) + "| "
    return [f"{margin}{shown_line}".rstrip(), f"{bar}{' ' * caret}^"]
