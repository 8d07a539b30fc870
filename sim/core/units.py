"""Text forms of durations, rates and sizes.

Time is an integer number of microseconds everywhere; this module is the only one that turns
text into such a number and back. The grammar of durations is that of Prometheus (whole numbers
with units, from the largest unit to the smallest, each at most once), extended downwards to
microseconds as in Go.
"""

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

__all__ = [
    "LONGEST_US",
    "NEVER",
    "US_PER_S",
    "format_bytes",
    "format_duration",
    "format_rate",
    "parse_bytes",
    "parse_duration",
    "parse_rate",
]

US_PER_S: Final = 1_000_000

NEVER: Final = 2**62
"""A time after every horizon, in µs; adding a few durations to it still fits 64 bits."""

LONGEST_US: Final = 2**58
"""The longest duration, in µs (about 9,000 years)."""

_UNITS_US: Final = {
    "w": 7 * 86_400 * US_PER_S,
    "d": 86_400 * US_PER_S,
    "h": 3_600 * US_PER_S,
    "m": 60 * US_PER_S,
    "s": US_PER_S,
    "ms": 1_000,
    "us": 1,
}

_DURATION: Final = re.compile(
    r"(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?"
    r"(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?(?:(?P<us>\d+)(?:us|µs|μs))?",
    re.ASCII,
)

_DURATION_RULE: Final = (
    'be a duration: whole numbers with the units w, d, h, m, s, ms, us, largest first ("1h30m")'
)

_PER_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_RATE: Final = re.compile(r"(?P<count>\d+(?:\.\d+)?)/(?P<unit>[smhd])", re.ASCII)

_SIZES: Final = {
    **{unit: 1000**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB", "PB"))},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB", "PiB"), 1)},
}

_SIZE: Final = re.compile(r"(?P<count>\d+(?:\.\d+)?) ?(?P<unit>[A-Za-z]+)", re.ASCII)

_BYTES_MAX: Final = 2**62


def _wrong(name: str, value: object, rule: str) -> ValueError:
    """Return the error every parser here raises."""
    return ValueError(f"{name}={value!r} must {rule}")


def _whole(name: str, value: object, low: int, high: int) -> int:
    """Return `value` if it is an integer in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _wrong(name, value, f"be a whole number in [{low}, {high}]")
    return value


def parse_duration(text: str) -> int:
    """Read a duration.

    Parameters
    ----------
    text : str
        ``"1h30m"``, ``"250ms"``, ``"2d"``, ``"0s"``. No sign, no fraction, no bare number.

    Returns
    -------
    int
        Microseconds, in [0, `LONGEST_US`].

    Raises
    ------
    ValueError
        If `text` is not a duration; the message says ``duration=<text> must <rule>``.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise _wrong("duration", text, _DURATION_RULE)
    parts = ((unit, count) for unit, count in match.groupdict().items() if count is not None)
    longest = len(str(LONGEST_US))
    if any(len(count.lstrip("0")) > longest for count in match.groups() if count is not None):
        raise _wrong("duration", text, f"be at most {format_duration(LONGEST_US)}")
    total_us = sum(int(count) * _UNITS_US[unit] for unit, count in parts)
    if total_us > LONGEST_US:
        raise _wrong("duration", text, f"be at most {format_duration(LONGEST_US)}")
    return total_us


def format_duration(duration_us: int) -> str:
    """Write a duration so that `parse_duration` reads the same number.

    One unit is used where it needs no more than two digits (``"90m"``); otherwise the number is
    split (``"1h2m5s"``). Weeks stand only for whole weeks.

    Parameters
    ----------
    duration_us : int
        Microseconds, in [0, `LONGEST_US`].

    Returns
    -------
    str
        ``"0s"`` for zero.

    Raises
    ------
    ValueError
        If `duration_us` is not a whole number in that interval.
    """
    rest = _whole("duration_us", duration_us, 0, LONGEST_US)
    if rest == 0:
        return "0s"
    unit, unit_us = next((u, size) for u, size in _UNITS_US.items() if rest % size == 0)
    if rest // unit_us < 100 or unit == "w":
        return f"{rest // unit_us}{unit}"
    text = ""
    for name, size in _UNITS_US.items():
        if name != "w" and rest >= size:
            text += f"{rest // size}{name}"
            rest %= size
    return text


def parse_rate(text: str) -> float:
    """Read a rate.

    Parameters
    ----------
    text : str
        ``"1/s"``, ``"30/m"``, ``"0.2/h"``, ``"12/d"``.

    Returns
    -------
    float
        Per second; finite and >= 0.

    Raises
    ------
    ValueError
        If `text` is not a rate.
    """
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    if match is None or len(text) > 40:
        raise _wrong("rate", text, 'be a rate: a number per s, m, h or d ("30/m")')
    return float(Fraction(match["count"]) / _PER_S[match["unit"]])


def format_rate(rate_per_s: float) -> str:
    """Write a rate so that `parse_rate` reads the same number; the shortest of the units wins.

    Parameters
    ----------
    rate_per_s : float
        Per second; finite and >= 0.

    Returns
    -------
    str
        For example ``"30/m"``.

    Raises
    ------
    ValueError
        If `rate_per_s` is negative or not finite.
    """
    if not (math.isfinite(rate_per_s) and rate_per_s >= 0):
        raise _wrong("rate_per_s", rate_per_s, "be a finite number >= 0")
    best = _plain(float(rate_per_s)) + "/s"
    for unit, seconds in _PER_S.items():
        text = f"{_plain(float(rate_per_s) * seconds)}/{unit}"
        if len(text) < len(best) and parse_rate(text) == rate_per_s:
            best = text
    return best


def _plain(number: float) -> str:
    """Return the shortest decimal text of `number`, without exponent or trailing ``.0``."""
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_bytes(text: str) -> int:
    """Read a size.

    Parameters
    ----------
    text : str
        A number and a unit: B, kB, MB, GB, TB, PB (powers of 1000) or KiB, MiB, GiB, TiB, PiB
        (powers of 1024): ``"512MiB"``. A fraction is allowed where the result is whole.

    Returns
    -------
    int
        Bytes, in [0, 2^62].

    Raises
    ------
    ValueError
        If `text` is not a size.
    """
    match = _SIZE.fullmatch(text) if isinstance(text, str) and len(text) <= 40 else None
    if match is None or match["unit"] not in _SIZES:
        raise _wrong("size", text, f'be a number and one of {", ".join(_SIZES)} ("512MiB")')
    size = Fraction(match["count"]) * _SIZES[match["unit"]]
    if size.denominator != 1 or size > _BYTES_MAX:
        raise _wrong("size", text, "be a whole number of bytes, at most 2^62")
    return int(size)


def format_bytes(size_bytes: int) -> str:
    """Write a size so that `parse_bytes` reads the same number; the shortest unit wins.

    Parameters
    ----------
    size_bytes : int
        Bytes, in [0, 2^62].

    Returns
    -------
    str
        For example ``"512MiB"``; ``"0B"`` for zero.

    Raises
    ------
    ValueError
        If `size_bytes` is not a whole number in that interval.
    """
    size = _whole("size_bytes", size_bytes, 0, _BYTES_MAX)
    if size == 0:
        return "0B"
    texts = [f"{size // unit}{name}" for name, unit in _SIZES.items() if size % unit == 0]
    return min(texts, key=len)
