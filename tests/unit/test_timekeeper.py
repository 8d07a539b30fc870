"""What a job makes of times that the store tells it late (C11, C19)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.units import NEVER
from sim.model.actors.timekeeper import SkewSeen, check_clock
from sim.model.computed.conditions import is_computable
from sim.model.store.transfer import last_listed_us
from sim.model.world import simulate
from sim.trace.records import BucketPutRecord, DeleteRecord, ErrorRecord
from tests.worlds import Rig, lag, marks, us, world

GUARD_US = us("5m")


def puts(rig: Rig) -> int:
    return sum(isinstance(record, BucketPutRecord) for record in rig.trace().records)


def test_a_clock_is_right_where_what_was_put_is_found() -> None:
    rig = Rig()
    client = rig.client("compactor", None)
    for at in ("1h", "2h"):
        rig.go(at)
        check_clock(client, GUARD_US, us(at))
    assert puts(rig) == 2


def test_the_version_before_looks_like_a_clock_that_is_as_wrong_as_it_is_old() -> None:
    rig = Rig(lag={"overwrite": {"get": "1ms"}})
    client = rig.client("compactor", None)
    seen = []
    for at in ("0s", "5m", "10m1us", "75m1us"):
        rig.go(at)
        try:
            check_clock(client, GUARD_US, us(at))
        except SkewSeen as skew:
            seen.append((at, *skew.args))
    # The lag is 1 ms; only the time between two puts counts, and 5m are let pass.
    assert seen == [("10m1us", "clock", "5m1us"), ("75m1us", "clock", "65m")]


def test_nothing_found_is_no_right_clock() -> None:
    rig = Rig(lag={"create": {"get": "1h"}})
    with pytest.raises(SkewSeen, match="unknown"):
        check_clock(rig.client("compactor", None), GUARD_US, 0)


@pytest.mark.parametrize(("key", "off"), [("ahead", "5m1us"), ("behind", "5m1us"), ("ahead", "5m")])
def test_a_wrong_clock_is_found_out(key: str, off: str) -> None:
    fault = {"kind": "clock", "who": "compactor", "at": "0s", "lasts": "9h", key: off}
    rig = Rig(faults=[fault])
    rig.go("1h")
    if off == "5m":
        check_clock(rig.client("compactor", None), GUARD_US, us("1h"))
        return
    with pytest.raises(SkewSeen):
        check_clock(rig.client("compactor", None), GUARD_US, us("1h"))


def run(**compactor: Any) -> list[Any]:
    """The errors and the deletions of compactors whose clock is 2h ahead from 9h to 11h."""
    fault = {"kind": "clock", "who": "compactor", "at": "9h", "lasts": "2h", "ahead": "2h"}
    scenario = world(
        compactor={"ranges": ["2h", "4h"], **compactor},
        schemes=[marks("3h", "1h")],
        faults=[fault],
    )
    records = simulate(scenario, 0, 0).records
    return [r for r in records if isinstance(r, ErrorRecord | DeleteRecord)]


@pytest.mark.parametrize("cleanup", ["in-pass", "every 5m"])
def test_who_sees_a_wrong_clock_deletes_nothing(cleanup: str) -> None:
    wrong = range(us("9h"), us("11h"))
    unguarded = run(cleanup=cleanup)
    assert any(r.t_us in wrong for r in unguarded if isinstance(r, DeleteRecord))
    guarded = run(cleanup=cleanup, clock_guard="5m")
    assert not any(r.t_us in wrong for r in guarded if isinstance(r, DeleteRecord))
    assert any(isinstance(r, DeleteRecord) for r in guarded)
    errors = [r for r in guarded if isinstance(r, ErrorRecord)]
    assert {r.t_us in wrong for r in errors} == {True}
    assert {r.what for r in errors} == {"clock 2h"}
    actors = {"compactor"} if cleanup == "in-pass" else {"compactor", "cleaner"}
    assert {r.actor for r in errors} == actors


def abandoned(since: str, **lags: str) -> int:
    """Deletions of objects of an upload that a crash cuts short, and that is done again."""
    crash = {"kind": "producer-crash", "target": 0, "at": "165m", "lasts": "100m"}
    scenario = world(
        horizon="9h",
        store={"lag": lag(**lags)},
        producers={"upload_after": "30m", "upload_takes": "30m"},
        compactor={"ranges": ["2h"], "partial_age": "110m", "partial_age_from": since},
        schemes=[marks("9h", "8h")],
        faults=[crash],
    )
    records = simulate(scenario, 0, 0).records
    return sum(len(r.objects) for r in records if isinstance(r, DeleteRecord))


def test_a_stale_listing_takes_what_is_put_again_for_abandoned() -> None:
    # The chunk is put at 160m, and again at 275m, when what is listed is 115m old.
    assert abandoned("listed") == abandoned("modified", overwrite_list="1h") == 0
    assert abandoned("listed", overwrite_list="1h") > 0


def test_the_newest_object_that_is_listed_may_be_an_older_version() -> None:
    rig = Rig(lag=lag(create_list="5m", overwrite_list="1h"))
    block, client = rig.block(0, 2), rig.client("compactor", None)
    for at, objects in (("1h", (0,)), ("2h", (0,)), ("3h", (1,))):
        rig.go(at)
        rig.store.put(block, objects)
    looks = ("1h", "1h5m", "2h59m", "3h", "3h5m")
    seen = [last_listed_us(block, client, us(at)) for at in looks]
    assert seen == [NEVER, us("1h"), us("1h"), us("2h"), us("3h")]


def test_a_guard_is_left_to_actors() -> None:
    schemes = [marks("3h", "1h")]
    assert is_computable(world(schemes=schemes), 0)
    assert not is_computable(world(schemes=schemes, compactor={"clock_guard": "5m"}), 0)
