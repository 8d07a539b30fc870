"""How stale reads are: t-visibility, k-staleness, inconsistency windows.

Source
------
P. Bailis et al., "Probabilistically Bounded Staleness for Practical Partial Quorums", VLDB 2012
(t-visibility, k-staleness). D. Bermbach, S. Tai, "Eventual consistency: How soon is eventual?",
MW4SOC 2011 (the inconsistency window: from the acknowledgement to the last stale read).
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sim.analysis.consistency.reads import Change, ChangeKind, Plane, Reading, Written

__all__ = ["Share", "Window", "fresh_by_age", "lag_tail", "stale", "t_visibility_us", "windows"]


class Share(NamedTuple):
    """``hits`` of ``n``."""

    hits: int
    n: int

    @property
    def fraction(self) -> float:
        """The share; nan of nothing."""
        return self.hits / self.n if self.n else math.nan


class Window(NamedTuple):
    """The inconsistency window of one acknowledged change, as reads of one plane show it.

    Attributes
    ----------
    key : str
    change : Change
    reads : int
        Reads that were called after the acknowledgement.
    last_us : int
        From the acknowledgement to the call of the last of them that was too old; 0 if none was.
        What nobody asked for is not seen: the true window is longer by up to one distance of
        reads.
    """

    key: str
    change: Change
    reads: int
    last_us: int


def stale(readings: Iterable[Reading]) -> Share:
    """How many reads were stale, of those before which something was acknowledged."""
    return lag_tail(readings, 1)


def lag_tail(readings: Iterable[Reading], versions: int) -> Share:
    """How many reads were at least so many versions behind (k-staleness beyond ``versions`` - 1).

    Reads before which nothing was acknowledged are left out.
    """
    behind = [reading.behind for reading in readings if reading.newest is not None]
    return Share(sum(k >= versions for k in behind), len(behind))


def fresh_by_age(readings: Iterable[Reading], edges_us: Sequence[int]) -> list[Share]:
    """How many reads were fresh, by the age of the newest change.

    Parameters
    ----------
    edges_us : sequence of int
        Ascending; share *i* is of ages in [edges_us[i], edges_us[i + 1]).
    """
    shares = [Share(0, 0)] * max(0, len(edges_us) - 1)
    for reading in readings:
        if reading.newest is None:
            continue
        for i, share in enumerate(shares):
            if edges_us[i] <= reading.age_us < edges_us[i + 1]:
                shares[i] = Share(share.hits + (reading.behind == 0), share.n + 1)
    return shares


def t_visibility_us(readings: Iterable[Reading], probability: float) -> int | None:
    """The least age from which on so many of the reads are fresh.

    Parameters
    ----------
    probability : float
        In (0, 1].

    Returns
    -------
    int or None
        Microseconds since the acknowledgement of the newest change: the age t of a read such that
        of all reads as old or older the share ``probability`` is fresh, for this t and all
        larger ones; None if there is no such read. 0 if it holds of all reads.
    """
    pairs = sorted((r.age_us, r.behind == 0) for r in readings if r.newest is not None)
    fresh, n, found = 0, 0, None
    for place in range(len(pairs) - 1, -1, -1):
        age_us, is_fresh = pairs[place]
        fresh, n = fresh + is_fresh, n + 1
        if place and pairs[place - 1][0] == age_us:
            continue
        if fresh < probability * n:
            return found
        found = age_us
    return 0 if pairs else None


def windows(
    written: Written,
    readings: Iterable[Reading],
    plane: Plane,
    kinds: Iterable[ChangeKind] = ("create", "overwrite", "delete"),
) -> list[Window]:
    """The inconsistency window of every acknowledged change of some kinds."""
    wanted = frozenset(kinds)
    by_key: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.plane == plane:
            by_key.setdefault(reading.key, []).append(reading)
    return [
        _window(key, change, change.ack_us, by_key.get(key, ()))
        for key, change in written.changes()
        if change.ack_us is not None and change.kind in wanted
    ]


def _window(key: str, change: Change, ack_us: int, readings: Sequence[Reading]) -> Window:
    later = [reading for reading in readings if reading.op.call_us > ack_us]
    old = [r.op.call_us for r in later if _is_older(r, change)]
    return Window(key, change, len(later), max(old, default=ack_us) - ack_us)


def _is_older(reading: Reading, change: Change) -> bool:
    return reading.fits.newest is not None and reading.fits.newest < change.version
