"""Durations that somebody measured, read from a CSV file.

The file has one duration a row: in the column ``lag`` with a unit (``250ms``), in ``lag_us``,
``lag_ms`` or ``lag_s`` as a number, or in its only column with a unit. A first row without any
duration is its header. Empty rows and rows that begin with ``#`` are skipped.
"""

import csv
import io
from decimal import Decimal, InvalidOperation
from typing import Final

from sim.core.units import LONGEST_US, parse_duration
from sim.scenario.inputs import Reading

__all__ = ["read_durations"]

_COLUMNS_US: Final = {"lag": 0, "lag_us": 1, "lag_ms": 1_000, "lag_s": 1_000_000}


def read_durations(file: str, reading: Reading | None = None) -> tuple[int, ...]:
    """Read the observed durations of a file.

    Parameters
    ----------
    file : str
        Path of the CSV file.
    reading : Reading or None
        Where it begins and which files it may be; None means below the current directory.

    Returns
    -------
    tuple of int
        Microseconds, rounded half up, in the order of the file; at least one.

    Raises
    ------
    ValueError
        With the rule that the file breaks, which completes "file=… must …". It says in which row,
        and not what stands there: the file may be somebody else's.
    """
    try:
        text = (reading or Reading()).bytes_of(file).decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""))
        rows = [(number, row) for number, row in enumerate(lines, start=1) if row]
    except OSError as error:
        raise ValueError(f"be a readable CSV file ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"be UTF-8 (byte {error.start} is not)") from None
    except csv.Error:
        raise ValueError("be a readable CSV file") from None
    rows = [(number, row) for number, row in rows if any(row) and not row[0].startswith("#")]
    if not rows:
        raise ValueError("hold at least one duration")
    column, unit_us, has_header = _column(rows[0][1])
    durations_us = []
    for number, row in rows[has_header:]:
        text = row[column].strip() if column < len(row) else ""
        try:
            durations_us.append(_duration_us(text, unit_us))
        except (ValueError, InvalidOperation):
            wanted = "a number" if unit_us else "a duration with a unit"
            message = f"hold {wanted} in every row (row {number} does not)"
            raise ValueError(message) from None
    if not durations_us:
        raise ValueError("hold at least one duration")
    return tuple(durations_us)


def _column(first: list[str]) -> tuple[int, int, bool]:
    """Return which column holds the durations, its unit (0: in the text), whether `first` names it.

    Several columns may be known; the first of them wins.
    """
    names = [name.strip().casefold() for name in first]
    for position, name in enumerate(names):
        if name in _COLUMNS_US:
            return position, _COLUMNS_US[name], True
    if len(first) > 1:
        known = ", ".join(_COLUMNS_US)
        raise ValueError(f"name one of its columns {known}, or have a single column")
    try:
        parse_duration(first[0].strip())
    except ValueError:
        # A header never looks like a number; a bare number is a duration without its unit.
        is_header = not any(character.isdigit() for character in first[0])
        return 0, 0, is_header
    return 0, 0, False


def _duration_us(text: str, unit_us: int) -> int:
    """Read one duration; a number of `unit_us`, or with `unit_us` = 0 a text with its unit."""
    if not unit_us:
        return parse_duration(text)
    number = Decimal(text) * unit_us
    if not number.is_finite() or not 0 <= number <= LONGEST_US:
        raise ValueError(text)
    return int(number + Decimal("0.5"))
