"""When a gateway syncs: a trace records what a sync changed, and its times follow from the draws.

``SEMANTICS.md`` T4, G1, G7.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sim.core.draws import draw_us
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.core.units import NEVER
from sim.scenario.schema import Scenario, SyncStages
from sim.trace.timelines import Timelines

__all__ = ["Sync", "first_sync_us", "syncs"]


class Sync(NamedTuple):
    """A sync that begins at ``start_us``, reads marks at ``marks_us`` and ends at ``end_us``."""

    start_us: int
    check_us: int
    marks_us: int
    end_us: int


def first_sync_us(scenario: Scenario, streams: Streams, gateway: int) -> int:
    """When a gateway's first sync starts."""
    spec = scenario.gateways
    if spec.phase == "uniform":
        return int(streams.uniform("gateway", gateway, "phase") * spec.sync_interval.mean)
    return draw_us(spec.phase, streams, "gateway", gateway, "phase")


def syncs(
    scenario: Scenario, timelines: Timelines, gateway: int, start_us: int, end_us: int
) -> list[Sync]:
    """The syncs of a gateway that touch [start_us, end_us), in order of time.

    None is given where how long one takes depends on what it lists, which timelines do not say.
    Of those that a gateway did before it served only the last is given, and after an outage only
    where the length of a sync is not drawn: the record says when it ended, and not when it began.
    """
    if scenario.gateways.sync_takes_per_block_us:
        return []
    streams = scenario.streams(timelines.seed)
    downs = timelines.downs
    rows = np.flatnonzero(downs.gateway == gateway)
    stops = [*downs.start_us[rows].tolist(), NEVER]
    found: list[Sync] = []
    for row, stop_us in zip(rows.tolist(), stops[1:], strict=True):
        for sync in _walk(scenario, streams, gateway, int(downs.end_us[row])):
            if sync.start_us >= min(stop_us, end_us, timelines.horizon_us):
                break
            if sync.end_us >= start_us and sync.end_us <= stop_us:
                found.append(sync)
    return found


def _walk(scenario: Scenario, streams: Streams, gateway: int, up_us: int) -> Iterator[Sync]:
    """Every sync of a gateway that serves from ``up_us`` on, without an end."""
    spec = scenario.gateways
    first_us = first_sync_us(scenario, streams, gateway)
    takes_us = draw_us(spec.sync_takes, streams, "gateway", gateway, "sync-takes", first_us)
    if takes_us and (spec.sync_takes.is_constant or first_us + takes_us == up_us):
        yield _sync(spec.sync_stages, up_us - takes_us, takes_us)
    ticker = Ticker(spec.sync_interval, streams, "gateway", gateway, start_us=up_us)
    start_us = up_us
    while True:
        takes_us = draw_us(spec.sync_takes, streams, "gateway", gateway, "sync-takes", start_us)
        yield _sync(spec.sync_stages, start_us, takes_us)
        start_us = ticker.next_run_us(start_us, start_us + takes_us)


def _sync(stages: SyncStages, start_us: int, takes_us: int) -> Sync:
    return Sync(
        start_us=start_us,
        check_us=start_us + int(takes_us * stages.check),
        marks_us=start_us + int(takes_us * stages.marks),
        end_us=start_us + takes_us,
    )
