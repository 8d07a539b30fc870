"""Judges the ``[expect]`` of a scenario: valid, invalid or unknown, each with a witness.

A rule names an outcome of queries or something observed beside them. ``never`` and ``sometimes``
look at every trial: one occurrence in one trial decides. ``at_most`` and ``at_least`` look at the
fraction, or the number of observations, over all trials. In exact mode the fraction is the
expected one and is itself compared with the bound; in sampled mode its whole interval must lie on
one side, else the verdict is unknown. Bounds of measures: ``measured.py``.

That something was not seen is not yet ``never``. What could have shown it must have been tried
(``exercised.lacking``), else the verdict is unknown, of ``at_most`` as well. And of an outcome of
queries a rule must prove it, or the upper end of its interval must be at most ``never_below``.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from sim.analysis.evidence.exercised import lacking
from sim.analysis.evidence.witness import Counted, DrawnOnly, Exceeded, Seen, TooMany, Witness
from sim.analysis.measured import held
from sim.analysis.results import (
    Result,
    SchemeResult,
    TrialResult,
    estimate,
    fractions_per_trial,
    proofs,
)
from sim.errors import EXIT_BROKEN, EXIT_HOLDS, EXIT_UNKNOWN
from sim.scenario.language.expectation import bound_value
from sim.scenario.metrics import MEASURES
from sim.scenario.schema import OUTCOMES

__all__ = ["Judged", "Judgement", "Verdict", "exit_code_of", "judge"]

_DANGLING: Final = "dangling-reference"
_OF_COMPACTIONS: Final = ("duplicate-compaction", "compactor-halt", "compactor-error")


class Verdict(StrEnum):
    """What can be said about a rule."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


