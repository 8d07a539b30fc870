"""A rule is no longer than it must be: within a minute below it, what it excludes happens."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.rules.safety import Rule, Status, rules
from sim.core.units import format_duration
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.trace.columns import build
from sim.trace.recorder import Trace
from sim.trace.records import CompactRecord
from tests.failures import abandoned, not_downsampled, overlaps
from tests.worlds import us

Raw = dict[str, Any]
AT_ONCE = {"name": "s", "kind": "immediate"}
MARKED = {
    "name": "s",
    "kind": "deletion-mark",
    "delete_delay": "10h",
    "ignore_deletion_marks_delay": "5h",
}


def world(
    horizon: str, producers: Raw, compactor: Raw, scheme: Raw = AT_ONCE, **tables: Any
) -> Raw:
    return {
        "schema": 1,
        "name": "edge",
        "horizon": horizon,
        "trials": 1,
        "producers": {"local_retention": "1h", **producers},
        "compactor": {"compaction_takes": "0s", "downsampling_takes": "0s", **compactor},
        "queries": [{"name": "q", "rate": "1/d"}],
        "schemes": [scheme],
        **tables,
    }


def the_rule(raw: Raw, name: str, key: str) -> Rule:
    (found,) = [r for r in rules(Scenario.model_validate(raw), 0) if (r.name, r.key) == (name, key)]
    return found


def run(raw: Raw) -> Trace:
    return simulate(Scenario.model_validate(raw), 0, 0)


# Blocks are seen a second after a pass, so the pass before may let them expire.
DOWNSAMPLED: dict[str, tuple[Raw, str, int]] = {
    "raw": (
        world(
            "4d",
            {"block_length": "8h"},
            {
                "ranges": ["8h", "48h"],
                "wait_interval": "30m",
                "consistency_delay": "30m1s",
                "downsampling": True,
                "retention": {"raw": "50h"},
            },
        ),
        "compactor.retention.raw",
        0,
    ),
    "5m, merged from raw blocks": (
        world(
            "14d",
            {"block_length": "20h"},
            {
                "ranges": ["20h", "40h", "280h"],
                "wait_interval": "2h",
                "consistency_delay": "2h1s",
                "downsampling": True,
                "retention": {"5m": "300h"},
            },
        ),
        "compactor.retention.5m",
        1,
    ),
    "5m, raw blocks gone": (
        world(
            "15d",
            {"block_length": "40h"},
            {
                "ranges": ["40h", "280h"],
                "wait_interval": "2h",
                "consistency_delay": "2h1s",
                "downsampling": True,
                "retention": {"raw": "60h", "5m": "300h"},
            },
        ),
        "compactor.retention.5m",
        1,
    ),
}


@pytest.mark.parametrize("name", DOWNSAMPLED)
def test_data_expires_before_it_is_downsampled_a_second_below_r9(name: str) -> None:
    raw, key, resolution = DOWNSAMPLED[name]
    retention = raw["compactor"]["retention"]
    needed_us = int(the_rule(raw, "R9", key).required_us)

    def kept_for(kept_us: int) -> list[str]:
        kept = {**retention, key.rpartition(".")[2]: format_duration(kept_us)}
        changed = {**raw, "compactor": {**raw["compactor"], "retention": kept}}
        expected = Status.HOLDS if kept_us >= needed_us else Status.BROKEN
        assert the_rule(changed, "R9", key).status is expected
        return not_downsampled(run(changed), resolution)

    assert kept_for(needed_us) == []
    assert kept_for(needed_us - us("2s")) != []


def test_r9_counts_what_a_pass_does_after_its_last_merge() -> None:
    raw, key, _ = DOWNSAMPLED["raw"]
    compactor = {**raw["compactor"], "downsampling_takes": "11m", "sync_takes": "1m"}
    busy = {**raw, "compactor": compactor, "producers": {"block_length": "8h", "count": 3}}
    terms = {t.symbol: t.span_us for t in the_rule(busy, "R9", key).terms}
    # Two other streams at each of the two steps, and the own one at the second; four syncs.
    assert terms["W"] == us("26m")


def test_r9_has_no_end_where_no_block_grows_long_enough() -> None:
    raw, key, _ = DOWNSAMPLED["raw"]
    short = {**raw, "compactor": {**raw["compactor"], "ranges": ["8h", "32h"]}}
    found = the_rule(short, "R9", key)
    assert found.status is Status.OPEN
    assert any("long enough to be downsampled" in text for text in found.troubles)


def seldom(lag: str) -> Raw:
    parts = [("0s", 4), (lag, 1)]
    return {
        "law": "mixture",
        "parts": [{"weight": w, "law": "constant", "value": value} for value, w in parts],
    }


def merging(upload: Raw, store: Raw) -> Raw:
    compactor = {"ranges": ["10m", "30m"], "wait_interval": "1m"}
    return world("12h", {"block_length": "10m", **upload}, compactor, MARKED, store=store)


@pytest.mark.parametrize(
    ("raw", "below"),
    [
        (merging({}, {"lag": {"create": {"get": seldom("30m30s")}}}), "31s"),
        (merging({"upload_takes": "1m"}, {"lag": {"create": {"get": seldom("30m30s")}}}), "31s"),
    ],
    ids=["at once", "in a minute"],
)
def test_the_compactor_halts_half_a_minute_below_r10(raw: Raw, below: str) -> None:
    key = "compactor.consistency_delay"
    needed_us = int(the_rule(raw, "R10", key).required_us)

    def waiting(delay_us: int) -> list[str]:
        held = {**raw["compactor"], "consistency_delay": format_duration(delay_us)}
        changed = {**raw, "compactor": held}
        expected = Status.HOLDS if delay_us >= needed_us else Status.BROKEN
        assert the_rule(changed, "R10", key).status is expected
        return overlaps(run(changed))

    assert waiting(needed_us) == []
    assert waiting(needed_us - us(below)) != []


def test_a_store_that_shows_changes_in_order_needs_no_r10() -> None:
    stores: list[Raw] = [{}, {"lag": {"create": {"get": "1h"}}}]
    for store in stores:
        assert not the_rule(merging({}, store), "R10", "compactor.consistency_delay").is_met
    lag = {"lag": {"create": {"get": seldom("1h")}}}
    stores = [{**lag, "order": "log"}, {**lag, "replicas": 2, "primary": True}]
    for store in stores:
        assert not the_rule(merging({}, store), "R10", "compactor.consistency_delay").is_met


def silent(takes: str, length: str = "150h") -> Raw:
    """An upload of three objects; of 144h3m the first is there half a minute before a pass."""
    producers = {"block_length": length, "upload_after": "28m30s", "upload_takes": takes}
    return world("260h", producers, {"ranges": [length], "wait_interval": "30m"})


def test_an_upload_is_deleted_half_a_minute_below_r7() -> None:
    key = "compactor.partial_age"
    for takes, status, failures in (
        ("144h", Status.HOLDS, 0),
        ("144h3m", Status.BROKEN, 1),
    ):
        raw = silent(takes)
        assert the_rule(raw, "R7", key).status is status
        assert len(abandoned(run(raw))) == failures


def test_an_upload_counts_as_a_whole_where_the_store_has_no_times() -> None:
    def by_creation(raw: Raw) -> Raw:
        return {**raw, "compactor": {**raw["compactor"], "partial_age_from": "created"}}

    # The block is made half a minute before a pass, and 48h old half a minute before another.
    key, length = "compactor.partial_age", "149h59m30s"
    long = by_creation(silent("47h32m15s", length))
    assert the_rule(long, "R7", key).slack_us == -us("45s")
    assert abandoned(run(long)) != []
    short = by_creation(silent("47h31m30s", length))
    assert the_rule(short, "R7", key).slack_us == 0
    assert abandoned(run(short)) == []


def test_nothing_is_merged_just_below_r12() -> None:
    for takes, status, n_merged in (("5m", Status.HOLDS, 1), ("5m1s", Status.BROKEN, 0)):
        compactor = {"ranges": ["2h", "4h"], "sync_takes": takes, "sync_timeout": "5m"}
        raw = world("8h", {"block_length": "2h"}, compactor)
        assert the_rule(raw, "R12", "compactor.sync_timeout").status is status
        merged = [r for r in run(raw).records if isinstance(r, CompactRecord)]
        assert len(merged) == n_merged


def test_r5_counts_the_time_from_the_listing_to_the_marks() -> None:
    compactor = {
        "ranges": ["2h", "4h", "8h"],
        "sync_takes": "1h",
        "sync_stages": {"check": 0.0, "marks": 0.5},
    }
    raw = world("8h", {"block_length": "2h"}, compactor, MARKED)
    rule = the_rule(raw, "R5", "delete_delay")
    assert [(term.symbol, term.span_us) for term in rule.terms] == [
        ("2V", 0),
        ("2stamp", us("2s")),
        ("2m", us("1h")),
    ]
    assert rule.is_met


@pytest.mark.parametrize("who", ["compactor", "gateways"])
def test_readers_use_what_is_gone_below_r11(who: str) -> None:
    """The compactor jumps ahead before it deletes; gateways are behind as long as it takes."""
    offset = "ahead" if who == "compactor" else "behind"
    fault = {"kind": "clock", "who": who, "at": "10h", "lasts": "20h", offset: "30m"}
    raw = world(
        "30h",
        {},
        {
            "ranges": ["2h"],
            "wait_interval": "1m",
            "downsampling": False,
            "retention": {"raw": "4h"},
        },
        MARKED | {"ignore_deletion_marks_delay": "1h"},
        gateways={"sync_interval": "10m", "sync_takes": "1m", "phase": "0s"},
        faults=[fault],
    )
    raw["queries"][0] |= {"range": "1d", "takes": "30s"}
    needed_us = int(the_rule(raw, "R11", "delete_delay").required_us)
    assert needed_us == us("1h41m30s")

    def failing(delay_us: int) -> float:
        changed = {
            **raw,
            "schemes": [{**raw["schemes"][0], "delete_delay": format_duration(delay_us)}],
        }
        scenario = Scenario.model_validate(changed)
        expected = Status.HOLDS if delay_us >= needed_us else Status.BROKEN
        assert the_rule(changed, "R11", "delete_delay").status is expected
        (found,) = evaluate_exact(scenario, build(run(changed)))
        return found.fractions["query-error"]

    assert failing(needed_us) == 0.0
    assert failing(needed_us - us("15m")) > 0.0
