"""All that is measured on one history."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple, get_args

from sim.analysis.consistency.reads import ChangeKind, Plane, Reading, Written, readings
from sim.analysis.consistency.sessions import Guarantee, Kept, guarantees
from sim.analysis.consistency.sets import SetFull, quantiles_us, set_full
from sim.analysis.consistency.staleness import (
    Share,
    fresh_by_age,
    lag_tail,
    stale,
    t_visibility_us,
    windows,
)
from sim.trace.history import History

__all__ = ["FRESH", "AfterChange", "InPlane", "Measures", "OfAge", "measures"]

FRESH: Final = (0.99, 0.999)
"""Shares of the reads for which t-visibility is given."""


class AfterChange(NamedTuple):
    """What reads of one plane show while a change of some kind is the newest.

    Attributes
    ----------
    changes : int
        Acknowledged ones that some read of the plane was called after.
    stale, two_behind : Share
        Of the reads, those at least one and two versions behind.
    windows_us : tuple of int or None
        Inconsistency windows of the changes, at the points of `sets.POINTS`.
    """

    changes: int
    stale: Share
    two_behind: Share
    windows_us: tuple[int, ...] | None


class OfAge(NamedTuple):
    """How many reads were fresh while the age of the newest change was in [from_us, to_us)."""

    from_us: int
    to_us: int
    fresh: Share


class InPlane(NamedTuple):
    """One plane.

    Attributes
    ----------
    after : dict of AfterChange
        By the kind of the newest change.
    fresh_from_us : dict of int or None
        The ages from which on so many of the reads are fresh, by the shares of `FRESH`.
    of_age : tuple of OfAge
        Between the ages that were asked for.
    guarantees : dict of Kept
    impossible : int
        Reads of what nobody had written yet.
    """

    after: dict[ChangeKind, AfterChange]
    fresh_from_us: dict[float, int | None]
    of_age: tuple[OfAge, ...]
    guarantees: dict[Guarantee, Kept]
    impossible: int


class Measures(NamedTuple):
    """Both planes, and what became of the keys that were added and left alone."""

    planes: dict[Plane, InPlane]
    set_full: SetFull


def measures(history: History, ages_us: Sequence[int] = ()) -> Measures:
    """Measure a history.

    Parameters
    ----------
    ages_us : sequence of int
        Ages of the newest change, ascending, between which the share of fresh reads is counted.
    """
    written = Written(history)
    read = readings(history, written)
    planes: dict[Plane, InPlane] = {
        plane: _plane(history, written, [r for r in read if r.plane == plane], plane, ages_us)
        for plane in get_args(Plane)
    }
    return Measures(planes, set_full(history))


def _plane(
    history: History,
    written: Written,
    read: Sequence[Reading],
    plane: Plane,
    ages_us: Sequence[int],
) -> InPlane:
    shares = fresh_by_age(read, ages_us)
    return InPlane(
        {kind: _after(written, read, plane, kind) for kind in get_args(ChangeKind)},
        {share: t_visibility_us(read, share) for share in FRESH},
        tuple(OfAge(*ends, share) for ends, share in zip(pairwise(ages_us), shares, strict=True)),
        guarantees(history, written, read, plane),
        sum(reading.fits.newest is None for reading in read),
    )


def _after(
    written: Written, read: Sequence[Reading], plane: Plane, kind: ChangeKind
) -> AfterChange:
    here = [r for r in read if r.newest is not None and r.newest.kind == kind]
    looked = [w.last_us for w in windows(written, read, plane, [kind]) if w.reads]
    return AfterChange(len(looked), stale(here), lag_tail(here, 2), quantiles_us(sorted(looked)))
