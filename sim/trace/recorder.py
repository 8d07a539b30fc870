"""Writes a trace down: its records, their lines, and the digest that tells runs apart.

The digest is SHA-256 over the header's line and the columns of the records, as
:meth:`sim.trace.recorded.Records.packed` gives them, each after its size in bytes; numbers are
little-endian. Two runs with one digest did the same things in the same order.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np

from sim.core.streams import STREAM_VERSION
from sim.errors import TraceError
from sim.trace.recorded import Packer, Records
from sim.trace.records import KIND_OF, TYPE_OF, Record

TRACE_VERSION = 3
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
    records: Records
    digest: str

    @classmethod
    def of(cls, header: Header, records: Records | Iterable[Record]) -> Self:
        """The trace of some records."""
        kept = records if isinstance(records, Records) else Records.of(records)
        return cls(header=header, records=kept, digest=digest_of(header, kept))

    def lines(self) -> Iterator[str]:
        """The trace as JSON lines (no newlines): header, records, footer with the digest."""
        yield self.header.line()
        for record in self.records:
            yield encode(record)
        yield _encode({"records": len(self.records), "digest": self.digest})


class Recorder(Packer):
    """Collects the records of one run; a model calls it, nobody reads it before the end."""

    def __init__(self, header: Header) -> None:
        super().__init__()
        self._header = header

    def finish(self) -> Trace:
        """Close the record and compute its digest."""
        return Trace.of(self._header, self.packed())


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


def digest_of(header: Header, records: Records) -> str:
    """SHA-256, in hexadecimal, of header and records."""
    digest = hashlib.sha256()
    line = np.frombuffer(header.line().encode(), np.uint8)
    for array in chain((line,), records.packed()):
        packed = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(packed.nbytes.to_bytes(8, "little"))
        digest.update(packed.data)
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
