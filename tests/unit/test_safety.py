"""The rules, number by number; that they are right is for ``tests/property/test_safety.py``."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from sim.analysis.rules.safety import Rule, Status, proof, rules, safe_delay_us, shortfall_us
from sim.scenario.load import load
from sim.scenario.schema import OUTCOMES, Scenario
from tests.worlds import us

ROOT = Path(__file__).parents[2]

SAFE = """
schema = 1
name = "safe"
horizon = "30d"
warmup = "1d"

[producers]
local_retention = "6h"
upload_after = "30s"
upload_takes = "1m"

[compactor]
downsampling = false
retention = { raw = "7d" }

[gateways]
sync_interval = "15m"
sync_takes = "1m"

[[queries]]
name = "short"
rate = "1/s"
takes = "2s"

[[queries]]
name = "long"
rate = "1/s"
takes = "2m"

[[schemes]]
name = "marks"
kind = "deletion-mark"
delete_delay = "2h"
ignore_deletion_marks_delay = "1h"

[[schemes]]
name = "at once"
kind = "immediate"
"""


def safe(**overrides: Any) -> Scenario:
    return load(SAFE, {key.replace("__", "."): value for key, value in overrides.items()})


def rule(name: str, scenario: Scenario, scheme: int = 0) -> Rule:
    (found,) = [r for r in rules(scenario, scheme) if r.name == name]
    return found


def test_the_rule_of_a_mark_is_the_sum_of_its_terms() -> None:
    found = rule("R1", safe())
    assert [(term.symbol, term.span_us) for term in found.terms] == [
        ("H", us("1h")),
        ("P", us("15m")),
        ("s", us("1m")),
        ("Q", us("2m")),
    ]
    assert found.required_us == us("78m")
    assert found.configured_us == us("2h")
    assert found.slack_us == us("42m")
    assert found.status is Status.HOLDS


def test_a_delay_is_long_enough_or_a_microsecond_short() -> None:
    at = {"schemes__0__delete_delay": "78m"}
    assert rule("R1", safe(**at)).status is Status.HOLDS
    below = {"schemes__0__delete_delay": "77m59s999ms999us"}
    assert rule("R1", safe(**below)).status is Status.BROKEN
    assert rule("R1", safe(**below)).slack_us == -1


def test_the_whole_seconds_of_a_mark_count_where_it_is_not_hidden_for_longer() -> None:
    found = rule("R1", safe(schemes__0__ignore_deletion_marks_delay="0s"))
    assert found.terms[0].span_us == us("1s")
    assert rule("R2", safe()).required_us == us("18m1s")


def test_lag_and_front_ends_count() -> None:
    lag = {"law": "uniform", "low": "0s", "high": "4m"}
    scenario = safe(store__lag__create__list=lag, store__negative_cache="1m")
    # Seen after 5m; written again by a compactor that does not see it, and then hidden later.
    assert rule("R1", scenario).terms[0].span_us == us("1h5m1s")
    assert rule("R2", scenario).required_us == us("23m1s")
    assert rule("R3", scenario).required_us == us("5m1s")
    assert rule("R5", scenario).required_us == us("10m2s")
    assert rule("R8", scenario).required_us == us("1m30s") + us("5m") + us("16m")


def test_syncs_that_grow_with_the_bucket_leave_rules_open() -> None:
    found = rule("R2", safe(gateways__sync_takes_per_block="1ms"))
    assert found.status is Status.OPEN
    assert found.required_us == math.inf


def test_caches_of_the_gateways_count_for_them_alone() -> None:
    scenario = safe(gateways__cache={"listing": "7m", "absent": "15m"})
    assert rule("R2", scenario).required_us == us("33m1s")
    assert rule("R3", scenario).required_us == us("15m1s")
    assert rule("R5", scenario).required_us == 0
    assert rule("R8", scenario).required_us == us("1m30s") + us("15m") + us("16m")
    # Who is listed is asked for; a listing that is remembered for longer counts alone.
    listing = safe(gateways__cache={"listing": "20m", "absent": "15m"})
    assert rule("R2", listing).required_us == us("38m1s")
    # A mark needs no listing.
    marked = safe(gateways__cache={"listing": "20m"}, schemes__0__ignore_deletion_marks_delay="0s")
    assert rule("R1", marked).terms[0].span_us == us("15m1s")


def test_syncs_that_outlast_their_interval_set_the_period() -> None:
    scenario = safe(gateways__sync_takes="20m")
    assert {t.symbol: t.span_us for t in rule("R1", scenario).terms}["P"] == us("20m")


def test_what_has_no_upper_end_leaves_a_rule_open() -> None:
    law = {"law": "exponential", "mean": "1s"}
    found = rule("R1", safe(queries__0__takes=law))
    assert math.isinf(found.required_us)
    assert found.status is Status.OPEN
    capped = rule("R1", safe(queries__0__takes={**law, "at_most": "1m"}))
    assert capped.status is Status.HOLDS


def test_only_the_classes_that_are_asked_about_count() -> None:
    scenario = safe(schemes__0__delete_delay="77m")
    assert proof(scenario, 0, "query-error") == ""
    assert proof(scenario, 0, "query-error", scenario.queries[:1]) == "R1, R2"
    assert proof(scenario, 0, "query-error", scenario.queries[1:]) == ""


@pytest.mark.parametrize(
    ("overrides", "obstacle"),
    [
        ({"store__error_rate": 0.1}, "requests fail"),
        (
            {"faults": [{"kind": "gateway-outage", "target": 0, "at": "1d", "lasts": "1h"}]},
            r"gateway-outage (faults[0])",
        ),
        (
            {"store__lag__delete__get": {"law": "uniform", "low": "0s", "high": "1s"}},
            "a mark may vanish before its block",
        ),
        (
            {
                # Three objects: the silence between two of them is longer than 48h.
                "producers__upload_takes": "145h",
                "producers__block_length": "150h",
                "compactor__ranges": ["150h"],
            },
            "an upload may be taken for abandoned",
        ),
    ],
)
def test_what_no_delay_helps_against_is_named(overrides: dict[str, Any], obstacle: str) -> None:
    found = rule("R1", safe(**overrides))
    assert found.status is Status.OPEN
    assert any(obstacle in text for text in found.obstacles)
    assert proof(safe(**overrides), 0, "query-error") == ""
    assert math.isinf(shortfall_us(safe(**overrides), 0))


def test_without_retention_the_hide_delay_is_not_needed() -> None:
    scenario = safe(compactor__retention__raw="0s", schemes__0__delete_delay="30m")
    assert rule("R1", scenario).status is Status.BROKEN
    assert not rule("R1", scenario).is_met
    assert proof(scenario, 0, "query-error") == "R2"


def test_files_that_show_late_ask_for_a_consistency_delay() -> None:
    late = {
        "store__lag__create__get": {"law": "uniform", "low": "0s", "high": "5m"},
        "compactor__ranges": ["2h"],
    }
    assert rule("R6", safe(**late)).status is Status.BROKEN
    held = {**late, "gateways__consistency_delay": "5m"}
    assert rule("R6", safe(**held)).status is Status.HOLDS
    assert "R6" in proof(safe(**held), 0, "query-error")
    # Compacted blocks are exempt from it.
    assert rule("R6", safe(**{**held, "compactor__ranges": ["2h", "8h"]})).status is Status.OPEN


def test_a_log_keeps_the_order_for_a_reader_of_one_replica() -> None:
    law = {"law": "uniform", "low": "0s", "high": "10m"}
    log = {"store__order": "log", "store__replicas": 2, "store__lag__overwrite__get": law}
    sticky = safe(**log, store__read_from="sticky")
    assert proof(sticky, 0, "query-error") == "R1, R2"
    assert proof(sticky, 0, "silent-gap") == "R2, R3, R5, R8"
    # Another replica may show the replacement, and not yet its index.
    drawn = safe(**log, store__read_from="any")
    assert proof(drawn, 0, "query-error") == proof(drawn, 0, "silent-gap") == ""
    assert rule("R6", drawn).terms[0].span_us == us("10m")


def test_nothing_is_proven_where_files_go_before_meta() -> None:
    assert proof(safe(), 0, "query-error") == "R1, R2"
    assert proof(safe(compactor__deletion_order="meta-first"), 0, "query-error") == "R1, R2"
    listed = safe(compactor__deletion_order="as-listed")
    assert proof(listed, 0, "query-error") == proof(listed, 0, "silent-gap") == ""
    assert rule("R1", listed).status is Status.OPEN


def test_deletion_at_once_proves_nothing_of_reads() -> None:
    scenario = safe()
    assert [r.name for r in rules(scenario, 1)] == ["R2", "R5", "R6", "R7", "R8", "R10"]
    assert rule("R2", scenario, 1).slack_us == -us("18m")
    assert proof(scenario, 1, "query-error") == ""
    assert proof(scenario, 1, "silent-gap") == ""  # a sync takes a minute
    assert proof(safe(gateways__sync_takes="0s"), 1, "silent-gap") == "R2, R8"


def test_half_of_the_delete_delay_must_do_for_both() -> None:
    halves = {"schemes__0__ignore_deletion_marks_delay": "20m"}
    found = rule("R4", safe(schemes__0__delete_delay="40m", **halves))
    assert [(term.symbol, term.span_us) for term in found.terms] == [
        ("2P", us("30m")),
        ("2s", us("2m")),
        ("2Q", us("4m")),
    ]
    assert found.status is Status.HOLDS
    lag = {"store__lag__create__list": "50m"}
    late = rule("R4", safe(schemes__0__delete_delay="40m", **halves, **lag))
    # A mark that its writer does not see is written again, up to 50m1s later.
    assert late.required_us == 2 * us("50m1s") + us("36m")
    assert late.status is Status.BROKEN
    assert not [
        r for r in rules(safe(schemes__0__delete_delay="41m", **halves), 0) if r.name == "R4"
    ]


def test_at_half_both_of_its_parts_hold_or_one_of_them_does_not() -> None:
    for delay in ("35m58s", "36m", "1h40m"):
        half = {
            "schemes__0__delete_delay": delay,
            "schemes__0__ignore_deletion_marks_delay": f"{us(delay) // 2}us",
        }
        for lag in ("0s", "20m", "49m59s", "50m"):
            scenario = safe(
                **half, store__lag__create__get=lag, store__primary=True, store__replicas=2
            )
            holds = {r.name: r.slack_us >= 0 for r in rules(scenario, 0)}
            assert holds["R4"] == (holds["R1"] and holds["R3"])


def test_at_half_a_mark_must_show_where_nothing_is_compacted() -> None:
    half = {
        "compactor__ranges": ["2h"],
        "compactor__downsampling": False,
        "schemes__0__delete_delay": "40m",
        "schemes__0__ignore_deletion_marks_delay": "20m",
    }
    marks = safe(**half, store__lag__create__get="10m", store__primary=True, store__replicas=2)
    assert rule("R4", marks).required_us == us("36m")
    late = safe(**half, store__lag__create__get="30m", store__primary=True, store__replicas=2)
    found = rule("R4", late)
    assert [term.symbol for term in found.terms] == ["H", "P", "s", "Q"]
    assert found.required_us == rule("R1", late).required_us == us("48m1s")


def test_an_upload_may_last_long_but_not_be_silent_for_long() -> None:
    upload = {"producers__block_length": "200h", "compactor__ranges": ["200h"]}
    found = rule("R7", safe(producers__upload_takes="144h", **upload))
    assert (found.required_us, found.status) == (us("48h"), Status.HOLDS)
    found = rule("R7", safe(producers__upload_takes="144h1us", **upload))
    assert (found.slack_us, found.status) == (-1, Status.BROKEN)
    found = rule("R7", safe(producers__upload_takes="6h", compactor__partial_age="2h", **upload))
    assert (found.required_us, found.slack_us, found.status) == (us("2h"), 0, Status.HOLDS)
    # With more objects the silences are shorter.
    assert (
        rule(
            "R7", safe(producers__upload_takes="144h1us", producers__chunk_files=2, **upload)
        ).slack_us
        > 0
    )


def test_a_meta_that_does_not_show_looks_abandoned() -> None:
    late = {"store__lag__create__get": "47h", "compactor__sync_takes": "1h"}
    assert rule("R7", safe(**late)).slack_us == 0
    # What is deleted before it keeps the list of a cleanup from being worked off.
    assert rule("R7", safe(**late, compactor__delete_takes="1s")).status is Status.BROKEN


def test_without_a_bound_a_rule_says_what_is_enough_but_once_in_a_million() -> None:
    law = {"law": "exponential", "mean": "1s"}
    found = rule("R1", safe(queries__1__takes=law))
    million = round(13.815510557964274e6)  # ln(10^6)
    assert found.usual_us == pytest.approx(us("76m") + million, abs=1)
    assert found.dominant is not None
    assert found.dominant.symbol == "Q"
    bounded = rule("R1", safe())
    assert bounded.usual_us == bounded.required_us
    assert bounded.dominant is not None
    assert bounded.dominant.symbol == "H"


def test_deletion_at_once_blinds_the_compactor_on_a_store_that_lags() -> None:
    assert not rule("R5", safe(), 1).is_met
    found = rule("R5", safe(store__lag__create__get="1m"), 1)
    assert found.is_met
    assert found.slack_us == -us("1m")


def test_the_bucket_must_answer_before_the_producer_forgets() -> None:
    assert rule("R8", safe()).required_us == us("17m30s")
    assert proof(safe(), 0, "silent-gap") == "R2, R3, R8"
    assert proof(safe(producers__local_retention="17m"), 0, "silent-gap") == ""


def test_settings_exclude_outcomes() -> None:
    assert proof(safe(), 1, "partial-response") == 'partial_response = "abort"'
    assert proof(safe(), 1, "warned") == 'partial_response = "abort"'
    warn = safe(gateways__partial_response="warn")
    assert proof(warn, 1, "query-error") == 'partial_response = "warn"'
    assert proof(warn, 1, "partial-response") == proof(warn, 1, "warned") == ""
    assert proof(warn, 0, "partial-response") == proof(warn, 0, "warned") == "R1, R2"


@pytest.mark.parametrize(
    ("miss", "excluded"),
    [("tolerate", ["query-error", "partial-response", "warned"]), ("warn", ["query-error"])],
)
def test_who_takes_the_absent_for_empty_proves_no_errors_but_more_gaps(
    miss: str, excluded: list[str]
) -> None:
    def proofs(scheme: dict[str, Any], **faults: Any) -> dict[str, str]:
        scenario = safe(
            schemes=[{"name": "own", "kind": "composed", **scheme, "miss": miss}], **faults
        )
        return {o: proof(scenario, 0, o) for o in OUTCOMES if o not in ("ok", "duplicated")}

    at_once = proofs({})
    assert [o for o, text in at_once.items() if text] == excluded
    marked = {
        "record": "mark",
        "hide": {"kind": "mark-age", "after": "40m"},
        "delete": {"kind": "after", "delay": "90m"},
    }
    waits = proofs(marked)
    assert waits["silent-gap"] == ("R2, R3, R8, R1" if miss == "tolerate" else "R2, R3, R8")
    outage = {"kind": "gateway-outage", "target": 0, "at": "5h", "lasts": "1m"}
    assert proofs({}, faults=[outage])["query-error"] == ""


def test_ok_is_never_excluded_and_doubles_always() -> None:
    for scheme in (0, 1):
        assert proof(safe(), scheme, "ok") == ""
        assert proof(safe(), scheme, "duplicated")
    assert len(OUTCOMES) == 6


def test_the_shortfall_is_that_of_the_worse_rule() -> None:
    assert shortfall_us(safe(), 0) == 0.0
    assert shortfall_us(safe(schemes__0__delete_delay="1h"), 0) == us("18m")
    assert shortfall_us(safe(), 1) == us("18m")


def test_a_safe_delay_may_have_to_let_the_compactor_see() -> None:
    late = {"get": "30m", "list": "30m"}
    scenario = safe(store__lag__create=late, compactor__retention__raw="0s")
    assert safe_delay_us(scenario, 0) == us("48m1s")
    assert safe_delay_us(scenario, 0, with_compactor=True) == us("1h2s")
    assert safe_delay_us(safe(), 0, with_compactor=True) == safe_delay_us(safe(), 0)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"store__profile": "s3-pre-2020", "producers__upload_takes": "1s"},
        {"compactor__downsampling": True, "compactor__retention": {"raw": "60d", "5m": "90d"}},
    ],
)
def test_terms_have_the_letters_of_the_table(overrides: dict[str, Any]) -> None:
    text = (ROOT / "sim" / "STATISTICS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (R\d+) \| ([^|]+) \|", text, re.MULTILINE)
    letters = {name: {"stamp", *re.findall(r"\b[A-Za-z]\b", needs)} for name, needs in rows}
    letters["R4"] |= letters["R1"]
    found = {
        r.name: {t.symbol.removeprefix("2") for t in r.terms} for r in rules(safe(**overrides), 0)
    }
    assert found
    for name, symbols in found.items():
        assert symbols <= letters[name], name


def test_a_rule_compares_the_key_that_it_names() -> None:
    found = rules(safe(compactor__downsampling=True), 0)
    assert len(found) > 5
    for one in found:
        key = one.key if "." in one.key else f"schemes.0.{one.key}"
        changed = rules(safe(compactor__downsampling=True, **{key: "9d"}), 0)
        assert us("9d") in [other.configured_us for other in changed if other.key == one.key]


def test_a_gap_may_be_due_to_a_warm_up_that_ends_before_gateways_have_synced() -> None:
    # The first sync starts within 15m and takes 1m.
    said = "gateways may not have synced when the warm-up ends (warmup)"
    for warmup, expected in (("16m", ()), ("15m59s", (said,))):
        found = rule("R8", safe(warmup=warmup)).obstacles
        assert tuple(text for text in found if text == said) == expected
        assert all(isinstance(text, str) for text in found)


def test_the_age_of_a_block_counts_from_its_making_where_the_store_lists_no_times() -> None:
    aged = {"compactor__partial_age_from": "created", "compactor__cleanup_interval": "5m"}
    found = rule("R7", safe(**aged))
    assert [term.symbol for term in found.terms] == ["U", "V", "l"]
    assert found.terms[0].meaning == "from the making of a block to the end of its upload"
    # An upload begins after 30s and takes 1m; one of the compactor may take longer.
    assert found.terms[0].span_us >= us("90s")
    blind = "a compactor that halts cleans up by its last listing (progress_interval)"
    found = rule("R7", safe(**aged, compactor__progress_interval="0s"))
    assert blind in found.obstacles
    found = rule("R7", safe(**aged, compactor__progress_interval="5m"))
    assert blind not in found.obstacles
