"""What clients of a store saw: operations with their calls and returns (``SEMANTICS.md`` H).

A history knows nothing of replicas and lags. What it has beyond what a client is told is the
version that each change made, which is the order in which the store acknowledged them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sim.core.streams import STREAM_VERSION

__all__ = ["HISTORY_VERSION", "NO_VERSION", "History", "Kind", "Op", "Status", "Value"]

HISTORY_VERSION: Final = 1
NO_VERSION: Final = -1
"""The version of a change that changed nothing, and of everything that is no change."""

Kind = Literal["put", "delete", "get", "head", "list"]
Status = Literal["ok", "fail", "info"]
Value = int | bool | tuple[str, ...] | None

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class Op(NamedTuple):
    """One operation of one client.

    Attributes
    ----------
    process : int
        Number of the client; its operations do not overlap.
    f : str
        "put", "delete", "get", "head" or "list".
    key : str
        Empty for a list.
    value : int, bool, tuple of str or None
        Of a put what it writes, of an answered get what it found (None: nothing), of an answered
        head whether it found something, of an answered list the keys, ascending. Else None.
    version : int
        Of a change, which version of the key it made, from 0; else `NO_VERSION`.
    call_us, return_us : int
        A change whose answer never came has the time at which its client gave up.
    status : str
        "ok"; "fail": without effect; "info": nobody knows whether it had an effect.
    """

    process: int
    f: Kind
    key: str
    value: Value
    version: int
    call_us: int
    return_us: int
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A finished history.

    Attributes
    ----------
    scenario, scenario_digest : str
    trial, seed : int
    clients : tuple of str
        Names of the processes, by number.
    adds : tuple of str
        Keys that were added once and left alone, in order.
    ops : tuple of Op
        In order of their calls, of one instant in that of the processes.
    """

    scenario: str
    scenario_digest: str
    trial: int
    seed: int
    clients: tuple[str, ...]
    adds: tuple[str, ...]
    ops: tuple[Op, ...]

    def header(self) -> str:
        """The first line, without its newline."""
        versions = {"history": HISTORY_VERSION, "stream": STREAM_VERSION}
        names = ("adds", "clients", "scenario", "scenario_digest", "seed", "trial")
        return _encode({**versions, **{name: getattr(self, name) for name in names}})

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over the lines of header and operations."""
        digest = hashlib.sha256(self.header().encode())
        for op in self.ops:
            digest.update(f"\n{_encode(op._asdict())}".encode())
        return digest.hexdigest()

    def lines(self) -> Iterator[str]:
        """Give JSON lines (no newlines): header, operations, footer with the digest."""
        yield self.header()
        for op in self.ops:
            yield _encode(op._asdict())
        yield _encode({"ops": len(self.ops), "digest": self.digest})
