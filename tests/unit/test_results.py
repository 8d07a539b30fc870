"""Sums and estimates over trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sim.analysis.results import collect, digest_of, estimate, fractions_per_trial
from sim.analysis.totals import total_counts
from sim.scenario.load import load
from sim.scenario.metrics import METRICS, OBSERVATIONS
from sim.study.run import run_trial
from tests.made_results import SCENARIO, outcome, result, scenario, trial


def test_results_come_out_in_order_whatever_the_order_they_came_in() -> None:
    ordered = [trial(scheme, number) for scheme in (0, 1) for number in (0, 1)]
    shuffled = [ordered[i] for i in (2, 0, 3, 1)]
    one, two = collect(scenario(), "exact", ordered), collect(scenario(), "exact", shuffled)
    assert one == two
    assert [(s.name, [t.trial for t in s.trials]) for s in two.schemes] == [
        ("at once", [0, 1]),
        ("later", [0, 1]),
    ]
    assert two.schemes[1].digest == digest_of(["10", "11"])
    assert two.digest == digest_of(scheme.digest for scheme in two.schemes)


def test_digests_depend_on_order_and_on_borders() -> None:
    digests = {digest_of(d) for d in (["a", "b"], ["b", "a"], ["ab"], ["ab", ""], [])}
    assert len(digests) == 5


def test_classes_are_weighed_by_their_queries() -> None:
    classes = [outcome("fast", 1000.0, query_error=0.4), outcome("slow", 3000.0)]
    made = collect(scenario(), "exact", [trial(0, 0, classes)])
    fractions, queries = fractions_per_trial(made.schemes[0], ("query-error",))
    assert (fractions.tolist(), queries.tolist()) == ([0.1], [4000.0])
    fractions, queries = fractions_per_trial(made.schemes[0], ("query-error", "ok"), "fast")
    assert (fractions.tolist(), queries.tolist()) == ([1.0], [1000.0])


def test_an_estimate_counts_the_trials_that_saw_it() -> None:
    found = estimate(result([0.0, 0.02], [0.0, 0.0]).schemes[0], ("query-error",))
    assert found.interval.fraction == pytest.approx(0.01)
    assert found.expected == pytest.approx(80.0)
    assert found.seen_in_trials == 1


def test_without_queries_nothing_is_known() -> None:
    silent = outcome("fast", 0.0, query_error=math.nan)
    made = collect(scenario(), "exact", [trial(0, 0, [silent])])
    found = estimate(made.schemes[0], ("query-error",))
    assert math.isnan(found.interval.fraction)
    assert (found.interval.method, found.expected, found.seen_in_trials) == ("none", 0.0, 0)


def test_counts_are_added_unless_a_sum_means_nothing() -> None:
    one = {
        "compactor-halt": 1,
        "stored-bytes": 10.0,
        "requests": {"get": 1, "put": 2},
        "time-to-visible": {"n": 1, "mean_s": 4.0, "p50_s": 4.0, "max_s": 4.0, "never": 1},
    }
    two = {
        "compactor-halt": 0,
        "stored-bytes": 20.0,
        "requests": {"get": 10, "put": 20},
        "time-to-visible": {"n": 3, "mean_s": 8.0, "p50_s": 6.0, "max_s": 9.0, "never": 0},
    }
    assert total_counts([one, two]) == {
        "compactor-halt": 1,
        "stored-bytes": 15.0,
        "requests": {"get": 11, "put": 22},
        "time-to-visible": {"n": 4, "mean_s": 7.0, "p50_s": 5.5, "max_s": 9.0, "never": 1},
    }


def test_counts_of_nothing_are_nothing() -> None:
    assert total_counts([]) == {}
    empty = {"n": 0, "mean_s": 0.0, "max_s": 0.0}
    assert total_counts([{"time-to-visible": empty}] * 2) == {"time-to-visible": empty}


def test_every_number_of_a_trial_is_in_the_registry() -> None:
    trial = run_trial(load(SCENARIO, {"trials": 1}), 1, 0)

    def names(counts: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in counts.items():
            if isinstance(value, Mapping):
                yield from names(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}"

    of_referrers = {"dangling-reference", "re-references"}
    of_copies = {"left-behind", "left-behind-bytes"}
    assert sorted(names(trial.counts)) == sorted(set(METRICS) - of_referrers - of_copies)
    assert tuple(name for name in METRICS if METRICS[name].is_expected) == OBSERVATIONS


def test_a_number_that_is_not_in_the_registry_is_a_fault() -> None:
    with pytest.raises(KeyError, match="moon-phase"):
        total_counts([{"moon-phase": 1}])


def test_a_result_fits_a_screen() -> None:
    made = result([0.25, 0.5], [0.0, 0.0])
    digest = made.digest[:8]
    one, two = (scheme.digest[:8] for scheme in made.schemes)
    assert repr(made) == (
        f"<Result 'made', exact, digest {digest}\n"
        "  <SchemeResult 'at once' (immediate), 2 trials, 8,000 queries, "
        f"query-error 0.375, ok 0.625, digest {one}>\n"
        "  <SchemeResult 'later' (deletion-mark), 2 trials, 8,000 queries, "
        f"ok 1, digest {two}>>"
    )
    assert repr(made.schemes[0].trials[1]) == (
        "<TrialResult scheme=0, trial=1, seed=8, 10 records, digest 01>"
    )


def test_a_result_without_queries_can_be_shown() -> None:
    silent = outcome("fast", 0.0, query_error=math.nan)
    made = collect(scenario(), "exact", [trial(0, 0, [silent])])
    assert "1 trial, 0 queries, digest" in repr(made)
    assert repr(collect(scenario(), "exact", [])).startswith("<Result 'made', exact, digest ")
