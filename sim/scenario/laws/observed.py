"""Durations that somebody measured, read from a CSV file.

The file has one duration a row: in the column ``lag`` with a unit (``250ms``), in ``lag_us``,
``lag_ms`` or ``lag_s`` as a number, or in its only column with a unit. A first row without any
duration is its header. Empty rows and rows that begin with ``#`` are skipped.

A duration that was not over when somebody stopped watching (right-censored) has a ``>`` before it
(``>5m``), or ``true``, ``yes`` or ``1`` in the column ``censored``. Such files become a law by the
product-limit estimator (:mod:`sim.core.productlimit`). Of what is longer than anything that was
seen to end, nothing is known; ``at_most`` must then say how long it is at most, and all of it is
taken to be as long as that.
"""

import csv
import io
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from sim.core.laws import Empirical
from sim.core.productlimit import product_limit
from sim.core.units import LONGEST_US, format_duration, parse_duration
from sim.scenario.inputs import Reading

__all__ = ["Observed", "observed_law", "read_durations"]

_CENSORED: Final = "censored"
_MARKS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LONGER: Final = ">"
_COLUMNS_US: Final = {"lag": 0, "lag_us": 1, "lag_ms": 1_000, "lag_s": 1_000_000}


@dataclass(frozen=True, slots=True)
class Observed:
    """Durations in the order of a file.

    Attributes
    ----------
    durations_us : tuple of int
        µs, rounded half up; at least one.
    is_censored : tuple of bool
        Whether each was not over by then.
    """

    durations_us: tuple[int, ...]
    is_censored: tuple[bool, ...]


def observed_law(
    file: str, reading: Reading | None = None, at_most_us: int | None = None
) -> Empirical:
    """Make a law of the durations of a file.

    Parameters
    ----------
    file, reading
        As for :func:`read_durations`.
    at_most_us : int or None
        The cap that will be put on the law, µs: where the longest duration was not over, what is
        known to be longer stands there. None for none.

    Returns
    -------
    Empirical
        Without weights if every duration was over.

    Raises
    ------
    ValueError
        As :func:`read_durations`; also if the cap is missing where it is needed.
    """
    found = read_durations(file, reading)
    if not any(found.is_censored):
        return Empirical(samples_us=tuple(map(float, found.durations_us)))
    limit = product_limit(found.durations_us, found.is_censored)
    values_us, weights = limit.values_us, limit.weights
    if limit.beyond:
        longest_us = max(found.durations_us)
        if at_most_us is None:
            after = format_duration(values_us[-1] if values_us else 0)
            raise ValueError(
                f"have a longest duration that is over, or stand beside an at_most: "
                f"{limit.beyond:.3g} of the durations are longer than {after}, nobody knows by "
                "how much"
            )
        values_us = (*values_us, max(at_most_us, longest_us))
        weights = (*weights, limit.beyond)
    return Empirical(samples_us=tuple(map(float, values_us)), weights=weights)


def read_durations(file: str, reading: Reading | None = None) -> Observed:
    """Read the observed durations of a file.

    Parameters
    ----------
    file : str
        Path of the CSV file.
    reading : Reading or None
        Where it begins and which files it may be; None means below the current directory.

    Returns
    -------
    Observed

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
    names = [name.strip().casefold() for name in rows[0][1]] if has_header else []
    mark_at = names.index(_CENSORED) if _CENSORED in names else None
    durations_us, is_censored = [], []
    for number, row in rows[has_header:]:
        text = row[column].strip() if column < len(row) else ""
        bare = text.removeprefix(_LONGER).lstrip()
        try:
            durations_us.append(_duration_us(bare, unit_us))
        except (ValueError, InvalidOperation):
            wanted = "a number" if unit_us else "a duration with a unit"
            message = f"hold {wanted} in every row (row {number} does not)"
            raise ValueError(message) from None
        mark = row[mark_at].strip().casefold() if mark_at is not None and mark_at < len(row) else ""
        if mark and mark not in _MARKS:
            known = ", ".join(_MARKS)
            raise ValueError(
                f"hold one of {known} or nothing in its column censored (row {number} does not)"
            )
        is_censored.append(bare != text or _MARKS.get(mark, False))
    if not durations_us:
        raise ValueError("hold at least one duration")
    return Observed(tuple(durations_us), tuple(is_censored))


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
        parse_duration(first[0].strip().removeprefix(_LONGER).lstrip())
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
