"""Writes a trace down: records in memory, their lines, and the digest of the lines.

The digest is SHA-256 over the lines, header first, joined by commas: two runs with one digest did
the same things in the same order. Lines are made in batches and not kept.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.core.streams import STREAM_VERSION
from sim.errors import TraceError
from sim.trace.records import KIND_OF, TYPE_OF, Record

TRACE_VERSION = 2
_BATCH = 4096
# Records hold numbers, strings and tuples of numbers: there is no circle to look out for.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, check_circular=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a trace is a trace of: enough to make it again."""

    scenario: str
    scenario_digest: str
    scheme: str
    trial: int
    seed: int
    chunk_files: int
    gateways: int
    replicas: int
    warmup_us: int
    horizon_us: int

    def line(self) -> str:
        """The first line of the trace, without its newline."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        versions = {"trace": TRACE_VERSION, "stream": STREAM_VERSION}
        return _encode({**versions, **dict(sorted(fields.items()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A finished run: ``records`` in order of time, and the digest of header and records."""

    header: Header
    records: tuple[Record, ...]
    digest: str

    def lines(self) -> Iterator[str]:
        """The trace as JSON lines (no newlines): header, records, footer with the digest."""
        yield self.header.line()
        for record in self.records:
            yield encode(record)
        yield _encode({"records": len(self.records), "digest": self.digest})


class Recorder:
    """Collects the records of one run; a model calls it, nobody reads it before the end."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._records: list[Record] = []
        self.record = self._records.append
        self.record_all = self._records.extend

    def finish(self) -> Trace:
        """Close the record and compute its digest."""
        digest = digest_of(self._header, self._records)
        return Trace(header=self._header, records=tuple(self._records), digest=digest)


def encode(record: Record) -> str:
    """One record as one line of JSON, without its newline."""
    return _encode((KIND_OF[type(record)], *record))


def decode(line: str, *, path: str = "<trace>", number: int = 0) -> Record:
    """The record that :func:`encode` made the line of.

    Raises
    ------
    TraceError
        If the line is no JSON array, or its kind or number of fields is unknown.
    """
    try:
        kind, *fields = json.loads(line)
        record: Record = TYPE_OF[kind](*(tuple(f) if isinstance(f, list) else f for f in fields))
    except (ValueError, KeyError, TypeError) as error:
        raise TraceError(path, number, f"not a record: {error}") from None
    return record


def digest_of(header: Header, records: Sequence[Record]) -> str:
    """SHA-256, in hexadecimal, over the lines of header and records, joined by commas."""
    digest = hashlib.sha256(header.line().encode())
    for first in range(0, len(records), _BATCH):
        batch = records[first : first + _BATCH]
        lines = _encode([(KIND_OF[type(record)], *record) for record in batch])
        # The encoding of a list is that of its members, joined by commas, in brackets.
        digest.update(f",{lines[1:-1]}".encode())
    return digest.hexdigest()


def first_difference(first: Trace, second: Trace) -> tuple[int, str, str] | None:
    """Where two traces part: (line number from 0, line of the first, line of the second)."""
    one, two = list(first.lines()), list(second.lines())
    for number in range(max(len(one), len(two))):
        left = one[number] if number < len(one) else "<end>"
        right = two[number] if number < len(two) else "<end>"
        if left != right:
            return number, left, right
    return None
