"""Histories written by hand, or drawn, and what a plain look at every pair makes of them.

The plain judges are written from the definitions (``sim/STATISTICS.md``), quantifier by
quantifier, and know nothing of the fast ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import Any, Literal

from hypothesis import strategies as st

from sim.trace.history import NO_VERSION, History, Op

KEYS = ("a", "b")


def op(
    process: int,
    f: Literal["put", "delete", "get", "head", "list"],
    key: str,
    value: Any,
    at: int | tuple[int, int],
    *,
    version: int = NO_VERSION,
    status: Literal["ok", "fail", "info"] = "ok",
) -> Op:
    """An operation at an instant, or over (call, return)."""
    call_us, return_us = (at, at) if isinstance(at, int) else at
    return Op(process, f, key, value, version, call_us, return_us, status)


def history(*ops: Op, adds: Sequence[str] = ()) -> History:
    """A history of these operations."""
    clients = tuple(f"client/{i}" for i in range(1 + max((o.process for o in ops), default=0)))
    ordered = tuple(sorted(ops, key=lambda o: (o.call_us, o.process)))
    return History(
        scenario="made",
        scenario_digest="",
        trial=0,
        seed=0,
        clients=clients,
        adds=tuple(adds),
        ops=ordered,
    )


_drawn_ops = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["put", "put", "delete", "get", "get", "get", "head", "list"]),
    st.sampled_from(KEYS),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 7),
    st.sampled_from(["ok", "ok", "ok", "ok", "info"]),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Histories of three clients and two keys, of which no store need be able."""
    free = [0, 0, 0]
    timed = []
    for process, f, key, gap, takes, choice, status in draw(
        st.lists(_drawn_ops, min_size=6, max_size=11)
    ):
        call = free[process] + gap
        free[process] = call + takes + 1
        timed.append((call, process, f, key, call + takes, choice, status))
    timed.sort(key=lambda row: row[:2])
    written: dict[str, list[int | None]] = {key: [] for key in KEYS}
    values: dict[str, list[int | None]] = {key: [None] for key in KEYS}
    number = 0
    for _, _, f, key, *_ in timed:
        if f == "put":
            number += 1
            values[key].append(number)
    made, number = [], 0
    for call, process, f, key, end, choice, status in timed:
        value: Any = None
        version = NO_VERSION
        if f in ("put", "delete"):
            number += f == "put"
            value = number if f == "put" else None
            if status == "ok" or choice % 2:
                version = len(written[key])
                written[key].append(value)
        elif status == "info":
            status = "fail"
        elif f == "get":
            value = values[key][choice % len(values[key])]
        elif f == "head":
            value = bool(choice % 2)
        else:
            value = tuple(k for i, k in enumerate(KEYS) if choice >> i & 1)
        key = "" if f == "list" else key
        made.append(Op(process, f, key, value, version, call, end, status))
    if draw(st.booleans()):
        # As of a store that does not keep to the order in which it is asked.
        last = {key: len(values) - 1 for key, values in written.items()}
        turned = ((one, last.get(one.key, 0) - one.version) for one in made)
        made = [one._replace(version=v) if is_change(one) else one for one, v in turned]
    puts = [one.key for one in made if one.f == "put"]
    changed = [one.key for one in made if one.f in ("put", "delete")]
    adds = [key for key in KEYS if puts.count(key) == changed.count(key) == 1]
    return history(*made, adds=adds)


def is_change(one: Op) -> bool:
    """Whether it made a version."""
    return one.f in ("put", "delete") and one.version != NO_VERSION


def seen(past: History, one: Op, plane: str) -> dict[str, list[int]]:
    """Versions that a read fits, by key; -1 for a key that never was."""
    if one.status != "ok" or one.f in ("put", "delete"):
        return {}
    if (one.f == "list") != (plane == "list"):
        return {}
    touched = {o.key for o in past.ops if is_change(o)}
    keys = sorted(touched) if one.f == "list" else [one.key]
    return {key: _fitting(past, one, key) for key in keys}


def _fitting(past: History, one: Op, key: str) -> list[int]:
    found = []
    for version in range(-1, len(past.ops)):
        makers = [o for o in past.ops if is_change(o) and o.key == key and o.version == version]
        if version >= 0 and (not makers or makers[0].call_us > one.return_us):
            continue
        value = makers[0].value if makers else None
        is_there = value is not None
        if one.f == "list":
            fits = is_there == (key in one.value)  # type: ignore[operator]
        elif one.f == "head":
            fits = is_there == one.value
        else:
            fits = value == one.value
        if fits:
            found.append(version)
    return found


def newest_acked(past: History, key: str, t_us: int) -> int:
    """The newest version of a key that was acknowledged before an instant; -1 if none."""
    acked = [
        o.version
        for o in past.ops
        if is_change(o) and o.key == key and o.status == "ok" and o.return_us < t_us
    ]
    return max(acked, default=-1)


def behind(past: History, one: Op, plane: str) -> dict[str, int]:
    """How many versions a read is behind, by key, where something was acknowledged before."""
    found = {}
    for key, fits in seen(past, one, plane).items():
        newest = newest_acked(past, key, one.call_us)
        if newest >= 0:
            found[key] = max(0, newest - max(fits)) if fits else 0
    return found


def window_us(past: History, change: Op, plane: str) -> int:
    """The inconsistency window of an acknowledged change."""
    lasts = [
        one.call_us - change.return_us
        for one in past.ops
        if one.call_us > change.return_us
        for fits in [seen(past, one, plane).get(change.key, [])]
        if fits and all(version < change.version for version in fits)
    ]
    return max(lasts, default=0)


