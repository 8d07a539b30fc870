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
    """The least age of the newest change at which so many of the reads are fresh.

    P(fresh) rises with that age. It is estimated as the rising function that fits the reads best
    (isotonic regression), so that no width of bins has to be chosen.

    Parameters
    ----------
    probability : float
        In (0, 1].

    Returns
    -------
    int or None
        Microseconds; 0 if it holds of the youngest reads, None if it holds of none.

    Source
    ------
    M. Ayer et al., "An empirical distribution function for sampling with incomplete
    information", Annals of Mathematical Statistics 26(4), 1955: pooling of adjacent violators.
    """
    of_age: dict[int, Share] = {}
    for reading in readings:
        if reading.newest is not None:
            known = of_age.get(reading.age_us, Share(0, 0))
            of_age[reading.age_us] = Share(known.hits + (reading.behind == 0), known.n + 1)
    pools: list[tuple[int, Share]] = []
    for pool in sorted(of_age.items()):
        while pools and _is_over(pools[-1][1], pool[1]):
            before_us, before = pools.pop()
            pool = before_us, Share(before.hits + pool[1].hits, before.n + pool[1].n)
        pools.append(pool)
    enough = (age_us for age_us, share in pools if share.hits >= probability * share.n)
    found = next(enough, None)
    return 0 if pools and found == pools[0][0] else found


def _is_over(one: Share, other: Share) -> bool:
    """Whether the first fraction is at least the second."""
    return one.hits * other.n >= other.hits * one.n


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
