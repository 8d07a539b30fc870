"""Exact outcomes against queries judged one at a time, on worlds with everything that matters."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.queries.evaluate import class_hazards, evaluate_exact
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.sampled import is_function_of_time
from sim.scenario.schema import OUTCOMES, Scenario
from tests.brute import Judge
from tests.worlds import AT_ONCE, lag, marks, run, us, world

UPTO_1H = {"law": "uniform", "low": "0s", "high": "1h"}


def small(**changes: Any) -> Scenario:
    """A world of half a day in which a little of everything goes wrong."""
    values: dict[str, Any] = {
        "horizon": "13h",
        "warmup": "3h",
        "producers": {"count": 2, "upload_takes": "7m"},
        "compactor": {"delete_takes": "11m", "compaction_takes": "9m"},
        "gateways": {"count": 2, "sync_interval": "50m", "phase": "uniform", "sync_takes": "5m"},
        "queries": [{"name": "q", "range": "6h", "takes": "3m"}],
        "schemes": [AT_ONCE, marks("40m", "20m")],
    }
    return world(**{**values, **changes})


def agree(scenario: Scenario, scheme: int = 0, trial: int = 0) -> dict[str, float]:
    """Exact fractions of the first class, after comparing them with those of the loops."""
    _, timelines = run(scenario, scheme, trial)
    query = scenario.queries[0]
    (exact, *_) = evaluate_exact(scenario, timelines)
    expected = Judge(scenario, timelines, query).fractions(query.takes.draw_us(0.5))
    for outcome in OUTCOMES:
        assert exact.fractions[outcome] == pytest.approx(expected[outcome], abs=1e-9), outcome
    return exact.fractions


ABORT, WARN = {"partial_response": "abort"}, {"partial_response": "warn"}
GATEWAYS = {"count": 2, "sync_interval": "50m", "phase": "uniform", "sync_takes": "5m"}


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize("policy", [ABORT, WARN], ids=["abort", "warn"])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="plain"),
        pytest.param({"store": {"lag": lag(create_get=UPTO_1H, delete_get=UPTO_1H)}}, id="lags"),
        pytest.param(
            {"queries": [{"name": "q", "range": "2h", "offset": "90m", "takes": "20m"}]},
            id="offset",
        ),
        pytest.param({"producers": {"count": 2, "local_retention": "10m"}}, id="local"),
        pytest.param({"compactor": {"retention": {"raw": "4h"}}}, id="retention"),
        pytest.param(
            {
                "faults": [
                    {"kind": "gateway-outage", "target": 1, "at": "9h17m", "lasts": "40m"},
                    {"kind": "gateway-outage", "target": 0, "at": "12h", "lasts": "2m"},
                ]
            },
            id="outages",
        ),
    ],
)
def test_queries_of_every_stream(
    scheme: int, policy: dict[str, str], changes: dict[str, Any]
) -> None:
    fractions = agree(small(**{"gateways": {**GATEWAYS, **policy}, **changes}), scheme)
    assert fractions["ok"] < 1.0


UPTO_2H = {"law": "uniform", "low": "0s", "high": "2h"}
DOWN = {"kind": "gateway-outage", "target": 1, "at": "9h17m", "lasts": "40m"}


def lenient(miss: str) -> dict[str, str]:
    """Delete at once; what is gone is no error."""
    return {"name": "lenient", "kind": "composed", "miss": miss}


@pytest.mark.parametrize("streams", ["all", 1])
@pytest.mark.parametrize("miss", ["tolerate", "warn"])
@pytest.mark.parametrize("policy", [ABORT, WARN], ids=["abort", "warn"])
@pytest.mark.parametrize("faults", [[], [DOWN]], ids=["plain", "outage"])
def test_answers_that_lack_what_is_gone(
    faults: list[Any], policy: dict[str, str], miss: str, streams: Any
) -> None:
    query = {"name": "q", "range": "6h", "takes": "3m", "streams": streams}
    # Objects go one after the other, and some come late: blocks are partly there for long.
    store = {"lag": lag(create_get=UPTO_1H, delete_get=UPTO_2H)}
    changes: dict[str, Any] = {"queries": [query], "faults": faults, "store": store}
    scenario = small(schemes=[lenient(miss)], gateways={**GATEWAYS, **policy}, **changes)
    fractions = agree(scenario)
    assert fractions["silent-gap"] > 0.01
    is_told = miss == "warn" or (bool(faults) and policy is WARN)
    assert (fractions["partial-response"] > 0.01) == is_told
    assert (fractions["query-error"] > 0) == (bool(faults) and policy is ABORT)


def test_the_worlds_reach_every_outcome_there_is() -> None:
    met: set[str] = set()
    for policy in (ABORT, WARN):
        for lagging in (lag(), lag(create_get=UPTO_1H)):
            scenario = small(gateways={**GATEWAYS, **policy}, store={"lag": lagging})
            met |= {outcome for outcome, share in agree(scenario).items() if share > 0}
    assert met == set(OUTCOMES) - {"duplicated"}


DOWNSAMPLED: dict[str, Any] = {
    "horizon": "26d",
    "warmup": "6d",
    "producers": {"count": 2, "block_length": "3d", "upload_takes": "7h"},
    "compactor": {
        "wait_interval": "5h",
        "ranges": ["3d", "12d"],
        "delete_takes": "11h",
        "downsampling": True,
    },
    "gateways": {"count": 2, "sync_interval": "30h", "phase": "uniform", "sync_takes": "5h"},
    "schemes": [AT_ONCE, marks("40h", "20h")],
}


@pytest.mark.parametrize("policy", [ABORT, WARN], ids=["abort", "warn"])
@pytest.mark.parametrize("allowed", ["5m", "1h"])
@pytest.mark.parametrize(
    "faults", [[], [{"kind": "gateway-outage", "target": 1, "at": "19d", "lasts": "40h"}]]
)
def test_queries_of_several_resolutions(
    allowed: str, policy: dict[str, str], faults: list[dict[str, Any]]
) -> None:
    gateways = {**DOWNSAMPLED["gateways"], **policy, "unhealthy_after": "9h"}
    for streams in ("all", 1):
        query = {"name": "q", "range": "13d", "takes": "3h", "max_resolution": allowed}
        changes = {"gateways": gateways, "queries": [{**query, "streams": streams}]}
        fractions = agree(small(**{**DOWNSAMPLED, **changes, "faults": faults}))
        assert fractions["ok"] < 1.0


def test_what_coarse_blocks_hold_fails_nobody_who_may_read_them() -> None:
    queries = [
        {"name": name, "range": "7d", "offset": "9d", "max_resolution": name}
        for name in ("raw", "5m")
    ]
    # Raw blocks expire while every query of this age may read 5m blocks of the same time.
    compactor = {**DOWNSAMPLED["compactor"], "ranges": ["3d"], "retention": {"raw": "6d"}}
    changes = {"compactor": compactor, "queries": queries, "warmup": "19d"}
    scenario = small(**{**DOWNSAMPLED, **changes})
    raw, coarse = evaluate_exact(scenario, run(scenario)[1])
    assert raw.fractions["query-error"] > 0
    assert coarse.fractions["ok"] == 1.0


def test_a_shard_answers_for_its_streams() -> None:
    agree(small(gateways={**GATEWAYS, "shards": 2, **WARN}))


def test_what_another_shard_lost_is_missing() -> None:
    fractions = agree(small(gateways={**GATEWAYS, "shards": 2, "shard_by": "block", **WARN}))
    assert fractions["ok"] < 1.0


def test_a_gateway_that_is_not_up_yet_serves_nothing() -> None:
    stages = {"check": 0.1, "marks": 0.2, "load": 0.3}
    gateways = {"phase": "9h", "sync_interval": "1h", "sync_takes": "30m", "sync_stages": stages}
    scenario = world(horizon="9h30m", gateways=gateways)
    _, timelines = run(scenario)
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    # From the first upload to the horizon: the first sync ends no sooner.
    assert (found.start_us.tolist(), found.end_us.tolist()) == ([us("2h")], [us("9h30m")])
    assert found.outcome == ("silent-gap",)


def test_an_outage_is_an_error_while_the_gateway_is_counted_on() -> None:
    for lasts, until, gap in (("20m", "9h5m", "9h20m"), ("2m", "9h2m", "9h2m")):
        outage = {"kind": "gateway-outage", "target": 0, "at": "9h", "lasts": lasts}
        scenario = world(
            horizon="9h30m", faults=[outage], queries=[{"name": "q", "range": "1d", "takes": "1m"}]
        )
        _, timelines = run(scenario)
        found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
        rows = list(zip(found.outcome, found.start_us.tolist(), found.end_us.tolist(), strict=True))
        after = [row for row in rows if row[1] >= us("8h31m")]
        # A query that is still reading when it goes down fails as well.
        expected = [("query-error", us("8h59m"), us(until))]
        if gap != until:
            expected.append(("silent-gap", us(until), us(gap)))
        assert after == expected


def test_hazards_are_disjoint_and_ascending() -> None:
    for scheme in (0, 1):
        scenario = small(gateways={**GATEWAYS, **WARN})
        _, timelines = run(scenario, scheme)
        found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
        assert (found.start_us < found.end_us).all()
        assert (found.end_us[:-1] <= found.start_us[1:]).all()
        assert found.start_us.size
        assert found.start_us[0] >= us("3h")
        assert found.end_us[-1] <= us("13h")


def test_without_blocks_there_is_nothing_to_fail() -> None:
    scenario = world(horizon="1h")
    _, timelines = run(scenario)
    (outcome,) = evaluate_exact(scenario, timelines)
    assert outcome.fractions == {**dict.fromkeys(OUTCOMES, 0.0), "ok": 1.0}
    assert outcome.queries == 3600 * scenario.queries[0].rate_per_s


def test_only_what_is_drawn_makes_an_outcome_a_matter_of_chance() -> None:
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"queries": [{"name": "q", "streams": 1}]}, False),
        ({"queries": [{"name": "q", "streams": 2}]}, True),
        ({"queries": [{"name": "q", "takes": UPTO_1H}]}, False),
        ({"store": {"replicas": 2}}, False),
        ({"store": {"replicas": 2, "read_from": "sticky"}}, True),
        ({"store": {"replicas": 2, "primary": True}}, True),
    ]
    for changes, expected in cases:
        scenario = small(**changes)
        _, timelines = run(scenario)
        exposure = Exposure(scenario, timelines, scenario.queries[0])
        assert is_function_of_time(exposure) == expected, changes


@pytest.mark.parametrize("rate", ["1/s", "1000/s"])
def test_the_expectation_does_not_depend_on_the_rate(rate: str) -> None:
    scenario = small(queries=[{"name": "q", "range": "6h", "takes": "3m", "rate": rate}])
    slow = small()
    (fast,) = evaluate_exact(scenario, run(scenario)[1])
    (other,) = evaluate_exact(slow, run(slow)[1])
    assert fast.fractions == other.fractions
