"""Objects of the bucket (S9), an index that readers read (D9), and a check against it (D11)."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.analysis.evidence.witness import MissingData
from sim.analysis.queries.evaluate import class_hazards, evaluate_exact
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.one_query import Asked, judged
from sim.model.store.bucket_objects import BucketObject
from sim.model.store.client import Client, RequestFailed
from sim.model.world import simulate
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.testing.invariants import check_trace
from sim.trace.records import AbortRecord, BucketPutRecord, DropRecord, LoadRecord
from sim.trace.timelines import ExpectTable, Timelines
from tests.worlds import Rig, lag, marks, run, us, world

ROOT = Path(__file__).parents[2]


def indexed(delete_delay: str = "3h", hide_delay: str = "1h", **overrides: Any) -> Scenario:
    """The base world with marks, a cleaner every 15m, and an index that it writes."""
    own = {
        "name": "index",
        "kind": "composed",
        "record": "mark",
        "hide": {"kind": "mark-age", "after": hide_delay},
        "delete": {"kind": "after", "delay": delete_delay},
        "learn": "bucket-index",
    }
    gateways = {"sync_interval": "5m", "phase": "1m"}
    base = {"compactor": {"cleanup": "every 15m"}, "gateways": gateways}
    return world(schemes=[own, marks(delete_delay, hide_delay)], **{**base, **overrides})


def first_loads(timelines: Timelines) -> dict[int, int]:
    """When each block was first loaded."""
    loads = timelines.loads
    rows = zip(loads.block.tolist(), loads.load_us.tolist(), strict=True)
    return dict(sorted(rows, reverse=True))


def test_an_object_of_the_bucket_shows_late_like_any_other() -> None:
    rig = Rig(replicas=2, read_from="nearest", lag=lag(create_get="2h", overwrite_get="30m"))
    own: BucketObject[str] = rig.store.own("own.json")
    clients = [rig.client(f"gateway/{g}", g) for g in (0, 1)]
    writer = rig.client("compactor", None)
    rig.go("1h")
    writer.put_own(own, "first", us("1h"))
    rig.go("2h")
    writer.put_own(own, "second", us("2h"))
    # The second shows at 2h30m, before the first, which it replaces for good.
    shown = [[client.get_own(own, us(t)) for t in ("2h29m", "2h30m", "4h")] for client in clients]
    assert shown == [[None, "second", "second"]] * 2
    assert [r.get for r in rig.trace().records if isinstance(r, BucketPutRecord)] == [
        (us("3h"), us("3h")),
        (us("2h30m"), us("2h30m")),
    ]


def test_a_front_end_remembers_that_an_object_of_the_bucket_was_not_there() -> None:
    rig = Rig(negative_cache="20m")
    own: BucketObject[int] = rig.store.own("own.json")
    client = rig.client()
    assert client.get_own(own, 0) is None
    rig.client("compactor", None).put_own(own, 1, 0)
    assert client.get_own(own, us("19m")) is None
    assert client.get_own(own, us("20m")) == 1


@pytest.mark.parametrize(("rates", "is_there"), [((1.0, 0.0), False), ((0.0, 1.0), True)])
def test_a_failed_put_of_an_object_may_have_been_applied(
    rates: tuple[float, float], is_there: bool
) -> None:
    rig = Rig(error_rate=rates[0], lost_answer_rate=rates[1])
    own: BucketObject[int] = rig.store.own("own.json")
    with pytest.raises(RequestFailed):
        rig.client("compactor", None).put_own(own, 1, 0)
    assert (own.shown(0, 0) is not None) is is_there
    with pytest.raises(RequestFailed):
        rig.client().get_own(own, 0)


def test_blocks_come_late_and_syncs_ask_for_one_object() -> None:
    scenario = indexed()
    trace, timelines = run(scenario)
    check_trace(trace)
    _, plain = run(scenario, scheme=1)
    before, after = first_loads(plain), first_loads(timelines)
    assert set(before) == set(after)
    # An index is up to 15 minutes old, and read every 5: as much later do blocks come.
    late = [after[block] - before[block] for block in after]
    assert 0 < max(late) <= us("20m")
    # Gateways that never sync send as many HEADs and LISTs.
    _, idle = run(indexed(gateways={"sync_interval": "5m", "phase": "999h"}))
    for kind in ("requests.head", "requests.list"):
        asked = [columns.counters[kind] for columns in (timelines, idle, plain)]
        assert asked[0] == asked[1] < asked[2]


def test_an_index_is_written_after_each_cleanup() -> None:
    trace, _ = run(indexed())
    written = [r.t_us for r in trace.records if isinstance(r, BucketPutRecord)]
    assert written == list(range(0, us("14h"), us("15m")))


def test_who_deletes_at_once_writes_an_index_in_each_pass() -> None:
    own = {"name": "at once", "kind": "composed", "record": "nothing", "delete": "at-once"}
    scheme = {**own, "learn": "bucket-index"}
    # Not tick by tick: who sleeps through passes must not sleep through these.
    trace = simulate(world(schemes=[scheme], compactor={"wait_interval": "30m"}), 0, 0)
    written = {r.t_us for r in trace.records if isinstance(r, BucketPutRecord)}
    assert written >= set(range(0, us("14h"), us("30m")))


def test_marks_age_while_the_index_does_not() -> None:
    # The cleaner writes of the mark once; readers hide the block when the mark is old enough.
    scenario = indexed(
        hide_delay="40m",
        compactor={"cleanup": "every 30m", "ranges": ["2h"], "retention": {"raw": "4h"}},
        gateways={"sync_interval": "1m", "phase": "0s"},
    )
    trace, timelines = run(scenario)
    retired = timelines.blocks.retired_us
    waited = [
        record.t_us - int(retired[block])
        for record in trace.records
        if isinstance(record, DropRecord)
        for block in record.blocks
    ]
    assert waited
    assert all(us("40m") < wait <= us("42m") for wait in waited)


def test_without_an_index_there_are_no_blocks() -> None:
    # Nobody cleans up before the compactor is back.
    crash = {"kind": "compactor-crash", "at": "0s", "lasts": "9h"}
    trace, _ = run(indexed(faults=[crash]))
    loads = [r.t_us for r in trace.records if isinstance(r, LoadRecord)]
    assert us("9h") <= min(loads) <= us("9h5m")
    assert not any(isinstance(r, AbortRecord) for r in trace.records)


def test_an_index_that_cannot_be_read_aborts_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    get_own = Client.get_own

    def failing(self: Client, own: BucketObject[Any], t_us: int) -> Any:
        if us("9h") <= t_us < us("10h"):
            raise RequestFailed("get", own.key)
        return get_own(self, own, t_us)

    monkeypatch.setattr(Client, "get_own", failing)
    trace, _ = run(indexed())
    aborted = [(r.t_us, r.kind) for r in trace.records if isinstance(r, AbortRecord)]
    assert aborted == [(us("9h1m") + i * us("5m"), "index") for i in range(12)]
    assert not any(
        us("9h") <= record.t_us < us("10h")
        for record in trace.records
        if isinstance(record, LoadRecord | DropRecord)
    )


CHECK = {"kind": "bucket-index", "required_after": "30m", "optional_after": "1h", "interval": "5m"}


def checked_table(hide: dict[str, Any] | None = None) -> dict[str, Any]:
    """A scheme with an index, and a querier that checks its answers against it."""
    return {
        "name": "checked",
        "kind": "composed",
        "record": "mark",
        "hide": {"kind": "mark-age", "after": "2h", "keeps_superseded": True} | (hide or {}),
        "delete": {"kind": "after", "delay": "4h", "when": "every 15m"},
        "learn": "bucket-index",
        "check": CHECK,
    }


def checked(hide: dict[str, Any] | None = None, **overrides: Any) -> Scenario:
    """The base world with an index, and a querier that checks its answers."""
    gateways = {"sync_interval": "5m", "phase": "1m"} | overrides.pop("gateways", {})
    return world(schemes=[checked_table(hide)], gateways=gateways, **overrides)


def hazards(scenario: Scenario) -> list[tuple[int, int, str]]:
    """When queries of the first class are not ok."""
    _, timelines = run(scenario)
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    return list(zip(found.start_us.tolist(), found.end_us.tolist(), found.outcome, strict=True))


@pytest.fixture
def _blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 5h on no gateway can read the index, and none has loaded the block of [4h, 6h)."""
    get_own = Client.get_own

    def failing(self: Client, own: BucketObject[Any], t_us: int) -> Any:
        if self.name.startswith("gateway/") and us("5h") <= t_us < us("8h"):
            raise RequestFailed("get", own.key)
        return get_own(self, own, t_us)

    monkeypatch.setattr(Client, "get_own", failing)


