"""Laws printed back as the scenario language writes them; `sim.scenario.laws.tables` reads them."""

import math
from typing import Any

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
from sim.core.units import format_duration

__all__ = ["law_to_raw"]


def law_to_raw(law: Law) -> str | dict[str, Any]:
    """Return a law as the scenario language writes it: a duration where that is enough.

    Raises
    ------
    ValueError
        If a parameter is no whole number of microseconds, which the language cannot say.
    """
    parameters: dict[str, Any]
    match law:
        case Constant():
            return _text(law.value_us)
        case Uniform():
            parameters = {"low": _text(law.low_us), "high": _text(law.high_us)}
        case Exponential():
            parameters = {"mean": _text(law.mean_us)}
        case Lognormal():
            parameters = {"median": _text(law.median_us), "p99": _text(law.p99_us)}
        case Weibull():
            parameters = {"scale": _text(law.scale_us), "shape": law.shape}
        case Pareto():
            parameters = {"minimum": _text(law.minimum_us), "alpha": law.alpha}
        case Mixture():
            pairs = zip(law.weights, law.parts, strict=True)
            parameters = {"parts": [{"weight": weight, **_table(part)} for weight, part in pairs]}
        case Empirical():
            parameters = {"samples": [_text(sample_us) for sample_us in law.samples_us]}
            if law.weights:
                parameters["weights"] = list(law.weights)
        case Adjusted():
            return _adjusted_to_raw(law)
        case _:
            raise ValueError(f"law={law!r} must be a law of the scenario language")
    return {"law": type(law).__name__.lower(), **parameters}


def _adjusted_to_raw(law: Adjusted) -> dict[str, Any]:
    """Return the table of the inner law with its `plus` and `at_most`."""
    table = _table(law.law)
    if "plus" in table or "at_most" in table:
        raise ValueError(f"law={law!r} must be shifted and capped once")
    if law.plus_us:
        table["plus"] = _text(law.plus_us)
    if law.at_most_us < math.inf:
        table["at_most"] = _text(law.at_most_us)
    return table


def _table(law: Law) -> dict[str, Any]:
    """Return a law as a table, also where a duration would be enough."""
    raw = law_to_raw(law)
    return {"law": "constant", "value": raw} if isinstance(raw, str) else raw


def _text(value_us: float) -> str:
    """Return a duration of a law as text."""
    if not float(value_us).is_integer():
        raise ValueError(f"{value_us!r} must be a whole number of µs")
    return format_duration(int(value_us))
