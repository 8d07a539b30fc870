"""The result document: one JSON text per run, equal bytes for equal inputs.

No time of day, no host, no path, no number of workers. Floats are written by ``repr``; what is
not a number is null; ``mode`` is there only if it is not "exact", ``precision`` only if the run
went on until it was reached, ``unsettled`` only of a scheme whose warm-up was too short.
``queries``, ``expected``, ``counts`` and ``garbage_byte_seconds`` are sums over trials
(``totals.total_counts`` says which counts are not), every statistic is over [warm-up, horizon).
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any, Final

from sim import __version__
from sim.analysis.comparison.compare import paired_outcome
from sim.analysis.comparison.numbers import Numbers, SchemeNumbers, numbers_of
from sim.analysis.evidence.witness import (
    Counted,
    DrawnOnly,
    Exceeded,
    FailedRead,
    Measured,
    MissingData,
    Seen,
    TooMany,
    Unexplained,
    Witness,
)
from sim.analysis.expect import Judgement
from sim.analysis.results import Estimate, Result, SchemeResult, estimate, fractions_per_trial
from sim.analysis.rules.safety import rules
from sim.analysis.sequences import Precision
from sim.analysis.totals import total_counts
from sim.analysis.warmup import unsettled
from sim.report.rulestable import rule_fields
from sim.scenario.schema import OUTCOMES

__all__ = [
    "SCHEMA_VERSION",
    "document",
    "estimate_fields",
    "plain",
    "to_json",
]

SCHEMA_VERSION: Final = 1

_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {
        FailedRead: "failed-read",
        MissingData: "missing-data",
        Unexplained: "unexplained",
        DrawnOnly: "drawn-only",
        Counted: "counted",
        Exceeded: "exceeded",
        TooMany: "too-many",
        Measured: "measured",
    }
)

# A list of nothing but numbers as JSON is written; no text in JSON has a line break.
_NUMBERS: Final = re.compile(r"\[\n(?:\s+(?:-?\d[^\s,]*|null),?\n)+\s+\]")


def document(result: Result, judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Build the result document as plain data.

    Parameters
    ----------
    result : Result
    judgements : sequence of Judgement

    Returns
    -------
    dict
        JSON values only; nan has become None.
    """
    scenario = result.scenario
    numbers = numbers_of(result)
    content = plain(
        {
            "schema": SCHEMA_VERSION,
            "scenario": scenario.name,
            "scenario_digest": scenario.digest,
            "seed": scenario.seed,
            "trials": scenario.trials,
            "version": __version__,
            **({} if result.mode == "exact" else {"mode": result.mode}),
            **({} if result.precision is None else {"precision": _precision(result.precision)}),
            "digest": result.digest,
            "schemes": [
                {
                    **_scheme(result, scheme),
                    "world_digest": own.world_digest,
                    "per_trial": _per_trial(own),
                }
                for scheme, own in zip(result.schemes, numbers.schemes, strict=True)
            ],
            "differences": _differences(numbers),
            "expect": [
                {
                    "scheme": judgement.scheme,
                    "rule": judgement.rule,
                    "verdict": str(judgement.verdict),
                    "reason": judgement.reason or None,
                    "witness": _witness(judgement.witness),
                }
                for judgement in judgements
            ],
        }
    )
    assert isinstance(content, dict)
    return content


def to_json(content: Mapping[str, Any]) -> str:
    """Write a document as JSON text that ends in a newline; numbers of a list stand on one line."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text) + "\n"


def _precision(precision: Precision) -> dict[str, Any]:
    return {
        "goals": [
            {
                "query": goal.query,
                "outcome": goal.outcome,
                "half_width": goal.half_width,
                "is_relative": goal.is_relative,
            }
            for goal in precision.goals
        ],
        "trials_max": precision.trials_max,
    }


def _scheme(result: Result, scheme: SchemeResult) -> dict[str, Any]:
    classes = [query_class.name for query_class in result.scenario.queries]
    _, queries = fractions_per_trial(scheme, ())
    drift = unsettled(result.scenario, scheme)
    return {
        "name": scheme.name,
        "kind": scheme.kind,
        "digest": scheme.digest,
        "queries": math.fsum(queries),
        "outcomes": {o: estimate_fields(estimate(scheme, (o,)), total=True) for o in OUTCOMES},
        "by_query": {
            name: {o: estimate_fields(estimate(scheme, (o,), name), total=False) for o in OUTCOMES}
            for name in classes
        },
        "counts": total_counts([trial.counts for trial in scheme.trials]),
        "garbage_byte_seconds": math.fsum(trial.garbage_byte_seconds for trial in scheme.trials),
        "exposure": asdict(scheme.exercised),
        **({} if drift is None else {"unsettled": asdict(drift)}),
        "critical_delays": _critical_delays(scheme),
        "rules": [rule_fields(rule) for rule in rules(result.scenario, scheme.index)],
    }


def _critical_delays(scheme: SchemeResult) -> dict[str, Any]:
    """Per query class the smallest delete delay with which none had met an absence, all trials."""
    samples = [sample for trial in scheme.trials for sample in trial.critical]
    return {
        query: {
            "n": sum(sample.count for sample in samples if sample.query == query),
            "largest_us": max(s.largest_us for s in samples if s.query == query),
        }
        for query in dict.fromkeys(sample.query for sample in samples)
    }


def _witness(witness: Witness | None) -> dict[str, Any] | None:
    """A witness on one level, with its kind; what a trial saw lies flat in what it is seen for."""
    match witness:
        case None:
            return None
        case Seen(trial=trial, seed=seed, what=what):
            kind = _KINDS[type(what)]
            return {"kind": kind, "trial": trial, "seed": seed, **asdict(what)}
        case Exceeded(worst=worst) | TooMany(worst=worst):
            own = {f.name: getattr(witness, f.name) for f in fields(witness) if f.name != "worst"}
            return {"kind": _KINDS[type(witness)], **own, "worst": _witness(worst)}
        case Measured():
            return {"kind": _KINDS[type(witness)], **asdict(witness)}


def estimate_fields(found: Estimate, *, total: bool) -> dict[str, Any]:
    """Say what is known of a fraction; ``total`` adds the number of queries it stands for."""
    interval = found.interval
    bounds = {"fraction": interval.fraction, "low": interval.low, "high": interval.high}
    expected = {"expected": found.expected} if total else {}
    return {
        **bounds,
        **expected,
        "method": interval.method,
        "seen_in_trials": found.seen_in_trials,
    }


def _per_trial(numbers: SchemeNumbers) -> dict[str, Any]:
    """What a comparison pairs, trial by trial; an outcome that no trial had is left out."""
    by_query = {
        query: {o: found.per_trial for o, found in outcomes.items() if any(found.per_trial)}
        for query, outcomes in numbers.outcomes.items()
    }
    return {"outcomes": by_query.pop(None), "by_query": by_query, "counts": numbers.counts}


def _differences(numbers: Numbers) -> list[dict[str, Any]]:
    """Every other scheme against the first, trial by trial, for every outcome."""
    if not numbers.schemes:
        return []
    baseline, *others = numbers.schemes
    return [
        {
            "scheme": scheme.name,
            "baseline": baseline.name,
            "outcome": outcome,
            **asdict(
                paired_outcome(scheme.outcomes[None][outcome], baseline.outcomes[None][outcome])
            ),
        }
        for scheme in others
        for outcome in OUTCOMES
    ]


def plain(value: Any) -> Any:
    """Turn mappings, sequences and numpy scalars into JSON values; not-a-number into None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
