"""Bugs planted in the model, and what of a run shows them: a check that notices nothing is none.

Each case has a prediction: where the log or an outcome must differ, and where it must not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.analysis.checkers import lost_blocks, observe
from sim.analysis.queries import lapses
from sim.analysis.queries.evaluate import class_hazards
from sim.analysis.queries.exposure import Exposure
from sim.core.units import NEVER
from sim.model import schemes
from sim.model.actors import gateway, janitor, planner
from sim.model.blocks import catalog
from sim.model.blocks.catalog import Block, Catalog
from sim.model.store.transfer import Steps
from sim.model.store.versions import Store
from sim.model.store.visibility import GET, LIST, Columns, Visibility
from sim.model.views import view
from sim.scenario.schema import Scenario
from tests.worlds import AT_ONCE, Rig, lag, marks, run, story, us, world

Patch = pytest.MonkeyPatch


def hazards(scenario: Scenario, scheme: int = 0) -> list[tuple[str, int, int]]:
    """(outcome, start, end) of what is not ok."""
    _, timelines = run(scenario, scheme)
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    rows = zip(found.outcome, found.start_us.tolist(), found.end_us.tolist(), strict=True)
    return [(outcome, start, end) for outcome, start, end in rows if start >= us("9h")]


def gaps(*hours: int) -> list[tuple[str, int, int]]:
    """From its upload until the next half hour a block is in no gateway."""
    return [("silent-gap", us(f"{hour}h"), us(f"{hour}h30m")) for hour in hours]


def test_a_gateway_that_drops_before_it_loads(monkeypatch: Patch) -> None:
    scenario = world(
        schemes=[marks("48h", "24h")],
        horizon="11h",
        gateways={"phase": "20m", "sync_interval": "1h", "sync_takes": "10m"},
    )
    assert hazards(scenario) == [("silent-gap", us("10h"), us("10h40m"))]
    compare = gateway.Gateway._compare

    def drop_first(self: gateway.Gateway, changed: Any) -> None:
        compare(self, changed)
        self._drop()

    monkeypatch.setattr(gateway.Gateway, "_compare", drop_first)
    trace, _ = run(scenario)
    assert story(trace.records)[-2:] == ["10h30m drop 0: 0 1 2 3", "10h40m load 0: 4 5"]
    # Ten minutes without the first eight hours; the newest block is missing either way, so only
    # a range that does not ask for it shows the difference.
    older = world(
        **{"schemes": [marks("48h", "24h")], "horizon": "11h"},
        gateways={"phase": "20m", "sync_interval": "1h", "sync_takes": "10m"},
        queries=[{"name": "old", "range": "1d", "offset": "3h"}],
    )
    assert hazards(older) == [("silent-gap", us("10h30m"), us("10h40m"))]


def test_what_goes_while_a_query_reads_is_not_found_missing(monkeypatch: Patch) -> None:
    # The first eight hours go at 10h1m, and are loaded anew at 10h30m.
    lenient = {"name": "lenient", "kind": "composed", "miss": "tolerate"}
    older = {"name": "old", "range": "1d", "offset": "3h", "takes": "20m"}
    scenario = world(schemes=[lenient], horizon="11h", queries=[older])
    assert hazards(scenario) == [("silent-gap", us("9h41m"), us("10h30m"))]

    def at_arrival(self: lapses.Lapses, takes_us: int) -> Any:
        return np.maximum(self.start_us, self.absent_us), self.end_us

    monkeypatch.setattr(lapses.Lapses, "during", at_arrival)
    assert hazards(scenario) == [("silent-gap", us("10h1m"), us("10h30m"))]


def test_an_age_compared_with_at_least_instead_of_more(monkeypatch: Patch) -> None:
    # Marked at 10h1m: 9m old at the pass of 10h10m, more than that at 10h15m.
    slow = world(schemes=[marks("9m", "4m")], horizon="10h20m")
    assert hazards(slow)[-1] == ("query-error", us("10h15m"), us("10h20m"))
    due = view.View.due
    monkeypatch.setattr(view.View, "due", lambda self, before_us: due(self, before_us + 1))
    assert hazards(slow)[-1] == ("query-error", us("10h10m"), us("10h20m"))


def test_a_filter_that_hides_at_the_age_itself(monkeypatch: Patch) -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.put(block)
    rig.mark(block)
    rig.go("1h")
    assert rig.sync(rig.view(mark_delay="1h")) == [block]
    passes = view.View._passes_mark

    def at_least(self: view.View, block: Block, t_us: int) -> bool:
        return passes(self, block, t_us + 1)

    monkeypatch.setattr(view.View, "_passes_mark", at_least)
    assert rig.sync(rig.view(mark_delay="1h")) == []


def test_a_planner_that_takes_the_newest_block(monkeypatch: Patch) -> None:
    def first_compaction() -> str:
        trace, _ = run(world(horizon="11h"))
        return next(line for line in story(trace.records) if "compact " in line)

    assert first_compaction() == "10h1m compact 0 1 2 3 to 5"
    plan = planner.plan

    class Newest:
        """A block after the newest, so that the newest is not it any more."""

        min_us = max_us = NEVER

    def with_newest(blocks: Any, *others: Any) -> list[Block]:
        return plan([*blocks, Newest()], *others)

    monkeypatch.setattr(planner, "plan", with_newest)
    # The window is planned as soon as it is full, two hours early.
    assert first_compaction() == "8h1m compact 0 1 2 3 to 4"


def test_deletion_that_begins_with_the_data(monkeypatch: Patch) -> None:
    scenario = world(horizon="10h30m", compactor={"delete_takes": "3m"})
    init = Store.__init__

    def data_first(self: Store, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        catalog = self.catalog
        self._deletion_order = (*range(catalog.meta_object + 1), catalog.mark_object)

    def deleted() -> list[str]:
        trace, _ = run(scenario)
        return [line for line in story(trace.records) if " delete 0:" in line]

    assert hazards(scenario)[-1] == ("query-error", us("10h3m"), us("10h30m"))
    assert deleted() == ["10h2m delete 0: meta", "10h3m delete 0: chunk", "10h4m delete 0: index"]
    monkeypatch.setattr(Store, "__init__", data_first)
    assert deleted() == ["10h2m delete 0: chunk", "10h3m delete 0: index", "10h4m delete 0: meta"]
    # The first object that queries read goes a minute earlier.
    assert hazards(scenario)[-1] == ("query-error", us("10h2m"), us("10h30m"))


def test_deduplication_that_prefers_the_younger_block(monkeypatch: Patch) -> None:
    def survivor() -> int:
        rig = Rig()
        rig.put(rig.block(0, 8, level=2, created="9h"), rig.block(0, 8, level=2, created="10h"))
        (block,) = rig.sync(rig.view())
        return block.index

    assert survivor() == 0
    monkeypatch.setattr(catalog, "by_creation", lambda block: -block.created_us)
    assert survivor() == 1


def test_a_store_that_shows_a_delete_before_its_acknowledgement(monkeypatch: Patch) -> None:
    scenario = world(horizon="11h", store={"lag": lag(delete_get="10m", delete_list="10m")})
    assert hazards(scenario)[-1] == ("query-error", us("10h11m"), us("10h30m"))
    of_each = Visibility.of_each

    def early(self: Visibility, changes: Any, kind: str, **where: Any) -> list[Columns]:
        late_us = us("20m") if kind == "delete" else 0
        return [
            (tuple(t - late_us for t in get), tuple(t - late_us for t in listed))
            for get, listed in of_each(self, changes, kind, **where)
        ]

    monkeypatch.setattr(Visibility, "of_each", early)
    trace, timelines = run(scenario)
    # The invariant: nothing shows before it is acknowledged.
    absences = timelines.absences
    gone = absences.start_us[absences.start_us > 0]
    assert (gone < us("10h1m")).any()
    assert trace.records


def test_half_of_the_delay_switched_off(monkeypatch: Patch) -> None:
    # A replacement that does not show for 40m, delay 1h: the compactor must not plan around it
    # while the sources are hidden from it, that is from an age of 30m on.
    scenario = world(
        horizon="20h",
        store={"lag": lag(create_get="40m", create_list="40m")},
        schemes=[marks("3h", "90m")],
        gateways={"phase": "999h"},
        compactor={"ranges": ["2h", "8h", "16h"]},
    )
    duplicates = run(scenario)[1].counters["duplicate-compaction"]
    assert duplicates > 0
    compose = schemes.compose

    def without_half(scenario: Scenario, scheme_index: int) -> schemes.Scheme:
        made = compose(scenario, scheme_index)
        return replace(made, hide=replace(made.hide, compactor_us=0))

    monkeypatch.setattr("sim.model.world.compose", without_half)
    _, timelines = run(scenario)
    # Hidden as soon as their marks show: fewer repetitions of the same plan.
    assert timelines.counters["duplicate-compaction"] < duplicates


def test_a_consistency_delay_without_the_exemption(monkeypatch: Patch) -> None:
    def is_seen() -> bool:
        rig = Rig()
        rig.put(rig.block(0, 8, level=2))
        rig.go("1m")
        return bool(rig.sync(rig.view(consistency_delay="30m")))

    assert is_seen()
    monkeypatch.setattr(Block, "is_exempt", property(lambda self: False))
    assert not is_seen()


def test_a_delete_that_leaves_the_chunks(monkeypatch: Patch) -> None:
    def forgetful(self: janitor.Janitor, block: Block) -> Steps:
        meta = self.view.client.store.catalog.meta_object
        self.view.client.store.delete(block, (meta,))
        yield from ()

    monkeypatch.setattr(janitor.Janitor, "remove", forgetful)
    scenario = world(horizon="14h")
    _, timelines = run(scenario)
    assert observe(scenario, timelines)["dangling-block"] == 4


def test_a_compactor_that_forgets_a_parents_data(monkeypatch: Patch) -> None:
    create: Callable[..., Block] = Catalog.create

    def lossy(self: Catalog, **values: Any) -> Block:
        sources = values["sources"]
        kept = sources[1:] if len(sources) > 1 else sources
        return create(self, **{**values, "sources": kept, "data": kept})

    scenario = world(horizon="11h")
    assert lost_blocks(scenario, run(scenario)[1]) == 0
    monkeypatch.setattr(Catalog, "create", lossy)
    assert lost_blocks(scenario, run(scenario)[1]) == 1
    assert ("silent-gap", us("10h30m"), us("11h")) in hazards(scenario)


def test_planes_swapped(monkeypatch: Patch) -> None:
    def listed() -> bool:
        rig = Rig(lag=lag(create_list="1h"))
        block = rig.block(0, 2)
        rig.put(block)
        return rig.client().lists_object(block, 0, 0, us("1m"))

    assert not listed()
    assert (GET, LIST) == (0, 1)
    monkeypatch.setattr("sim.model.store.client.LIST", GET)
    assert listed()


def test_schemes_that_are_the_same_would_be_noticed() -> None:
    scenario = world(horizon="11h", schemes=[AT_ONCE, marks("48h", "24h")])
    assert hazards(scenario, 0) != hazards(scenario, 1)
    assert np.isfinite([h[1] for h in hazards(scenario, 1)]).all()
    assert hazards(scenario, 1) == gaps(10)
