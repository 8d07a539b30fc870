"""Readers that sync when a query finds an object gone (D12): who syncs, when, and what it heals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sim.analysis.evidence.witness import Unexplained
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled, sample_outcomes
from sim.analysis.queries.exposure import Exposure
from sim.conventions.queries import Queries
from sim.core.streams import Streams
from sim.errors import ScenarioError
from sim.model.world import simulate
from sim.scenario.schema import OUTCOMES, Scenario
from sim.study.explain import explain
from sim.study.run import run_scenario
from sim.testing import check_trace
from sim.trace.records import DeleteRecord, DropRecord, Record, RetryRecord, SyncsRecord
from tests.reference.test_agreement import differences
from tests.traces import lines, unordered
from tests.worlds import AT_ONCE, lag, run, us, world

AGAIN = {"name": "again", "kind": "composed", "miss": "resync"}
DAY = {"name": "day", "rate": "2/m", "range": "1d"}


def tried(**overrides: Any) -> Scenario:
    """The base world, in which a query may make its reader sync; at once in the other scheme."""
    return world(**{"schemes": [AGAIN, AT_ONCE], "queries": [DAY], **overrides})


def outcomes(scenario: Scenario, scheme: int = 0) -> dict[str, int]:
    """How many drawn queries of all classes end in each outcome."""
    counts = dict.fromkeys(OUTCOMES, 0)
    for found in evaluate_sampled(scenario, run(scenario, scheme)[1]):
        for outcome, fraction in found.fractions.items():
            counts[outcome] += round(fraction * found.queries)
    return counts


def times(scenario: Scenario, kind: type[Record], gateway: int | None = None) -> list[int]:
    return [
        r.t_us
        for r in run(scenario)[0].records
        if isinstance(r, kind) and gateway in (None, getattr(r, "gateway", None))
    ]


def arrivals(scenario: Scenario) -> list[int]:
    queries = Queries(scenario, scenario.queries[0], Streams(scenario.seed))
    return [int(t) for t in queries.arrivals()]


def test_the_first_query_that_finds_it_gone_makes_the_reader_sync() -> None:
    scenario = tried(gateways={"sync_takes": "20s"})
    gone_us = times(scenario, DeleteRecord)[0]
    first_us = next(t for t in arrivals(scenario) if t >= gone_us)
    assert times(scenario, RetryRecord)[0] == first_us + 1 + us("20s")
    assert first_us + 1 + us("20s") in times(scenario, DropRecord)
    check_trace(run(scenario)[0])


def test_what_the_second_try_finds_is_no_error() -> None:
    scenario = tried(gateways={"sync_takes": "20s"})
    at_once, again = outcomes(scenario, 1), outcomes(scenario)
    assert at_once["query-error"] > 20
    assert (again["query-error"], again["ok"] > at_once["ok"]) == (0, True)


def test_a_query_that_reads_for_a_while_asks_when_it_has_read_all() -> None:
    scenario = tried(queries=[{**DAY, "takes": "5m"}])
    gone_us = times(scenario, DeleteRecord)[0]
    first_us = next(t for t in arrivals(scenario) if t + us("5m") >= gone_us)
    assert first_us < gone_us
    assert times(scenario, RetryRecord)[0] == first_us + us("5m") + 1


def test_misses_while_it_syncs_wait_for_that_sync() -> None:
    # Syncs of 30 minutes begin every hour; what is deleted during one is not seen by it.
    scenario = tried(
        gateways={"sync_takes": "30m"},
        producers={"upload_after": "50m"},
    )
    ends_us = times(scenario, RetryRecord)
    syncs = next(r for r in run(scenario)[0].records if isinstance(r, SyncsRecord))
    began_us = [
        t for t, who in zip(syncs.at_us, syncs.who, strict=True) if syncs.actors[who] != "compactor"
    ]
    assert all(b - a >= us("30m") for a, b in pairwise(began_us))
    assert all(end_us - us("30m") in began_us for end_us in ends_us)
    assert len(arrivals(scenario)) > 100 * len(ends_us)


def test_a_second_try_that_finds_it_gone_again_is_an_error() -> None:
    # Nothing replaces what retention deletes, and it is remembered that it was there.
    remembers = {"listing": "2h", "exists": "2h", "absent": "0s", "content": "0s"}
    expires = {"retention": {"raw": "4h"}}
    forgets, scenario = (tried(compactor=expires, gateways=g) for g in ({}, {"cache": remembers}))
    assert outcomes(forgets)["query-error"] == 0
    assert outcomes(scenario)["query-error"] > 10
    # As long as it is remembered, queries cause syncs in vain, one a minute.
    ends_us = times(scenario, RetryRecord)
    assert len(ends_us) > 10 > len(times(forgets, RetryRecord))
    assert min(b - a for a, b in pairwise(ends_us)) > us("1m")
    hasty = tried(
        compactor=expires,
        gateways={"cache": remembers},
        schemes=[{**AGAIN, "miss": {"kind": "resync", "rest": "0s"}}, AT_ONCE],
    )
    assert len(times(hasty, RetryRecord)) > 1.5 * len(ends_us)


def test_a_miss_is_when_the_replica_that_is_read_shows_the_deletion() -> None:
    lags = lag(delete_get="7m", delete_list="7m")
    scenario = tried(store={"profile": "strong", "lag": lags})
    gone_us = times(scenario, DeleteRecord)[0]
    first_us = next(t for t in arrivals(scenario) if t >= gone_us + us("7m"))
    assert times(scenario, RetryRecord)[0] == first_us + 1


def test_a_query_misses_no_meta_json_which_goes_first() -> None:
    query = {"name": "q", "rate": "30/h", "range": "20h", "takes": "3m"}
    slow = {"compactor": {"delete_takes": "4m"}, "gateways": {"sync_interval": "20m"}}
    assert next(differences(tried(queries=[query], **slow), 0, 0), None) is None


def test_each_gateway_syncs_for_its_own_queries() -> None:
    scenario = tried(
        gateways={"count": 2, "shards": 2},
        producers={"count": 2},
        queries=[{**DAY, "streams": 1}],
    )
    first, second = (times(scenario, RetryRecord, gateway) for gateway in (0, 1))
    assert first
    assert second
    assert set(first).isdisjoint(second)


def test_a_gateway_that_goes_down_tries_nothing_again() -> None:
    # The first sync for a query begins within two minutes of 10h1m, and takes 20.
    base = {"gateways": {"phase": "10m", "sync_takes": "20m", "unhealthy_after": "0s"}}
    outage = {"kind": "gateway-outage", "target": 0, "at": "10h15m", "lasts": "5m"}
    calm, hit = tried(**base), tried(**base, faults=[outage])
    ends_us = times(calm, RetryRecord)[0]
    assert us("10h21m") < ends_us < us("10h23m")
    assert ends_us not in times(hit, RetryRecord)
    exposure = Exposure(hit, run(hit)[1], hit.queries[0])
    at_us, codes = sample_outcomes(exposure, us("10h3m"), us("10h15m"))
    assert {OUTCOMES[code] for code in codes} == {"query-error"}
    assert at_us.size > 10


def test_it_is_the_same_whatever_the_order_of_ties() -> None:
    scenario = tried(gateways={"count": 2, "sync_takes": "1m"}, queries=[{**DAY, "takes": "1m"}])
    plain = simulate(scenario, 0, 0)
    for seed in range(3):
        shuffled = simulate(scenario, 0, 0, shuffle=seed)
        assert unordered(lines(shuffled)) == unordered(lines(plain))


def test_a_world_without_a_miss_is_as_it_would_be_anyway() -> None:
    held = {"record": "mark", "hide": {"kind": "mark-age", "after": "0s"}}
    kept = {**AGAIN, **held, "delete": {"kind": "after", "delay": "3h"}}
    scenario = tried(schemes=[kept, {**kept, "name": "fails", "miss": "fail"}])
    assert run(scenario)[0].records == run(scenario, 1)[0].records


def test_what_shows_an_outcome_is_a_query_that_was_drawn() -> None:
    scenario = tried(gateways={"sync_takes": "50m"}, producers={"local_retention": "0s"})
    timelines = run(scenario)[1]
    (found,) = evaluate_sampled(scenario, timelines)
    at_us, codes = sample_outcomes(Exposure(scenario, timelines, scenario.queries[0]))
    for outcome, witness in found.witnesses.items():
        assert isinstance(witness, Unexplained)
        row = at_us.tolist().index(witness.at_us)
        assert OUTCOMES[codes[row]] == outcome
    assert found.witnesses


def test_nothing_else_than_drawn_queries_is_judged() -> None:
    scenario = tried()
    with pytest.raises(ScenarioError, match=r"schemes\[0\].miss.*use --mode sampled"):
        evaluate_exact(scenario, run(scenario)[1])
    with pytest.raises(ScenarioError, match="to be explained"):
        explain(scenario, mode="sampled")
    result = run_scenario(scenario.model_copy(update={"trials": 1}), mode="sampled")
    assert [scheme.trials[0].story is None for scheme in result.schemes] == [True, False]


@pytest.mark.parametrize(
    ("tables", "rule"),
    [
        (
            {"compactor": {"downsampling": True}, "queries": [{**DAY, "max_resolution": "5m"}]},
            'be "raw" where a reader that finds an object gone syncs',
        ),
        (
            {"store": {"profile": "strong", "replicas": 2, "read_from": "any"}},
            'be "fail" where each read draws its replica',
        ),
    ],
)
def test_what_does_not_go_with_it_is_told(tables: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match="do not fit together") as caught:
        tried(**tables)
    assert rule in str(caught.value.errors())  # type: ignore[attr-defined]
    raw = {**DAY, "max_resolution": "raw"}
    tried(**{**tables, "queries": [raw], "store": {"profile": "strong"}})
