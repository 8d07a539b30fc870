"""What must follow when a world is changed in one way: no number is known, a relation is."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled
from sim.analysis.queries.outcomes import ClassOutcome
from sim.analysis.theory.closed_forms import safe_delay_us
from sim.core.laws import Constant
from sim.core.units import US_PER_S, format_duration
from sim.model.world import simulate
from sim.scenario.dump import to_toml
from sim.scenario.schema import OUTCOMES, DeletionMark, Scenario
from sim.testing import SmallRun, scenarios, simulate_small
from tests.stats import mean_within
from tests.traces import changed, is_work, lines

few = settings(max_examples=max(10, settings().max_examples // 2))
MINUTE_US = 60 * US_PER_S


def outcomes(run: SmallRun, scenario: Scenario | None = None) -> tuple[ClassOutcome, ...]:
    return evaluate_exact(scenario or run.scenario, run.timelines)


# Time.


@few
@given(scenarios(), st.integers(0, 1), st.integers(1, 5))
def test_a_longer_run_begins_like_the_shorter_one(
    scenario: Scenario, index: int, hours: int
) -> None:
    note(to_toml(scenario))
    later_us = scenario.horizon_us + hours * 60 * MINUTE_US
    longer = changed(scenario, horizon=format_duration(later_us))
    short = lines(simulate(scenario, index, 0), is_work)
    long = lines(simulate(longer, index, 0), lambda r: is_work(r) and r.t_us < scenario.horizon_us)
    assert long == short


@few
@given(scenarios(), st.integers(0, 1), st.integers(1, 5))
def test_a_warm_up_leaves_out_what_it_covers_and_changes_nothing_else(
    scenario: Scenario, index: int, hours: int
) -> None:
    note(to_toml(scenario))
    warmup_us = hours * 60 * MINUTE_US
    warmed = changed(scenario, warmup=format_duration(warmup_us))
    shortened = changed(scenario, horizon=format_duration(warmup_us))
    whole, tail, head = (simulate_small(s, index) for s in (scenario, warmed, shortened))
    assert lines(whole.trace, is_work) == lines(tail.trace, is_work)
    # Reads reach beyond a horizon, and there the world stands still: only instant ones add up.
    assume(all(spec.takes == Constant(value_us=0.0) for spec in scenario.queries))
    share = warmup_us / scenario.horizon_us
    for a, b, c in zip(outcomes(head), outcomes(tail), outcomes(whole), strict=True):
        for name in OUTCOMES:
            mean = share * a.fractions[name] + (1 - share) * b.fractions[name]
            assert mean == pytest.approx(c.fractions[name], abs=1e-12)


# Queries.


@few
@given(scenarios(), st.integers(0, 1), st.sampled_from(["3/h", "17/s", "900000/s"]))
def test_the_rate_of_queries_scales_their_number_and_no_fraction(
    scenario: Scenario, index: int, rate: str
) -> None:
    note(to_toml(scenario))
    tables = [{**table, "rate": rate} for table in scenario.raw()["queries"]]
    faster = changed(scenario, queries=tables)
    run = simulate_small(scenario, index)
    assert simulate(faster, index, 0).records == run.trace.records
    for one, other in zip(outcomes(run), outcomes(run, faster), strict=True):
        assert one.fractions == other.fractions
    ratio = faster.queries[0].rate_per_s / scenario.queries[0].rate_per_s
    numbers = [outcomes(run, s)[0].queries for s in (scenario, faster)]
    assert numbers[1] == pytest.approx(ratio * numbers[0])


@few
@given(scenarios(), st.integers(0, 1))
def test_fractions_are_a_distribution_in_both_modes(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    run = simulate_small(scenario, index)
    for measured in (outcomes(run), evaluate_sampled(scenario, run.timelines)):
        for outcome in measured:
            shares = [outcome.fractions[name] for name in OUTCOMES]
            assert list(outcome.fractions) == list(OUTCOMES)
            assert all(-1e-12 <= share <= 1 + 1e-12 for share in shares)
            assert sum(shares) == pytest.approx(1.0, abs=1e-9)
            assert outcome.fractions["duplicated"] == 0.0
    is_abort = scenario.gateways.partial_response == "abort"
    never = ("partial-response", "warned") if is_abort else ("query-error",)
    for outcome in outcomes(run):
        event(f"seen: {[name for name in OUTCOMES if outcome.fractions[name] > 0]}")
        assert all(outcome.fractions[name] == 0 for name in never)


@few
@given(scenarios(max_queries=1), st.integers(0, 1))
def test_a_warning_instead_of_an_error_fails_the_same_queries(
    scenario: Scenario, index: int
) -> None:
    note(to_toml(scenario))
    abort = changed(scenario, gateways={"partial_response": "abort"})
    warn = changed(scenario, gateways={"partial_response": "warn"})
    runs = [simulate_small(s, index) for s in (abort, warn)]
    assert runs[0].trace.records == runs[1].trace.records
    (strict,), (lenient,) = (outcomes(run) for run in runs)
    failing = lenient.fractions["partial-response"] + lenient.fractions["warned"]
    assert failing == pytest.approx(strict.fractions["query-error"], abs=1e-9)
    assert lenient.fractions["silent-gap"] == pytest.approx(
        strict.fractions["silent-gap"], abs=1e-9
    )


def test_sampled_fractions_spread_about_the_exact_one() -> None:
    scenario = Scenario.model_validate(_PLAIN)
    (exact,) = outcomes(simulate_small(scenario))
    share = exact.fractions["query-error"]
    assert 0.005 < share < 0.5
    sample = []
    for k in range(40):
        named = changed(scenario, queries=[{**_PLAIN["queries"][0], "name": f"q{k}"}])
        (outcome,) = evaluate_sampled(named, simulate_small(named).timelines)
        sample.append(outcome.fractions["query-error"])
    assert mean_within(np.array(sample), share)
    assert not mean_within(np.array(sample), share * 1.1)
    assert not mean_within(np.array(sample), share * 0.9)


_PLAIN: dict[str, Any] = {
    "schema": 1,
    "name": "plain",
    "horizon": "24h",
    "producers": {"local_retention": "0s"},
    "compactor": {"ranges": ["2h", "8h"], "consistency_delay": "0s", "downsampling": False},
    "gateways": {"sync_interval": "1h"},
    "queries": [{"name": "q", "rate": "1/s", "range": "24h"}],
    "schemes": [{"name": "at once", "kind": "immediate"}],
}


# Deletion.

calm = scenarios(strong=True, max_faults=0, scheme_kinds=("deletion-mark",))


def _with_delay(scenario: Scenario, delay_us: int) -> Scenario:
    (table,) = scenario.raw()["schemes"]
    return changed(scenario, schemes=[{**table, "delete_delay": format_duration(delay_us)}])


def _on_a_grid(scenario: Scenario) -> Scenario:
    """Periods that are constant, work that takes no time: a later deletion is the same, later.

    Queries ask for everything, for else they may not touch a block until it is deleted later.
    """
    whole = {"streams": "all", "range": "2d", "offset": "0s"}
    return changed(
        scenario,
        gateways={
            "sync_interval": "20m",
            "sync_takes": "1m",
            "sync_takes_per_block": "0s",
            "partial_response": "abort",
        },
        compactor={
            "wait_interval": "15m",
            "sync_takes": "0s",
            "delete_takes": "0s",
            "cleanup": "in-pass",
            "retention": {"raw": "0s"},
        },
        queries=[{**table, **whole} for table in scenario.raw()["queries"]],
        referrers=None,
    )


@few
@given(calm.map(_on_a_grid), st.integers(1, 4))
def test_a_delay_longer_by_whole_periods_causes_no_more_errors(
    scenario: Scenario, periods: int
) -> None:
    # Any longer delay would not do: with deletions just before a sync instead of just after
    # one, the time to the next sync is shorter and comes back with a little more delay.
    note(to_toml(scenario))
    (scheme,) = scenario.schemes
    assert isinstance(scheme, DeletionMark)
    longer_us = scheme.delete_delay_us + periods * 60 * MINUTE_US
    soon, late = simulate_small(scenario), simulate_small(_with_delay(scenario, longer_us))
    for a, b in zip(outcomes(soon), outcomes(late), strict=True):
        event(f"errors: {a.fractions['query-error'] > 0} then {b.fractions['query-error'] > 0}")
        assert b.fractions["query-error"] <= a.fractions["query-error"] + 1e-12


@few
@given(calm)
def test_the_safe_delay_is_safe_for_every_world_without_lag(scenario: Scenario) -> None:
    note(to_toml(scenario))
    (scheme,) = scenario.schemes
    assert isinstance(scheme, DeletionMark)
    gateways = scenario.gateways
    longest_us = {"interval": 61, "takes": 20, "query": 30}
    period_us = longest_us["interval"] * MINUTE_US
    if gateways.sync_interval.is_constant:
        period_us = gateways.sync_interval.draw_us(0.5)
    delay_us = safe_delay_us(
        # A sync that overruns its interval is followed by the next at its end.
        period_us=max(period_us, longest_us["takes"] * MINUTE_US),
        sync_takes_us=longest_us["takes"] * MINUTE_US,
        query_takes_us=longest_us["query"] * MINUTE_US,
        hide_after_us=scheme.ignore_deletion_marks_delay_us,
    )
    run = simulate_small(_with_delay(scenario, delay_us))
    deleted = int((run.timelines.blocks.deleted_us < scenario.horizon_us).sum())
    event(f"deletions: {min(deleted, 3)}")
    for outcome in outcomes(run):
        assert outcome.fractions["query-error"] == 0.0
        assert outcome.fractions["partial-response"] == 0.0
        assert outcome.fractions["warned"] == 0.0


@few
@given(
    scenarios(strong=True, max_faults=0, scheme_kinds=("immediate",)).map(_on_a_grid),
    st.integers(1, 3),
)
def test_deletions_seen_whole_periods_later_cause_no_more_errors(
    scenario: Scenario, periods: int
) -> None:
    # Both planes and both readers' periods: the world that follows a deletion moves as a whole.
    note(to_toml(scenario))
    assert gcd(15, 20) * 12 == 60
    lag = f"{periods}h"
    slower = changed(scenario, store={"lag": {"delete": {"get": lag, "list": lag}}})
    now, later = simulate_small(scenario), simulate_small(slower)
    for a, b in zip(outcomes(now), outcomes(later), strict=True):
        event(f"errors: {a.fractions['query-error'] > 0} then {b.fractions['query-error'] > 0}")
        assert b.fractions["query-error"] <= a.fractions["query-error"] + 1e-12


@few
@given(scenarios(strong=True, max_faults=0), st.integers(0, 1), st.integers(2, 4))
def test_more_chunk_files_change_no_load_and_no_outcome(
    scenario: Scenario, index: int, chunk_files: int
) -> None:
    note(to_toml(scenario))
    instant = changed(
        scenario,
        producers={"upload_takes": "0s", "chunk_files": 1},
        compactor={"upload_takes": "0s", "delete_takes": "0s"},
    )
    more = changed(instant, producers={"chunk_files": chunk_files})
    runs = [simulate_small(s, index) for s in (instant, more)]
    one, other = (lines(run.trace, lambda r: is_work(r) and hasattr(r, "gateway")) for run in runs)
    assert one == other
    assert [o.fractions for o in outcomes(runs[0])] == [o.fractions for o in outcomes(runs[1])]


@few
@given(scenarios(strong=True), st.integers(0, 1))
def test_replicas_of_a_strong_store_are_one(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    runs = [
        simulate_small(changed(scenario, store={"replicas": n, "read_from": how}), index)
        for n, how in ((1, "any"), (3, "any"), (3, "sticky"), (2, "nearest"))
    ]
    assert len({tuple(map(repr, lines(run.trace))) for run in runs}) == 1
    for run in runs[1:]:
        for a, b in zip(outcomes(runs[0]), outcomes(run), strict=True):
            assert a.fractions == pytest.approx(b.fractions, abs=1e-9)
