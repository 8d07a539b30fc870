"""How long a damaged block stays unnoticed: until one query is expected to have met it.

A block is damaged from the instant on at which its meta.json is in the store and a file that it
names is not, or at which its data is lost (:func:`lost_data`). What it does to queries are the
hazards of their classes, so nothing is drawn: ``STATISTICS.md`` says what is expected.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sim.analysis.intervals import Ints, Spans, merge, steps
from sim.analysis.queries.evaluate import durations_us
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.failures import Failures
from sim.analysis.queries.lapses import Lapses
from sim.core.units import NEVER, US_PER_S
from sim.scenario.schema import Scenario
from sim.trace.timelines import BlockTable, Timelines

__all__ = ["lost_data", "unnoticed_us"]


def lost_data(scenario: Scenario, timelines: Timelines) -> tuple[Ints, Ints]:
    """Level-1 blocks, committed or dropped, whose data no complete block had until it expired.

    A block is complete while its chunks, index and meta.json are in the store, as acknowledged.
    Data counts as there in whatever resolution.

    Returns
    -------
    rows : array of int64, shape (n_lost,)
        Ordinals of the blocks, ascending.
    since_us : array of int64, shape (n_lost,)
        Since when: 0 for data of which no complete block ever was.
    """
    blocks = timelines.blocks
    width = int(blocks.data_ordinal.max(initial=0)) + 1
    length = blocks.data_ptr[1:] - blocks.data_ptr[:-1]
    holder = np.repeat(np.arange(len(blocks.id)), length)
    key = blocks.stream[holder] * width + blocks.data_ordinal
    last_us = np.zeros(scenario.producers.count * width, np.int64)
    until_us = np.where(blocks.committed_us < NEVER, blocks.broken_us, 0)
    np.maximum.at(last_us, key, until_us[holder])
    rows = blocks.of_producers
    if scenario.producers.unuploaded == "dropped":
        rows = blocks.cut
        has_gone = blocks.max_us[rows] + scenario.producers.kept_us <= timelines.horizon_us
        rows = rows[has_gone | (blocks.committed_us[rows] < NEVER)]
    gone_us = last_us[blocks.stream[rows] * width + blocks.data_ordinal[blocks.data_ptr[rows]]]
    kept = scenario.compactor.retention_us if scenario.compactor.downsampling else None
    retention = kept or scenario.compactor.retention_us[:1]
    keep_us = max(retention) if all(retention) else NEVER
    expires_us = np.minimum(blocks.max_us[rows], NEVER - keep_us) + keep_us
    lost = (gone_us < NEVER) & (gone_us <= expires_us)
    return rows[lost], gone_us[lost]


def unnoticed_us(
    scenario: Scenario, timelines: Timelines, exposed: Sequence[Exposure]
) -> tuple[Ints, int]:
    """Per damaged block, how long it takes until one query is expected to have met the damage.

    Parameters
    ----------
    scenario : Scenario
    timelines : Timelines
    exposed : sequence of Exposure
        What each query class is exposed to.

    Returns
    -------
    delays_us : array of int64, shape (n_found,)
        Of blocks that were damaged after the warm-up, in the order of their ordinals.
    never : int
        How many more there are, of which less than one query is expected by the horizon.
    """
    rows, gone_us = lost_data(scenario, timelines)
    since_us = _damaged(timelines, rows, gone_us)
    if not since_us:
        return np.zeros(0, np.int64), 0
    lost = set(rows.tolist())
    hazards = [hazard for exposure in exposed for hazard in _hazards(exposure)]
    found = []
    for block, from_us in sorted(since_us.items()):
        holders = _holders(timelines.blocks, block) if block in lost else np.array([block])
        found.append(_expected_us(hazards, block, holders, from_us))
    delays = [delay_us for delay_us in found if delay_us is not None]
    return np.array(delays, np.int64), len(found) - len(delays)


def _damaged(timelines: Timelines, lost: Ints, gone_us: Ints) -> Mapping[int, int]:
    """Since when each block is damaged, by ordinal; those of the warm-up are left out.

    ``lost`` are those of which the data is, since ``gone_us``.
    """
    blocks = timelines.blocks
    since_us = blocks.damaged_us.copy()
    lost_us = np.maximum(gone_us, blocks.committed_us[lost])
    since_us[lost] = np.minimum(since_us[lost], lost_us)
    counted = np.flatnonzero((since_us >= timelines.warmup_us) & (since_us < NEVER))
    return dict(zip(counted.tolist(), since_us[counted].tolist(), strict=True))


def _holders(blocks: BlockTable, block: int) -> Ints:
    """The blocks that have, or had, the data of a level-1 block, itself among them."""
    ordinal = blocks.data_ordinal[blocks.data_ptr[block]]
    length = blocks.data_ptr[1:] - blocks.data_ptr[:-1]
    holder = np.repeat(np.arange(len(blocks.id)), length)
    is_mine = (blocks.data_ordinal == ordinal) & (blocks.stream[holder] == blocks.stream[block])
    found: Ints = holder[is_mine]
    return found


class _Hazard:
    """When queries of one class and duration meet an absent file of a block, or miss its data.

    ``per_us`` is how many of them are expected in a µs that ask for a given stream.
    """

    def __init__(self, absent: Failures, unserved: Lapses, takes_us: int, per_us: float) -> None:
        self.per_us = per_us
        self._read = (absent.block, *absent.during(takes_us))
        self._missed = (unserved.stream, *unserved.during(takes_us))

    def spans(self, block: int, holders: Ints, from_us: int) -> Spans:
        """Arrivals from an instant on that meet the damage of a block, or lack its data."""
        read, missed = np.isin(self._read[0], holders), self._missed[0] == block
        start, end = (
            np.concatenate([of_read[read], of_missed[missed]])
            for of_read, of_missed in zip(self._read[1:], self._missed[1:], strict=True)
        )
        return merge(np.maximum(start, from_us), end)


def _hazards(exposure: Exposure) -> Iterator[_Hazard]:
    spec = exposure.query_class
    durations = durations_us(spec)
    per_us = spec.rate_per_s / US_PER_S * exposure.n_drawn / exposure.n_streams / len(durations)
    absent, unserved = exposure.met.where(exposure.met.object >= 0), exposure.unserved()
    for takes_us in durations:
        yield _Hazard(absent, unserved, takes_us, per_us)


def _expected_us(hazards: Sequence[_Hazard], block: int, holders: Ints, from_us: int) -> int | None:
    """From ``from_us`` until the expected number of queries that meet the damage is 1."""
    met = [(hazard.spans(block, holders, from_us), hazard.per_us) for hazard in hazards]
    start, end = (np.concatenate(columns) for columns in zip(*(s for s, _ in met), strict=True))
    if not start.size:
        return None
    pieces, per_us = steps(start, end, np.concatenate([np.full(s.start.size, w) for s, w in met]))
    queries = np.cumsum((pieces.end - pieces.start) * per_us)
    place = int(np.searchsorted(queries, 1.0))
    if place == queries.size:
        return None
    over_us = (queries[place] - 1.0) / per_us[place]
    return int(pieces.end[place] - over_us) - from_us