@pytest.mark.usefixtures("_blind")
def test_a_gap_becomes_an_error_when_the_block_must_be_there() -> None:
    # Uploaded at 6h, in the index then, known to the querier by 6h5m, required from 6h30m on.
    found = [row for row in hazards(checked()) if us("5h") <= row[0] < us("8h")]
    assert found == [
        (us("6h"), us("6h30m"), "silent-gap"),
        (us("6h30m"), us("8h1m"), "query-error"),
    ]


@pytest.mark.usefixtures("_blind")
def test_what_the_querier_does_not_know_it_does_not_miss() -> None:
    scenario = checked(horizon="9h")
    _, timelines = run(scenario)
    nothing = ExpectTable(**{k: v[:0] for k, v in asdict(timelines.expected).items()})
    unaware = replace(timelines, expected=nothing)
    found = class_hazards(Exposure(scenario, unaware, scenario.queries[0]))
    assert "silent-gap" in found.outcome
    assert "query-error" not in found.outcome


def test_sources_are_missed_where_gateways_deduplicate() -> None:
    # Gateways drop the sources for their replacement while their marks are young.
    def errors(**hide: bool) -> list[tuple[int, int]]:
        found = hazards(checked(hide, horizon="13h"))
        return [(start, end) for start, end, outcome in found if outcome == "query-error"]

    assert errors() == []
    # From the drop until the marks, of a minute after 10h, are an hour old.
    ((start_us, end_us),) = errors(keeps_superseded=False)
    assert us("10h") < start_us < us("10h20m")
    assert us("11h") < end_us <= us("11h5m")


