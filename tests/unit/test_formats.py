"""Numbers, sizes and spans as a screen has them."""

from __future__ import annotations

import math

import pytest

from sim.analysis.estimators import Interval
from sim.core.units import US_PER_S
from sim.report.formats import (
    format_bytes_short,
    format_count,
    format_fraction,
    format_interval,
    format_span,
)

S = US_PER_S
H = 3_600 * S


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (math.nan, "–"),
        (0.0, "0"),
        (1.234e-9, "1.23e-9"),
        (1.234e-12, "1.23e-12"),
        (0.000999, "9.99e-4"),
        (0.001, "0.1 %"),
        (0.123456, "12.3 %"),
        (0.9949, "99.5 %"),
        (0.9999876, "99.99876 %"),
        (1.0, "100 %"),
    ],
)
def test_fractions_keep_what_matters(fraction: float, text: str) -> None:
    assert format_fraction(fraction) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(math.nan, math.nan, math.nan, "none"), "not measured"),
        (Interval(0.0, 0.0, 1e-7, "clusters"), "< 1.00e-7"),
        (Interval(0.0, 0.0, 0.0, "rule"), "proven"),
        (Interval(0.0, 0.0, 0.0, "phases"), "ruled out"),
        (Interval(0.02, 0.01, 0.03, "t"), "1 – 3 %"),
        (Interval(0.0005, 0.0, 0.01, "t"), "0 – 1 %"),
    ],
)
def test_intervals_name_their_unit_once(interval: Interval, text: str) -> None:
    assert format_interval(interval) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (math.nan, "–"),
        (0, "0"),
        (999, "999"),
        (999.6, "1k"),
        (1250, "1.25k"),
        (4.147e6, "4.15M"),
        (17971200.0, "18M"),
        (2e13, "20T"),
        (2e16, "20000T"),
        (0.25, "0.25"),
        (1.234e-5, "1.23e-5"),
    ],
)
def test_counts_have_three_digits(number: float, text: str) -> None:
    assert format_count(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "0 B"), (1023, "0.999 KiB"), (2**30 * 1.5, "1.5 GiB"), (2**80, "1048576 EiB")],
)
def test_bytes_are_binary(amount: float, text: str) -> None:
    assert format_bytes_short(amount) == text


@pytest.mark.parametrize(
    ("span_us", "text"),
    [
        (0, "0s"),
        (5, "5us"),
        (999.6, "1ms"),
        (12_345, "12.3ms"),
        (450_000, "450ms"),
        (1_500_000, "1.5s"),
        (9_994_000, "9.99s"),
        (9_996_000, "10s"),
        (59 * S + 600_000, "1m"),
        (75 * S, "1m15s"),
        (90 * 60 * S, "1h30m"),
        (36 * H, "1d12h"),
        (48 * H, "2d"),
        (56 * H, "2d8h"),
        (14 * 24 * H, "14d"),
        (1000 * 24 * H + 61 * S, "1000d1m1s"),
    ],
)
def test_spans_are_days_hours_minutes_and_seconds(span_us: float, text: str) -> None:
    assert format_span(span_us) == text
