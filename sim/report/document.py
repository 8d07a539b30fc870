"""The result document: one JSON text and one CSV text per run, equal bytes for equal inputs.

No time of day, no host, no path, no number of workers. Floats are written by ``repr``; what is
not a number is null; ``mode`` is there only if it is not "exact". ``queries``, ``expected``,
``counts`` and ``garbage_byte_seconds`` are sums over trials (``results.total_counts`` says which
counts are not), every statistic is over [warm-up, horizon).
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sim import __version__
from sim.analysis.estimators import paired_difference
from sim.analysis.expect import Judgement
from sim.analysis.results import (
    Estimate,
    Result,
    SchemeResult,
    estimate,
    fractions_per_trial,
    total_counts,
)
from sim.report.names import csv_name
from sim.scenario.schema import OUTCOMES

__all__ = ["ALL_QUERIES", "SCHEMA_VERSION", "document", "to_csv", "to_json"]

SCHEMA_VERSION: Final = 1

ALL_QUERIES: Final = "*"
"""Stands in the CSV's column ``query`` for all classes together."""


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
    plain = _plain(
        {
            "schema": SCHEMA_VERSION,
            "scenario": scenario.name,
            "scenario_digest": scenario.digest,
            "seed": scenario.seed,
            "trials": scenario.trials,
            "version": __version__,
            **({} if result.mode == "exact" else {"mode": result.mode}),
            "digest": result.digest,
            "schemes": [_scheme(result, scheme) for scheme in result.schemes],
            "differences": _differences(result),
            "expect": [
                {
                    "scheme": judgement.scheme,
                    "rule": judgement.rule,
                    "verdict": str(judgement.verdict),
                    "witness": judgement.witness,
                }
                for judgement in judgements
            ],
        }
    )
    assert isinstance(plain, dict)
    return plain


def to_json(content: Mapping[str, Any]) -> str:
    """Write a document as JSON text that ends in a newline."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(result: Result) -> str:
    """Write the estimates in long form: one line per scheme, query class and outcome.

    The class ``*`` stands for all classes together; an unknown number is an empty field. A name
    that a spreadsheet would take for a formula has an apostrophe before it (`csv_name`).
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("scheme", "query", "outcome", "fraction", "low", "high", "method", "expected"))
    for scheme in result.schemes:
        for query in (None, *(query_class.name for query_class in result.scenario.queries)):
            for outcome in OUTCOMES:
                found = estimate(scheme, (outcome,), query)
                interval = found.interval
                numbers = (interval.fraction, interval.low, interval.high)
                writer.writerow(
                    (
                        csv_name(scheme.name),
                        ALL_QUERIES if query is None else csv_name(query),
                        outcome,
                        *("" if math.isnan(number) else repr(float(number)) for number in numbers),
                        interval.method,
                        repr(found.expected),
                    )
                )
    return text.getvalue()


def _scheme(result: Result, scheme: SchemeResult) -> dict[str, Any]:
    classes = [query_class.name for query_class in result.scenario.queries]
    _, queries = fractions_per_trial(scheme, ())
    return {
        "name": scheme.name,
        "kind": scheme.kind,
        "digest": scheme.digest,
        "queries": math.fsum(queries),
        "outcomes": {o: _estimate(estimate(scheme, (o,)), total=True) for o in OUTCOMES},
        "by_query": {
            name: {o: _estimate(estimate(scheme, (o,), name), total=False) for o in OUTCOMES}
            for name in classes
        },
        "counts": total_counts([trial.counts for trial in scheme.trials]),
        "garbage_byte_seconds": math.fsum(trial.garbage_byte_seconds for trial in scheme.trials),
    }


def _estimate(found: Estimate, *, total: bool) -> dict[str, Any]:
    interval = found.interval
    bounds = {"fraction": interval.fraction, "low": interval.low, "high": interval.high}
    expected = {"expected": found.expected} if total else {}
    return {
        **bounds,
        **expected,
        "method": interval.method,
        "seen_in_trials": found.seen_in_trials,
    }


def _differences(result: Result) -> list[dict[str, Any]]:
    """Every other scheme against the first, trial by trial, for every outcome."""
    if not result.schemes:
        return []
    baseline, *others = result.schemes
    rows = []
    for scheme in others:
        for outcome in OUTCOMES:
            one, asked = fractions_per_trial(scheme, (outcome,))
            two, _ = fractions_per_trial(baseline, (outcome,))
            found = paired_difference(one, two, queries_per_trial=asked)
            rows.append(
                {
                    "scheme": scheme.name,
                    "baseline": baseline.name,
                    "outcome": outcome,
                    "difference": found.difference,
                    "low": found.low,
                    "high": found.high,
                    "method": found.method,
                }
            )
    return rows


def _plain(value: Any) -> Any:
    """Turn mappings, sequences and numpy scalars into JSON values; not-a-number into None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
