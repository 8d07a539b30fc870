"""Laws and durations as the scenario language writes them, and files of observed durations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sim.core.laws import (
    Adjusted,
    Constant,
    Empirical,
    Exponential,
    Law,
    Lognormal,
    Mixture,
    Pareto,
    Uniform,
    Weibull,
)
from sim.errors import ScenarioError
from sim.scenario.dump import inline, to_toml
from sim.scenario.inputs import Reading
from sim.scenario.laws.observed import Observed, observed_law, read_durations
from sim.scenario.laws.text import law_to_raw
from sim.scenario.load import build, load
from tests.short import SHORT

LAW_RULE = 'be a duration with a unit such as "5m", or a law such as {law = "uniform", …}'
NAMES = (
    '"constant", "uniform", "exponential", "lognormal", "weibull", "pareto", "mixture", "empirical"'
)


def raw(upload_takes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "name": "laws",
        "horizon": "1d",
        "producers": {"upload_takes": upload_takes},
        "queries": [{"name": "q"}],
        "schemes": [{"name": "s", "kind": "immediate"}],
    }


def law(value: Any) -> Law:
    return build(raw(value)).producers.upload_takes


def problem(value: Any) -> str:
    """The only problem with a value, without the path of the field."""
    with pytest.raises(ScenarioError) as caught:
        build(raw(value))
    (found,) = caught.value.problems
    return str(found).removeprefix("producers.upload_takes")


READ: list[tuple[Any, Law]] = [
    ("90s", Constant(value_us=90e6)),
    ({"law": "constant", "value": "90s"}, Constant(value_us=90e6)),
    ({"law": "uniform", "low": "1s", "high": "2s"}, Uniform(low_us=1e6, high_us=2e6)),
    ({"law": "exponential", "mean": "5ms"}, Exponential(mean_us=5e3)),
    ({"law": "lognormal", "median": "1s", "p99": "30s"}, Lognormal(median_us=1e6, p99_us=30e6)),
    ({"law": "weibull", "scale": "1s", "shape": 0.5}, Weibull(scale_us=1e6, shape=0.5)),
    ({"law": "weibull", "scale": "1s", "shape": 2}, Weibull(scale_us=1e6, shape=2.0)),
    ({"law": "pareto", "minimum": "1us", "alpha": 1.5}, Pareto(minimum_us=1.0, alpha=1.5)),
    (
        {"law": "exponential", "mean": "1s", "plus": "2s"},
        Adjusted(law=Exponential(mean_us=1e6), plus_us=2e6),
    ),
    (
        {"law": "exponential", "mean": "1s", "plus": "2s", "at_most": "3s"},
        Adjusted(law=Exponential(mean_us=1e6), plus_us=2e6, at_most_us=3e6),
    ),
    (
        {
            "law": "mixture",
            "parts": [
                {"weight": 3, "law": "constant", "value": "0s"},
                {"weight": 1, "law": "exponential", "mean": "1s", "at_most": "1m"},
            ],
        },
        Mixture(
            weights=(0.75, 0.25),
            parts=(
                Constant(value_us=0.0),
                Adjusted(law=Exponential(mean_us=1e6), at_most_us=60e6),
            ),
        ),
    ),
    ({"law": "empirical", "samples": ["2s", "1s"]}, Empirical(samples_us=(1e6, 2e6))),
]


@pytest.mark.parametrize(("value", "expected"), READ, ids=str)
def test_a_law_is_read_and_printed_back(value: Any, expected: Law) -> None:
    assert law(value) == expected
    assert law(law_to_raw(expected)) == expected
    # In Python a law may stand for itself.
    assert law(expected) == expected


def test_mixtures_may_hold_mixtures() -> None:
    inner = {"law": "mixture", "parts": [{"weight": 1, "law": "constant", "value": "1s"}]}
    outer = {"law": "mixture", "parts": [{"weight": 1, **inner}]}
    assert law(outer).mean == 1e6


REFUSED: list[tuple[Any, str]] = [
    (5, f"=5 must {LAW_RULE}"),
    (True, f"=True must {LAW_RULE}"),
    ([], f"=[] must {LAW_RULE}"),
    ("5", f"='5' must {LAW_RULE}; did you mean \"5s\"?"),
    ("soon", f"='soon' must {LAW_RULE}"),
    ({}, "={} must have a key law"),
    ({"Law": "uniform"}, "={'Law': 'uniform'} must have a key law; did you mean \"law\"?"),
    (
        {"law": "unifrom", "low": "1s"},
        f".law='unifrom' must be one of {NAMES}; did you mean \"uniform\"?",
    ),
    ({"law": 7}, f".law=7 must be one of {NAMES}"),
    ({"law": []}, f".law=[] must be one of {NAMES}"),
    ({"law": "constant"}, ".value=(missing) must be given"),
    (
        {"law": "constant", "value": 5},
        '.value=5 must be a duration with a unit such as "5m"',
    ),
    (
        {"law": "exponential", "mean": "1s", "median": "1s"},
        ".median='1s' must be a known key; did you mean \"mean\"?",
    ),
    (
        {"law": "exponential", "mean": "1s", "weight": 1},
        ".weight=1 must be a known key",
    ),
    (
        {"law": "uniform", "low": "2s", "high": "1s"},
        ".high='1s' must be at least low=\"2s\"",
    ),
    (
        {"law": "lognormal", "median": "2s", "p99": "1s"},
        ".p99='1s' must be at least median=\"2s\"",
    ),
    (
        {"law": "lognormal", "median": "0s", "p99": "1s"},
        ".median='0s' must be longer than 0s",
    ),
    ({"law": "weibull", "scale": "1s", "shape": 0}, ".shape=0 must be at least 0.05"),
    ({"law": "pareto", "minimum": "1s", "alpha": "2"}, ".alpha='2' must be a number"),
    (
        {"law": "pareto", "minimum": "1s", "alpha": float("nan")},
        ".alpha=nan must be a finite number",
    ),
    ({"law": "mixture", "parts": []}, ".parts=[] must hold at least one part"),
    (
        {"law": "mixture", "parts": [{"law": "constant", "value": "1s"}]},
        ".parts[0].weight=(missing) must be given",
    ),
    (
        {"law": "mixture", "parts": [{"weight": 0, "law": "constant", "value": "1s"}]},
        ".parts[0].weight=0 must be above 0",
    ),
    (
        {
            "law": "mixture",
            "parts": [{"weight": 1, "law": "constant", "value": "0s", "at_mots": 1}],
        },
        '.parts[0].at_mots=1 must be a known key; did you mean "at_most"?',
    ),
    (
        {"law": "mixture", "parts": ["1s"]},
        '.parts[0]=\'1s\' must be a table such as {weight = 0.1, law = "constant", value = "5s"}',
    ),
    (
        {"law": "mixture", "parts": [{"weight": 1, "law": "uniform", "low": "2s", "high": "1s"}]},
        ".parts[0].high='1s' must be at least low=\"2s\"",
    ),
    ({"law": "empirical"}, "={'law': 'empirical'} must have one of file and samples"),
    ({"law": "empirical", "samples": []}, ".samples=[] must hold at least one duration"),
    (
        {"law": "lognormal", "median": "1us", "p99": "2000s"},
        "={'law': 'lognormal', 'median': '1us', 'p99': '2000s'} must be a law: p99_us=2000000000.0 "
        "must be a number of µs in [median_us=1, 1e9 median_us]",
    ),
]


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=str)
def test_a_wrong_law_has_one_message(value: Any, message: str) -> None:
    assert problem(value) == message


def test_a_law_that_the_language_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.5 must be a whole number of µs"):
        law_to_raw(Constant(value_us=1.5))
    twice = Adjusted(law=Adjusted(law=Constant(value_us=1.0), plus_us=1.0), plus_us=1.0)
    with pytest.raises(ValueError, match="must be shifted and capped once"):
        law_to_raw(twice)


FILES: list[tuple[str, tuple[int, ...]]] = [
    ("250ms\n1s\n", (250_000, 1_000_000)),
    ("lag\n250ms\n", (250_000,)),
    ("observed\n250ms\n", (250_000,)),
    ("# measured in spring\n\nlag_ms\n0.5\n250\n", (500, 250_000)),
    ("lag_us\n1.5\n", (2,)),
    ("bucket,lag_s,host\na,0.25,x\nb,1e1,y\n", (250_000, 10_000_000)),
    ("bucket, LAG \na, 1h30m \n", (5_400_000_000,)),
    ("\ufefflag_s\r\n3\r\n", (3_000_000,)),
]


@pytest.mark.parametrize(("text", "expected_us"), FILES, ids=[repr(text) for text, _ in FILES])
def test_observed_durations_are_read(
    tmp_path: Path, text: str, expected_us: tuple[int, ...]
) -> None:
    (tmp_path / "lags.csv").write_text(text, encoding="utf-8")
    found = read_durations("lags.csv", Reading(folder=tmp_path))
    assert found == Observed(expected_us, (False,) * len(expected_us))


WRONG_FILES: list[tuple[str, str]] = [
    ("", "hold at least one duration"),
    ("lag\n", "hold at least one duration"),
    ("12\n13\n", "hold a duration with a unit in every row (row 1 does not)"),
    ("lag\n1s\nsoon\n", "hold a duration with a unit in every row (row 3 does not)"),
    ("lag_ms\n1\n-1\n", "hold a number in every row (row 3 does not)"),
    ("lag_ms\nnan\n", "hold a number in every row (row 2 does not)"),
    ("lag_s\n>\n", "hold a number in every row (row 2 does not)"),
    (
        "lag,censored\n1s,no\n2s,perhaps\n",
        "hold one of true, yes, 1, false, no, 0 or nothing in its column censored (row 3 does not)",
    ),
    ("host,lag\na\n", "hold a duration with a unit in every row (row 2 does not)"),
    (
        "host,delay\na,1s\n",
        "name one of its columns lag, lag_us, lag_ms, lag_s, or have a single column",
    ),
]


@pytest.mark.parametrize(("text", "rule"), WRONG_FILES, ids=[repr(text) for text, _ in WRONG_FILES])
def test_a_wrong_file_of_observed_durations(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / "lags.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        read_durations("lags.csv", Reading(folder=tmp_path))


CENSORED: list[tuple[str, Observed]] = [
    ("1s\n>2s\n", Observed((1_000_000, 2_000_000), (False, True))),
    ("> 2s\n1s\n", Observed((2_000_000, 1_000_000), (True, False))),
    ("lag_ms\n>1\n2\n", Observed((1_000, 2_000), (True, False))),
    (
        "lag,Censored\n1s,\n2s,TRUE\n>3s,no\n4s\n",
        Observed((1_000_000, 2_000_000, 3_000_000, 4_000_000), (False, True, True, False)),
    ),
]


@pytest.mark.parametrize(("text", "expected"), CENSORED, ids=[repr(text) for text, _ in CENSORED])
def test_durations_that_were_not_over_are_read_as_such(
    tmp_path: Path, text: str, expected: Observed
) -> None:
    (tmp_path / "lags.csv").write_text(text, encoding="utf-8")
    assert read_durations("lags.csv", Reading(folder=tmp_path)) == expected


def test_durations_that_were_not_over_weigh_on_the_longer_ones(tmp_path: Path) -> None:
    (tmp_path / "lags.csv").write_text("1s\n2s\n>3s\n4s\n5s\n", encoding="utf-8")
    law = observed_law("lags.csv", Reading(folder=tmp_path))
    assert law.samples_us == (1e6, 2e6, 4e6, 5e6)
    assert law.weights == pytest.approx((0.2, 0.2, 0.3, 0.3))


def test_a_longest_duration_that_was_not_over_needs_a_cap(tmp_path: Path) -> None:
    (tmp_path / "lags.csv").write_text("1s\n2s\n3s\n>5m\n", encoding="utf-8")
    reading = Reading(folder=tmp_path)
    with pytest.raises(ValueError, match="at_most: 0.25 of the durations are longer than 3s"):
        observed_law("lags.csv", reading)
    law = observed_law("lags.csv", reading, 600_000_000)
    assert law == Empirical(samples_us=(1e6, 2e6, 3e6, 6e8), weights=(0.25,) * 4)
    # A cap below what was seen says all that is needed: nothing is longer than the cap.
    capped = Adjusted(law=observed_law("lags.csv", reading, 2_000_000), at_most_us=2e6)
    assert (capped.cdf(1e6), capped.longest_us) == (0.25, 2e6)
    (tmp_path / "lags.csv").write_text(">5m\n", encoding="utf-8")
    with pytest.raises(ValueError, match="at_most: 1 of the durations are longer than 0s"):
        observed_law("lags.csv", reading)


def test_a_law_of_weighted_samples_is_read_and_printed_back() -> None:
    raw = {"law": "empirical", "samples": ["1s", "2s"], "weights": [0.25, 0.75]}
    text = SHORT.replace("[producers]", f"[producers]\nupload_takes = {inline(raw)}")
    law = Empirical(samples_us=(1e6, 2e6), weights=(0.25, 0.75))
    scenario = load(text)
    assert scenario.producers.upload_takes == law
    assert law_to_raw(law) == raw
    assert load(to_toml(scenario)) == scenario
    with pytest.raises(ScenarioError, match=r"weights=\[0.25\] must be as many as samples"):
        load(text.replace("[0.25, 0.75]", "[0.25]"))


def test_observed_durations_stand_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "lags.csv").write_text("lag\n1s\n3s\n", encoding="utf-8")
    text = """schema = 1
name = "observed"
horizon = "1d"
producers.upload_takes = { law = "empirical", file = "lags.csv" }
queries = [ { name = "q" } ]
schemes = [ { name = "s", kind = "immediate" } ]
"""
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    assert load(path).producers.upload_takes == Empirical(samples_us=(1e6, 3e6))
    (tmp_path / "lags.csv").write_text("lag\n1s\n>3s\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"upload_takes.file='lags.csv' must have a longest"):
        load(path)
    capped = {"producers.upload_takes.at_most": "1m"}
    law = Empirical(samples_us=(1e6, 6e7), weights=(0.5, 0.5))
    assert load(path, capped).producers.upload_takes == Adjusted(law=law, at_most_us=6e7)
    path.write_text(text.replace("lags.csv", "lag.csv"), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}:4:54: producers.upload_takes.file='lag.csv' must be a readable CSV file "
        "(No such file or directory)"
    )
