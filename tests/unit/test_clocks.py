"""Clocks that are wrong: what they show, and what comes of it (``SEMANTICS.md`` T6, F6)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.units import NEVER
from sim.trace.recorder import Trace
from sim.trace.records import DropRecord, PutRecord
from tests.unit.test_scenario_rules import messages
from tests.worlds import faults_of, marks, run, us, world

Raw = dict[str, Any]


def clock(who: str, at: str = "0s", lasts: str = "100d", **offset: str) -> Raw:
    """A clock that is wrong."""
    return {"kind": "clock", "who": who, "at": at, "lasts": lasts, **offset}


def expiring(*faults: Raw, **tables: Any) -> Raw:
    """Blocks that only the age of their marks hides."""
    return {
        "horizon": "24h",
        "schemes": [marks("6h", "2h")],
        "compactor": {"ranges": ["2h"], "retention": {"raw": "4h"}},
        "gateways": {"count": 2, "sync_interval": "1m", "phase": "0s"},
        "faults": list(faults),
        **tables,
    }


def drops(trace: Trace, gateway: int) -> dict[int, int]:
    """When each block was first dropped by a gateway."""
    at: dict[int, int] = {}
    for record in trace.records:
        if isinstance(record, DropRecord) and record.gateway == gateway:
            for block in record.blocks:
                at.setdefault(block, record.t_us)
    return at


def test_offsets_add_up_while_they_hold() -> None:
    shown = faults_of(
        clock("compactor", "1h", "2h", ahead="10m"), clock("any", "2h", "2h", behind="4m")
    )
    minutes = [30, 60, 119, 120, 179, 180, 239, 240]
    offsets = [shown.clock("compactor").shows_us(us(f"{m}m")) - us(f"{m}m") for m in minutes]
    assert offsets == [us(f"{m}m") for m in (0, 10, 10, 6, 6)] + [-us("4m"), -us("4m"), 0]
    assert shown.clock("gateway/0").turns_us == [us("2h"), us("4h")]
    assert faults_of().clock("gateway/0").is_right


def test_a_clock_shows_a_time_when_it_first_shows_as_much() -> None:
    ahead = faults_of(clock("any", "1h", "1h", ahead="20m")).clock("gateway/0")
    for shown, when in (("59m", "59m"), ("70m", "1h"), ("80m", "1h"), ("90m", "70m")):
        assert ahead.when_us(us(shown)) == us(when)
    assert ahead.when_us(us("140m")) == us("140m")
    behind = faults_of(clock("any", "1h", "1h", behind="20m")).clock("gateway/0")
    assert behind.when_us(us("70m")) == us("90m")
    assert behind.when_us(us("110m")) == us("2h")
    assert faults_of(clock("any", lasts="1h", ahead="1m")).clock("x").when_us(NEVER) == NEVER


def test_one_reader_with_a_clock_ahead_hides_sooner() -> None:
    before, _ = run(world(**expiring()))
    after, _ = run(world(**expiring(clock("gateway/0", "9h", ahead="20m"))))
    for gateway, ahead_us in ((0, us("20m")), (1, 0)):
        usual, skewed = drops(before, gateway), drops(after, gateway)
        late = {usual[block] - skewed[block] for block in usual if usual[block] > us("10h")}
        assert late == {ahead_us}


def test_marks_are_stamped_by_the_clock_of_who_makes_them() -> None:
    trace, _ = run(world(**expiring(clock("compactor", behind="1h"))))
    stamps = [
        (r.t_us, r.stamp_us)
        for r in trace.records
        if isinstance(r, PutRecord) and r.stamp_us and r.objects == (3,)
    ]
    assert stamps
    assert all(0 <= t_us - us("1h") - stamp_us < us("1s") for t_us, stamp_us in stamps)


@pytest.mark.parametrize("offset", [{}, {"ahead": "1m", "behind": "1m"}, {"ahead": "0s"}])
def test_a_clock_is_ahead_or_behind(offset: Raw) -> None:
    (said,) = messages(faults=[clock("compactor", "1d", "1h", **offset)])
    assert "must be longer than 0s where behind is not, and 0s where it is" in said
