"""The judges of histories agree with a plain look at every pair, and each accepts and refuses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sim.analysis.consistency.reads import Plane, Written, readings
from sim.analysis.consistency.sessions import GUARANTEES, Guarantee, Kept, guarantees
from sim.analysis.consistency.sets import quantiles_us, set_full
from sim.analysis.consistency.staleness import (
    fresh_by_age,
    lag_tail,
    stale,
    t_visibility_us,
    windows,
)
from sim.trace.history import History, Op
from sim.trace.reading import read_history
from tests import histories as plain
from tests.histories import history, op

# An example takes milliseconds, and few of them break anything.
many = settings(max_examples=max(32, settings().max_examples))

PLANES: tuple[Plane, Plane] = ("get", "list")


def kept(past: History, plane: Plane) -> dict[Guarantee, Kept]:
    written = Written(past)
    return guarantees(past, written, readings(past, written), plane)


def in_order(ops: Iterable[Op]) -> list[Op]:
    return sorted(ops, key=repr)


@many
@given(plain.histories())
def test_reads_are_as_far_behind_as_every_pair_says(past: History) -> None:
    written = Written(past)
    for plane in PLANES:
        read = [r for r in readings(past, written) if r.plane == plane]
        fast = {(r.op, r.key): r.behind for r in read if r.newest is not None}
        slow = {
            (one, key): n for one in past.ops for key, n in plain.behind(past, one, plane).items()
        }
        assert fast == slow
        event(f"stale: {any(slow.values())}")
        for k in (1, 2):
            hits = sum(n >= k for n in slow.values())
            assert lag_tail(read, k) == (hits, len(slow))


@many
@given(plain.histories())
def test_windows_end_with_the_last_stale_read(past: History) -> None:
    written = Written(past)
    for plane in PLANES:
        found = windows(written, readings(past, written), plane)
        made = {(one.key, one.version): one for one in past.ops if plain.is_change(one)}
        acked = {key for key, one in made.items() if one.status == "ok"}
        assert {(w.key, w.change.version) for w in found} == acked
        for window in found:
            change = made[window.key, window.change.version]
            assert window.last_us == plain.window_us(past, change, plane)
            later = [one for one in past.ops if one.call_us > change.return_us]
            assert window.reads == sum(window.key in plain.seen(past, o, plane) for o in later)


@many
@given(plain.histories())
def test_guarantees_are_broken_where_every_pair_says_so(past: History) -> None:
    for plane in PLANES:
        found = kept(past, plane)
        event(f"broken: {[name for name, one in found.items() if one.broken]}")
        own = plain.breaks_read_your_writes(past, plane)
        assert in_order(found["read-your-writes"].broken) == in_order(one for one, _ in own)
        for name, before in (("monotonic-writes", "changed"), ("writes-follow-reads", "read")):
            of_others = plain.breaks_of_others(past, plane, before)  # type: ignore[arg-type]
            of_order = plain.breaks_order(past, plane, before)  # type: ignore[arg-type]
            wanted = [*(one for one, _ in of_others), *of_order]
            assert in_order(found[name].broken) == in_order(wanted)  # type: ignore[index]


@many
@given(plain.histories())
def test_monotonic_reads_hold_if_some_choice_of_versions_never_goes_back(past: History) -> None:
    for plane in PLANES:
        keeps = all(
            plain.keeps_monotonic_reads(past, process, key, plane)
            for process in range(len(past.clients))
            for key in plain.KEYS
        )
        assert keeps == (not kept(past, plane)["monotonic-reads"].broken)


@many
@given(plain.histories())
def test_set_full_is_what_a_walk_over_events_makes_of_it(past: History) -> None:
    fast = {e.key: (e.outcome, e.latency_us) for e in set_full(past).elements}
    assert fast == plain.set_full_events(past)
    event(f"outcomes: {sorted(outcome for outcome, _ in fast.values())}")


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=12))
def test_t_visibility_is_where_the_best_rising_function_is_high_enough(
    answers: list[tuple[int, bool]],
) -> None:
    reads = [
        get(process, "a", 1 if is_fresh else None, age_us)
        for process, (age_us, is_fresh) in enumerate(answers, 1)
    ]
    past = history(op(0, "put", "a", 1, 0, version=0), *reads)
    fitted = plain.best_rising(answers)
    for probability in (0.3, 0.5, 0.9, 1.0):
        enough = [age_us for age_us, p in fitted if p >= probability]
        wanted = min(enough, default=None)
        wanted = 0 if wanted is not None and wanted == fitted[0][0] else wanted
        assert t_visibility_us(readings(past, Written(past)), probability) == wanted


@given(plain.histories())
def test_what_is_written_is_read_back(past: History) -> None:
    assert read_history(past.lines(), path="") == past


def two_writes(*reads: Op) -> History:
    """Client 0 puts 1 and 2 of one key, then 3 of another; client 1 reads."""
    return history(
        op(0, "put", "a", 1, 0, version=0),
        op(0, "put", "a", 2, 10, version=1),
        op(0, "put", "b", 3, 20, version=0),
        *reads,
    )


def get(process: int, key: str, value: int | None, at: int) -> Op:
    return op(process, "get", key, value, at)


FOLLOWING = (
    get(1, "a", 2, 30),
    op(1, "put", "b", 4, 40, version=1),
    get(2, "b", 4, 50),
)


@pytest.mark.parametrize(
    ("guarantee", "good", "bad"),
    [
        ("read-your-writes", [get(0, "a", 2, 30)], [get(0, "a", 1, 30)]),
        ("read-your-writes", [get(0, "b", 3, 30)], [get(0, "b", None, 30)]),
        (
            "monotonic-reads",
            [get(1, "a", 1, 30), get(1, "a", 2, 40)],
            [get(1, "a", 2, 30), get(1, "a", 1, 40)],
        ),
        (
            "monotonic-reads",
            [op(1, "list", "", ("a",), 30), op(1, "list", "", ("a", "b"), 40)],
            [op(1, "list", "", ("a", "b"), 30), op(1, "list", "", ("a",), 40)],
        ),
        (
            "monotonic-writes",
            [get(1, "b", 3, 30), get(1, "a", 2, 40)],
            [get(1, "b", 3, 30), get(1, "a", 1, 40)],
        ),
        (
            "monotonic-writes",
            [op(1, "list", "", ("a", "b"), 30)],
            [op(1, "list", "", ("b",), 30)],
        ),
        (
            "writes-follow-reads",
            [*FOLLOWING, get(2, "a", 2, 60)],
            [*FOLLOWING, get(2, "a", 1, 60)],
        ),
    ],
)
def test_each_guarantee_accepts_and_refuses(
    guarantee: Guarantee, good: list[Op], bad: list[Op]
) -> None:
    plane: Plane = "list" if good[0].f == "list" else "get"
    fine = kept(two_writes(*good), plane)[guarantee]
    assert fine.asked
    assert not fine.broken
    wrong = kept(two_writes(*bad), plane)
    assert wrong[guarantee].broken == (bad[-1],)
    others = {name for name in GUARANTEES if wrong[name].broken} - {guarantee}
    assert others <= {"monotonic-writes"}


def test_versions_out_of_the_order_of_a_session_break_monotonic_writes() -> None:
    swapped = history(op(0, "put", "a", 1, 0, version=1), op(0, "put", "a", 2, 10, version=0))
    assert len(kept(swapped, "get")["monotonic-writes"].broken) == 1
    older = history(
        op(0, "put", "a", 1, 0, version=1),
        get(1, "a", 1, 10),
        op(1, "put", "a", 2, 20, version=0),
    )
    assert len(kept(older, "get")["writes-follow-reads"].broken) == 1


def test_what_touches_is_concurrent() -> None:
    """A read called as a change returns may miss it; one called later may not."""
    for at, n_stale in ((10, 0), (11, 1)):
        past = history(op(0, "put", "a", 1, (0, 10), version=0), get(1, "a", None, at))
        written = Written(past)
        assert stale(readings(past, written)).hits == n_stale


def test_what_is_called_as_a_read_returns_may_be_what_it_saw() -> None:
    for call_us, newest in ((10, 0), (11, None)):
        past = history(op(1, "head", "a", True, 10), op(0, "put", "a", 1, call_us, version=0))
        (reading,) = readings(past, Written(past))
        assert reading.fits.newest == newest


def test_a_key_that_is_not_found_may_never_have_been() -> None:
    """It was deleted since; but who reads the first value after that has not gone back."""
    past = history(
        op(0, "put", "a", 1, 0, version=0),
        op(0, "delete", "a", None, 10, version=1),
        get(1, "a", None, 20),
        get(1, "a", 1, 30),
    )
    assert not kept(past, "get")["monotonic-reads"].broken
    after = history(*past.ops, get(1, "a", None, 40), get(1, "a", 1, 50))
    assert [one.call_us for one in kept(after, "get")["monotonic-reads"].broken] == [50]


def test_who_goes_back_behind_a_first_change_breaks_nothing_but_monotonic_reads() -> None:
    past = history(op(0, "put", "a", 1, 0, version=0), get(1, "a", 1, 10), get(1, "a", None, 20))
    assert [name for name, one in kept(past, "get").items() if one.broken] == ["monotonic-reads"]


def test_a_list_that_is_called_as_a_put_returns_loses_nothing() -> None:
    for at, outcome in ((10, "never-read"), (11, "lost")):
        put = op(0, "put", "b", 1, (0, 10), version=0)
        past = history(put, op(1, "list", "", (), at), adds=("b",))
        assert [element.outcome for element in set_full(past).elements] == [outcome]


def test_an_answer_that_never_came_demands_nothing() -> None:
    lost: Literal["info"] = "info"
    past = history(op(0, "put", "a", 1, 0, version=0, status=lost), get(0, "a", None, 10))
    assert kept(past, "get")["read-your-writes"] == (0, ())
    seen = history(*past.ops, get(0, "a", 1, 20), get(0, "a", None, 30))
    assert len(kept(seen, "get")["monotonic-reads"].broken) == 1


def test_a_value_that_nobody_had_written_is_told_apart() -> None:
    past = history(get(0, "a", 1, 0), op(1, "put", "a", 1, 10, version=0), get(0, "a", 1, 20))
    found = readings(past, Written(past))
    assert [reading.fits.newest for reading in found] == [None, 0]


def lagging() -> tuple[History, Any]:
    """A change at 0 that reads every 10 us show from 40 us on, but for one at 60."""
    values = [None if t < 40 or t == 60 else 1 for t in range(10, 110, 10)]
    reads = [get(1, "a", value, 10 * (i + 1)) for i, value in enumerate(values)]
    past = history(op(0, "put", "a", 1, 0, version=0), *reads)
    return past, readings(past, Written(past))


def test_visibility_by_age() -> None:
    past, read = lagging()
    assert fresh_by_age(read, [0, 40, 70, 1000]) == [(0, 3), (2, 3), (4, 4)]
    (window,) = windows(Written(past), read, "get")
    assert (window.reads, window.last_us) == (10, 60)
    assert t_visibility_us(read, 1.0) == 70
    assert t_visibility_us(read, 0.8) == 70
    assert t_visibility_us(read, 0.6) == 40
    assert t_visibility_us(read[3:], 0.6) == 0
    assert t_visibility_us(read[:6], 0.8) is None
    assert t_visibility_us([], 0.8) is None


def listed(*shown: bool) -> History:
    """A key that is added at 0, and LISTs every 10 us that show it or not."""
    lists = [op(1, "list", "", ("b",) * one, 10 * (i + 1)) for i, one in enumerate(shown)]
    return history(op(0, "put", "b", 1, 0, version=0), *lists, adds=("b",))


@pytest.mark.parametrize(
    ("shown", "verdict", "outcome", "latency_us"),
    [
        ((True, True), "valid", "stable", 0),
        ((False, True), "valid", "stable", 11),
        ((True, False, True), "valid", "stable", 21),
        ((True, False), "invalid", "lost", 11),
        ((False, False), "invalid", "lost", 0),
        ((), "unknown", "never-read", None),
    ],
)
def test_set_full_accepts_and_refuses(
    shown: tuple[bool, ...], verdict: str, outcome: str, latency_us: int | None
) -> None:
    found = set_full(listed(*shown))
    assert found.verdict == verdict
    (element,) = found.elements
    assert (element.outcome, element.latency_us) == (outcome, latency_us)
    assert found.worst_stale == ((element,) if outcome == "stable" and latency_us else ())


def test_quantiles_are_jepsens() -> None:
    assert quantiles_us([]) is None
    assert quantiles_us([7]) == (7, 7, 7, 7, 7)
    assert quantiles_us(list(range(200))) == (0, 100, 190, 198, 199)