_VERDICTS: Final = MappingProxyType(
    {True: Verdict.VALID, False: Verdict.INVALID, None: Verdict.UNKNOWN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One rule of one scheme, its verdict, why, and what shows it (None where nothing can)."""

    scheme: str
    rule: str
    verdict: Verdict
    reason: str = ""
    witness: Witness | None = None


class Judged(Protocol):
    """Whatever has a verdict."""

    @property
    def verdict(self) -> Verdict | None:
        """What can be said about it; None where nothing was asked."""


# Worst first: a run with a broken rule is broken, whatever else is unknown.
_EXIT_CODES: Final = (
    (Verdict.INVALID, EXIT_BROKEN),
    (Verdict.UNKNOWN, EXIT_UNKNOWN),
)


def exit_code_of(judgements: Iterable[Judged]) -> int:
    """Exit code of the program: invalid beats unknown beats valid; no rules hold."""
    verdicts = {judgement.verdict for judgement in judgements}
    return next((code for verdict, code in _EXIT_CODES if verdict in verdicts), EXIT_HOLDS)


def judge(result: Result) -> tuple[Judgement, ...]:
    """Judge every rule about the schemes that ran.

    Parameters
    ----------
    result : Result

    Returns
    -------
    tuple of Judgement
        In the order of the schemes, then never, sometimes, at_most, at_least as written, then
        whether intervals are as narrow as the run was asked to make them.
    """
    return tuple(
        judgement
        for scheme in result.schemes
        for judgement in (*_rules(result, scheme), *_precise(scheme))
    )


def _precise(scheme: SchemeResult) -> Iterator[Judgement]:
    """Judge whether a run that went on for a precision reached it."""
    precision = scheme.precision
    for goal in () if precision is None else precision.goals:
        interval = estimate(scheme, (goal.outcome,), goal.query).interval
        is_reached = goal.is_reached(interval)
        trials = f"after {len(scheme.trials)} trials"
        if not is_reached:
            trials += ", the most that there may be"
        half = (interval.high - interval.low) / 2.0
        yield Judgement(
            scheme=scheme.name,
            rule=f"precision {goal.text}",
            verdict=_VERDICTS[is_reached or None],
            reason=f"{interval.fraction:.3g} ± {half:.2g} {trials} ({interval.method})",
        )


def _rules(result: Result, scheme: SchemeResult) -> Iterator[Judgement]:
    expectation = result.scenario.expect.get(scheme.name)
    if expectation is None:
        return
    for name in expectation.never:
        yield _never(result, scheme, name, expectation.never_below)
    for name in expectation.sometimes:
        seen, witness = _seen(scheme, name)
        verdict = _VERDICTS[seen]
        yield Judgement(
            scheme=scheme.name, rule=f"sometimes {name}", verdict=verdict, witness=witness
        )
    for name, most in expectation.at_most.items():
        yield _at_most(result, scheme, name, most)
    for name, least in expectation.at_least.items():
        if name in MEASURES:
            yield _measured(scheme, name, least, sign=-1)
            continue
        bound = bound_value(name, least)
        verdict = _bounded(result, scheme, name, bound, sign=-1)
        yield _bound_judgement(scheme, f"at least {bound!r} {name}", name, verdict)


def _at_most(result: Result, scheme: SchemeResult, name: str, most: float | str) -> Judgement:
    """Judge an upper bound."""
    if name in MEASURES:
        return _measured(scheme, name, most, sign=1)
    bound = bound_value(name, most)
    rule = f"at most {bound!r} {name}"
    verdict = _bounded(result, scheme, name, bound, sign=1)
    missing = _lacking(result, scheme, name) if verdict is Verdict.VALID else ""
    if missing:
        return Judgement(scheme=scheme.name, rule=rule, verdict=Verdict.UNKNOWN, reason=missing)
    return _bound_judgement(scheme, rule, name, verdict)


def _measured(scheme: SchemeResult, name: str, bound: float | str, *, sign: int) -> Judgement:
    """Judge a bound of a measure."""
    found = held(scheme, name, bound_value(name, bound), sign=sign)
    return Judgement(
        scheme=scheme.name,
        rule=f"{'at most' if sign > 0 else 'at least'} {bound} {name}",
        verdict=_VERDICTS[found.is_inside],
        reason=found.reason,
        witness=found.witness,
    )


def _never(result: Result, scheme: SchemeResult, name: str, never_below: float) -> Judgement:
    """Judge that something never happens."""
    seen, witness = _seen(scheme, name)
    verdict, reason = Verdict.UNKNOWN, "nothing was measured"
    if seen:
        verdict, reason = Verdict.INVALID, ""
    elif seen is not None:
        reason = _lacking(result, scheme, name)
        if not reason:
            verdict, reason = _zero(scheme, name, never_below)
    return Judgement(
        scheme=scheme.name, rule=f"never {name}", verdict=verdict, reason=reason, witness=witness
    )


def _zero(scheme: SchemeResult, name: str, never_below: float) -> tuple[Verdict, str]:
    """What it means that something was tried and not seen, and why."""
    tried = scheme.exercised
    if name == _DANGLING:
        n_made, n_gone = _rereferences(scheme), tried.deleted
        told = f"in {tried.trials} trials with {n_made:g} references and {n_gone} deletions"
        return Verdict.VALID, told
    if name not in OUTCOMES:
        return Verdict.VALID, f"in {tried.trials} trials with {tried.compactions} compactions"
    found = proofs(scheme, name)
    if found:
        return Verdict.VALID, f"proven by {found}"
    high = estimate(scheme, (name,)).interval.high
    among = f"seen in 0 of {tried.trials} trials, 0 of {tried.asked} deletions"
    if high <= never_below:
        return Verdict.VALID, f"{among}, at most {high:.3g} (never_below = {never_below:g})"
    why = f"{among}: no rule proves it, and it may be up to {high:.3g}"
    return Verdict.UNKNOWN, f"{why} (never_below = {never_below:g})"


def _lacking(result: Result, scheme: SchemeResult, name: str) -> str:
    """What was not tried, without which not to have seen ``name`` says nothing."""
    tried = scheme.exercised
    scenario = result.scenario
    misses = scenario.schemes[scenario.scheme_index(scheme.name)].composed.misses
    is_partial_allowed = scenario.gateways.partial_response == "warn" or misses.may_warn
    if name in OUTCOMES:
        is_gap = name == "silent-gap" or (name == "partial-response" and is_partial_allowed)
        return "" if name == "ok" else lacking(tried, is_gap=is_gap)
    if name == _DANGLING and not _rereferences(scheme):
        return "no session referenced again what had expired"
    if name in _OF_COMPACTIONS:
        return "" if tried.compactions else "no block was compacted after the warm-up"
    return "" if tried.deleted else "no block was deleted after the warm-up"


def _rereferences(scheme: SchemeResult) -> float:
    return sum(float(trial.counts["re-references"]) for trial in _looked(scheme, _DANGLING))


def _seen(scheme: SchemeResult, name: str) -> tuple[bool | None, Witness | None]:
    """Whether ``name`` ever occurred (None: nobody looked), and the first occurrence."""
    if name in OUTCOMES:
        fractions, queries = fractions_per_trial(scheme, (name,))
        if not (queries > 0).any():
            return None, None
        for trial, fraction in zip(scheme.trials, fractions, strict=True):
            if fraction > 0:
                return True, _query_witness(trial, name)
        return False, None
    looked = _looked(scheme, name)
    if not looked:
        return None, None
    for trial in looked:
        if trial.counts[name] > 0:
            return True, _count_witness(trial, name)
    return False, None


def _looked(scheme: SchemeResult, name: str) -> list[TrialResult]:
    """Trials in which something happened and ``name`` was looked for."""
    return [trial for trial in scheme.trials if trial.records and name in trial.counts]


def _query_witness(trial: TrialResult, outcome: str) -> Seen | None:
    """Where in this trial a query has that outcome; there is nothing to show for ``ok``."""
    seen = [c for c in trial.classes if c.queries and c.fractions[outcome] > 0]
    if outcome == "ok" or not seen:
        return None
    found = [c.witnesses[outcome] for c in seen if outcome in c.witnesses]
    # A place is better to look at than the word that only a draw leads there.
    placed = [witness for witness in found if not isinstance(witness, DrawnOnly)]
    first = next(iter([*placed, *found]), DrawnOnly(query=seen[0].name))
    return Seen(trial=trial.trial, seed=trial.seed, what=first)


def _count_witness(trial: TrialResult, name: str) -> Seen:
    return Seen(trial=trial.trial, seed=trial.seed, what=Counted(count=trial.counts[name]))


def _bounded(
    result: Result, scheme: SchemeResult, name: str, bound: float, *, sign: int
) -> Verdict:
    """Whether the fraction stays on the right side; ``sign`` 1 for at most, -1 for at least.

    An observation is counted over all trials.
    """
    if name not in OUTCOMES:
        looked = _looked(scheme, name)
        inside = sign * sum(trial.counts[name] for trial in looked) <= sign * bound
        return (Verdict.VALID if inside else Verdict.INVALID) if looked else Verdict.UNKNOWN
    interval = estimate(scheme, (name,)).interval
    if math.isnan(interval.fraction):
        return Verdict.UNKNOWN
    if result.mode == "exact":
        inside = sign * interval.fraction <= sign * bound
        return Verdict.VALID if inside else Verdict.INVALID
    best, worst = (interval.low, interval.high) if sign > 0 else (interval.high, interval.low)
    if sign * worst <= sign * bound:
        return Verdict.VALID
    return Verdict.INVALID if sign * best > sign * bound else Verdict.UNKNOWN


def _bound_judgement(scheme: SchemeResult, rule: str, name: str, verdict: Verdict) -> Judgement:
    """A judgement about a fraction; a broken bound shows the fraction and the worst trial."""
    witness: Witness | None = None
    if verdict is Verdict.INVALID and name not in OUTCOMES:
        looked = _looked(scheme, name)
        worst = max(looked, key=lambda trial: float(trial.counts[name]))
        total = sum(trial.counts[name] for trial in looked)
        witness = TooMany(total=total, worst=_count_witness(worst, name))
    elif verdict is Verdict.INVALID:
        interval = estimate(scheme, (name,)).interval
        shown = None
        if interval.fraction > 0:
            fractions, _ = fractions_per_trial(scheme, (name,))
            shown = _query_witness(scheme.trials[int(np.nanargmax(fractions))], name)
        witness = Exceeded(
            fraction=interval.fraction, low=interval.low, high=interval.high, worst=shown
        )
    return Judgement(scheme=scheme.name, rule=rule, verdict=verdict, witness=witness)
