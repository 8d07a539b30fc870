"""Advice as a table, as sentences and as a document."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sim.analysis.advice import Advice, Choice, Objective
from sim.analysis.costs import garbage_bytes, price_of_30_days, requests_per_day
from sim.analysis.evidence.witness import Seen
from sim.analysis.results import estimate
from sim.analysis.sweep import pareto_front
from sim.analysis.totals import total_counts
from sim.core.units import US_PER_S, format_duration
from sim.report.costtable import cost_cells, cost_titles
from sim.report.document import SCHEMA_VERSION, estimate_fields, plain
from sim.report.formats import format_fraction, format_span
from sim.report.lint import rule_words
from sim.report.rulestable import rule_fields
from sim.report.sentences import sentence
from sim.report.tables import SchemeTable, estimate_cell

__all__ = [
    "advice_document",
    "advice_lines",
    "advice_table",
    "answer",
    "below_command",
    "caption",
    "front_lines",
]

_LABELS: Final[Mapping[str, str]] = {
    "today": "today",
    "proven": "worst case",
    "confident": "sure enough",
    "typical": "just enough",
}


def answer(advice: Advice) -> str:
    """The answer in one sentence."""
    goals = " and ".join(objective.text for objective in advice.objectives)
    found = advice.recommended
    if advice.unmet:
        return f"No: {advice.unmet}."
    if found is None:
        return f"Unknown: nothing that was tried meets {goals}."
    delays = (
        f"delete_delay = {format_duration(found.delete_delay_us)}, "
        f"ignore_deletion_marks_delay = {format_duration(found.hide_delay_us)}"
    )
    if advice.untried:
        return f"Unknown: {delays} meet {goals}, but {advice.untried}."
    if advice.confident is None:
        return f"Perhaps: {delays} meet {goals} in these trials; more of them may say more."
    return f"{delays} meet {goals}."


def advice_table(advice: Advice) -> SchemeTable:
    """The settings side by side: delays, outcomes and costs."""
    choices = advice.choices
    outcomes = list(dict.fromkeys((o.query, o.outcome) for o in advice.objectives))
    return SchemeTable(
        heading="setting",
        titles=(
            ("D", "I"),
            *((_title(query, outcome), "") for query, outcome in outcomes),
            *cost_titles(advice.scenario),
        ),
        names=tuple(_LABELS[choice.label] for choice in choices),
        rows=tuple(
            (
                (format_span(choice.delete_delay_us), format_span(choice.hide_delay_us)),
                *(
                    estimate_cell(estimate(choice.scheme, (outcome,), query))
                    for query, outcome in outcomes
                ),
                *cost_cells(choice.scenario, choice.scheme),
            )
            for choice in choices
        ),
    )


def _title(query: str | None, outcome: str) -> str:
    return outcome if query is None else f"{query}.{outcome}"


def caption(advice: Advice) -> str:
    """Say what the columns of the table are."""
    known = "D: delete_delay; I: ignore_deletion_marks_delay; below: 95 % interval"
    return known if advice.scenario.prices is None else f"{known}; prices are for 30 days"


def front_lines(found: Sequence[tuple[Mapping[str, str], Advice]]) -> Iterator[str]:
    """Say which settings of the varied keys are worth their price, one a line.

    Those are left out of which another one has less garbage and fewer requests, at delays that
    meet the same objectives.
    """
    met = [(setting, a.recommended) for setting, a in found if a.recommended is not None]
    if not met:
        yield "no setting meets the objectives"
        return
    costs = [
        (
            garbage_bytes(choice.scenario, choice.scheme),
            requests_per_day(choice.scenario, choice.scheme),
        )
        for _, choice in met
    ]
    yield "not beaten in both garbage and requests:"
    for i in pareto_front(costs):
        setting, choice = met[i]
        place = ", ".join(f"{key}={value}" for key, value in setting.items())
        garbage, requests, *_ = cost_cells(choice.scenario, choice.scheme)
        delay = format_duration(choice.delete_delay_us)
        yield f"  {place}: delete_delay {delay}, {garbage[0]}, {requests[0]} and {requests[1]}"


def advice_lines(advice: Advice) -> Iterator[str]:
    """What stands below the table, a sentence each."""
    if advice.proven is not None:
        yield "worst case: rules prove it, whatever the phases, lags and durations"
    else:
        yield "worst case: no delay is proven, see sim check"
    yield "sure enough: the whole 95 % interval over trials meets the objectives"
    yield "just enough: these trials meet them in the mean; the difference is luck of phases"
    dominant = advice.dominant
    if dominant is not None:
        share = f"{100 * dominant.share:.0f} %"
        line = (
            f"of the {format_span(dominant.rule.required_us)} that {dominant.rule.name} asks for, "
            f"{share} is {dominant.symbol}, {dominant.meaning}"
        )
        if dominant.key:
            line += f"; half of {dominant.key} saves {format_span(dominant.saved_us)}"
        yield line
    for rule in advice.unmended:
        yield f"no delay mends {rule.name}: {rule_words(rule)}"
    below = advice.below
    if below is not None:
        name = _title(below.objective.query, below.objective.outcome)
        fraction = format_fraction(below.fraction)
        delay = format_duration(below.delete_delay_us)
        yield f"at {delay}, trial {below.trial} has {fraction} {name}"
        if below.witness is not None:
            yield f"there {sentence_of(advice)}"
    overshoot = {choice.label: _overshoot_s(choice) for choice in advice.choices}
    today_s, advised = overshoot["today"], advice.recommended
    if today_s is not None and advised is not None:
        advised_s = overshoot[advised.label]
        new = "never deleted in the run" if advised_s is None else format_span(advised_s * US_PER_S)
        yield f"expired data stays for {format_span(today_s * US_PER_S)} today, then for {new}"
    yield f"delays are exact to {format_duration(advice.step_us)}: {advice.reason}"


def _overshoot_s(choice: Choice) -> float | None:
    """Mean time for which expired data is still stored, s; None where nothing expired and went."""
    counts = total_counts([trial.counts for trial in choice.scheme.trials])
    overshoot = counts.get("retention-overshoot", {})
    return float(overshoot["mean_s"]) if overshoot.get("n") else None


def sentence_of(advice: Advice) -> str:
    """What was seen one step below the typical delay, in words."""
    below = advice.below
    assert below is not None
    assert below.witness is not None
    seed = advice.scenario.seed + below.trial
    return sentence(Seen(trial=below.trial, seed=seed, what=below.witness))


def below_command(advice: Advice, path: str) -> list[str]:
    """The words of the command that tells the witness."""
    below = advice.below
    assert below is not None
    scheme = advice.scenario.schemes[advice.scheme_index]
    found = advice.recommended or advice.today
    assert scheme.kind == "deletion-mark"
    place = f"schemes.{advice.scheme_index}"
    return [
        *("explain", path, "--scheme", scheme.name, "--trial", str(below.trial)),
        *("--outcome", below.objective.outcome),
        *("--set", f"{place}.delete_delay={format_duration(below.delete_delay_us)}"),
        *("--set", f"{place}.ignore_deletion_marks_delay={format_duration(found.hide_delay_us)}"),
    ]


def advice_document(advices: Sequence[tuple[Mapping[str, str], Advice]]) -> dict[str, Any]:
    """Advice as plain data, one for each setting of the keys that were varied.

    Parameters
    ----------
    advices : sequence of (mapping, Advice)
        Values by key; without any where nothing was varied.
    """
    first = advices[0][1].scenario
    content = plain(
        {
            "schema": SCHEMA_VERSION,
            "scenario": first.name,
            "seed": first.seed,
            "trials": first.trials,
            "advice": [
                {"setting": dict(setting), **_advice(advice)} for setting, advice in advices
            ],
        }
    )
    assert isinstance(content, dict)
    return content


def _advice(advice: Advice) -> dict[str, Any]:
    dominant, below = advice.dominant, advice.below
    return {
        "scenario_digest": advice.scenario.digest,
        "scheme": advice.scenario.schemes[advice.scheme_index].name,
        "objectives": [
            {"query": o.query, "outcome": o.outcome, "limit": o.limit} for o in advice.objectives
        ],
        "answer": answer(advice),
        "recommended": None if advice.recommended is None else advice.recommended.label,
        "unmet": advice.unmet or None,
        "untried": advice.untried or None,
        "step_us": advice.step_us,
        "reason": advice.reason,
        "choices": [_choice(choice, advice.objectives) for choice in advice.choices],
        "dominant": None
        if dominant is None
        else {
            "rule": dominant.rule.name,
            "required_us": dominant.rule.required_us,
            "term": dominant.symbol,
            "key": dominant.key or None,
            "span_us": dominant.span_us,
            "half_saves_us": dominant.saved_us,
        },
        "unmended": [rule_fields(rule) for rule in advice.unmended],
        "below": None
        if below is None
        else {
            "delete_delay_us": below.delete_delay_us,
            "trial": below.trial,
            "outcome": below.objective.outcome,
            "fraction": below.fraction,
            "witness": None if below.witness is None else sentence_of(advice),
        },
    }


def _choice(choice: Choice, objectives: Sequence[Objective]) -> dict[str, Any]:
    counts = total_counts([trial.counts for trial in choice.scheme.trials])
    return {
        "label": choice.label,
        "delete_delay_us": choice.delete_delay_us,
        "ignore_deletion_marks_delay_us": choice.hide_delay_us,
        "outcomes": [
            {
                "query": objective.query,
                "outcome": objective.outcome,
                **estimate_fields(
                    estimate(choice.scheme, (objective.outcome,), objective.query), total=True
                ),
            }
            for objective in objectives
        ],
        "garbage_bytes": garbage_bytes(choice.scenario, choice.scheme),
        "stored_bytes": counts.get("stored-bytes", math.nan),
        "requests_per_day": requests_per_day(choice.scenario, choice.scheme),
        "retention_overshoot_mean_s": _overshoot_s(choice),
        "price_per_30d": price_of_30_days(choice.scenario, choice.scheme),
    }
