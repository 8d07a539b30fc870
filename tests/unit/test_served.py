"""A source stays until what replaces it is served, whoever serves it (D22)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.analysis.rules.safety import proof
from sim.errors import ScenarioError
from sim.scenario.load import build as load
from sim.scenario.schema import Scenario
from sim.trace.timelines import Timelines
from tests.reference.test_agreement import differences
from tests.worlds import run, us, world

MANIFEST = {"record": "manifest", "learn": "manifest"}


def served(hold: Any, **overrides: Any) -> Scenario:
    """Two readers that share blocks by their ids, hours apart, and who deletes at once."""
    delete = {"kind": "after", "delay": "0s", "when": "every 1m"}
    own = {"name": "own", "kind": "composed", **MANIFEST, "delete": delete, "hold": hold}
    gateways = {"count": 2, "shards": 2, "shard_by": "block", "sync_interval": "3h"}
    gateways |= {"phase": {"law": "uniform", "low": "0s", "high": "3h"}}
    compactor = {"ranges": ["2h", "4h"]} | overrides.pop("compactor", {})
    gateways |= overrides.pop("gateways", {})
    return world(
        **({"schemes": [own], "compactor": compactor, "gateways": gateways, "horizon": "50h"}),
        **overrides,
    )


def after_replacement_us(timelines: Timelines, ends_us: np.ndarray[Any, Any]) -> list[int]:
    """From when what replaces a block is first loaded to an end of the block, of what ended."""
    blocks, loads = timelines.blocks, timelines.loads
    found = []
    for block in np.flatnonzero((blocks.level == 1) & (ends_us < timelines.horizon_us)):
        is_parent = (blocks.level > 1) & (blocks.min_us <= blocks.min_us[block])
        is_parent &= blocks.max_us >= blocks.max_us[block]
        loaded_us = loads.load_us[np.isin(loads.block, np.flatnonzero(is_parent))]
        found.append(int(ends_us[block]) - int(loaded_us.min(initial=timelines.horizon_us)))
    return found


def dropped_us(timelines: Timelines) -> np.ndarray[Any, Any]:
    """When each block was dropped by the last reader that had it, else the horizon."""
    loads = timelines.loads
    last_us = np.full(timelines.blocks.level.size, timelines.horizon_us)
    for block, drop_us in zip(loads.block.tolist(), loads.drop_us.tolist(), strict=True):
        last_us[block] = drop_us
    return last_us


@pytest.mark.parametrize("trial", [0, 1, 2])
def test_no_reader_lets_go_before_another_one_serves_what_replaces(trial: int) -> None:
    def spans_us(hold: str) -> tuple[int, int]:
        scenario = served(hold)
        _, timelines = run(scenario, trial=trial)
        drops = after_replacement_us(timelines, dropped_us(timelines))
        deletions = after_replacement_us(timelines, timelines.blocks.deleted_us)
        assert len(drops) > 10
        assert len(deletions) > 10
        assert list(differences(scenario, 0, trial)) == []
        return min(drops), min(deletions)

    assert min(spans_us("replacement-served")) >= 0
    # With leases what goes is not in use any more, but its replacement need not be.
    drop_us, delete_us = spans_us("leases")
    assert drop_us < 0
    assert delete_us < 0


def test_what_replaces_counts_if_it_was_served_once() -> None:
    # Who has the replacement goes down for long; what it served then is as good as replaced.
    outage = {"kind": "gateway-outage", "target": 0, "at": "20h", "lasts": "20h"}
    scenario = served("replacement-served", faults=[outage])
    _, timelines = run(scenario)
    gone_us = timelines.blocks.deleted_us
    assert ((gone_us > us("20h")) & (gone_us < us("40h"))).any()
    assert list(differences(scenario, 0, 0)) == []


def test_nobody_waits_for_what_replaces_if_that_is_nowhere() -> None:
    # What expires is contained in what expired with it, which is gone, or in nothing.
    scenario = served("replacement-served", compactor={"retention": {"raw": "9h"}})
    _, timelines = run(scenario)
    blocks = timelines.blocks
    # Retired at 9h, dropped 3h later at most, and gone a minute after that.
    is_due = blocks.max_us + us("12h5m") < us("50h")
    assert is_due.sum() > 15
    assert (blocks.deleted_us[is_due] <= blocks.max_us[is_due] + us("12h7m")).all()
    assert list(differences(scenario, 0, 0)) == []


def test_queries_under_way_are_waited_for() -> None:
    hold = {"kind": "replacement-served", "lingers": "70m"}
    scenario = served(hold)
    _, timelines = run(scenario)
    gone_us, last_us = timelines.blocks.deleted_us, dropped_us(timelines)
    waits_us = (gone_us - last_us)[(gone_us < us("50h")) & (last_us < us("50h"))]
    assert waits_us.size > 10
    assert us("70m") <= waits_us.min() <= us("71m")
    assert list(differences(scenario, 0, 0)) == []


def test_rules_prove_nothing_of_it_and_readers_that_keep_all_are_refused() -> None:
    delete = {"kind": "after", "delay": "9h"}
    plain = {"name": "own", "kind": "composed", "record": "memory", "delete": delete}
    assert proof(world(schemes=[plain]), 0, "query-error")
    held = world(schemes=[{**plain, "hold": "replacement-served"}])
    assert not proof(held, 0, "query-error")
    with pytest.raises(ScenarioError, match="replacement-served"):
        load({**held.raw(), "schemes": [{**held.raw()["schemes"][0], "hide": "gone"}]})
