"""Worlds in which nothing happens that could fail: none of them may say ``valid``."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.expect import Judgement, Verdict, exit_code_of, judge
from sim.errors import EXIT_HOLDS, EXIT_UNKNOWN
from sim.scenario.load import load
from sim.scenario.schema import OBSERVATIONS, OUTCOMES
from sim.study.run import run_scenario

SOLID = """
schema = 1
name = "solid"
horizon = "6d"
warmup = "1d"
trials = 2

[producers]
count = 2
local_retention = "6h"

[compactor]
ranges = ["2h", "8h"]
downsampling = false
retention = { raw = "2d" }

[gateways]
sync_interval = "15m"
consistency_delay = "0s"

[[queries]]
name = "days"
rate = "1/s"
range = "3d"
takes = "30s"

[[schemes]]
name = "marks"
kind = "deletion-mark"
delete_delay = "2h"
ignore_deletion_marks_delay = "1h"
"""

FAULT = {"at": "0s", "lasts": "30d"}

HOLLOW: dict[str, dict[str, Any]] = {
    "the horizon ends before anything is compacted": {"horizon": "8h", "warmup": "1h"},
    "the horizon ends before anything is deleted": {"horizon": "11h30m", "warmup": "1h"},
    "blocks are longer than the run": {
        "producers.block_length": "8d",
        "compactor.ranges": ["8d", "16d"],
    },
    "one range, nothing expires": {"compactor.ranges": ["2h"], "compactor.retention.raw": "0s"},
    "ranges are longer than the run": {
        "compactor.ranges": ["2h", "20d"],
        "compactor.retention.raw": "0s",
    },
    "the delete delay is longer than the run": {"schemes.0.delete_delay": "48d"},
    "the compactor is down": {"faults": [{"kind": "compactor-crash", **FAULT}]},
    "the producers are down": {
        "faults": [{"kind": "producer-crash", "target": i, **FAULT} for i in (0, 1)]
    },
    "an upload never ends": {"producers.upload_takes": "100d"},
    "an upload never begins": {"producers.upload_after": "100d"},
    "a compaction never ends": {
        "compactor.compaction_takes": "100d",
        "compactor.retention.raw": "0s",
    },
    "the compactor's first sync never ends": {"compactor.sync_takes": "100d"},
    "the compactor looks at nothing so young": {"compactor.consistency_delay": "100d"},
    "the compactor halts at the first lag": {
        "store.lag.create.list": {"law": "exponential", "mean": "3h", "at_most": "9h"},
        "compactor.consistency_delay": "0s",
    },
    "the compactor falls behind for ever": {
        "compactor.compaction_takes": "7h",
        "compactor.retention.raw": "0s",
    },
    "every request fails": {"store.error_rate": 1.0, "horizon": "2d"},
    "every request fails for a while that does not end": {
        "faults": [{"kind": "store-errors", "error_rate": 1.0, **FAULT}],
        "horizon": "2d",
    },
    "queries ask for a microsecond": {"queries.0.range": "1us"},
    "queries ask for what is older than everything": {"queries.0.offset": "100d"},
    "queries ask for what is younger than what is deleted": {"queries.0.range": "1h"},
    "hardly any query is asked": {"queries.0.rate": "0.000001/d"},
    "the gateway is down while the producer answers": {
        "producers.local_retention": "30d",
        "faults": [{"kind": "gateway-outage", "target": 0, **FAULT}],
    },
    "the gateway starts after the run": {
        "producers.local_retention": "30d",
        "gateways.phase": "30d",
    },
    "the gateway's first sync never ends": {
        "producers.local_retention": "30d",
        "gateways.sync_takes": "30d",
    },
    "the gateway accepts nothing so young": {
        "producers.local_retention": "30d",
        "gateways.consistency_delay": "30d",
        "compactor.ranges": ["2h"],
    },
    "a microsecond is measured": {"warmup": "143h59m59s999ms999us"},
}


REASONS = {
    "no block was retired after the warm-up": (
        "the horizon ends before anything is compacted",
        "blocks are longer than the run",
        "one range, nothing expires",
        "ranges are longer than the run",
        "the producers are down",
        "an upload never ends",
        "an upload never begins",
        "the compactor looks at nothing so young",
        "every request fails",
        "every request fails for a while that does not end",
    ),
    "no block was deleted after the warm-up": (
        "the horizon ends before anything is deleted",
        "the delete delay is longer than the run",
    ),
    "the compactor fell behind in 2 of 2 trials (are compactor.count and concurrency too small?)": (
        "the compactor is down",
        "a compaction never ends",
        "the compactor's first sync never ends",
        "the compactor falls behind for ever",
    ),
    "the compactor halted in 2 of 2 trials": ("the compactor halts at the first lag",),
    "no query asked for the time of a deleted block when it went": (
        "queries ask for a microsecond",
        "queries ask for what is older than everything",
        "queries ask for what is younger than what is deleted",
    ),
    "no query was asked": (
        "hardly any query is asked",
        "a microsecond is measured",
    ),
    "no gateway had loaded a block that was deleted": (
        "the gateway is down while the producer answers",
        "the gateway starts after the run",
        "the gateway's first sync never ends",
        "the gateway accepts nothing so young",
    ),
}
"""What each of them is told to lack."""


def judgements(overrides: dict[str, Any], *asked: str) -> tuple[Judgement, ...]:
    rules = {"never": [*asked], "at_most": {name: 1.0 for name in asked if name in OUTCOMES}}
    scenario = load(SOLID, {**overrides, "expect.marks": rules})
    return judge(run_scenario(scenario, workers=1))


def test_there_are_enough_of_them() -> None:
    assert len(HOLLOW) >= 20


def test_the_world_they_are_made_of_is_solid() -> None:
    found = judgements({}, "query-error", "silent-gap", "lost-block", "compactor-halt")
    assert {judgement.verdict for judgement in found} == {Verdict.VALID}
    assert exit_code_of(found) == EXIT_HOLDS


@pytest.mark.parametrize("name", HOLLOW)
def test_a_hollow_world_says_unknown_and_why(name: str) -> None:
    found = judgements(HOLLOW[name], "query-error")
    assert Verdict.VALID not in {judgement.verdict for judgement in found}
    assert exit_code_of(found) == EXIT_UNKNOWN
    (reason,) = {judgement.reason for judgement in found}
    assert name in REASONS[reason]


@pytest.mark.parametrize(
    "name",
    [
        "the horizon ends before anything is compacted",
        "the compactor is down",
        "every request fails",
    ],
)
def test_nor_does_it_know_of_anything_else(name: str) -> None:
    asked = (*OUTCOMES[1:-1], *OBSERVATIONS)
    never = judgements(HOLLOW[name], *asked)[: len(asked)]
    assert [judgement.rule for judgement in never] == [f"never {what}" for what in asked]
    assert Verdict.VALID not in {judgement.verdict for judgement in never}
