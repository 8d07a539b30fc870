from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core import units

SECOND = units.US_PER_S
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("text", "duration_us"),
    [
        ("0s", 0),
        ("0d", 0),
        ("1us", 1),
        ("1µs", 1),
        ("1μs", 1),
        ("10us", 10),
        ("250ms", 250_000),
        ("90s", 90 * SECOND),
        ("3m", 180 * SECOND),
        ("1h30m", 5_400 * SECOND),
        ("1s500ms", 1_500_000),
        ("2d", 2 * DAY),
        ("2w", 14 * DAY),
        ("1w2d3h4m5s6ms7us", 9 * DAY + 3 * HOUR + 245 * SECOND + 6_007),
        ("007s", 7 * SECOND),
    ],
)
def test_reads_durations(text: str, duration_us: int) -> None:
    assert units.parse_duration(text) == duration_us


@pytest.mark.parametrize(
    "text",
    ["", "5", "0", "s", "-5s", "+5s", "1.5h", "5 s", " 5s", "5s\n", "5S", "30m1h", "5s5s", "5y",
     "1e3s", "5ns", "٥s", "1h30"],
)  # fmt: skip
def test_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^duration='.*' must be a duration: whole numbers"):
        units.parse_duration(text)


def test_says_what_a_duration_is() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is asserted below
        units.parse_duration("5 minutes")
    assert str(caught.value) == (
        "duration='5 minutes' must be a duration: whole numbers with the units "
        'w, d, h, m, s, ms, us, largest first ("1h30m")'
    )


@pytest.mark.parametrize("text", ["400000000d", "9" * 5_000 + "s", f"{2**58 + 1}us"])
def test_refuses_durations_beyond_every_horizon(text: str) -> None:
    with pytest.raises(ValueError, match="must be at most"):
        units.parse_duration(text)


@pytest.mark.parametrize("value", [5, 5.0, None, ["5s"]])
def test_refuses_bare_numbers_and_other_things(value: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        units.parse_duration(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0s"),
        (1, "1us"),
        (250_000, "250ms"),
        (1_500_000, "1s500ms"),
        (90 * SECOND, "90s"),
        (5_400 * SECOND, "90m"),
        (3_725 * SECOND, "1h2m5s"),
        (48 * HOUR, "2d"),
        (15 * DAY, "15d"),
        (14 * DAY, "2w"),
        (365 * DAY, "365d"),
        (units.LONGEST_US, "3335999d17h22m31s711ms744us"),
    ],
)
def test_writes_durations_briefly(duration_us: int, text: str) -> None:
    assert units.format_duration(duration_us) == text


@given(st.integers(0, units.LONGEST_US) | st.integers(0, 10**6).map(lambda s: s * SECOND))
def test_durations_survive_writing_and_reading(duration_us: int) -> None:
    assert units.parse_duration(units.format_duration(duration_us)) == duration_us


@pytest.mark.parametrize("value", [-1, units.LONGEST_US + 1, 1.0, True])
def test_refuses_to_write_what_is_no_duration(value: int) -> None:
    with pytest.raises(ValueError, match=r"duration_us=.* must be a whole number in \[0,"):
        units.format_duration(value)


@pytest.mark.parametrize(
    ("text", "rate_per_s"),
    [("1/s", 1.0), ("30/m", 0.5), ("0.2/h", 0.2 / 3600), ("12/d", 12 / 86_400), ("0/s", 0.0)],
)
def test_reads_rates(text: str, rate_per_s: float) -> None:
    assert units.parse_rate(text) == rate_per_s


@pytest.mark.parametrize("text", ["1", "1/w", "-1/s", "1e3/s", "1 / s", "/s", ".5/s", "inf/s", ""])
def test_refuses_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match=r"^rate='.*' must be a rate: a number per s, m, h or d"):
        units.parse_rate(text)


@pytest.mark.parametrize(
    ("rate_per_s", "text"),
    [
        (1.0, "1/s"),
        (0.5, "30/m"),
        (2.5, "2.5/s"),
        (1 / 60, "1/m"),
        (0.2 / 3600, "0.2/h"),
        (0.0, "0/s"),
    ],
)
def test_writes_rates_briefly(rate_per_s: float, text: str) -> None:
    assert units.format_rate(rate_per_s) == text


@given(st.floats(1e-9, 1e9) | st.sampled_from([0.0, 1 / 3600, 7 / 86_400]))
def test_rates_survive_writing_and_reading(rate_per_s: float) -> None:
    assert units.parse_rate(units.format_rate(rate_per_s)) == rate_per_s


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_refuses_to_write_what_is_no_rate(value: float) -> None:
    with pytest.raises(ValueError, match=r"rate_per_s=.* must be a finite number >= 0"):
        units.format_rate(value)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("512MiB", 2**29), ("1kB", 1000), ("1.5GiB", 3 * 2**29), ("0B", 0), ("10 TB", 10**13)],
)
def test_reads_sizes(text: str, size_bytes: int) -> None:
    assert units.parse_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["512", "1.5B", "1mb", "MiB", "-1B", "1Mib", "5000PiB", ""])
def test_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"^size='.*' must be "):
        units.parse_bytes(text)


@given(st.integers(0, 2**62) | st.integers(0, 2**22).map(lambda n: n * 2**20))
def test_sizes_survive_writing_and_reading(size_bytes: int) -> None:
    assert units.parse_bytes(units.format_bytes(size_bytes)) == size_bytes


def test_writes_sizes_briefly() -> None:
    assert [units.format_bytes(n) for n in (0, 999, 1000, 2**29)] == ["0B", "999B", "1kB", "512MiB"]


def test_never_leaves_room_for_a_few_durations() -> None:
    assert units.NEVER + 7 * units.LONGEST_US < 2**63
