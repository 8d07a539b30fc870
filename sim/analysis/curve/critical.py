"""Critical delays: for each block and reader, how long a delete delay would have been enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.analysis.evidence.windows import order_statistics
from sim.analysis.queries.exposure import Exposure
from sim.trace.passes import Passes
from sim.trace.timelines import Ints

__all__ = ["CriticalDelays", "CriticalSample", "critical_delays", "critical_sample"]


_BLOCKS_MAX: Final = 1 << 17
"""Blocks that are looked at together, to bound memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalSample:
    """The critical delays of one query class in one trial.

    Attributes
    ----------
    query : str
    count : int
        Pairs of a retired block and a gateway that had it loaded.
    delays_us : tuple of int
        Their delays, sorted; of very many, evenly spaced ones, the smallest and the largest among
        them.
    """

    query: str
    count: int
    delays_us: tuple[int, ...]

    @property
    def largest_us(self) -> int:
        """The smallest delay with which no query of the class would have met any absence."""
        return self.delays_us[-1] if self.delays_us else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalDelays:
    """The smallest delete delay at which no query of a class meets the absence of a block.

    One row per gateway and block that the gateway ever had loaded, of the blocks whose marks the
    deleter knew; arrivals in [warm-up, horizon). 0 where no delay is too short.
    """

    query: str
    gateway: Ints
    block: Ints
    delay_us: Ints

    @property
    def largest_us(self) -> int:
        """The smallest delay with which no query of the class would have met any absence."""
        return int(self.delay_us.max(initial=0))


def critical_delays(exposure: Exposure, passes: Passes, first_lag_us: Ints) -> CriticalDelays:
    """Critical delays of one query class.

    A query that arrives at *t* and takes *q* meets an absence that begins by t + q
    (``SEMANTICS.md`` Q2). Where queries use a reader's block until *d* the last such instant is
    before d + q: a delay is long enough if the deletion, with the lag after which the first
    replica shows it, is not before.

    Parameters
    ----------
    exposure : Exposure
        The class on the timelines of the run.
    passes : Passes
    first_lag_us : int64 array of shape (n_blocks,)
        From a block's deletion until the first replica shows it.
    """
    parts = [*_parts(exposure, passes, first_lag_us)]
    gateway, block, delay_us = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return CriticalDelays(
        query=exposure.query_class.name, gateway=gateway, block=block, delay_us=delay_us
    )


def critical_sample(exposure: Exposure, passes: Passes, first_lag_us: Ints) -> CriticalSample:
    """What a trial's result keeps of :func:`critical_delays`, which are not all there at once."""
    parts = _parts(exposure, passes, first_lag_us)
    ordered = np.concatenate([delay_us for _, _, delay_us in parts])
    ordered.sort()
    return CriticalSample(
        query=exposure.query_class.name,
        count=ordered.size,
        delays_us=tuple(order_statistics(ordered)),
    )


def _parts(
    exposure: Exposure, passes: Passes, first_lag_us: Ints
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Gateways, blocks and delays of some blocks after the other."""
    n_blocks = len(exposure.timelines.blocks.id)
    place = np.full(n_blocks, -1)
    place[passes.block] = np.arange(passes.block.size)
    last_us = exposure.last_used_us()
    for first in range(0, max(n_blocks, 1), _BLOCKS_MAX):
        span = (first, first + _BLOCKS_MAX)
        yield _critical(exposure, passes, first_lag_us, last_us, place, span)


def _critical(
    exposure: Exposure,
    passes: Passes,
    first_lag_us: Ints,
    last_used_us: Ints,
    place: Ints,
    span: tuple[int, int],
) -> tuple[Ints, Ints, Ints]:
    """Gateway, block and delay of blocks in a span; ``place``: the row of each in ``passes``."""
    timelines = exposure.timelines
    loads, blocks = timelines.loads, timelines.blocks
    used = np.flatnonzero((loads.block >= span[0]) & (loads.block < span[1]))
    block = loads.block[used]
    used = used[(place[block] >= 0) & exposure.may_use(blocks.resolution[block])]
    used = used[np.lexsort((loads.gateway[used], loads.block[used]))]
    block, gateway = loads.block[used], loads.gateway[used]
    last_us = last_used_us[used]
    before_us = np.where(last_us, last_us + exposure.takes_us_max - first_lag_us[block], 0)
    # A gateway may have had a block several times: the last of them decides.
    is_new = np.ones(block.size, np.bool_)
    is_new[1:] = (block[1:] != block[:-1]) | (gateway[1:] != gateway[:-1])
    rows = np.flatnonzero(is_new)
    if rows.size:
        before_us = np.maximum.reduceat(before_us, rows)
    delay_us = passes.least_delay_us(place[block[rows]], before_us)
    return gateway[rows], block[rows], delay_us
