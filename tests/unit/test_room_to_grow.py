"""The "Room to grow" of ``sim/README.md``, tried: each way is built here, out of what `sim` offers.

What stands in a class here would stand in the one or two files that the page names; nothing else
of `sim` is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from sim.analysis.queries.evaluate import class_hazards
from sim.analysis.queries.exposure import Exposure
from sim.conventions.queries import Queries, reach
from sim.core.kernel import Phase
from sim.model import schemes
from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder, Scheme
from sim.model.views.view import View
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold
from sim.trace.records import DropRecord, LoadRecord, Record, RetireRecord
from sim.trace.timelines import Timelines
from tests.worlds import marks, run, us, world

Grow = Callable[[Scheme, Scenario], Scheme]


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> Callable[[Grow], None]:
    """Let every scheme of the scenario be composed otherwise."""

    def patch(grow: Grow) -> None:
        def compose(scenario: Scenario, scheme_index: int) -> Scheme:
            return grow(schemes.compose(scenario, scheme_index), scenario)

        monkeypatch.setattr("sim.model.world.compose", compose)

    return patch


def hazards(scenario: Scenario, timelines: Timelines) -> dict[str, int]:
    """How long, in µs, queries of the first class end in each outcome but ok."""
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    total: dict[str, int] = {}
    spans = zip(found.start_us.tolist(), found.end_us.tolist(), found.outcome, strict=True)
    for start_us, end_us, outcome in spans:
        total[outcome] = total.get(outcome, 0) + end_us - start_us
    return total


def moments(records: Sequence[Record], kind: type, gateway: int = 0) -> dict[int, int]:
    """When each block was first loaded (or dropped) by a gateway."""
    at: dict[int, int] = {}
    for record in records:
        if not isinstance(record, LoadRecord | DropRecord) or not isinstance(record, kind):
            continue
        if record.gateway == gateway:
            at |= {block: record.t_us for block in record.blocks if block not in at}
    return at


def test_drop_when_replaced() -> None:
    # F-b1: for three hours no gateway can read the index of a compacted block.
    errors = {
        "kind": "request-errors",
        "who": "gateways",
        "requests": "get",
        "objects": "index",
        "blocks": "compacted",
        "at": "9h",
        "lasts": "3h",
        "error_rate": 1.0,
    }
    local = {"local_retention": "2h"}
    scenario = world(schemes=[marks("40h", "20h")], faults=[errors], producers=local)
    gap = hazards(scenario, run(scenario)[1])
    assert gap["silent-gap"] > us("1h")
    held = {
        **scenario.schemes[0].composed.model_dump(by_alias=True, exclude_none=True),
        "hold": "replacement-loaded",
    }
    kept = world(schemes=[held], faults=[errors], producers=local)
    assert "silent-gap" not in hazards(kept, run(kept)[1])


class RetryOnMiss(NoHold):
    """S5c: the first query that finds a deleted block makes its gateway sync."""

    def __init__(self) -> None:
        self.holders: dict[int, dict[int, Holder]] = {}

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self.holders.setdefault(block.index, {})[holder.number] = holder

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self.holders[block.index].pop(holder.number, None)


class NoticedDeletion:
    """Of S5c too: whoever deletes a block at once decides which query will miss it."""

    def __init__(self, hold: RetryOnMiss, scenario: Scenario) -> None:
        self._hold = hold
        self._scenario = scenario

    def write(self, block: Block, view: View, t_us: int, why: str) -> None:
        for holder in self._hold.holders.get(block.index, {}).values():
            miss_us = min(self._misses(block, view, t_us), default=None)
            if miss_us is not None:
                holder.kernel.spawn(holder.sync(), at_us=miss_us, phase=Phase.GATEWAY)

    def is_written(self, block: Block, view: View) -> bool:
        return True

    def due(self, view: View, before_us: int) -> list[Block]:
        return []

    def remembers(self, block: Block) -> bool:
        return False

    def forget(self) -> None:
        """Nothing is remembered."""

    def _misses(self, block: Block, view: View, t_us: int) -> Iterator[int]:
        for query_class in self._scenario.queries:
            queries = Queries(self._scenario, query_class, view.client.streams)
            at_us = queries.arrivals()
            start, end = reach(query_class, np.array([block.min_us]), np.array([block.max_us]))
            number = np.flatnonzero((at_us >= max(start[0], t_us)) & (at_us < end[0]))
            asks = queries.asks_for(number, np.full(number.size, block.stream))
            yield from at_us[number[asks]][:1].tolist()


def test_miss_makes_the_reader_sync(grown: Callable[[Grow], None]) -> None:
    scenario = world(
        producers={"count": 2},
        queries=[{"name": "one", "rate": "2/m", "range": "1d", "streams": 1}],
        gateways={"sync_takes": "20s"},
    )
    plain, _ = run(scenario)

    def grow(made: Scheme, scenario: Scenario) -> Scheme:
        hold = RetryOnMiss()
        return replace(made, hold=hold, record=NoticedDeletion(hold, scenario))

    grown(grow)
    retried, _ = run(scenario)
    retired = {r.block: r.t_us for r in retried.records if isinstance(r, RetireRecord)}
    slow, fast = (moments(trace.records, DropRecord) for trace in (plain, retried))
    assert set(slow) == set(fast)
    # Two classes of 1/m a stream: a miss comes within minutes, the next sync after up to an hour.
    assert all(retired[block] < fast[block] <= retired[block] + us("10m") for block in fast)
    assert any(slow[block] > retired[block] + us("20m") for block in slow)
