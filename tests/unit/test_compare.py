"""Differences of two results: against hand calculations, their coverage, and their limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from sim.analysis.comparison.compare import (
    Comparison,
    Row,
    compare,
    only_one_has,
    paired_outcome,
    unpaired_because,
)
from sim.analysis.comparison.differences import unpaired_difference
from sim.analysis.comparison.gates import judge_gates, parse_gate
from sim.analysis.comparison.numbers import Numbers, OutcomeNumbers, numbers_of
from sim.analysis.estimators import (
    Interval,
    fraction_interval,
    mean_interval,
)
from sim.analysis.expect import Verdict
from sim.analysis.results import collect
from sim.scenario.metrics import METRICS
from sim.scenario.schema import OUTCOMES
from tests.made_results import outcome, result, scenario, trial

FloatArray = npt.NDArray[np.float64]
PAIRS = (("at once", "at once"),)
# Student's t for 95 % with one and with two degrees of freedom, from any table.
T_1, T_2 = 12.7062, 4.3027


def _numbers(at_once: Sequence[float], **changes: object) -> Numbers:
    """A result whose first scheme has these fractions of errors, of another world each time."""
    made = numbers_of(result(at_once, [0.0] * len(at_once)))
    world = f"{sorted(changes.items())} {at_once}"
    schemes = tuple(replace(scheme, world_digest=world) for scheme in made.schemes)
    return replace(made, trials=len(at_once), schemes=schemes, **changes)  # type: ignore[arg-type]


def _row(comparison: Comparison, metric: str, query: str | None = None) -> Row:
    rows = comparison.schemes[0].rows
    (found,) = [row for row in rows if (row.metric, row.query) == (metric, query)]
    return found


def test_a_paired_difference_is_what_a_hand_calculates() -> None:
    found = compare(_numbers([0.1, 0.2, 0.3, 0.4]), _numbers([0.2, 0.2, 0.5, 0.5]), PAIRS)
    row = _row(found, "query-error")
    # Differences 0.1, 0, 0.2, 0.1: mean 0.1, variance 0.02 / 3, standard error its root over 2.
    half = T_2 * math.sqrt(0.02 / 3) / 2
    assert row.a == pytest.approx(0.25)
    assert row.b == pytest.approx(0.35)
    assert row.difference.difference == pytest.approx(0.1)
    assert row.difference.low == pytest.approx(0.1 - half, abs=1e-5)
    assert row.difference.high == pytest.approx(0.1 + half, abs=1e-5)
    assert row.difference.method == "t"
    assert row.relative == pytest.approx(0.4)
    # The trials of both lie far apart; unpaired, the same numbers say much less.
    apart = unpaired_difference(mean_interval([0.2, 0.2, 0.5, 0.5]), mean_interval([0.1, 0.2]))
    assert apart.high - apart.low > 2 * (row.difference.high - row.difference.low)


def test_every_outcome_of_every_class_and_every_metric_has_a_row() -> None:
    found = compare(_numbers([0.1, 0.2]), _numbers([0.2, 0.2]), PAIRS)
    keys = [(row.query, row.metric) for row in found.schemes[0].rows]
    outcomes = [(query, name) for query in (None, "fast", "slow") for name in OUTCOMES]
    assert keys == [*outcomes, (None, "lost-block"), (None, "requests.get")]
    assert _row(found, "query-error", "slow").difference.difference == pytest.approx(0.05)


def test_a_result_and_itself_differ_by_exactly_nothing() -> None:
    made = numbers_of(result([0.1, 0.2], [0.0, 0.0]))
    found = compare(made, made, [("at once", "at once"), ("later", "later")])
    for pair in found.schemes:
        assert pair.is_same
        for row in pair.rows:
            difference = row.difference
            assert (difference.difference, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_another_world_is_not_the_same_though_no_trial_differs() -> None:
    found = compare(_numbers([0.0, 0.0]), _numbers([0.0, 0.0], scenario="b"), PAIRS)
    row = _row(found, "query-error")
    assert row.difference.difference == 0.0
    assert row.difference.low < 0.0 < row.difference.high
    assert not found.schemes[0].is_same


def test_what_few_pairs_show_is_not_narrower_than_both_sides_allow() -> None:
    found = compare(_numbers([0.0] * 8), _numbers([0.0] * 7 + [0.08]), PAIRS)
    row = _row(found, "query-error")
    assert row.difference.difference == pytest.approx(0.01)
    assert row.difference.method == "intervals"
    # Of trials that saw nothing, 8 leave 0.312 open; the spread alone would end at 0.034.
    assert row.difference.high > 0.312


def test_trials_of_other_seeds_are_no_pairs() -> None:
    a, b = _numbers([0.1, 0.3, 0.2]), _numbers([0.2, 0.4, 0.3], seed=99)
    assert "seeds differ: 7 and 99" in unpaired_because(a, b)
    row = _row(compare(a, b, PAIRS), "query-error")
    assert row.difference.method == "intervals"
    # Paired, they would differ by 0.1 without any doubt.
    assert row.difference.low < 0.0
    for other in (_numbers([0.1, 0.2]), _numbers([0.2, 0.4, 0.3], mode="sampled")):
        assert unpaired_because(a, other) != ""
    assert unpaired_because(a, replace(b, seed=7)) == ""


def test_an_unpaired_difference_adds_up_squares() -> None:
    found = unpaired_difference(Interval(0.5, 0.2, 0.9, "t"), Interval(0.3, 0.26, 0.33, "t"))
    assert found.difference == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - math.hypot(0.3, 0.03))
    assert found.high == pytest.approx(0.2 + math.hypot(0.4, 0.04))
    nothing = Interval(math.nan, math.nan, math.nan, "none")
    assert unpaired_difference(nothing, nothing).method == "none"


def test_a_mean_of_one_trial_has_no_interval() -> None:
    one = mean_interval([2.0, math.nan])
    assert (one.fraction, one.method) == (2.0, "none")
    assert math.isnan(one.low)
    assert math.isnan(mean_interval([]).fraction)
    two = mean_interval([1.0, 3.0])
    assert two.high == pytest.approx(2.0 + T_1, abs=1e-3)


def test_what_only_one_side_has_is_said() -> None:
    assert list(only_one_has("scheme", ["x", "y"], ["y", "z"])) == [
        "only A has the scheme x",
        "only B has the scheme z",
    ]
    classes = [outcome("fast", 10.0), outcome("slow", 30.0)]
    other = collect(scenario(), "exact", [trial(0, k, classes) for k in (0, 1)])
    lonely = numbers_of(other)
    only_fast = replace(
        lonely,
        schemes=tuple(
            replace(s, outcomes={q: s.outcomes[q] for q in (None, "fast")}) for s in lonely.schemes
        ),
    )
    found = compare(lonely, only_fast, PAIRS)
    assert found.left_out == ("only A has the query class slow",)
    assert {row.query for row in found.schemes[0].rows} == {None, "fast"}


def _outcome(fractions: FloatArray) -> OutcomeNumbers:
    return OutcomeNumbers(
        interval=fraction_interval(fractions, 1000.0), per_trial=tuple(fractions.tolist())
    )


@pytest.mark.parametrize("is_paired", [True, False])
def test_intervals_cover_the_true_difference(is_paired: bool) -> None:
    """Fractions of trials share a part, and B has 0.02 more in the mean; 8 trials, 600 times."""
    chance = np.random.default_rng(20261125)
    covered = wrong = 0
    for _ in range(600):
        shared = chance.uniform(0.1, 0.4, 8)
        a = shared + chance.uniform(0.0, 0.02, 8)
        other = shared if is_paired else chance.uniform(0.1, 0.4, 8)
        b = other + chance.uniform(0.02, 0.04, 8)
        one, two = _outcome(a), _outcome(b)
        if is_paired:
            found = paired_outcome(two, one)
        else:
            found = unpaired_difference(two.interval, one.interval)
        covered += found.low <= 0.02 <= found.high
        # Ten standard errors beside it.
        beside = 0.02 + 10 * math.sqrt(2 * 0.02**2 / 12 / 8)
        wrong += found.low <= beside <= found.high
    error = math.sqrt(0.95 * 0.05 / 600)
    assert covered / 600 >= 0.95 - 4 * error
    if is_paired:
        assert wrong / 600 < 0.2


@pytest.mark.parametrize(
    ("rule", "query", "metric", "sign", "limit", "is_relative"),
    [
        ("query-error > +1e-5", None, "query-error", 1, 1e-5, False),
        ("fast.silent-gap>0", "fast", "silent-gap", 1, 0.0, False),
        ("requests.list > +10%", None, "requests.list", 1, 0.1, True),
        (" compactions < -.5 ", None, "compactions", -1, -0.5, False),
        ("a.b > c.ok < -1 %", "a.b > c", "ok", -1, -0.01, True),
    ],
)
def test_a_rule_is_read(
    rule: str, query: str | None, metric: str, sign: int, limit: float, is_relative: bool
) -> None:
    gate = parse_gate(rule, ["fast", "a.b > c"])
    assert (gate.query, gate.metric, gate.sign) == (query, metric, sign)
    assert gate.limit == pytest.approx(limit)
    assert gate.is_relative is is_relative


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("query-error", "must be like 'query-error > \\+1e-5'"),
        ("query-error > 5m", "must be like"),
        ("query-error > nan", "must be like"),
        ("query-error > 1e999", "1e999 is no finite number"),
        ("querry-error > 0", 'did you mean "query-error"'),
        ("request.list > 0", 'did you mean "requests.list"'),
        ("medium.query-error > 0", "must be an outcome, CLASS.outcome or a metric"),
        ("fast.requests.list > 0", "must be an outcome, CLASS.outcome or a metric"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_gate(rule, ["fast"])


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("query-error > 0.09", Verdict.INVALID),
        ("query-error > 0.11", Verdict.UNKNOWN),
        ("query-error > 0.3", Verdict.VALID),
        ("query-error > 30%", Verdict.INVALID),
        ("query-error > 41%", Verdict.UNKNOWN),
        ("query-error > 120%", Verdict.VALID),
        ("ok < -0.09", Verdict.INVALID),
        ("ok < -0.3", Verdict.VALID),
        ("slow.query-error > 0.09", Verdict.INVALID),
        ("requests.get > 0", Verdict.VALID),
        ("compactions > 0", Verdict.UNKNOWN),
    ],
)
def test_a_difference_fails_beyond_its_limit_and_holds_if_its_interval_does(
    rule: str, verdict: Verdict
) -> None:
    found = compare(_numbers([0.1, 0.2, 0.3, 0.4]), _numbers([0.2, 0.2, 0.5, 0.5]), PAIRS)
    (judged,) = judge_gates(found, [parse_gate(rule, ["fast", "slow"])])
    assert judged.verdict is verdict


def test_one_trial_can_break_a_rule_but_not_keep_it() -> None:
    found = compare(_numbers([0.1]), _numbers([0.2]), PAIRS)
    rules = [parse_gate(rule, []) for rule in ("query-error > 0.05", "query-error > 0.5")]
    verdicts = [judged.verdict for judged in judge_gates(found, rules)]
    assert verdicts == [Verdict.INVALID, Verdict.UNKNOWN]


def test_every_metric_can_be_limited() -> None:
    for name in METRICS:
        assert parse_gate(f"{name} > 0", []).metric == name


def test_a_difference_of_sequences_goes_as_far_as_both_intervals() -> None:
    a = OutcomeNumbers(interval=Interval(0.3, 0.2, 0.45, "sequence"), per_trial=(0.2, 0.4))
    b = OutcomeNumbers(interval=Interval(0.1, 0.05, 0.2, "sequence"), per_trial=(0.1, 0.1))
    found = paired_outcome(a, b)
    assert found.method == "intervals"
    assert [found.difference, found.low, found.high] == pytest.approx([0.2, 0.0, 0.4])
