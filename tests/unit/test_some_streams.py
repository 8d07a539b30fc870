"""Classes that draw streams or replicas: exact against every draw gone through, and sampled."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from sim.analysis.intervals import Ints
from sim.analysis.queries import meetings, sampled, some_streams
from sim.analysis.queries.evaluate import (
    class_hazards,
    evaluate_exact,
    evaluate_sampled,
    sample_outcomes,
)
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.one_query import find_asked, judged
from sim.core.arrivals import arrivals, choose
from sim.core.streams import Streams
from sim.errors import ScenarioError
from sim.scenario.schema import OUTCOMES, Scenario
from tests.brute import Judge
from tests.worlds import AT_ONCE, lag, marks, run, us, world

UPTO_1H = {"law": "uniform", "low": "0s", "high": "1h"}
LAGS = lag(create_get=UPTO_1H, delete_get=UPTO_1H, delete_list=UPTO_1H)
ANY = {"replicas": 3, "read_from": "any", "lag": LAGS}


def small(streams: int | str, policy: str, **changes: Any) -> Scenario:
    values: dict[str, Any] = {
        "horizon": "12h",
        "warmup": "7h",
        "producers": {"count": 4, "upload_takes": {"law": "uniform", "low": "0s", "high": "30m"}},
        "compactor": {"compaction_takes": "9m"},
        "gateways": {
            "count": 2,
            "sync_interval": "50m",
            "phase": "uniform",
            "partial_response": policy,
        },
        "queries": [{"name": "q", "range": "6h", "takes": "3m", "streams": streams, "rate": "1/s"}],
        "schemes": [AT_ONCE, marks("40m", "20m")],
    }
    return world(**{**values, **changes})


TAKES = [
    {
        "name": "q",
        "range": "6h",
        "takes": {"law": "exponential", "mean": "10m"},
        "streams": 2,
        "rate": "1/s",
    }
]
WORLDS = [
    pytest.param(small(2, "abort"), id="abort, 2 of 4"),
    pytest.param(small(2, "warn"), id="warn, 2 of 4"),
    pytest.param(small(1, "warn"), id="warn, 1 of 4"),
    pytest.param(small(3, "abort", store={"lag": LAGS}), id="abort, 3 of 4, lags"),
    pytest.param(small("all", "abort", store=ANY), id="abort, any replica"),
    pytest.param(small("all", "warn", store=ANY), id="warn, any replica"),
    pytest.param(small(2, "warn", store=ANY), id="warn, 2 of 4, any replica"),
    pytest.param(small(3, "abort", store=ANY), id="abort, 3 of 4, any replica"),
    pytest.param(
        small(2, "warn", store={**ANY, "primary": True}), id="warn, 2 of 4, two secondaries"
    ),
]


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize("scenario", WORLDS)
def test_exact_is_the_mean_over_all_draws(scenario: Scenario, scheme: int) -> None:
    _, timelines = run(scenario, scheme)
    query = scenario.queries[0]
    (exact,) = evaluate_exact(scenario, timelines)
    expected = Judge(scenario, timelines, query).fractions(us("3m"))
    for outcome in OUTCOMES:
        assert exact.fractions[outcome] == pytest.approx(expected[outcome], abs=1e-9), outcome
    assert sum(exact.fractions.values()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize("scenario", WORLDS)
def test_sampled_lies_in_the_binomial_interval_of_exact(scenario: Scenario, scheme: int) -> None:
    met = 0
    for trial in range(2):
        _, timelines = run(scenario, scheme, trial)
        (exact,) = evaluate_exact(scenario, timelines)
        (sampled,) = evaluate_sampled(scenario, timelines)
        assert abs(sampled.queries - exact.queries) < 5 * exact.queries**0.5
        for outcome in OUTCOMES:
            p = exact.fractions[outcome]
            error = (p * (1 - p) / sampled.queries) ** 0.5
            assert abs(sampled.fractions[outcome] - p) <= 4 * error + 1e-9, outcome
            met += p > 0
    assert met >= 4


@pytest.mark.parametrize("scheme", range(4))
def test_every_sampled_query_is_judged_as_alone(scheme: int) -> None:
    lenient = [{"name": miss, "kind": "composed", "miss": miss} for miss in ("tolerate", "warn")]
    scenario = small(
        2,
        "warn",
        queries=[{"name": "q", "range": "6h", "takes": UPTO_1H, "streams": 2, "rate": "1/m"}],
        schemes=[AT_ONCE, marks("40m", "20m"), *lenient],
    )
    _, timelines = run(scenario, scheme)
    query = scenario.queries[0]
    at_us, codes = sample_outcomes(Exposure(scenario, timelines, query))
    streams, judge = Streams(timelines.seed), Judge(scenario, timelines, query)
    every = arrivals(streams.stream("query", "q", "arrivals"), 1 / 60, us("12h"))
    assert at_us.tolist() == [t for t in every.tolist() if t >= us("7h")]
    takes, lots = streams.stream("query", "q", "takes"), streams.stream("query", "q", "streams")
    first = every.size - at_us.size
    for i, (t_us, code) in enumerate(zip(at_us.tolist(), codes.tolist(), strict=True)):
        chosen = frozenset(choose(lots, np.array([first + i]), 4, 2)[0].tolist())
        takes_us = query.takes.draw_us(takes.at(first + i))
        failing = frozenset(g for g in (0, 1) if judge.chance(g, t_us, takes_us, chosen))
        assert OUTCOMES[code] == judge.outcome(t_us, takes_us, chosen, failing)


def test_a_law_of_durations_enters_by_slices() -> None:
    # What is linear in the duration is exact: errors last from 10h1m - takes to 10h30m.
    scenario = world(
        horizon="11h",
        queries=[{"name": "q", "range": "1d", "offset": "3h", "takes": UPTO_1H, "rate": "20/s"}],
    )
    _, timelines = run(scenario)
    (exact,) = evaluate_exact(scenario, timelines)
    assert exact.fractions["query-error"] == pytest.approx((29 + 30) / (11 * 60), rel=1e-6)
    (sampled,) = evaluate_sampled(scenario, timelines)
    p = exact.fractions["query-error"]
    assert abs(sampled.fractions["query-error"] - p) < 4 * (p * (1 - p) / sampled.queries) ** 0.5


def test_streams_drawn_by_hand() -> None:
    # Four streams whose first block is broken in the last hour at the one gateway: error unless
    # none of the 2 drawn is hit. Only stream 0's sources go early, the others have no newest.
    scenario = small(2, "abort")
    _, timelines = run(scenario)
    exposure = Exposure(scenario, timelines, scenario.queries[0])
    machine = some_streams._Lottery(exposure, 0)
    for n_bad in range(5):
        hit = sum(bool(set(range(n_bad)) & set(pair)) for pair in combinations(range(4), 2))
        assert 1.0 - machine._none_of(n_bad) == pytest.approx(hit / 6)


@pytest.mark.parametrize("factors", [[], [0.5], [0.0, 0.25], [0.1, 0.2, 0.3, 0.4]])
def test_the_expected_product_over_draws(factors: list[float]) -> None:
    scenario = small(2, "abort")
    _, timelines = run(scenario)
    machine = some_streams._Lottery(Exposure(scenario, timelines, scenario.queries[0]), 0)
    padded = factors + [1.0] * (4 - len(factors))
    products = [padded[a] * padded[b] for a, b in combinations(range(4), 2)]
    assert machine._expected_product(factors) == pytest.approx(sum(products) / 6)


def test_probabilities_of_sets_of_failing_gateways() -> None:
    scenario = small(2, "warn")
    _, timelines = run(scenario)
    machine = some_streams._Lottery(Exposure(scenario, timelines, scenario.queries[0]), 0)
    chances = {0: {0: 0.5, 1: 0.25}, 2: {1: 0.5}, 3: {0: 1.0}}
    total = 0.0
    for failing in ([], [0], [1], [0, 1]):
        expected = 0.0
        for pair in combinations(range(4), 2):
            rows = [(g, p) for s in pair for g, p in chances.get(s, {}).items()]
            for draw in product((True, False), repeat=len(rows)):
                met = {g for (g, _), bad in zip(rows, draw, strict=True) if bad}
                weight = float(np.prod([p if bad else 1 - p for (_, p), bad in
                                        zip(rows, draw, strict=True)]))  # fmt: skip
                if met == set(failing) and 1 not in pair:
                    expected += weight / 6
        found = machine._exactly(chances, [0, 1], frozenset(failing), frozenset({1}))
        assert found == pytest.approx(expected)
        total += found
    assert total == pytest.approx(0.5)


def test_gateways_that_fail_together_are_one() -> None:
    gateways = {"count": 12, "sync_interval": "50m", "phase": "0s", "partial_response": "warn"}
    scenario = small(2, "warn", gateways=gateways)
    _, timelines = run(scenario)
    (exact,) = evaluate_exact(scenario, timelines)
    _, alone = run(few := small(2, "warn", gateways={**gateways, "count": 1}))
    (expected,) = evaluate_exact(few, alone)
    assert exact.fractions == pytest.approx(expected.fractions)
    assert exact.fractions["partial-response"] > 0.0


def test_too_many_failing_gateways_are_refused() -> None:
    gateways = {
        "count": 12,
        "shards": 12,
        "sync_interval": "50m",
        "phase": "0s",
        "partial_response": "warn",
    }
    fleet = {"producers": {"count": 12}, "compactor": {"compaction_takes": "1m"}}
    scenario = small(2, "warn", gateways=gateways, **fleet)
    _, timelines = run(scenario)
    with pytest.raises(ScenarioError) as caught:
        evaluate_exact(scenario, timelines)
    assert str(caught.value).startswith(
        'queries[0].streams=2 must be "all" where more than 10 gateways fail at once'
    )
    (found,) = evaluate_sampled(scenario, timelines)
    assert found.fractions["partial-response"] > 0.0


@pytest.mark.parametrize("streams", [2, "all"])
def test_more_gateways_than_bits_of_a_word(streams: int | str) -> None:
    """A set of gateways is a word of 62 bits; gateways beyond it must not be forgotten."""
    gateways = {"count": 70, "sync_interval": "50m", "phase": "0s", "partial_response": "warn"}
    scenario = small(streams, "warn", gateways=gateways)
    _, timelines = run(scenario)
    _, alone = run(few := small(streams, "warn", gateways={**gateways, "count": 1}))
    for evaluate in (evaluate_exact, evaluate_sampled):
        (found,), (expected,) = evaluate(scenario, timelines), evaluate(few, alone)
        assert found.fractions == pytest.approx(expected.fractions)
        assert found.fractions["partial-response"] > 0.0


@pytest.mark.parametrize("changes", [{}, {"store": ANY}, {"queries": TAKES}])
@pytest.mark.parametrize("policy", ["abort", "warn"])
def test_sampled_piece_by_piece_is_as_at_once(
    policy: str, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = small(2, policy, **changes)
    _, timelines = run(scenario)
    at_once = evaluate_sampled(scenario, timelines)
    _, codes = sample_outcomes(Exposure(scenario, timelines, scenario.queries[0]))
    assert at_once[0].queries == codes.size > 16_384
    pieces: list[int] = []
    monkeypatch.setattr(sampled, "_AT_ONCE", 1)
    monkeypatch.setattr(meetings, "_AT_ONCE", 20)
    real = sampled._Draws.codes

    def noted(self: sampled._Draws, first: int, at_us: Ints) -> sampled.Codes:
        pieces.append(first)
        return real(self, first, at_us)

    monkeypatch.setattr(sampled._Draws, "codes", noted)
    assert evaluate_sampled(scenario, timelines) == at_once
    assert len(pieces) > 1


def test_a_choice_of_very_many_streams_does_not_overflow() -> None:
    scenario = small(2, "abort")
    _, timelines = run(scenario)
    machine = some_streams._Lottery(Exposure(scenario, timelines, scenario.queries[0]), 0)
    machine._n, machine._k = 4_000, 2_000
    assert machine._expected_product([0.0]) == pytest.approx(0.5)
    assert machine._expected_product([0.5]) == pytest.approx(0.75)


def test_a_duration_without_a_mean_has_no_exact_expectation() -> None:
    law = {"law": "pareto", "minimum": "1s", "alpha": 1.0}
    scenario = small(2, "abort", queries=[{**TAKES[0], "takes": law}])
    _, timelines = run(scenario)
    with pytest.raises(ScenarioError) as caught:
        evaluate_exact(scenario, timelines)
    assert "queries[0].takes=" in str(caught.value)
    assert "must have a finite mean" in str(caught.value)
    assert class_hazards(Exposure(scenario, timelines, scenario.queries[0])).start_us.size > 0
    capped = small(2, "abort", queries=[{**TAKES[0], "takes": {**law, "at_most": "1h"}}])
    (found,) = evaluate_exact(capped, timelines)
    assert sum(found.fractions.values()) == pytest.approx(1.0)


def test_a_mean_beyond_the_longest_duration_is_cut() -> None:
    law = {"law": "weibull", "scale": "3000d", "shape": 0.05}
    scenario = small(2, "abort", queries=[{**TAKES[0], "takes": law}])
    _, timelines = run(scenario)
    (found,) = evaluate_exact(scenario, timelines)
    assert sum(found.fractions.values()) == pytest.approx(1.0)


def test_a_query_of_some_streams_is_found_for_what_may_happen() -> None:
    some = world(
        producers={"count": 3},
        queries=[{"name": "q", "rate": "0.001/d", "range": "1d", "streams": 2}],
    )
    _, timelines = run(some)
    (outcome,) = evaluate_exact(some, timelines)
    exposure = Exposure(some, timelines, some.queries[0])
    asked = find_asked(exposure, outcome.witnesses["silent-gap"], "silent-gap")
    assert asked is not None
    assert len(asked.streams) == 2
    assert judged(exposure, asked).outcome == "silent-gap"
