"""Reads a history back that somebody wrote as JSON lines, this program or another.

Header and footer may be left out, and of changes their versions: then the changes of a key, those
of which nobody knows whether they happened only if a read shows them, must not overlap.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, NoReturn, get_args

from sim.errors import TraceError
from sim.trace.history import HISTORY_VERSION, NO_VERSION, History, Kind, Op, Status

__all__ = ["read_history"]

_CHANGES: Final = ("put", "delete")
_CLIENTS_MAX: Final = 10_000
_UNSAID: Final = -2
"""The version of a change that does not say it."""


def read_history(lines: Iterable[str], *, path: str) -> History:
    """Read a history.

    Parameters
    ----------
    lines : iterable of str
        JSON objects: a header (``History.header``) or none, operations with the fields of `Op`
        (``version`` may be missing), a footer or none. Other fields are passed over.
    path : str
        What messages call it.

    Raises
    ------
    TraceError
        If it is none; says the line, and why.
    """
    rows = _Rows(path, lines)
    ops = [rows.op(number, row) for number, row in rows.ops]
    ops.sort(key=lambda op: (op.call_us, op.process))
    rows.refuse_overlaps(ops)
    ops = _with_versions(ops, path)
    said = rows.header
    n_clients = 1 + max((op.process for op in ops), default=0)
    history = History(
        scenario=str(said.get("scenario", "a history")),
        scenario_digest=str(said.get("scenario_digest", "")),
        trial=int(said.get("trial", 0)),
        seed=int(said.get("seed", 0)),
        clients=tuple(said.get("clients", [f"client/{i}" for i in range(n_clients)])),
        adds=tuple(said["adds"]) if "adds" in said else _added(ops),
        ops=tuple(ops),
    )
    if len(history.clients) < n_clients:
        rows.refuse(1, f"clients must name all {n_clients}")
    if rows.digest not in ("", history.digest):
        rows.refuse(0, "the digest of its last line is that of another history")
    return history


class _Rows:
    """The lines of a history as JSON objects."""

    def __init__(self, path: str, lines: Iterable[str]) -> None:
        self.path = path
        self.ops = [(n, self._row(n, line)) for n, line in enumerate(lines, 1) if line.strip()]
        self.header: dict[str, Any] = {}
        self.digest = ""
        if self.ops and "history" in self.ops[0][1]:
            number, self.header = self.ops.pop(0)
            self._check_header(number)
        if self.ops and "digest" in self.ops[-1][1]:
            self.digest = str(self.ops.pop()[1]["digest"])

    def refuse(self, number: int, reason: str) -> NoReturn:
        """Raise what says that a line is wrong."""
        raise TraceError(self.path, number, reason)

    def _row(self, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            self.refuse(number, "must be a JSON object")
        return row

    def _check_header(self, number: int) -> None:
        if self.header["history"] != HISTORY_VERSION:
            self.refuse(number, f"history must be {HISTORY_VERSION}, the only version there is")
        for name in ("clients", "adds"):
            names = self.header.get(name, [])
            if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
                self.refuse(number, f"{name} must be a list of texts")
        for name in ("trial", "seed"):
            if not _is_whole(self.header.get(name, 0)):
                self.refuse(number, f"{name} must be a whole number from 0")

    def op(self, number: int, row: dict[str, Any]) -> Op:
        """The operation of a line."""
        for name in ("process", "call_us", "return_us"):
            if not _is_whole(row.get(name)):
                self.refuse(number, f"{name} must be a whole number from 0")
        for name, valid in (("f", get_args(Kind)), ("status", get_args(Status))):
            if row.get(name) not in valid:
                self.refuse(number, f"{name} must be one of {', '.join(valid)}")
        if row["process"] >= _CLIENTS_MAX:
            self.refuse(number, f"process must be below {_CLIENTS_MAX}")
        if row["return_us"] < row["call_us"]:
            self.refuse(number, "return_us must not be before call_us")
        f, key, value = row["f"], row.get("key", ""), row.get("value")
        if not isinstance(key, str) or (not key and f != "list"):
            self.refuse(number, "key must be a text")
        if not _is_value_of(f, row["status"], value):
            self.refuse(number, f"value does not fit {f}")
        version = row.get("version")
        if version is None:
            version = _UNSAID if f in _CHANGES else NO_VERSION
        elif not _is_whole(version) and version != NO_VERSION:
            self.refuse(number, "version must be a whole number from 0, or -1")
        told = tuple(value) if isinstance(value, list) else value
        return Op(
            row["process"],
            f,
            "" if f == "list" else key,
            told,
            version,
            row["call_us"],
            row["return_us"],
            row["status"],
        )

    def refuse_overlaps(self, ops: Sequence[Op]) -> None:
        """Refuse a client that does two things at once, and values that are put twice."""
        free_us: dict[int, int] = {}
        values: set[object] = set()
        for op in ops:
            if op.call_us <= free_us.get(op.process, -1):
                reason = f"process {op.process} calls at {op.call_us} us what must wait"
                self.refuse(0, f"{reason} for its return at {free_us[op.process]} us")
            free_us[op.process] = op.return_us
            if op.f == "put":
                if op.value in values:
                    self.refuse(0, f"value {op.value} must be put once only")
                values.add(op.value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**62


def _is_value_of(f: str, status: str, value: object) -> bool:
    if f == "put":
        return _is_whole(value)
    if f == "delete" or status != "ok":
        return value is None
    if f == "head":
        return isinstance(value, bool)
    if f == "list":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return value is None or _is_whole(value)


def _with_versions(ops: Sequence[Op], path: str) -> list[Op]:
    """Number the changes of keys that do not say their versions."""
    shown = {op.value for op in ops if op.f == "get"}
    made: defaultdict[str, list[Op]] = defaultdict(list)
    for op in ops:
        if op.f in _CHANGES and (op.status == "ok" or (op.f == "put" and op.value in shown)):
            made[op.key].append(op)
    number: dict[tuple[int, int], int] = {}
    for key, changes in made.items():
        if all(op.version != _UNSAID for op in changes):
            _refuse_twice(key, changes, path)
            continue
        for one, other in pairwise(changes):
            if other.call_us <= one.return_us:
                raise TraceError(path, 0, f"changes of {key!r} overlap, and must say their version")
        number.update({(op.process, op.call_us): n for n, op in enumerate(changes)})
    return [
        op._replace(version=number.get((op.process, op.call_us), NO_VERSION))
        if op.version == _UNSAID or (op.process, op.call_us) in number
        else op
        for op in ops
    ]


def _refuse_twice(key: str, changes: Sequence[Op], path: str) -> None:
    versions = [op.version for op in changes if op.version != NO_VERSION]
    if len(versions) != len(set(versions)):
        raise TraceError(path, 0, f"changes of {key!r} have one version twice")


def _added(ops: Sequence[Op]) -> tuple[str, ...]:
    """Keys that were put once and left alone."""
    changes = [op for op in ops if op.f in _CHANGES]
    counts: defaultdict[str, int] = defaultdict(int)
    for op in changes:
        counts[op.key] += 1
    return tuple(op.key for op in changes if op.f == "put" and counts[op.key] == 1)
