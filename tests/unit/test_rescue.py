"""What would have saved a query: each knob in a world that tells the answer in advance."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.evidence.tale import Explained, Saved
from sim.scenario.schema import Scenario
from sim.study.explain import explain
from tests.worlds import lag, marks, us, world

# Compacted at 10h1m; the gateway syncs at half past.
AT = {"sync_interval": "1h", "phase": "30m"}
LATE = {"sync_interval": "2h", "phase": "30m"}


def _saved(scenario: Scenario, outcome: str) -> dict[str, Saved]:
    found = explain(scenario, outcome=outcome)
    assert isinstance(found, Explained)
    return {knob.key: knob for knob in found.saved}


def _asked_us(scenario: Scenario, outcome: str) -> int:
    found = explain(scenario, outcome=outcome)
    assert isinstance(found, Explained)
    return found.tale.asked.at_us


def test_delete_delay_is_the_age_of_the_mark_at_the_last_pass_before() -> None:
    scenario = world(
        schemes=[marks("20m", "5m")], gateways=LATE, producers={"local_retention": "2h"}
    )
    knob = _saved(scenario, "query-error")["schemes.0.delete_delay"]
    assert knob.now_us == us("20m")
    assert knob.grows
    assert knob.is_least
    assert knob.needed_us is not None
    # Retired a minute past a pass; passes are every five minutes.
    assert knob.needed_us % us("5m") == us("4m")
    assert knob.needed_us >= us("24m")


def test_a_scheme_slot_by_slot_keeps_its_slots() -> None:
    hide = {"kind": "mark-age", "after": "5m"}
    slots = {"record": "mark", "hide": hide, "delete": {"kind": "after", "delay": "20m"}}
    scenario = world(
        schemes=[{"name": "own", "kind": "composed", **slots}],
        gateways=LATE,
        producers={"local_retention": "2h"},
    )
    by_name = _saved(
        world(schemes=[marks("20m", "5m")], gateways=LATE, producers={"local_retention": "2h"}),
        "query-error",
    )
    knob = _saved(scenario, "query-error")["schemes.0.delete.delay"]
    assert knob.now_us == us("20m")
    assert knob.needed_us == by_name["schemes.0.delete_delay"].needed_us
    # Without a delay there is none to make longer.
    at_once = world(
        schemes=[{"name": "own", "kind": "composed", "miss": "warn", "delete": "at-once"}],
        producers={"local_retention": "2h"},
        gateways=AT,
    )
    assert not [key for key in _saved(at_once, "partial-response") if key.startswith("schemes")]


def test_immediate_deletion_would_have_had_to_be_one_by_marks() -> None:
    scenario = world(producers={"local_retention": "2h"}, gateways=AT)
    knob = _saved(scenario, "query-error")["schemes.0.delete_delay"]
    assert knob.now_us is None
    assert knob.needed_us is not None
    assert 0 <= knob.needed_us < us("1h")
    assert knob.is_least


def test_query_takes_ends_before_the_deletion() -> None:
    scenario = world(
        schemes=[marks("20m", "5m")],
        gateways=LATE,
        producers={"local_retention": "2h"},
        queries=[{"name": "long", "rate": "10/m", "range": "1d", "takes": "4m"}],
    )
    found = explain(scenario, outcome="query-error")
    assert isinstance(found, Explained)
    (knob,) = [knob for knob in found.saved if knob.key == "queries.0.takes"]
    gone_us = min(met.absent_us for met in found.tale.met)
    assert knob.needed_us == gone_us - found.tale.asked.at_us - 1
    assert knob.is_least
    assert not knob.grows


def test_hide_delay_lets_the_last_sync_drop_it() -> None:
    scenario = world(
        schemes=[marks("40m", "35m")],
        gateways={"sync_interval": "30m", "phase": "5m"},
        compactor={"retention": {"raw": "4h"}, "ranges": ["2h"]},
        producers={"local_retention": "2h"},
    )
    knob = _saved(scenario, "query-error")["schemes.0.ignore_deletion_marks_delay"]
    assert knob.needed_us is not None
    assert knob.needed_us < us("35m")
    assert knob.is_least
    assert not knob.grows


def test_sync_interval_puts_a_sync_in_time() -> None:
    scenario = world(
        schemes=[marks("40m", "5m")],
        gateways={"sync_interval": "3h", "phase": "uniform"},
        producers={"local_retention": "2h"},
    )
    knob = _saved(scenario, "query-error")["gateways.sync_interval"]
    assert knob.now_us == us("3h")
    assert knob.needed_us is not None
    assert us("1h") < knob.needed_us < us("3h")
    assert knob.is_least


def test_local_retention_covers_what_is_missing() -> None:
    scenario = world(
        store={"lag": lag(create_list="70m")}, producers={"local_retention": "4h"}, gateways=AT
    )
    found = explain(scenario, outcome="silent-gap")
    assert isinstance(found, Explained)
    (knob,) = [knob for knob in found.saved if knob.key == "producers.local_retention"]
    oldest_us = min(int(block.split(".")[2].split("-")[1]) for block in found.tale.lacking)
    assert knob.needed_us == found.tale.asked.at_us - oldest_us + 1
    assert knob.is_least


def test_lag_must_let_the_replacement_be_listed() -> None:
    scenario = world(
        store={"lag": lag(create_list="70m")}, producers={"local_retention": "4h"}, gateways=AT
    )
    knob = _saved(scenario, "silent-gap")["store.lag.create.list"]
    assert knob.now_us == us("70m")
    assert knob.needed_us is not None
    assert knob.needed_us < us("70m")


def test_consistency_delay_waits_for_the_files() -> None:
    scenario = world(
        store={"lag": lag(create_get={"law": "uniform", "low": "0s", "high": "50m"})},
        gateways={"sync_interval": "10m", "phase": "3m"},
        compactor={"ranges": ["2h"]},
        producers={"local_retention": "2h"},
    )
    knob = _saved(scenario, "query-error")["gateways.consistency_delay"]
    assert knob.now_us == 0
    assert knob.needed_us is not None
    # A block of 2h uploaded at once is looked at three minutes past, and every ten after.
    assert knob.needed_us % us("10m") == us("3m") + 1
    assert knob.is_least


def test_unhealthy_after_ends_before_the_query() -> None:
    outage = {"kind": "gateway-outage", "target": 0, "at": "9h40m", "lasts": "1h"}
    scenario = world(
        faults=[outage],
        schemes=[marks("40h", "20h")],
        producers={"local_retention": "14h"},
        gateways={"unhealthy_after": "30m"},
    )
    knob = _saved(scenario, "query-error")["gateways.unhealthy_after"]
    assert knob.now_us == us("30m")
    assert knob.needed_us == _asked_us(scenario, "query-error") - us("9h40m")
    assert knob.is_least


def test_sync_takes_lets_the_running_sync_end() -> None:
    scenario = world(
        schemes=[marks("25m", "5m")],
        gateways={"sync_interval": "1h", "phase": "55m", "sync_takes": "30m"},
        producers={"local_retention": "14h"},
    )
    found = explain(scenario, outcome="query-error")
    assert isinstance(found, Explained)
    (knob,) = [knob for knob in found.saved if knob.key == "gateways.sync_takes"]
    # The first sync begins at 55m; the one under way after it and nine intervals more.
    assert knob.needed_us == (found.tale.asked.at_us - us("9h55m")) // 2
    assert knob.is_least


def test_no_single_knob_may_save_it() -> None:
    # Nothing a gateway does brings back what no gateway was ever able to list.
    scenario = world(
        store={"lag": lag(create_list="20h", create_get="20h")},
        producers={"local_retention": "1h"},
        gateways={**AT, "consistency_delay": "10m"},
    )
    saved = _saved(scenario, "silent-gap")
    assert {key for key, knob in saved.items() if knob.needed_us is not None} == {
        "producers.local_retention"
    }


@pytest.mark.parametrize("law", [{"law": "exponential", "mean": "1h"}, "1h"], ids=["law", "fixed"])
def test_a_drawn_interval_has_no_closed_form(law: Any) -> None:
    scenario = world(
        schemes=[marks("20m", "5m")],
        gateways={"sync_interval": law, "phase": "30m"},
        producers={"local_retention": "14h"},
    )
    found = explain(scenario)
    if isinstance(found, Explained):
        keys = {knob.key for knob in found.saved}
        assert ("gateways.sync_interval" in keys) == (law == "1h")