def test_witness_and_single_query_name_what_no_gateway_has(
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue("_blind")
    scenario = checked(horizon="9h")
    _, timelines = run(scenario)
    exposure = Exposure(scenario, timelines, scenario.queries[0])
    asked = Asked(query="day", number=None, at_us=us("7h"), takes_us=0, streams=(0,))
    answer = judged(exposure, asked)
    assert answer.outcome == "query-error"
    assert answer.reads == ()
    assert [timelines.blocks.min_us[block] for block in answer.lacking] == [us("4h")]
    (outcome,) = evaluate_exact(scenario, timelines)
    assert isinstance(outcome.witnesses["query-error"], MissingData)


def test_windows_that_overlap_leave_a_hole_of_fifteen_minutes() -> None:
    # Grafana Mimir PR 9224: old enough to be optional from 30m, new enough not to be needed to 45m.
    scenario = load(ROOT / "scenarios/thanos/f-b7-windows-overlap.toml")
    _, timelines = run(scenario)
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    is_gap = np.array(found.outcome) == "silent-gap"
    start_us, end_us = found.start_us[is_gap], found.end_us[is_gap]
    made_us = timelines.blocks.committed_us[timelines.blocks.level > 1]
    uploaded_us = made_us[np.searchsorted(made_us, start_us) - 1]
    # An age must be exceeded, so that the hole begins a microsecond late.
    assert (start_us - uploaded_us).tolist() == [us("30m") + 1] * 2
    assert (end_us - uploaded_us).tolist() == [us("45m")] * 2
