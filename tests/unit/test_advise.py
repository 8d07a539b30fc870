"""Advice: against closed forms, against bisection by simulation, and as a user meets it."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sim.analysis.advice import (
    Advice,
    Choice,
    Objective,
    dominant_term,
    meets,
    parse_objective,
    unmended_rules,
)
from sim.analysis.costs import price_of_30_days
from sim.analysis.curve.feedback import with_delay
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.theory.deletion import safe_delay_us
from sim.cli import cli
from sim.core.units import US_PER_S
from sim.model.world import simulate
from sim.report.advice import advice_document, advice_lines, answer, below_command, front_lines
from sim.report.document import to_json
from sim.scenario.schema import Scenario
from sim.study.advise import advise
from sim.study.run import run_scenario
from sim.trace.columns import build
from tests.short import SHORT
from tests.traces import changed

MARK = 1
MINUTE_US = 60 * US_PER_S
NEVER_FAILS = Objective(text="query-error=0", query=None, outcome="query-error", limit=0.0)


@pytest.fixture(scope="module")
def short() -> Scenario:
    scenario = Scenario.model_validate(tomllib.loads(SHORT))
    return changed(scenario, gateways={"sync_interval": "7m", "sync_takes": "10s"})


@pytest.fixture(scope="module")
def advice(short: Scenario) -> Advice:
    return advise(short, [NEVER_FAILS])


def failing(scenario: Scenario, delay_us: int) -> float:
    """Mean failing fraction over the trials, each simulated with the delay."""
    scenario = with_delay(scenario, MARK, delay_us)
    found = [
        evaluate_exact(scenario, build(simulate(scenario, MARK, trial)))[0]
        for trial in range(scenario.trials)
    ]
    return sum(outcome.fractions["query-error"] for outcome in found) / len(found)


def by_simulation(scenario: Scenario, limit: float, high_s: int) -> int:
    """The smallest whole second with at most a fraction, every step simulated."""
    low_s = -1
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if failing(scenario, middle_s * US_PER_S) <= limit:
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s


@pytest.mark.parametrize(
    ("tables", "period_m", "takes_s", "query_s"),
    [
        ({}, 7, 10, 0),
        ({"gateways": {"sync_interval": "3m", "sync_takes": "0s"}}, 3, 0, 0),
        ({"gateways": {"sync_interval": "5m", "sync_takes": "30s"}}, 5, 30, 0),
    ],
)
def test_the_worst_case_is_the_closed_form(
    short: Scenario, tables: dict[str, Any], period_m: int, takes_s: int, query_s: int
) -> None:
    """And a second more, for marks are stamped in whole seconds."""
    closed_us = safe_delay_us(
        period_us=period_m * MINUTE_US,
        sync_takes_us=takes_s * US_PER_S,
        query_takes_us=query_s * US_PER_S,
    )
    found = advise(changed(short, **tables), [NEVER_FAILS])
    assert found.proven is not None
    assert found.proven.delete_delay_us == closed_us + US_PER_S
    assert found.confident is not None
    assert found.typical is not None
    assert found.typical.delete_delay_us <= found.confident.delete_delay_us
    assert found.confident.delete_delay_us <= found.proven.delete_delay_us


@pytest.mark.parametrize("limit", [0.0, 1e-3])
def test_the_typical_delay_is_what_bisection_by_simulation_finds(
    short: Scenario, limit: float
) -> None:
    found = advise(short, [replace(NEVER_FAILS, limit=limit)])
    assert found.typical is not None
    assert found.typical.delete_delay_us == by_simulation(short, limit, 600) * US_PER_S
    assert found.step_us == US_PER_S


def test_so_it_is_where_the_hide_delay_and_deletions_reach_the_readers(short: Scenario) -> None:
    """Retention: each delay is simulated, and found to a hundredth."""
    expiring = changed(short, compactor={"retention": {"raw": "30h"}}, horizon="4d", trials=1)
    found = advise(expiring, [NEVER_FAILS])
    assert found.typical is not None
    hide_us = found.typical.hide_delay_us
    today_us = expiring.schemes[MARK].hide_delay_us
    assert today_us is not None
    assert hide_us < today_us
    hidden = found.typical.scenario
    exact_us = by_simulation(hidden, 0.0, 3 * 3600) * US_PER_S
    assert abs(found.typical.delete_delay_us - exact_us) <= found.step_us


def test_a_step_below_the_typical_delay_some_query_fails(short: Scenario, advice: Advice) -> None:
    below = advice.below
    assert below is not None
    assert advice.typical is not None
    assert below.delete_delay_us == advice.typical.delete_delay_us - US_PER_S
    assert below.fraction > 0.0
    assert below.witness is not None
    assert failing(short, below.delete_delay_us) > 0.0
    assert failing(short, advice.typical.delete_delay_us) == 0.0


def test_the_term_to_turn_first_is_the_sync_interval(advice: Advice) -> None:
    dominant = advice.dominant
    assert dominant is not None
    assert (dominant.symbol, dominant.key) == ("P", "gateways.sync_interval")
    assert dominant.saved_us == 3.5 * MINUTE_US
    assert any(
        "half of gateways.sync_interval saves 3m30s" in line for line in advice_lines(advice)
    )


def test_what_no_delay_can_meet_is_said(short: Scenario) -> None:
    outage = {"kind": "gateway-outage", "target": 0, "at": "2d", "lasts": "1h"}
    counted_on = {"unhealthy_after": "5m"}
    down = changed(short, faults=[outage], gateways=counted_on, trials=1)
    found = advise(down, [NEVER_FAILS])
    assert "whatever the delay" in found.unmet
    assert found.recommended is None
    assert answer(found).startswith("No: query-error=0 is not met")


def test_what_nothing_exercised_is_unknown(short: Scenario) -> None:
    found = advise(changed(short, horizon="30h", warmup="29h", trials=1), [NEVER_FAILS])
    assert found.untried
    assert answer(found).startswith("Unknown: ")


def test_a_scheme_without_a_delay_is_refused(short: Scenario) -> None:
    with pytest.raises(ValueError, match="has no delete delay"):
        advise(short, [NEVER_FAILS], scheme_index=0)
    with pytest.raises(ValueError, match="no scheme has a delete delay"):
        advise(changed(short, schemes=short.raw()["schemes"][:1]), [NEVER_FAILS])


def test_today_is_what_a_run_gives(short: Scenario, advice: Advice) -> None:
    run = run_scenario(short, schemes=[MARK]).schemes[0]
    for own, other in zip(advice.today.scheme.trials, run.trials, strict=True):
        assert own.counts == other.counts
        assert own.garbage_byte_seconds == other.garbage_byte_seconds


def test_a_month_is_priced_by_hand(short: Scenario) -> None:
    prices = {"currency": "EUR", "gib_month": 0.02, "per_1000": {"list": 0.005, "get": 0.0004}}
    found = advise(changed(short, prices=prices), [NEVER_FAILS])
    trials = found.today.scheme.trials
    stored = sum(trial.counts["stored-bytes"] for trial in trials) / len(trials)
    days = 2
    sent = {
        kind: sum(trial.counts["requests"][kind] for trial in trials) / len(trials) * 30 / days
        for kind in ("list", "get")
    }
    by_hand = stored / 2**30 * 0.02 + sent["list"] / 1000 * 0.005 + sent["get"] / 1000 * 0.0004
    assert price(found.today) == pytest.approx(by_hand)
    assert found.typical is not None
    cheaper = price(found.typical)
    assert cheaper < by_hand
    assert math.isnan(price(advise(short, [NEVER_FAILS]).today))


def price(choice: Choice) -> float:
    return price_of_30_days(choice.scenario, choice.scheme)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("query-error", "must be like"),
        ("query-error=2", "share from 0 to 1"),
        ("query-error=nan", "share from 0 to 1"),
        ("ok=0.9", "not ok"),
        ("requests.list=0", "not ok"),
        ("quer-error=0", "did you mean"),
    ],
)
def test_a_wrong_objective_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_objective(text, ["day"])


def test_advice_says_what_it_is_in_a_line(advice: Advice) -> None:
    assert repr(advice).startswith("<Advice on query-error=0: <Choice 'confident': delete_delay ")
    assert repr(advice.today) == "<Choice 'today': delete_delay 6h, hidden after 3h>"


def test_an_objective_may_be_of_one_class(short: Scenario, advice: Advice) -> None:
    objective = parse_objective("day.query-error=1e-6", ["day"])
    assert (objective.query, objective.outcome, objective.limit) == ("day", "query-error", 1e-6)
    assert not meets(advice.today.scheme, [replace(objective, limit=-1.0)], surely=False)
    assert meets(advice.today.scheme, [objective], surely=True)


def test_the_document_is_the_same_every_time(short: Scenario, advice: Advice) -> None:
    again = advise(short, [NEVER_FAILS])
    one, two = (to_json(advice_document([({}, a)])) for a in (advice, again))
    assert one == two
    content = json.loads(one)["advice"][0]
    assert [choice["label"] for choice in content["choices"]] == [
        "today",
        "proven",
        "confident",
        "typical",
    ]
    garbage = [choice["garbage_bytes"] for choice in content["choices"]]
    assert garbage == sorted(garbage, reverse=True)


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "short.toml"
    file.write_text(SHORT, encoding="utf-8")
    return str(file)


def called(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["advise", *arguments], standalone_mode=False)


def test_the_command_answers_and_exits_with_0(path: str, tmp_path: Path) -> None:
    out = tmp_path / "advice.json"
    found = called(path, "--slo", "query-error=0", "--json", str(out))
    assert found.return_value == 0, found.output
    assert "meet query-error=0." in found.output
    assert "worst case" in found.output
    assert json.loads(out.read_text())["advice"][0]["recommended"] == "confident"
    assert max(map(len, found.output.partition("worst case:")[0].splitlines())) <= 80


def test_the_command_that_is_shown_tells_the_witness(path: str, advice: Advice) -> None:
    words = below_command(advice, path)
    slow = ["--set", "gateways.sync_interval=7m", "--set", "gateways.sync_takes=10s"]
    found = CliRunner().invoke(cli, [*words, *slow], standalone_mode=False)
    assert found.return_value == 0, found.output
    assert "query-error" in found.output


def test_several_settings_leave_those_that_are_worth_their_price(path: str) -> None:
    found = called(
        path, "--slo", "query-error=0", "--vary", "gateways.sync_interval=3m,9m", "--quiet"
    )
    assert found.return_value == 0, found.output
    assert "not beaten in both garbage and requests" in found.output
    assert found.output.count("delete_delay = ") == 2


def test_a_front_without_advice_says_so(short: Scenario, advice: Advice) -> None:
    unmet = replace(advice, confident=None, typical=None)
    assert list(front_lines([({}, unmet)])) == ["no setting meets the objectives"]


def test_all_that_is_wrong_is_said_at_once(path: str, tmp_path: Path) -> None:
    out = tmp_path / "advice.json"
    found = CliRunner().invoke(
        cli,
        [
            *("advise", path, "--slo", "quer-error=0", "--slo", "query-error=7"),
            *("--scheme", "latr", "--vary", "nonsense", "--json", str(out)),
        ],
    )
    assert found.exit_code == 2
    for wrong in ("quer-error", "'7'", "latr", "nonsense"):
        assert wrong in found.output
    assert not out.exists()
    assert "Traceback" not in found.output


def test_what_nobody_meets_exits_with_1_and_what_nobody_tried_with_3(path: str) -> None:
    outage = '[{ kind = "gateway-outage", target = 0, at = "2d", lasts = "1h" }]'
    few = ("--trials", "1")
    down = ("--set", f"faults={outage}", "--set", "gateways.unhealthy_after=5m")
    unmet = called(path, "--slo", "query-error=0", *down, *few)
    assert unmet.return_value == 1, unmet.output
    untried = called(
        path, "--slo", "query-error=0", "--set", "horizon=30h", "--set", "warmup=29h", *few
    )
    assert untried.return_value == 3, untried.output


def test_what_no_delay_mends_is_said(short: Scenario, advice: Advice) -> None:
    assert advice.unmended == ()
    assert unmended_rules(changed(short, producers={"local_retention": "7m10s"}), MARK) == ()
    forgetful = changed(short, producers={"local_retention": "7m9s"})
    (rule,) = unmended_rules(forgetful, MARK)
    assert (rule.name, rule.slack_us) == ("R8", -US_PER_S)
    told = list(advice_lines(replace(advice, unmended=(rule,))))
    assert any(line.startswith("no delay mends R8: producers.local_retention") for line in told)
    document = advice_document([({}, replace(advice, unmended=(rule,)))])
    assert document["advice"][0]["unmended"][0]["rule"] == "R8"


def test_the_dominant_term_is_of_all_rules_for_the_delay(short: Scenario) -> None:
    late = {"create": {"get": "30m", "list": "30m"}}
    scenario = changed(short, trials=1, store={"lag": late}, producers={"local_retention": "3h"})
    dominant = dominant_term(scenario, MARK)
    assert dominant is not None
    # The hide delay is at half of the delete delay.
    assert (dominant.rule.name, dominant.symbol) == ("R4", "2V")
    assert dominant.key == "store.lag.create"
