"""A manifest that commits write (D13, D14), and deletion after so many of them (D15)."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pytest

from sim.analysis.queries.evaluate import class_hazards
from sim.analysis.queries.exposure import Exposure
from sim.analysis.rules.safety import proof, rules
from sim.core.objects import MANIFEST
from sim.core.units import NEVER, US_PER_S
from sim.errors import ScenarioError
from sim.model.world import simulate
from sim.scenario.load import build as parse
from sim.scenario.schema import Scenario
from sim.testing.invariants import check_trace
from sim.trace.records import AbortRecord, BucketPutRecord, CompactRecord, PutRecord, RetireRecord
from sim.trace.timelines import Timelines
from tests.reference.test_agreement import differences
from tests.worlds import lag, run, us, world

ERROR = "query-error"
CLEANED = {"ranges": ["2h", "4h"], "cleanup": "every 15m"}


def table(delete: Any = "at-once", **parts: Any) -> dict[str, Any]:
    """A scheme with a manifest."""
    base = {"name": "own", "kind": "composed", "record": "manifest", "learn": "manifest"}
    return {**base, "delete": delete, **parts}


def pointed(delete: Any = "at-once", **overrides: Any) -> Scenario:
    """The base world with a manifest, gateways that read it every 5m, and a cleaner."""
    base = {"compactor": CLEANED, "gateways": {"sync_interval": "5m", "phase": "3m"}}
    return world(schemes=[table(delete)], **{**base, **overrides})


def errors_us(scenario: Scenario) -> int:
    """How long queries of the first class are errors."""
    _, timelines = run(scenario)
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    is_error = np.array([outcome == "query-error" for outcome in found.outcome], bool)
    return int((found.end_us - found.start_us)[is_error].sum())


def kept_us(timelines: Timelines) -> list[int]:
    """From retirement to deletion, of what is gone."""
    blocks = timelines.blocks
    gone = blocks.deleted_us < timelines.horizon_us
    return sorted((blocks.deleted_us - blocks.retired_us)[gone].tolist())


def test_each_upload_and_each_compaction_is_one_commit() -> None:
    trace, timelines = run(pointed())
    check_trace(trace)
    written = [r.t_us for r in trace.records if isinstance(r, BucketPutRecord)]
    assert {r.key for r in trace.records if isinstance(r, BucketPutRecord)} == {MANIFEST}
    merged = [r.t_us for r in trace.records if isinstance(r, CompactRecord)]
    committed = timelines.blocks.committed_us
    assert written == sorted(committed[committed < NEVER].tolist())
    # The sources are retired in the step that commits what replaces them.
    assert {r.t_us for r in trace.records if isinstance(r, RetireRecord)} == set(merged)
    assert not any(isinstance(r, PutRecord) and 3 in r.objects for r in trace.records)


def test_readers_ask_for_one_object_and_never_see_half_of_a_commit() -> None:
    never = {"kind": "after", "delay": "6h"}
    scenario = pointed(never)
    _, timelines = run(scenario)
    _, idle = run(pointed(never, gateways={"sync_interval": "5m", "phase": "999h"}))
    for kind in ("requests.head", "requests.list"):
        assert timelines.counters[kind] == idle.counters[kind]
    n_syncs = (us("14h") - us("3m")) // us("5m") + 1
    n_loads = timelines.loads.block.size
    # And one more for the sync that follows the first at once.
    asked = timelines.counters["requests.get"] - idle.counters["requests.get"]
    assert asked == n_syncs + 1 + n_loads
    loads, level = timelines.loads, timelines.blocks.level
    loaded_us = set(loads.load_us[level[loads.block] > 1].tolist())
    gone = loads.drop_us < NEVER
    assert set(loads.drop_us[gone].tolist()) <= loaded_us
    assert errors_us(scenario) == 0


def test_a_reader_is_as_late_as_its_last_read_of_the_pointer() -> None:
    # Deleted in the step that leaves them out; read again every five minutes.
    at_once = errors_us(pointed())
    assert 0 < at_once <= us("5m") * 3
    after = {"kind": "after", "delay": "5m"}
    assert errors_us(pointed(after)) == 0
    with_long = {"queries": [{"name": "day", "rate": "2/m", "range": "1d", "takes": "30m"}]}
    assert errors_us(pointed(after, **with_long)) > 0
    assert errors_us(pointed({"kind": "after", "delay": "35m"}, **with_long)) == 0


def test_a_late_pointer_makes_readers_late_and_commits_be_sent_again() -> None:
    lags = {"profile": "strong", "lag": lag(overwrite_get="20m")}
    after = {"kind": "after", "delay": "10m"}
    assert errors_us(pointed(after)) == 0
    late = pointed(after, store=lags)
    assert errors_us(late) > 0
    puts = [run(one)[1].counters["requests.put"] for one in (pointed(after), late)]
    # A commit of 14 comes within 20 minutes of another: the compaction of what was uploaded.
    assert puts[1] > puts[0]


def test_what_crashed_before_its_commit_is_there_for_nobody() -> None:
    at_request = {"request": "put", "object": "meta.json", "nth": 1, "acknowledged": True}
    crash = {"kind": "crash", "who": "compactor", "at": "0s", "lasts": "5m"}
    compactor = {**CLEANED, "partial_age": "1h", "cleanup_interval": "0s"}
    scenario = pointed(faults=[crash | {"at_request": at_request}], compactor=compactor)
    trace, timelines = run(scenario)
    check_trace(trace)
    first = int(np.flatnonzero(timelines.blocks.level > 1)[0])
    assert timelines.blocks.committed_us[first] < NEVER
    assert first not in timelines.loads.block
    # It is made again, and what was left is cleaned up as any upload that was not finished.
    again = np.flatnonzero((timelines.blocks.level > 1) & (timelines.blocks.min_us == 0))
    assert again.size == 2
    waited_us = timelines.blocks.deleted_us[first] - timelines.blocks.committed_us[first]
    assert us("1h") < waited_us <= us("80m")
    assert list(differences(scenario, 0, 0)) == []


def test_a_producer_whose_commit_failed_commits_when_it_finds_its_upload() -> None:
    # Every request of the second hour fails but those for blocks.
    fails = {"kind": "store-errors", "at": "2h", "lasts": "1m", "error_rate": 0.5}
    for seed in range(3):
        scenario = pointed(faults=[fails], seed=seed, producers={"count": 4})
        _, timelines = run(scenario)
        blocks = timelines.blocks
        first = np.flatnonzero((blocks.level == 1) & (blocks.min_us == 0))
        assert set(first.tolist()) <= set(timelines.loads.block.tolist())


def test_a_pointer_that_cannot_be_read_aborts_the_sync() -> None:
    fails = {"kind": "request-errors", "who": "gateways", "at": "9h", "lasts": "1h"}
    scenario = pointed(faults=[{**fails, "requests": ["get"], "error_rate": 1.0}])
    trace, _ = run(scenario)
    aborted = [r for r in trace.records if isinstance(r, AbortRecord)]
    assert [r.t_us for r in aborted] == list(range(us("9h3m"), us("10h"), us("5m")))
    assert {r.kind for r in aborted} == {"manifest"}


@pytest.mark.parametrize(("keep", "least"), [(1, "0s"), (3, "3h"), (6, "7h30m")])
def test_what_the_newest_versions_list_is_kept(keep: int, least: str) -> None:
    # Commits: an upload every two hours, and a compaction with every second one.
    scenario = pointed({"kind": "commits", "keep": keep}, horizon="40h")
    waits = kept_us(run(scenario)[1])
    assert waits
    assert us(least) <= waits[0] <= waits[-1] <= us(least) + us("2h15m")


def test_the_clock_of_the_last_version_may_have_run_out_when_the_next_one_comes() -> None:
    # Nobody commits for hours but the compactor, which is late: the version before is old then.
    slow = {**CLEANED, "compaction_takes": "100m"}
    waits = {}
    for origin in ("record", "version"):
        delete = {"kind": "commits", "keep": 1, "older_than": "1h", "counted_from": origin}
        scenario = pointed(delete, horizon="30h", compactor=slow)
        waits[origin] = kept_us(run(scenario)[1])
    assert us("1h") < waits["record"][0] <= waits["record"][-1] <= us("1h15m")
    assert 0 < waits["version"][-1] <= us("15m")


def test_a_delay_that_covers_a_read_of_the_pointer_and_a_query_is_proven() -> None:
    slow: dict[str, Any] = {
        "gateways": {"sync_interval": "30m", "phase": "27m30s", "sync_takes": "3m"},
        "queries": [{"name": "day", "rate": "2/m", "range": "1d", "takes": "20m"}],
        "compactor": {"ranges": ["2h", "4h"], "wait_interval": "1m", "cleanup": "every 1m"},
        "warmup": "3h",
        "horizon": "9h",
    }

    def told(delay: str, **changes: Any) -> str:
        return proof(pointed({"kind": "after", "delay": delay}, **{**slow, **changes}), 0, ERROR)

    (need,) = [r for r in rules(pointed(**slow), 0) if r.name == "R2"]
    enough = f"{ceil(need.required_us / US_PER_S)}s"
    assert told(enough)
    assert not told("52m")
    assert errors_us(pointed({"kind": "after", "delay": enough}, **slow)) == 0
    assert errors_us(pointed({"kind": "after", "delay": "50m"}, **slow)) > 0
    # A pointer that shows late, and what expires, are not known to rules.
    assert not told("12h", store={"profile": "strong", "lag": lag(overwrite_get="1m")})
    assert not told("12h", compactor={**slow["compactor"], "retention": {"raw": "8h"}})
    often = pointed({"kind": "commits", "keep": 9, "older_than": "12h"}, **slow)
    assert not proof(often, 0, ERROR)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"record": "memory"}, 'must go with record, which is "memory"'),
        ({"learn": "listing"}, 'must go with learn, which is "listing"'),
        ({"record": "memory", "learn": "listing"}, 'must go with record, which is "memory"'),
    ],
)
def test_a_manifest_is_record_and_view_at_once(parts: dict[str, str], told: str) -> None:
    raw = world().raw() | {"schemes": [table({"kind": "commits", "keep": 2}, **parts)]}
    with pytest.raises(ScenarioError, match=told):
        parse(raw)


def test_producers_that_commit_at_one_instant_do_so_in_their_order() -> None:
    law = {"law": "uniform", "low": "0s", "high": "40m"}
    scenario = pointed(
        horizon="9h",
        producers={"count": 4},
        store={"order": "independent", "lag": lag(overwrite_get=law)},
    )
    digests = {simulate(scenario, 0, 0, shuffle=seed).digest for seed in (None, 1, 2, 3)}
    assert len(digests) == 1
