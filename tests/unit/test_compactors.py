"""Several compactors: who works on what, what they take for partial, what rules then say (C16)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sim.analysis.checkers import leaked_blocks
from sim.analysis.rules.safety import rules, safe_delay_us
from sim.core.units import NEVER
from sim.model.actors.janitor import Janitor
from sim.model.world import simulate
from sim.trace.recorder import Trace
from sim.trace.records import (
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    ErrorRecord,
    HaltRecord,
    SyncsRecord,
)
from tests.traces import lines, unordered
from tests.unit.test_scenario_rules import messages
from tests.worlds import AT_ONCE, Rig, lag, marks, run, us, world

NO_QUERIES = [{"name": "q", "rate": "1/d", "range": "1h"}]
MARK = marks("3h", "1h")


def two(**compactor: Any) -> dict[str, Any]:
    """Two streams, two compactors."""
    return {
        "producers": {"count": 2},
        "compactor": {"count": 2, "compaction_takes": "10m", **compactor},
        "queries": NO_QUERIES,
        "schemes": [MARK],
    }


def compacted(trace: Trace) -> list[tuple[int, int]]:
    """(when, stream) of each compaction."""
    made = [record for record in trace.records if isinstance(record, BlockRecord)]
    return [(r.t_us, made[r.block].stream) for r in trace.records if isinstance(r, CompactRecord)]


def test_each_works_on_streams_of_its_own_at_the_same_time() -> None:
    trace, timelines = run(world(**two()))
    at_us = us("10h10m")
    assert compacted(trace) == [(at_us, 0), (at_us, 1)]
    assert timelines.counters["duplicate-compaction"] == 0
    alone, _ = run(world(**two(count=1)))
    assert compacted(alone) == [(at_us, 0), (at_us + us("10m"), 1)]


def test_two_on_one_stream_make_everything_twice() -> None:
    trace, timelines = run(world(**two(shards=1)))
    # The second of each finds no work left only once it has seen what the first made.
    assert [stream for _, stream in compacted(trace)] == [0, 0, 1, 1]
    assert timelines.counters["duplicate-compaction"] == 2


def test_an_only_compactor_is_called_what_it_always_was() -> None:
    said, unsaid = (run(world(compactor=c, schemes=[MARK]))[0] for c in ({"count": 1}, {}))
    assert said.records == unsaid.records
    actors = [r.actors for r in run(world(**two()))[0].records if isinstance(r, SyncsRecord)]
    assert {a for a in actors[0] if a.startswith("compactor")} == {"compactor/0", "compactor/1"}


@pytest.mark.parametrize("scheme", [AT_ONCE, MARK], ids=["at once", "mark"])
@pytest.mark.parametrize("shards", [1, 2])
def test_nothing_depends_on_ties(scheme: dict[str, Any], shards: int) -> None:
    late = {"lag": lag(create_list={"law": "uniform", "low": "0s", "high": "20m"})}
    scenario = world(**two(shards=shards) | {"schemes": [scheme], "store": late})
    shuffled = [unordered(lines(simulate(scenario, 0, 0, shuffle=s))) for s in (None, 1, 2, 3)]
    assert all(other == shuffled[0] for other in shuffled)


ABANDONED = {"kind": "producer-crash", "target": 0, "at": "2h30m", "lasts": "40h"}


@pytest.mark.parametrize(("who", "gone"), [("compactor/0", True), ("compactor", False)])
def test_a_block_without_meta_json_is_everybodys(who: str, gone: bool) -> None:
    away = {"kind": "crash", "who": who, "at": "3h", "lasts": "40h"}
    settings = two(partial_age="1h") | {"faults": [ABANDONED, away]}
    settings["producers"] = {"count": 2, "upload_takes": "1h"}
    trace, _ = run(world(**settings))
    made = [r for r in trace.records if isinstance(r, BlockRecord)]
    deleted = [r.t_us for r in trace.records if isinstance(r, DeleteRecord)]
    assert made[0].stream == 0
    assert bool(deleted) == gone


@pytest.mark.parametrize("n_compactors", [1, 2])
def test_a_half_deleted_block_goes_by_who_knows_nothing_of_its_mark(n_compactors: int) -> None:
    at_request = {"request": "delete", "nth": 2, "acknowledged": True}
    crash = {"kind": "crash", "who": "compactor/0", "at": "0s", "lasts": "9d"}
    faults = [crash | {"at_request": at_request}]
    settings = two(count=n_compactors, partial_age="90m")
    trace, _ = run(world(**settings | {"horizon": "20h", "faults": faults}))
    deleted = [r for r in trace.records if isinstance(r, DeleteRecord) and r.block == 0]
    objects = [sorted(i for r in deleted for i in r.objects)]
    assert objects == [[0, 1, 2, 3] if n_compactors > 1 else [0, 2]]


def test_one_of_them_may_crash_alone() -> None:
    crash = {"kind": "compactor-crash", "at": "9h", "lasts": "4h"}
    ways = {0: [1], 1: [0], None: []}
    for target, streams in ways.items():
        named = {} if target is None else {"target": target}
        trace, _ = run(world(**two() | {"horizon": "12h", "faults": [crash | named]}))
        assert [stream for _, stream in compacted(trace)] == streams


def test_what_one_remembers_the_other_does_not_forget() -> None:
    memory = {"name": "memory", "kind": "composed", "record": "memory"}
    scheme = memory | {"delete": {"kind": "after", "delay": "1h"}}
    crash = {"kind": "compactor-crash", "target": 1, "at": "10h30m", "lasts": "0s"}
    trace, timelines = run(world(**two() | {"schemes": [scheme], "faults": [crash]}))
    gone_us = {
        stream: timelines.blocks.deleted_us[
            (timelines.blocks.level == 1) & (timelines.blocks.stream == stream)
        ].min()
        for stream in (0, 1)
    }
    # It begins to wait anew, from its start on.
    assert us("11h10m") < gone_us[0] < us("11h20m") < gone_us[1] < us("11h40m")
    assert compacted(trace)


def test_what_a_halted_one_leaves_is_leaked_and_what_is_of_others_is_not() -> None:
    # A level-1 block that shows late overlaps what was merged without it.
    late = {"weight": 1, "law": "uniform", "low": "0s", "high": "9h"}
    law = {"law": "mixture", "parts": [{"weight": 4, "law": "constant", "value": "0s"}, late]}
    settings = two() | {
        "store": {"lag": lag(create_get=law)},
        "horizon": "2d",
        "schemes": [marks("30h", "1h")],
    }
    n_alone = 0
    for seed in range(6):
        scenario = world(seed=seed, **settings)
        trace, timelines = run(scenario)
        halts = [r for r in trace.records if isinstance(r, HaltRecord)]
        assert timelines.halted == {r.actor for r in halts}
        if len(halts) == 1:
            n_alone += 1
            blocks = timelines.blocks
            is_left = (blocks.retired_us < NEVER) & (blocks.deleted_us == NEVER)
            mine = is_left & (blocks.stream == int(halts[0].actor[-1]))
            assert leaked_blocks(scenario, timelines) == mine.sum() < is_left.sum()
    assert n_alone > 0


def test_errors_of_each_are_errors_of_the_compactor() -> None:
    fault = {"kind": "request-errors", "who": "compactor/1", "at": "1h", "lasts": "1h"}
    errors = fault | {"requests": "list", "error_rate": 1.0}
    trace, timelines = run(world(**two() | {"faults": [errors]}))
    assert {r.actor for r in trace.records if isinstance(r, ErrorRecord)} == {"compactor/1"}
    assert timelines.counters["compactor-error"] == 12


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"compactor": {"count": 3, "shards": 2}},
            "compactor.shards=2 must be a divisor of count; see compactor.count=3",
        ),
        (
            {"compactor": {"shards": 2}},
            "compactor.shards=2 must be a divisor of count; see compactor.count (the default)",
        ),
        (
            {
                "compactor": {"count": 2},
                "schemes": [{"name": "index", "kind": "composed", "learn": "bucket-index"}],
            },
            'compactor.count=2 must be 1 with learn, which is "bucket-index"; '
            'see schemes[0].learn="bucket-index"',
        ),
        (
            {"faults": [{"kind": "compactor-crash", "at": "1d", "lasts": "1h", "target": 1}]},
            "faults[0].target=1 must be a compactor: 0 is the only one; "
            "see compactor.count (the default)",
        ),
        (
            {
                "compactor": {"count": 2},
                "faults": [{"kind": "crash", "at": "1d", "lasts": "1h", "who": "compactor/2"}],
            },
            'faults[0].who=\'compactor/2\' must be one of "any", "producers", "gateways", '
            '"compactor", or one as "gateway/0"; did you mean "compactor/1"?; '
            "see compactor.count=2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(overrides: dict[str, Any], message: str) -> None:
    assert messages(**overrides) == [message]


def test_an_only_compactor_may_be_named_by_its_number() -> None:
    crash = {"kind": "crash", "at": "9h", "lasts": "4h", "who": "compactor/0"}
    trace, _ = run(world(horizon="12h", faults=[crash], schemes=[MARK]))
    assert compacted(trace) == []


def test_a_pass_may_end_early_where_a_store_refuses_what_another_has_deleted() -> None:
    reason = "a deletion may meet that of another compactor, and end the process (delete_absent)"
    kept = {"downsampling": True, "retention": {"raw": "10d"}}
    for n_compactors, absent in ((2, "error"), (1, "error"), (2, "ok")):
        scenario = world(**two(count=n_compactors, **kept) | {"store": {"delete_absent": absent}})
        (rule,) = (rule for rule in rules(scenario, 0) if rule.name == "R9")
        assert (reason in rule.troubles) == (n_compactors > 1 and absent == "error")


def test_rules_prove_nothing_of_two_on_one_stream() -> None:
    settings = two() | {"store": {"lag": lag(create_list="5m")}}
    alike = world(**settings | {"producers": {"count": 2, "upload_takes": "10m"}})
    contested = alike.model_copy(
        update={"compactor": alike.compactor.model_copy(update={"shards": 1})}
    )
    reason = "two compactors work on one stream (compactor.shards)"
    troubles = {r.name: [*r.troubles] for r in rules(contested, 0)}
    said = {name for name, found in troubles.items() if reason in found}
    assert said >= {
        "R1",
        "R2",
        "R3",
        "R5",
        "R7",
        "R8",
        "R10",
    }
    assert not any(reason in [*r.troubles] for r in rules(alike, 0))
    assert safe_delay_us(contested, 0) == float("inf") > safe_delay_us(alike, 0)


@pytest.mark.parametrize(
    ("reason", "actor"), [("overlap A B", "compactor"), ("compactor/1: overlap A B", "compactor/1")]
)
def test_a_halt_says_whose_it_is_and_on_what(reason: str, actor: str) -> None:
    halt = HaltRecord(0, reason)
    assert (halt.actor, halt.cause) == (actor, "overlap A B")


def test_no_partial_cleanup_begins_while_one_is_under_way() -> None:
    block = Rig().block(0, 2)
    shared = SimpleNamespace(is_cleaning=False, partial={block.index: block})
    janitor: Any = SimpleNamespace(
        syncer=shared,
        spec=SimpleNamespace(partial_cleanup="delete"),
        view=SimpleNamespace(marks={}),
        scheme=SimpleNamespace(record=SimpleNamespace(remembers=lambda _: False)),
        _is_abandoned=lambda _: True,
        remove=lambda _: iter(("first file", "second file")),
    )
    under_way = iter(Janitor.clean_partial(janitor))
    next(under_way)
    assert list(Janitor.clean_partial(janitor)) == []
    assert list(under_way) == ["second file"]
    assert list(Janitor.clean_partial(janitor)) == ["first file", "second file"]
