"""Which gateways serve a block: doer, judges and rules agree, and the reference would notice."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.checkers import time_to_visible
from sim.analysis.evidence.day import day_around
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.rules.safety import Status, proof, rules
from sim.conventions.placement import Shard, Shards
from sim.core.streams import Streams
from sim.scenario.schema import Scenario
from tests.reference.test_agreement import differences
from tests.worlds import AT_ONCE, marks, run, us, world

EDGE_TRIAL = 14
"""Whose readers have phases that come within a minute of the worst case."""


SPLIT: dict[str, Any] = {
    "horizon": "20h",
    "warmup": "2h",
    "producers": {"count": 2, "local_retention": "3h"},
    "queries": [{"name": "day", "rate": "1/h", "range": "1d", "offset": "3h"}],
}


def split(scheme: dict[str, Any], *, tables: dict[str, Any] = SPLIT, **gateways: Any) -> Scenario:
    """Twelve readers of a twelfth of the blocks each, every 15 minutes."""
    spec = {"count": 12, "shards": 12, "shard_by": "block", "phase": "uniform"}
    return world(
        **{**tables, "schemes": [scheme], "gateways": {**spec, "sync_interval": "15m", **gateways}}
    )


def gaps(scenario: Scenario, trial: int = EDGE_TRIAL) -> float:
    (found,) = evaluate_exact(scenario, run(scenario, trial=trial)[1])
    return found.fractions["silent-gap"]


def test_the_id_of_a_block_decides_who_serves_it() -> None:
    _, timelines = run(split(marks("5h", "1h"), count=4, shards=2))
    blocks, loads, streams = timelines.blocks, timelines.loads, Streams(timelines.seed)
    served = set(zip(loads.gateway.tolist(), loads.block.tolist(), strict=True))
    shard = {b: int(streams.uniform("shard", blocks.id[b]) * 2) for _, b in served}
    assert served == {(g, b) for b in shard for g in range(4) if g % 2 == shard[b]}
    # What was merged is with the blocks that it was made of, and apart from others.
    (merged, *_) = [b for b in shard if blocks.level[b] == 2]
    low, high = blocks.data_ptr[merged : merged + 2]
    parts = {shard[b] == shard[merged] for b in blocks.data_ordinal[low:high].tolist()}
    assert parts == {True, False}


def test_judges_ask_the_gateways_that_have_the_block() -> None:
    scenario = split(marks("5h", "1h"), count=4, shards=2)
    _, timelines = run(scenario)
    # Both gateways of its shard serve each block soon, and no other is asked.
    served = time_to_visible(scenario, timelines)
    assert (served["never"], served["n"]) == (0, 2 * 2 * 9)
    assert 0 < served["max_s"] <= 15 * 60
    day = day_around(scenario, timelines, (), (0, timelines.horizon_us), stream=0)
    assert [gateway for gateway, _ in day.syncs_us] == [0, 1, 2, 3]


def test_a_source_is_hidden_before_another_gateway_serves_its_replacement() -> None:
    early, late = split(marks("5h", "14m")), split(marks("5h", "15m1s"))
    (asked,) = [rule for rule in rules(late, 0) if rule.name == "R3"]
    assert asked.required_us == us("15m1s")
    assert proof(late, 0, "silent-gap") == "R2, R3, R8"
    assert not proof(early, 0, "silent-gap")
    assert gaps(early) > 0
    assert gaps(late) == 0
    # Where gateways have what replaces a block, they hide none too early.
    assert gaps(split(marks("5h", "14m"), shard_by="stream")) == 0


def test_only_its_mark_hides_a_block_whose_replacement_is_elsewhere() -> None:
    (marked,) = [rule for rule in rules(split(marks("5h", "1h")), 0) if rule.name == "R1"]
    assert (marked.is_met, marked.required_us) == (True, us("1h15m"))
    apart = next(rule for rule in rules(split(AT_ONCE), 0) if rule.name == "R2")
    assert apart.obstacles == (
        "nothing hides a block whose replacement another gateway has (shard_by)",
    )
    assert apart.status is not Status.HOLDS


@pytest.mark.parametrize("scheme", [AT_ONCE, marks("1h", "10m")], ids=["at once", "marks"])
def test_a_world_that_splits_by_stream_instead_is_noticed(
    scheme: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {**SPLIT, "horizon": "12h", "warmup": "0s"}
    scenario = split(scheme, tables=whole, count=2, shards=2)
    assert next(differences(scenario, 0, 0), None) is None

    def of_streams(self: Shard, blocks: Any) -> Any:
        return (b for b in blocks if b.stream % self.shards.count == self.number)

    monkeypatch.setattr(Shard, "among", of_streams)
    assert next(differences(scenario, 0, 0)).startswith("load ")


def test_one_shard_is_none() -> None:
    streams = Streams(0)
    assert Shards(split(AT_ONCE, count=2, shards=1).gateways, streams).shard(0) is None
    assert Shards(split(AT_ONCE, count=2, shards=2).gateways, streams).shard(1) is not None
