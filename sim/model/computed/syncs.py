"""What each gateway loads and drops, and when (``SEMANTICS.md`` G2-G7).

A gateway answers from a block from the first sync that may use it until the end of the first one
that may not: the block is gone, its mark is old enough, or another block contains it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.core.draws import Inverses, Row, draw_us
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.core.units import NEVER
from sim.model.computed.conditions import Rules
from sim.model.computed.writers import Blocks
from sim.scenario.schema import Gateways
from sim.trace.timelines import Ints

__all__ = ["Reading", "SyncTimes", "reading", "sync_times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTimes:
    """The syncs of one gateway that begin before the horizon, in µs; shape (n_syncs,).

    Each looks at the bucket at ``at_us``, loads at ``load_us`` and drops at ``end_us``. Beside
    each instant stands when the gateway went to sleep that acts then.
    """

    at_us: Ints
    load_us: Ints
    end_us: Ints
    load_slept_us: Ints
    end_slept_us: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one gateway does with the blocks; rows of blocks and syncs.

    ``is_loaded`` is false where a block was gone when it was to be loaded. ``drop`` is the number
    of syncs where the block is not dropped.
    """

    block: Ints
    load: Ints
    is_loaded: npt.NDArray[np.bool_]
    drop: Ints


def sync_times(
    number: int, spec: Gateways, phase_us: int, streams: Streams, horizon_us: int
) -> SyncTimes:
    """When a gateway syncs whose first sync begins at ``phase_us``; none from ``horizon_us`` on."""
    found = _on_grid(number, spec, phase_us, streams, horizon_us)
    return found or _one_by_one(number, spec, phase_us, streams, horizon_us)


def _on_grid(
    number: int, spec: Gateways, phase_us: int, streams: Streams, horizon_us: int
) -> SyncTimes | None:
    """The same where no sync takes as long as an interval, which is constant; None elsewhere."""
    law, who = spec.sync_takes, ("gateway", number)
    if not spec.sync_interval.is_constant or phase_us >= horizon_us:
        return None
    # The sync before a gateway serves is followed by the first of its ticks.
    first_us = phase_us + draw_us(law, streams, *who, "sync-takes", phase_us)
    period_us = spec.sync_interval.draw_us(0.5)
    at_us = np.append(phase_us, np.arange(first_us, horizon_us, period_us))
    row = Row([law] * at_us.size, [(t_us,) for t_us in at_us.tolist()], Inverses())
    takes_us = np.array(row.draw_us(streams, *who, "sync-takes"), np.int64)
    if (takes_us[1:] >= period_us).any():
        return None
    load_us, end_us = at_us + (takes_us * spec.sync_stages.load).astype(np.int64), at_us + takes_us
    # It sleeps from the end of one sync to the next, but for the first tick, which is at once.
    slept_us = np.append(0, end_us[:-1])
    if at_us.size > 1:
        loads = at_us[0] if load_us[0] > at_us[0] else slept_us[0]
        slept_us[1] = load_us[0] if end_us[0] > load_us[0] else loads
    load_slept_us = np.where(load_us > at_us, at_us, slept_us)
    end_slept_us = np.where(end_us > load_us, load_us, load_slept_us)
    return SyncTimes(
        at_us=at_us,
        load_us=load_us,
        end_us=end_us,
        load_slept_us=load_slept_us,
        end_slept_us=end_slept_us,
    )


def _one_by_one(
    number: int, spec: Gateways, phase_us: int, streams: Streams, horizon_us: int
) -> SyncTimes:
    """The same, sync after sync."""
    rows: list[tuple[int, int, int, int, int]] = []
    at_us, slept_us, law, stage = phase_us, 0, spec.sync_takes, spec.sync_stages.load
    ticker: Ticker | None = None
    while at_us < horizon_us:
        takes_us = draw_us(law, streams, "gateway", number, "sync-takes", at_us)
        load_us, end_us = at_us + int(takes_us * stage), at_us + takes_us
        load_slept_us = at_us if load_us > at_us else slept_us
        end_slept_us = load_us if end_us > load_us else load_slept_us
        rows.append((at_us, load_us, end_us, load_slept_us, end_slept_us))
        if ticker is None:
            next_us = end_us
            ticker = Ticker(spec.sync_interval, streams, "gateway", number, start_us=end_us)
        else:
            next_us = ticker.next_run_us(at_us, end_us)
        slept_us = end_us if next_us > end_us else end_slept_us
        at_us = next_us
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    return SyncTimes(
        at_us=columns[0],
        load_us=columns[1],
        end_us=columns[2],
        load_slept_us=columns[3],
        end_slept_us=columns[4],
    )


def reading(
    number: int, blocks: Blocks, own: SyncTimes, spec: Gateways, rules: Rules, horizon_us: int
) -> Reading:
    """What a gateway that syncs at some times does with the blocks."""
    at_us, n_syncs = own.at_us, own.at_us.size
    of_age_us = np.where(blocks.level > 1, blocks.put_us, blocks.put_us + spec.consistency_delay_us)
    load = np.searchsorted(at_us, of_age_us)
    out = np.searchsorted(at_us, blocks.deleted_us)
    if rules.hide_us is not None:
        hidden_us = np.where(
            blocks.marked_us < NEVER,
            np.maximum(blocks.marked_us, blocks.stamp_us + rules.hide_us + 1),
            NEVER,
        )
        out = np.minimum(out, np.searchsorted(at_us, hidden_us))
    replaced = np.where(blocks.successor >= 0, load[blocks.successor], n_syncs)
    out = np.minimum(out, replaced)
    will_load_us = np.append(own.load_us, NEVER)[load]
    is_served = blocks.of_shard(number % spec.shards, spec.shards)
    row = np.flatnonzero(is_served & (load < out) & (will_load_us < horizon_us))
    is_loaded = blocks.deleted_us[row] > will_load_us[row]
    ends = np.append(own.end_us, NEVER)[out[row]]
    drop = np.where(is_loaded & (ends < horizon_us), out[row], n_syncs)
    return Reading(block=row, load=load[row], is_loaded=is_loaded, drop=drop)
