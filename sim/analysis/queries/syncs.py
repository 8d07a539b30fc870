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
from sim.scenario.schema import Scenario
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

    Those after an outage are left out where the length of a sync is drawn: the record says when
    the first of them ended, and not when it began.
    """
    streams, takes = Streams(timelines.seed), scenario.gateways.sync_takes
    downs = timelines.downs
    rows = np.flatnonzero(downs.gateway == gateway)
    stops = [*downs.start_us[rows].tolist(), NEVER]
    found: list[Sync] = []
    for row, stop_us in zip(rows.tolist(), stops[1:], strict=True):
        up_us = int(downs.end_us[row])
        begin_us = first_sync_us(scenario, streams, gateway)
        if row != rows[0]:
            if not takes.is_constant or up_us == NEVER:
                continue
            begin_us = up_us - takes.draw_us(0.5)
        for sync in _walk(scenario, streams, gateway, begin_us):
            if sync.start_us >= min(stop_us, end_us, timelines.horizon_us):
                break
            if sync.end_us >= start_us and sync.end_us <= stop_us:
                found.append(sync)
    return found


def _walk(scenario: Scenario, streams: Streams, gateway: int, begin_us: int) -> Iterator[Sync]:
    """Every sync of a gateway that starts anew at ``begin_us``, without an end."""
    spec = scenario.gateways
    ticker = Ticker(spec.sync_interval, streams, "gateway", gateway, start_us=begin_us)
    start_us = begin_us
    while True:
        takes_us = draw_us(spec.sync_takes, streams, "gateway", gateway, "sync-takes", start_us)
        end_us = start_us + takes_us
        yield Sync(
            start_us=start_us,
            check_us=start_us + int(takes_us * spec.sync_stages.check),
            marks_us=start_us + int(takes_us * spec.sync_stages.marks),
            end_us=end_us,
        )
        start_us = ticker.next_run_us(start_us, end_us)
