"""Which values a knob may take, as ``--vary`` writes them, and the settings of several."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.units import parse_duration
from sim.scenario.knobs import POINTS_MAX, parse_knob, settings_of, unfit
from tests.short import SHORT


@pytest.mark.parametrize(
    ("text", "texts", "unit"),
    [
        ("a=0s,15m,1h,48h", ("0s", "15m", "1h", "48h"), "us"),
        ("a = 1m", ("1m",), "us"),
        ("a=0s..48h/5", ("0s", "12h", "1d", "36h", "2d"), "us"),
        ("a=0s..1h/4", ("0s", "20m", "40m", "1h"), "us"),
        ("a=log:1m..16m/5", ("1m", "2m", "4m", "8m", "16m"), "us"),
        ("a=1..10/4", ("1", "4", "7", "10"), ""),
        ("a=0.0..1.0/5", ("0.0", "0.25", "0.5", "0.75", "1.0"), ""),
        ("a=1/s..4/s/4", ("1/s", "2/s", "3/s", "4/s"), "per_s"),
        ("a=1GiB..3GiB/3", ("1GiB", "2GiB", "3GiB"), "bytes"),
        ("a=strong,s3", ("strong", "s3"), None),
        ("a=true,false", ("true", "false"), None),
        ('a="x, y",z', ("x, y", "z"), None),
        ('a={ law = "uniform", low = "0s", high = "1m" },5m', None, None),
    ],
)
def test_accepts(text: str, texts: tuple[str, ...] | None, unit: str | None) -> None:
    knob = parse_knob(text)
    assert knob.path == "a"
    if texts is not None:
        assert knob.texts == texts
    assert (knob.unit if knob.numbers is not None else None) == unit


def test_a_law_is_one_value() -> None:
    law, plain = parse_knob('a={ law = "uniform", low = "0s", high = "1m" },5m').values
    assert law == {"law": "uniform", "low": "0s", "high": "1m"}
    assert plain == "5m"


def test_numbers_are_in_the_unit_and_texts_say_the_same() -> None:
    knob = parse_knob("a=log:90s..48h/20")
    assert knob.numbers is not None
    assert [parse_duration(text) for text in knob.texts] == list(knob.numbers)
    exact = [90e6 * (48 * 3600 / 90) ** (i / 19) for i in range(20)]
    assert knob.numbers == pytest.approx(exact, rel=1 / 50)
    assert (knob.texts[0], knob.texts[-1]) == ("90s", "2d")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "PATH=VALUES"),
        ("=1", "PATH=VALUES"),
        ("a=", "PATH=VALUES"),
        ("a=1m,60s", "must differ, 1m and 60s"),
        ("a=s3,s3", "must differ"),
        ("a=1m,,2m", "a value is missing"),
        ("a=[1,2", "] is missing"),
        ('a="x', '" is missing'),
        ("a=0s..48h", "LOW..HIGH/POINTS"),
        ("a=0s..48h/x", "LOW..HIGH/POINTS"),
        ("a=log:1m", "LOW..HIGH/POINTS"),
        ("a=0s..5/3", "no numbers of one kind"),
        ("a=x..y/3", "no numbers of one kind"),
        ("a=1h..1m/3", "must rise"),
        ("a=log:0s..1h/3", "begins above 0"),
        ("a=0s..1h/1", "2 to 1000 points"),
        ("a=0s..1h/99999999", "2 to 1000 points"),
        ("a=0s..3us/9", "must differ"),
        (f"a={'[' * 5000}", "] is missing"),
        (f"a={'[' * 5000}{']' * 5000}", "nested too deep"),
        (f"a={','.join(map(str, range(POINTS_MAX + 1)))}", "at most 1000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_rejects(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="a") as caught:
        parse_knob(text)
    assert said in str(caught.value)


def test_settings_are_a_grid_or_in_step() -> None:
    knobs = [parse_knob("a=1,2"), parse_knob("b=1,2,3")]
    assert settings_of(knobs, together=False) == ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))
    assert settings_of([knobs[0], parse_knob("c=5,6")], together=True) == ((0, 0), (1, 1))
    with pytest.raises(ValueError, match="equally many values, not a 2, b 3"):
        settings_of(knobs, together=True)
    many = [parse_knob(f"{path}=0..99/100") for path in "ab"]
    with pytest.raises(ValueError, match="at most 1000 settings, not 10000"):
        settings_of(many, together=False)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        (["schemes.1.delete_delay=1h,2h", "gateways.sync_interval=1m,3m"], []),
        (["nothing.there=1,2", "schemes.9.delete_delay=1h"], []),
        (["seed=0,1"], ["seed must be common to all cells"]),
        (["schemes.0.name=a,b", "trials=1,2"], ["schemes.0.name must", "trials must"]),
        (
            ["schemes.later.delete_delay=1h", "schemes[1].delete_delay=2h"],
            ["schemes[1].delete_delay is the place of schemes.later.delete_delay again"],
        ),
    ],
)
def test_knobs_are_places_of_their_own(knobs: list[str], said: list[str]) -> None:
    found = unfit(SHORT, [parse_knob(text) for text in knobs])
    assert len(found) == len(said)
    assert all(part in message for part, message in zip(said, found, strict=True))
    for broken in ("no = toml = at all", f"{'a.' * 500}a = 1"):
        assert unfit(broken, [parse_knob("seed=0,1")]) == []


@pytest.mark.parametrize(
    ("text", "index", "middle"),
    [
        ("a=0s,1h", 0, (30 * 60e6, "30m")),
        ("a=log:1m..1h/2", 0, (465e6, "7m45s")),
        ("a=1,2,4", 1, (3, "3")),
        ("a=1,2,4", 0, None),
        ("a=0s,1us", 0, None),
        ("a=0.5,1.0", 0, (0.75, "0.75")),
        ("a=1/s,2/s", 0, (1.5, "90/m")),
    ],
)
def test_a_value_between_two_neighbours(text: str, index: int, middle: Any) -> None:
    knob = parse_knob(text)
    assert knob.middle(index) == middle
    if middle is not None:
        more = knob.including([middle])
        assert more.numbers == tuple(sorted(more.numbers or ()))
        assert more.texts[index + 1] == middle[1]
        assert len(more) == len(knob) + 1


def test_values_can_be_put_in_order() -> None:
    assert parse_knob("a=1h,0s,15m").ascending().texts == ("0s", "15m", "1h")
