"""Verdicts: what makes a rule valid, invalid or unknown, and what is shown for it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sim.analysis.evidence.witness import Counted, DrawnOnly, Exceeded, Measured, Seen, TooMany
from sim.analysis.expect import Judgement, Verdict, exit_code_of, judge
from sim.analysis.queries.outcomes import Bound
from sim.analysis.results import Result, collect
from tests.made_results import TRIED, hazard, outcome, result, scenario, trial


def _verdicts(made: Result) -> dict[str, str]:
    return {j.rule: str(j.verdict) for j in judge(made)}


def test_never_is_valid_without_a_witness() -> None:
    rules = '"later" = { never = ["query-error"], never_below = 0.8 }'
    made = result([0.0, 0.0], [0.0, 0.0], expect=rules)
    (judgement,) = judge(made)
    assert (judgement.verdict, judgement.witness) == (Verdict.VALID, None)
    assert judgement.reason == (
        "seen in 0 of 2 trials, 0 of 18 deletions, at most 0.776 (never_below = 0.8)"
    )


def test_a_zero_that_says_little_is_unknown() -> None:
    made = result([0.0, 0.0], [0.0, 0.0], expect='"later" = { never = ["query-error"] }')
    (judgement,) = judge(made)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason == (
        "seen in 0 of 2 trials, 0 of 18 deletions: no rule proves it, and it may be up to 0.776 "
        "(never_below = 1e-06)"
    )


def test_a_rule_proves_never() -> None:
    bounds = {"query-error": Bound(proof="R1, R2")}
    day = replace(outcome("fast", 10.0), bounds=bounds)
    rules = '"later" = { never = ["query-error"] }'
    (judgement,) = judge(collect(scenario(rules), "exact", [trial(1, 0, [day])]))
    assert (judgement.verdict, judgement.reason) == (Verdict.VALID, "proven by R1, R2")


@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        ({"queries": 0}, "no query was asked"),
        ({"halted": 1}, "the compactor halted in 1 of 2 trials"),
        (
            {"behind": 2},
            "the compactor fell behind in 2 of 2 trials "
            "(are compactor.count and concurrency too small?)",
        ),
        ({"retired": 0, "deleted": 0}, "no block was retired after the warm-up"),
        ({"deleted": 0}, "no block was deleted after the warm-up"),
        ({"read": 0}, "no gateway had loaded a block that was deleted"),
        ({"asked": 0}, "no query asked for the time of a deleted block when it went"),
        ({"needed": 0}, "no query asked for data that only the bucket had"),
    ],
)
@pytest.mark.parametrize("rule", ['never = ["silent-gap"]', "at_most = { silent-gap = 0.5 }"])
def test_what_nothing_exercised_is_unknown(rule: str, tried: dict[str, int], reason: str) -> None:
    bounds = {"silent-gap": Bound(proof="R8")}
    day = replace(outcome("fast", 10.0), bounds=bounds)
    whole = replace(TRIED, trials=2)
    for exercised, expected in ((whole, Verdict.VALID), (replace(whole, **tried), Verdict.UNKNOWN)):
        trials = [trial(1, 0, [day], exercised=exercised)]
        made = collect(scenario(f'"later" = {{ {rule} }}'), "exact", trials)
        (judgement,) = judge(made)
        assert judgement.verdict is expected
        assert expected is Verdict.VALID or judgement.reason == reason


def test_never_is_broken_by_one_trial_and_shows_it() -> None:
    made = result([0.0, 1e-9], [0.0, 0.0], expect='"at once" = { never = ["query-error"] }')
    (judgement,) = judge(made)
    assert judgement.verdict is Verdict.INVALID
    assert judgement.witness == Seen(trial=1, seed=8, what=hazard("fast"))


def test_a_place_is_shown_rather_than_the_word_that_it_is_drawn() -> None:
    drawn = replace(
        outcome("fast", 10.0, query_error=0.5),
        witnesses={"query-error": DrawnOnly(query="fast")},
    )
    slow = outcome("slow", 10.0, query_error=0.5)
    rules = '"at once" = { never = ["query-error"] }'
    (judgement,) = judge(collect(scenario(rules), "exact", [trial(0, 0, [drawn, slow])]))
    assert judgement.witness == Seen(trial=0, seed=7, what=hazard("slow"))
    (judgement,) = judge(collect(scenario(rules), "exact", [trial(0, 0, [drawn])]))
    assert judgement.witness == Seen(trial=0, seed=7, what=DrawnOnly(query="fast"))


def test_ok_has_nothing_to_show() -> None:
    made = result([0.5], [0.0], expect='"at once" = { sometimes = ["ok"] }')
    (judgement,) = judge(made)
    assert (judgement.verdict, judgement.witness) == (Verdict.VALID, None)


def test_sometimes_needs_one_trial() -> None:
    rules = '"at once" = { sometimes = ["query-error"] }\n"later" = { sometimes = ["query-error"] }'
    made = result([0.0, 0.1], [0.0, 0.0], expect=rules)
    first, second = judge(made)
    assert (first.verdict, first.witness is not None) == (Verdict.VALID, True)
    assert (second.verdict, second.witness) == (Verdict.INVALID, None)


@pytest.mark.parametrize(
    ("rule", "fraction", "verdict"),
    [
        ("at_most = { query-error = 0.1 }", 0.1, "valid"),
        ("at_most = { query-error = 0.1 }", 0.10001, "invalid"),
        ("at_least = { query-error = 0.1 }", 0.1, "valid"),
        ("at_least = { query-error = 0.1 }", 0.09999, "invalid"),
        ("at_most = { query-error = 0.0 }", 0.0, "valid"),
    ],
)
def test_an_expected_fraction_is_compared_itself(rule: str, fraction: float, verdict: str) -> None:
    made = result([fraction] * 2, [0.0] * 2, expect=f'"at once" = {{ {rule} }}')
    (judgement,) = judge(made)
    assert str(judgement.verdict) == verdict
    assert (judgement.witness is None) == (verdict == "valid")


@pytest.mark.parametrize(
    ("rule", "fractions", "verdict"),
    [
        ("at_most = { query-error = 0.9 }", [0.1, 0.1, 0.1], "valid"),
        ("at_most = { query-error = 0.1 }", [0.1, 0.11], "unknown"),
        ("at_most = { query-error = 0.01 }", [0.1, 0.1, 0.1], "invalid"),
        ("at_most = { query-error = 0.00001 }", [0.0, 0.0], "unknown"),
        ("at_least = { query-error = 0.01 }", [0.1, 0.1, 0.1], "valid"),
        ("at_least = { query-error = 0.1 }", [0.1, 0.11], "unknown"),
        ("at_least = { query-error = 0.9 }", [0.1, 0.1, 0.1], "invalid"),
    ],
)
def test_a_sampled_fraction_is_compared_with_its_interval(
    rule: str, fractions: list[float], verdict: str
) -> None:
    made = result(fractions, [0.0] * 2, expect=f'"at once" = {{ {rule} }}', mode="sampled")
    (judgement,) = judge(made)
    assert str(judgement.verdict) == verdict


def test_the_witness_of_a_broken_bound_is_the_worst_trial() -> None:
    rules = '"at once" = { at_most = { query-error = 0.01 } }'
    made = result([0.1, 0.3], [0.0] * 2, expect=rules)
    (judgement,) = judge(made)
    assert judgement.rule == "at most 0.01 query-error"
    assert isinstance(judgement.witness, Exceeded)
    assert judgement.witness.worst == Seen(trial=1, seed=8, what=hazard("fast"))
    assert judgement.witness.fraction == pytest.approx(0.2)


def test_nothing_asked_is_unknown() -> None:
    rules = (
        '"at once" = { never = ["query-error"], sometimes = ["silent-gap"], '
        "at_most = { query-error = 1.0 } }"
    )
    silent = outcome("fast", 0.0, query_error=math.nan)
    made = collect(scenario(rules), "exact", [trial(0, 0, [silent])])
    assert set(_verdicts(made).values()) == {"unknown"}
    assert [judgement.scheme for judgement in judge(made)] == ["at once"] * 3


def test_observations_can_be_expected() -> None:
    rules = '"at once" = { never = ["lost-block"], sometimes = ["compactor-halt"] }'
    counts = [{"lost-block": 0, "compactor-halt": 0}, {"lost-block": 2, "compactor-halt": 1}]
    trials = [trial(0, k, [outcome("fast", 1.0)], counts[k]) for k in (0, 1)]
    never, sometimes = judge(collect(scenario(rules), "exact", trials))
    assert (never.verdict, never.witness) == (
        Verdict.INVALID,
        Seen(trial=1, seed=8, what=Counted(count=2)),
    )
    assert sometimes.verdict is Verdict.VALID
    never, sometimes = judge(collect(scenario(rules), "exact", trials[:1]))
    assert (never.verdict, sometimes.verdict) == (Verdict.VALID, Verdict.INVALID)


def _measured(name: str, values: list[float], rule: str) -> Judgement:
    """Judge a bound of a measure that two or more trials gave."""
    outer, _, inner = name.partition(".")
    counts = [{outer: {"n": 1, inner: v} if inner else v} for v in values]
    trials = [trial(0, k, [outcome("fast", 1.0)], count) for k, count in enumerate(counts)]
    made = scenario(f'"at once" = {{ {rule} }}')
    (judgement,) = judge(collect(made, "exact", trials))
    return judgement


@pytest.mark.parametrize(
    ("name", "rule", "values", "verdict"),
    [
        ("garbage-bytes", 'at_most = { garbage-bytes = "1KiB" }', [1000.0] * 2, "valid"),
        ("garbage-bytes", 'at_most = { garbage-bytes = "1KiB" }', [1030.0] * 2, "invalid"),
        ("garbage-bytes", 'at_most = { garbage-bytes = "1KiB" }', [1000.0, 1040.0], "unknown"),
        ("garbage-bytes", 'at_most = { garbage-bytes = "1KiB" }', [1000.0], "unknown"),
        ("garbage-bytes", 'at_least = { garbage-bytes = "1KiB" }', [1030.0] * 2, "valid"),
        ("garbage-bytes", 'at_least = { garbage-bytes = "1KiB" }', [1000.0] * 2, "invalid"),
        ("garbage-bytes", 'at_least = { garbage-bytes = "1KiB" }', [1020.0, 1030.0], "unknown"),
        ("requests.get", 'at_most = { "requests.get" = 3 }', [3.0, 3.0], "valid"),
        ("requests.get", 'at_most = { "requests.get" = 2 }', [3.0, 3.0], "invalid"),
        (
            "retention-overshoot.mean_s",
            'at_most = { "retention-overshoot.mean_s" = "1h" }',
            [3600.0, 3600.0],
            "valid",
        ),
        (
            "retention-overshoot.max_s",
            'at_most = { "retention-overshoot.max_s" = "1h" }',
            [100.0, 3601.0],
            "invalid",
        ),
        (
            "retention-overshoot.max_s",
            'at_least = { "retention-overshoot.max_s" = "1h" }',
            [100.0, 3601.0],
            "valid",
        ),
    ],
)
def test_a_measure_keeps_its_bound_with_all_of_its_interval(
    name: str, rule: str, values: list[float], verdict: str
) -> None:
    judgement = _measured(name, values, rule)
    assert str(judgement.verdict) == verdict
    assert (judgement.witness is not None) == (verdict == "invalid")
    assert bool(judgement.reason) == (verdict == "unknown")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1000.0, 1040.0], "the bound lies in the interval over trials"),
        ([1000.0], "one trial has no interval"),
    ],
)
def test_a_measure_that_says_too_little_says_why(values: list[float], reason: str) -> None:
    rule = 'at_most = { garbage-bytes = "1KiB" }'
    assert _measured("garbage-bytes", values, rule).reason == reason


def test_a_broken_bound_of_a_count_shows_the_worst_trial() -> None:
    judgement = _measured("lost-block", [2, 1], "at_most = { lost-block = 2 }")
    assert judgement.witness == TooMany(total=3, worst=Seen(trial=0, seed=7, what=Counted(count=2)))


def test_a_broken_bound_of_a_measure_shows_the_worst_trial() -> None:
    rule = 'at_most = { "retention-overshoot.max_s" = "1h" }'
    judgement = _measured("retention-overshoot.max_s", [100.0, 7200.0], rule)
    assert judgement.rule == "at most 1h retention-overshoot.max_s"
    assert judgement.witness == Measured(
        unit="s",
        value=7200.0,
        low=7200.0,
        high=7200.0,
        worst_trial=1,
        worst_seed=8,
        worst_value=7200.0,
    )
    judgement = _measured("garbage-bytes", [10.0, 11.0], 'at_least = { garbage-bytes = "1MiB" }')
    assert isinstance(judgement.witness, Measured)
    assert (judgement.witness.worst_trial, judgement.witness.value) == (0, 10.5)


def test_a_measure_of_nothing_is_unknown() -> None:
    rules = (
        '"at once" = { at_most = { garbage-bytes = "1TiB", "time-to-visible.max_s" = "1d" }, '
        "at_least = { compactions = 0 } }"
    )
    counts = {"garbage-bytes": 0.0, "time-to-visible": {"n": 0, "max_s": 0.0}}
    idle = replace(TRIED, retired=0)
    trials = [trial(0, k, [outcome("fast", 1.0)], counts, exercised=idle) for k in (0, 1)]
    found = judge(collect(scenario(rules), "exact", trials))
    assert [(str(j.verdict), j.reason) for j in found] == [
        ("unknown", "no block was retired after the warm-up"),
        ("unknown", "nothing was measured"),
        ("unknown", "nothing was measured"),
    ]


def test_rules_about_schemes_that_did_not_run_are_left_out() -> None:
    made = collect(scenario('"later" = { never = ["query-error"] }'), "exact", [trial(0, 0)])
    assert judge(made) == ()


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [((), 0), (("valid",), 0), (("valid", "unknown"), 3), (("unknown", "invalid", "valid"), 1)],
)
def test_exit_codes_put_broken_before_unknown(verdicts: tuple[str, ...], code: int) -> None:
    made = tuple(Judgement(scheme="s", rule="r", verdict=Verdict(v)) for v in verdicts)
    assert exit_code_of(made) == code
