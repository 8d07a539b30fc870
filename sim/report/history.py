"""A history for other programs, and what was measured on it as lines.

Jepsen's checkers and Knossos read EDN: a map for each call and each return, with the keys
``:index :type :process :time :f :value``, times in nanoseconds; for Elle each operation is a
transaction of one step. Porcupine has a struct ``Operation`` with ``ClientId``, ``Input``,
``Call``, ``Output`` and ``Return``; a line is one of these in JSON, times in microseconds, both
ends included.

Each has one plane. In the plane "get" every key is a register that is read and written; to
delete writes nil. HEADs, which tell no value, are left out. In the plane "list" the keys that were
added and left alone are a set, to which a put adds and which a LIST reads.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sim.analysis.consistency.measures import InPlane, Measures, OfAge
from sim.analysis.consistency.reads import Plane
from sim.analysis.consistency.sessions import GUARANTEES, Kept
from sim.analysis.consistency.sets import POINTS, SetFull, quantiles_us
from sim.analysis.consistency.staleness import Share
from sim.errors import printable
from sim.report.formats import UNKNOWN, format_fraction, format_span
from sim.trace.history import History, Op

__all__ = ["edn_lines", "elle_lines", "measure_lines", "porcupine_lines"]

_NS_PER_US: Final = 1_000
_POINTS_TEXT: Final = ", ".join(f"{point * 100:g}" for point in POINTS)


class _Event(NamedTuple):
    """A call or a return; sorts by time, of one instant calls first."""

    t_us: int
    is_return: bool
    number: int


def edn_lines(history: History, plane: Plane, key: str | None = None) -> Iterator[str]:
    """Give the calls and returns of one plane as EDN, a map a line.

    With a key they are those of this register, whose values then stand alone; else they stand
    behind their keys, as in ``jepsen.independent``. A process of which nobody knows whether its
    operation took effect calls nothing any more; its client goes on as another one, as in Jepsen.
    """
    ops = [op for op in _of_plane(history, plane) if key in (None, op.key)]

    def what(op: Op, is_told: bool) -> str:
        return _edn_what(op, history, plane, is_told=is_told, is_alone=key is not None)

    return _edn_events(history, ops, what)


def elle_lines(history: History) -> Iterator[str]:
    """Give the calls and returns of registers as EDN for Elle's ``rw-register``.

    To Elle a version is a value that nobody else wrote; a history with deletes has others.
    """
    return _edn_events(history, _of_plane(history, "get"), _elle_what)


def _edn_events(history: History, ops: list[Op], what: Callable[[Op, bool], str]) -> Iterator[str]:
    """Give a map for each call and return; ``what`` gives ``:f`` and ``:value``, told or not."""
    events = [_Event(op.call_us, False, i) for i, op in enumerate(ops)]
    events += [_Event(op.return_us, True, i) for i, op in enumerate(ops)]
    process = list(range(len(history.clients)))
    for index, event in enumerate(sorted(events)):
        op = ops[event.number]
        kind = f":{op.status}" if event.is_return else ":invoke"
        said = what(op, event.is_return and op.status == "ok")
        yield (
            f"{{:index {index}, :type {kind}, :process {process[op.process]}, "
            f":time {event.t_us * _NS_PER_US}, {said}}}"
        )
        if event.is_return and op.status == "info":
            process[op.process] += len(history.clients)


def porcupine_lines(history: History, plane: Plane) -> Iterator[str]:
    """Give the operations of one plane as JSON, one of Porcupine's a line.

    What is known to have had no effect is left out. Where nobody knows, the operation lasts
    beyond the end of the history, and its output is null.
    """
    end_us = max((op.return_us for op in history.ops), default=0) + 1
    for op in _of_plane(history, plane):
        if op.status == "fail":
            continue
        is_ok = op.status == "ok"
        asked, told = _porcupine_what(op, history, plane)
        row = {
            "ClientId": op.process,
            "Input": asked,
            "Call": op.call_us,
            "Output": told if is_ok else None,
            "Return": op.return_us if is_ok else end_us,
        }
        yield json.dumps(row, separators=(",", ":"))


def _of_plane(history: History, plane: Plane) -> list[Op]:
    if plane == "get":
        return [op for op in history.ops if op.f in ("put", "delete", "get")]
    adds = frozenset(history.adds)
    return [op for op in history.ops if op.f == "list" or (op.f == "put" and op.key in adds)]


def _elements(op: Op, history: History) -> list[str]:
    """The added keys among those that a LIST shows."""
    shown = frozenset(op.value) if isinstance(op.value, tuple) else frozenset()
    return [key for key in history.adds if key in shown]


def _edn_what(op: Op, history: History, plane: Plane, *, is_told: bool, is_alone: bool) -> str:
    if plane == "list":
        if op.f == "put":
            return f":f :add, :value {json.dumps(op.key)}"
        shown = " ".join(map(json.dumps, _elements(op, history)))
        return f":f :read, :value {f'#{{{shown}}}' if is_told else 'nil'}"
    text = _edn_value(op, is_told=is_told)
    said = text if is_alone else f"[{json.dumps(op.key)} {text}]"
    return f":f {':read' if op.f == 'get' else ':write'}, :value {said}"


def _elle_what(op: Op, is_told: bool) -> str:
    step = ":r" if op.f == "get" else ":w"
    return f":f :txn, :value [[{step} {json.dumps(op.key)} {_edn_value(op, is_told=is_told)}]]"


def _edn_value(op: Op, *, is_told: bool) -> str:
    value = op.value if op.f != "get" or is_told else None
    return "nil" if value is None else str(value)


def _porcupine_what(op: Op, history: History, plane: Plane) -> tuple[Any, Any]:
    if plane == "list":
        if op.f == "put":
            return {"op": "add", "key": op.key}, {}
        return {"op": "read"}, {"keys": _elements(op, history)}
    if op.f == "get":
        return {"op": "read", "key": op.key}, {"value": op.value}
    return {"op": "write", "key": op.key, "value": op.value}, {}


def measure_lines(history: History, found: Measures) -> Iterator[str]:
    """Give what was measured, a line of at most 80 columns each."""
    ends_us = max((op.return_us for op in history.ops), default=0)
    yield (
        f"{printable(history.scenario)}, trial {history.trial} (seed {history.seed}): "
        f"{len(history.ops)} operations of {len(history.clients)} clients in {format_span(ends_us)}"
    )
    yield ""
    yield f"{'':26}{'stale':>14}{'2 behind':>10}  inconsistency window"
    yield f"{'plane after':16}{'changes':>8}{'reads':>8}{'':>18}{'50 %':>10}{'99 %':>9}{'100 %':>9}"
    for plane, one in found.planes.items():
        for kind, after in one.after.items():
            ends = after.windows_us
            spans = [UNKNOWN] * 3 if ends is None else [format_span(ends[i]) for i in (1, 3, 4)]
            yield (
                f"{plane:6}{kind:10}{after.changes:>8}{after.stale.n:>8}"
                f"{_share(after.stale):>8}{_share(after.two_behind):>10}"
                f"{spans[0]:>10}{spans[1]:>9}{spans[2]:>9}"
            )
    yield ""
    for plane, one in found.planes.items():
        yield from _plane_lines(plane, one)
    yield from _set_lines(found.set_full)
    yield f"digest {history.digest}"


def _share(share: Share) -> str:
    return format_fraction(share.fraction)


def _plane_lines(plane: Plane, found: InPlane) -> Iterator[str]:
    for share, from_us in found.fresh_from_us.items():
        since = "at no age" if from_us is None else f"from {format_span(from_us)} on"
        yield f"{plane}: {format_fraction(share)} of the reads are fresh {since}"
    yield from map(_age_line, found.of_age)
    for name in GUARANTEES:
        yield f"  {name:20} {_kept(found.guarantees[name])}"
    if found.impossible:
        yield f"  {found.impossible} reads of what nobody had written"


def _age_line(age: OfAge) -> str:
    spans = f"{format_span(age.from_us)} to {format_span(age.to_us)}"
    return f"  {spans:20} {_share(age.fresh)} of {age.fresh.n} reads are fresh"


def _kept(kept: Kept) -> str:
    if not kept.asked:
        return "never asked for"
    if not kept.broken:
        return f"kept, of {kept.asked} reads and changes"
    first = kept.broken[0]
    return (
        f"broken by {len(kept.broken)} of {kept.asked}, "
        f"first by client {first.process} at {format_span(first.call_us)}"
    )


def _set_lines(found: SetFull) -> Iterator[str]:
    count = {outcome: len(found.of(outcome)) for outcome in ("stable", "lost", "never-read")}
    yield (
        f"set-full: {found.verdict}; of {len(found.elements)} added keys {count['stable']} stable "
        f"({len(found.stale)} stale), {count['lost']} lost,"
    )
    ends = quantiles_us(found.latencies_us("stable"))
    spans = UNKNOWN if ends is None else ", ".join(map(format_span, ends))
    yield f"  {count['never-read']} never read; stable after {spans} ({_POINTS_TEXT} %)"