def best_rising(answers: Sequence[tuple[int, bool]]) -> list[tuple[int, Fraction]]:
    """The rising function of age that fits answers best, by its max-min formula.

    Of any age: the largest, over all that are no older, of the smallest, over all that are no
    younger, of the shares between them.
    """
    ages = sorted({age for age, _ in answers})

    def share(low: int, high: int) -> Fraction:
        hits = [is_fresh for age, is_fresh in answers if low <= age <= high]
        return Fraction(sum(hits), len(hits))

    return [
        (age, max(min(share(a, b) for b in ages if b >= age) for a in ages if a <= age))
        for age in ages
    ]


def session(past: History, process: int) -> list[Op]:
    """What one client does."""
    return [one for one in past.ops if one.process == process]


def keeps_monotonic_reads(past: History, process: int, key: str, plane: str) -> bool:
    """Whether there are versions that the reads of a key may have been, none before the last."""
    fits = [seen(past, one, plane).get(key, []) for one in session(past, process)]
    choices = product(*[f for f in fits if f])
    return any(all(a <= b for a, b in pairwise(choice)) for choice in choices)


def breaks_read_your_writes(past: History, plane: str) -> set[tuple[Op, str]]:
    """Reads older than a change that the session had an answer for."""
    return {
        (one, key)
        for one in past.ops
        for key, fits in seen(past, one, plane).items()
        for own in session(past, one.process)
        if own.call_us < one.call_us and is_change(own) and own.status == "ok" and own.key == key
        if fits and max(fits) < own.version
    }


def breaks_of_others(
    past: History, plane: str, before: Literal["changed", "read"]
) -> set[tuple[Op, str]]:
    """Reads that lack what the session of a change that their reader has seen did before it."""
    return {
        (one, key)
        for one in past.ops
        for key, fits in seen(past, one, plane).items()
        if fits
        for change in _shown_before(past, one, plane)
        for known_key, known in _before(past, change, plane, before)
        if known_key == key and max(fits) < known
    }


def breaks_order(past: History, plane: str, before: Literal["changed", "read"]) -> set[Op]:
    """Changes older than what their session had changed, or read, of their key."""
    return {
        one
        for one in past.ops
        if is_change(one) and one.status == "ok"
        for key, known in _before(past, one, plane, before)
        if key == one.key and one.version < known
    }


def _shown_before(past: History, one: Op, plane: str) -> Iterable[Op]:
    for earlier in session(past, one.process):
        if earlier.call_us > one.call_us:
            continue
        for key, fits in seen(past, earlier, plane).items():
            if len(fits) == 1 and fits[0] >= 0:
                yield from (
                    o for o in past.ops if is_change(o) and (o.key, o.version) == (key, fits[0])
                )


def _before(past: History, change: Op, plane: str, before: str) -> Iterable[tuple[str, int]]:
    """(key, version) of what the session of a change had changed or surely read before it."""
    for one in session(past, change.process):
        if one.call_us >= change.call_us:
            continue
        if before == "changed" and is_change(one) and one.status == "ok":
            yield one.key, one.version
        if before == "read":
            for key, fits in seen(past, one, plane).items():
                if len(fits) == 1 and fits[0] >= 0:
                    yield key, fits[0]


def set_full_events(past: History) -> dict[str, tuple[str, int | None]]:
    """Outcome and latency of each added key, by a walk over the events as Jepsen does it."""
    events = sorted(
        (t_us, is_return, i)
        for i, one in enumerate(past.ops)
        for t_us, is_return in ((one.call_us, False), (one.return_us, True))
    )
    index = {(i, is_return): n for n, (_, is_return, i) in enumerate(events)}
    known: dict[str, tuple[int, int]] = {}
    present: dict[str, Op] = {}
    absent: dict[str, Op] = {}
    elements: list[str] = []
    place = {id(one): i for i, one in enumerate(past.ops)}

    def later(one: Op, other: Op | None) -> Op:
        is_later = other is None or index[place[id(one)], False] > index[place[id(other)], False]
        return one if is_later or other is None else other

    for n, (t_us, is_return, i) in enumerate(events):
        one = past.ops[i]
        if one.f == "put" and one.key in past.adds:
            if not is_return:
                elements = [*(e for e in elements if e != one.key), one.key]
            elif one.status == "ok":
                known.setdefault(one.key, (n, t_us))
        elif one.f == "list" and is_return and one.status == "ok":
            for key in elements:
                if key in one.value:  # type: ignore[operator]
                    known.setdefault(key, (n, t_us))
                    present[key] = later(one, present.get(key))
                else:
                    absent[key] = later(one, absent.get(key))
    found: dict[str, tuple[str, int | None]] = {}
    for key in elements:
        shown, lacked = present.get(key), absent.get(key)
        shown_n = -1 if shown is None else index[place[id(shown)], False]
        lacked_n = -1 if lacked is None else index[place[id(lacked)], False]
        known_n, known_us = known.get(key, (-1, 0))
        if shown is not None and lacked_n < shown_n:
            stable_us = 0 if lacked is None else lacked.call_us + 1
            found[key] = "stable", max(0, stable_us - known_us)
        elif key in known and lacked is not None and max(shown_n, known_n) < lacked_n:
            lost_us = 0 if shown is None else shown.call_us + 1
            found[key] = "lost", max(0, lost_us - known_us)
        else:
            found[key] = "never-read", None
    return found
