"""Closed forms of deletion schemes: how long, how many, how late is late enough."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from sim.core.laws import Adjusted, Law, Uniform
from sim.core.units import US_PER_S

__all__ = [
    "compactions_per_day",
    "error_window_immediate",
    "marked_blocks_present",
    "retired_blocks_per_day",
    "safe_delay_us",
]

_DAY_US: Final = 86_400 * US_PER_S


def error_window_immediate(period_us: float, sync_takes_us: float) -> Law:
    """Return the law of the time during which a polling reader still uses a deleted block.

    Parameters
    ----------
    period_us : float
        Period P of the reader's syncs, > 0; its phase is uniform against the deletion.
    sync_takes_us : float
        Duration s of a sync, >= 0, at most the period.

    Returns
    -------
    Law
        Uniform on (0, P), plus s: deletion at once, store without lag. Mean P/2 + s.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if not 0.0 < period_us < math.inf:
        raise ValueError(f"period_us={period_us!r} must be finite and > 0")
    if not 0.0 <= sync_takes_us <= period_us:
        raise ValueError(f"sync_takes_us={sync_takes_us!r} must be in [0, period_us]")
    return Adjusted(law=Uniform(low_us=0.0, high_us=period_us), plus_us=sync_takes_us)


def safe_delay_us(
    *,
    period_us: int,
    sync_takes_us: int = 0,
    query_takes_us: int = 0,
    hide_after_us: int = 0,
    view_lag_us: int = 0,
) -> int:
    """Return the smallest delete delay with which a deletion mark never breaks a query.

    Parameters
    ----------
    period_us, sync_takes_us : int
        Period P and duration s of the reader's syncs.
    query_takes_us : int
        The longest query, Q.
    hide_after_us : int
        Age I at which the reader hides a marked block, evaluated at its syncs.
    view_lag_us : int
        The longest time L until the reader sees the mark and the compacted block.

    Returns
    -------
    int
        max(I, L) + P + s + Q, µs. The reader acts at the first sync after max(I, L), has
        dropped the block s later, and a query begun just before may run for Q.

    Raises
    ------
    ValueError
        If an argument is negative.
    """
    durations = (period_us, sync_takes_us, query_takes_us, hide_after_us, view_lag_us)
    if min(durations) < 0:
        raise ValueError(f"durations={durations!r} must be >= 0")
    return max(hide_after_us, view_lag_us) + period_us + sync_takes_us + query_takes_us


def _checked_ranges(ranges_us: Sequence[int]) -> None:
    """Raise ValueError unless every range is a multiple of the one before."""
    if not ranges_us or ranges_us[0] <= 0:
        raise ValueError(f"ranges_us={tuple(ranges_us)!r} must hold at least one range > 0")
    for small, large in pairwise(ranges_us):
        if large <= small or large % small:
            raise ValueError(f"ranges_us={tuple(ranges_us)!r} must each be a multiple of the last")


def retired_blocks_per_day(ranges_us: Sequence[int]) -> float:
    """Return how many blocks one stream retires per day by compaction, in steady state.

    Parameters
    ----------
    ranges_us : sequence of int
        Ranges of the compactor, ascending, each a multiple of the one before; the first is the
        length of a level-1 block.

    Returns
    -------
    float
        Every block below the largest range is retired once. 15.5 for 2h, 8h, 2d, 14d.

    Raises
    ------
    ValueError
        If the ranges are not so.
    """
    _checked_ranges(ranges_us)
    return math.fsum(_DAY_US / range_us for range_us in ranges_us[:-1])


def compactions_per_day(ranges_us: Sequence[int]) -> float:
    """Return how many compactions one stream causes per day; as `retired_blocks_per_day`."""
    _checked_ranges(ranges_us)
    return math.fsum(_DAY_US / range_us for range_us in ranges_us[1:])


def marked_blocks_present(ranges_us: Sequence[int], delete_delay_us: float) -> float:
    """Return the mean number of marked blocks of one stream that still exist.

    Parameters
    ----------
    ranges_us : sequence of int
        As `retired_blocks_per_day`.
    delete_delay_us : float
        Time from mark to deletion, >= 0.

    Returns
    -------
    float
        By Little's law: 15.5 per day of delay for 2h, 8h, 2d, 14d.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if not 0.0 <= delete_delay_us < math.inf:
        raise ValueError(f"delete_delay_us={delete_delay_us!r} must be finite and >= 0")
    return retired_blocks_per_day(ranges_us) * delete_delay_us / _DAY_US
