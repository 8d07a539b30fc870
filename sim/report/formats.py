"""How numbers, sizes and spans look on a screen and in a figure: one way, everywhere.

Three significant digits and a unit. Nothing here can be read back; the texts that a scenario file
has are those of ``sim.core.units``.
"""

import math
from typing import TYPE_CHECKING, Final

from sim.core.units import US_PER_S

if TYPE_CHECKING:
    from sim.analysis.estimators import Interval

__all__ = [
    "UNKNOWN",
    "byte_unit",
    "format_amount",
    "format_bytes_short",
    "format_count",
    "format_fraction",
    "format_interval",
    "format_span",
]

UNKNOWN: Final = "–"
"""Stands for a number that is not known, or does not apply."""

_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_POWERS: Final = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
_PARTS_S: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def format_fraction(fraction: float) -> str:
    """Three significant digits: as per cent from 0.1 %, below in powers of ten; nan as a dash."""
    if math.isnan(fraction):
        return UNKNOWN
    if fraction == 0:
        return "0"
    if fraction < 0.001:
        return _in_powers_of_ten(fraction)
    percent = fraction * 100
    return f"{percent:.3g} %" if percent < 99.95 or fraction == 1 else f"{percent:.8g} %"


def format_interval(interval: "Interval") -> str:
    """Bounds in the unit of the fraction: "0.287 – 0.315 %"; "< 1.2e-7" if nothing was seen.

    A zero is "proven" if the rules of the scenario say so, and "ruled out" if it could not have
    been another in the traces that were judged, at whatever phase of the readers.
    """
    if math.isnan(interval.fraction):
        return "not measured"
    if interval.fraction == interval.high == 0:
        return "proven" if interval.method == "rule" else "ruled out"
    if interval.fraction == 0:
        return f"< {format_fraction(interval.high)}"
    low, high = format_fraction(interval.low), format_fraction(interval.high)
    if low.endswith(" %") and high.endswith(" %"):
        low = low.removesuffix(" %")
    return f"{low} – {high}"


def format_count(number: float) -> str:
    """Three significant digits and a unit: 950, 1.25k, 17.9M; nan as a dash."""
    if math.isnan(number):
        return UNKNOWN
    for unit, size in _POWERS:
        if abs(number) >= 0.9995 * size:
            return f"{_three_digits(number / size)}{unit}"
    return _three_digits(number)


def byte_unit(amount: float) -> tuple[str, float]:
    """Binary unit in which an amount has at most three digits, and its size in bytes."""
    size = 1.0
    for unit in _SIZES[:-1]:
        if amount / size < 999.5:
            return unit, size
        size *= 1024
    return _SIZES[-1], size


def format_bytes_short(amount: float) -> str:
    """Three significant digits in binary units: "12.3 GiB"."""
    unit, size = byte_unit(amount)
    return f"{_three_digits(amount / size)} {unit}"


def format_amount(value: float, unit: str) -> str:
    """A metric in its unit ("fraction", "bytes", "s", or else a count); nan as a dash."""
    if math.isnan(value):
        return UNKNOWN
    match unit:
        case "fraction":
            return format_fraction(value)
        case "bytes":
            return format_bytes_short(value)
        case "s":
            return format_span(value * US_PER_S)
        case _:
            return format_count(value)


def format_span(span_us: float) -> str:
    """Span of time, or a time of the run, in days, hours, minutes and seconds.

    >>> [format_span(s * 1e6) for s in (0, 0.45, 1.5, 75, 129_600)]
    ['0s', '450ms', '1.5s', '1m15s', '1d12h']

    Parameters
    ----------
    span_us : float
        Microseconds, finite and >= 0. Rounded to seconds from ten seconds on, and to three digits
        below; a day is the largest unit.
    """
    if span_us < 9_995_000:
        for unit, size_us in (("s", US_PER_S), ("ms", 1_000)):
            if span_us >= 0.9995 * size_us:
                return f"{_three_digits(span_us / size_us)}{unit}"
        return f"{_three_digits(span_us)}us" if span_us else "0s"
    rest_s = round(span_us / US_PER_S)
    text = ""
    for unit, size_s in _PARTS_S:
        count, rest_s = divmod(rest_s, size_s)
        text += f"{count}{unit}" if count else ""
    return text


def _three_digits(number: float) -> str:
    """Three significant digits, more only of a large whole number; powers of ten if tiny."""
    if abs(number) >= 999.5:
        return f"{number:.0f}"
    if 0 < abs(number) < 0.001:
        return _in_powers_of_ten(number)
    return f"{number:.3g}"


def _in_powers_of_ten(number: float) -> str:
    return f"{number:.2e}".replace("e-0", "e-")
