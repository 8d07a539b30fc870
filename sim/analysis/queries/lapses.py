"""When data is missing from answers that take an absent block for an empty one.

What a reader then lacks is a matter of how long a query reads: the longer it does, the more of its
blocks are gone before it ends (``SEMANTICS.md`` Q3-Q5).
"""

from typing import Final, NamedTuple

import numpy as np

from sim.analysis.intervals import GroupedSpans, Ints, merge_groups
from sim.core.arrays import pairs
from sim.core.units import NEVER

__all__ = ["Covers", "Gone", "Lapses", "Need", "lapses"]

_ALWAYS: Final = 0
"""Data that no loaded block has is missing however short the query is."""


class Lapses(NamedTuple):
    """Rows (n,): data of ``stream`` is missing for arrivals in [start_us, end_us).

    It is so if reading has not ended before ``absent_us``: t + takes >= absent_us.
    """

    stream: Ints
    start_us: Ints
    end_us: Ints
    absent_us: Ints

    def during(self, takes_us: int) -> tuple[Ints, Ints]:
        """Per row, the arrivals [start, end) of queries that take ``takes_us``; may be empty."""
        return np.maximum(self.start_us, self.absent_us - takes_us), self.end_us

    def merged(self, takes_us: int) -> GroupedSpans:
        """The same of all rows, by stream."""
        return merge_groups(self.stream, *self.during(takes_us))


class Need(NamedTuple):
    """Rows (n,): queries of ``stream`` that arrive in [start_us, end_us) ask for some data."""

    stream: Ints
    start_us: Ints
    end_us: Ints


class Covers(NamedTuple):
    """Rows (n,): a block in use, row ``load`` of the load table, has the data of need ``need``.

    It does so for arrivals in [start_us, end_us).
    """

    need: Ints
    load: Ints
    start_us: Ints
    end_us: Ints


class Gone(NamedTuple):
    """Rows (n,): arrivals in [start_us, end_us) that read until ``absent_us`` lose a load."""

    load: Ints
    start_us: Ints
    end_us: Ints
    absent_us: Ints

    def loads(self, at_us: int, takes_us: int) -> Ints:
        """What a query that arrives at ``at_us`` loses."""
        lost = (self.start_us <= at_us) & (at_us < self.end_us)
        return self.load[lost & (self.absent_us <= at_us + takes_us)]


def lapses(need: Need, covers: Covers, gone: Gone) -> Lapses:
    """Work out when needed data is in no block that is used and stays whole.

    Parameters
    ----------
    need : Need
        Data that only the bucket has.
    covers : Covers
        Which blocks have the data.
    gone : Gone
        When they lack an object.

    Returns
    -------
    Lapses
        Rows of one need are disjoint.
    """
    stream, start_us, end_us = need
    row, lost = _joined(covers, gone)
    touched = np.unique(row)
    # A cover serves until its first object is absent, a need is served until its last cover is.
    of_covers = _extremes(
        np.concatenate([touched, row]),
        np.concatenate([covers.start_us[touched], lost.start_us]),
        np.concatenate([covers.end_us[touched], lost.end_us]),
        np.concatenate([np.full(touched.size, NEVER), lost.absent_us]),
        np.minimum,
    )
    cover, begin, finish, serves_us = of_covers
    whole = np.setdiff1d(np.arange(covers.need.size), touched)
    found, begin, finish, absent_us = _extremes(
        np.concatenate([np.arange(stream.size), covers.need[whole], covers.need[cover]]),
        np.concatenate([start_us, covers.start_us[whole], begin]),
        np.concatenate([end_us, covers.end_us[whole], finish]),
        np.concatenate([np.full(stream.size, _ALWAYS), np.full(whole.size, NEVER), serves_us]),
        np.maximum,
    )
    keep = absent_us < NEVER
    return Lapses(stream[found[keep]], begin[keep], finish[keep], absent_us[keep])


def _joined(covers: Covers, gone: Gone) -> tuple[Ints, Gone]:
    """Per cover and absence of its load: the number of the cover, and what it loses."""
    order = np.argsort(gone.load, kind="stable")
    gone = Gone(*(column[order] for column in gone))
    first = np.searchsorted(gone.load, covers.load, side="left")
    last = np.searchsorted(gone.load, covers.load, side="right")
    cover, row = pairs(first.astype(np.int64), last.astype(np.int64))
    start = np.maximum(covers.start_us[cover], gone.start_us[row])
    end = np.minimum(covers.end_us[cover], gone.end_us[row])
    keep = end > start
    cover, row = cover[keep], row[keep]
    return cover, Gone(gone.load[row], start[keep], end[keep], gone.absent_us[row])


def _extremes(
    group: Ints, start: Ints, end: Ints, value: Ints, extreme: np.ufunc
) -> tuple[Ints, Ints, Ints, Ints]:
    """The least or the greatest value of the intervals that hold, per group, piece by piece.

    ``extreme`` is the ufunc; no interval is empty. Returns group, start, end and value of each
    piece; pieces on which nothing holds are left out.
    """
    # Groups laid end to end on one line, by the rank of each instant.
    instants, rank = np.unique(np.concatenate([start, end]), return_inverse=True)
    line = np.concatenate([group, group]) * instants.size + rank
    edges, place = np.unique(line, return_inverse=True)
    row, piece = pairs(place[: group.size], place[group.size :])
    found = np.full(edges.size, value.max(initial=0) if extreme is np.minimum else -1)
    extreme.at(found, piece, value[row])
    held = np.unique(piece)
    held_group, at = np.divmod(edges[held], instants.size)
    return held_group, instants[at], instants[edges[held + 1] % instants.size], found[held]
