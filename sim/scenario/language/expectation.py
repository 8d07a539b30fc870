"""What must come out of a scheme: the table ``[expect]``.

A bound of a measure is kept as it is written, ``"3h"`` or ``"10GiB"``; :func:`bound_value` gives it
in the unit of the measure.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from sim.core.units import US_PER_S, format_bytes, format_duration, parse_bytes, parse_duration
from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.tables import OUTCOMES
from sim.scenario.language.values import RULE, Frozen, duration_us, refusal, size_bytes
from sim.scenario.metrics import MEASURES, METRICS, OBSERVATIONS

__all__ = ["Expectation", "bound_value"]

_EXPECTED: Final = (*OUTCOMES, *OBSERVATIONS)
_BOUNDED: Final = (*_EXPECTED, *MEASURES)


def _one_of(valid: tuple[str, ...]) -> Callable[[object], str]:
    """Return a validator of names."""

    def read(value: object) -> str:
        if isinstance(value, str) and value in valid:
            return value
        is_measure = isinstance(value, str) and value in MEASURES
        hint = "a measure has bounds: at_most, at_least" if is_measure else ""
        raise refusal(one_of(valid), hint=hint or did_you_mean(value, valid))

    return read


def _name(valid: tuple[str, ...]) -> tuple[BeforeValidator, WithJsonSchema]:
    return BeforeValidator(_one_of(valid)), WithJsonSchema({"type": "string", "enum": [*valid]})


def _number_or_text(value: object) -> float | str:
    """Read a number from 0, or leave a text to the unit of what it bounds."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal("be a number")
    if not math.isfinite(value):
        raise refusal("be a finite number")
    if value < 0:
        raise refusal("be at least 0")
    return float(value)


def _in_its_unit(name: str, value: float | str) -> float | str:
    """Refuse a bound without the unit of its measure, or with one where there is none."""
    match METRICS[name].unit if name in METRICS else "count":
        case "s":
            return format_duration(duration_us(value))
        case "bytes":
            return format_bytes(size_bytes(value))
        case _ if isinstance(value, str):
            raise refusal("be a number")
        case _:
            return value


def _in_their_units(bounds: dict[str, float | str]) -> dict[str, float | str]:
    """Read every bound by the unit of what it bounds; all that is wrong at once."""
    read: dict[str, float | str] = {}
    findings: list[dict[str, Any]] = []
    for name, value in bounds.items():
        try:
            read[name] = _in_its_unit(name, value)
        except PydanticCustomError as error:
            own = (error.context or {})["findings"]
            findings.extend({**finding, "at": (name,)} for finding in own)
    if findings:
        raise PydanticCustomError(RULE, "bounds break rules", {"findings": findings})
    return read


_READERS: Final[Mapping[str, Callable[[str], float]]] = MappingProxyType(
    {"s": lambda text: parse_duration(text) / US_PER_S, "bytes": parse_bytes}
)


def bound_value(name: str, bound: float | str) -> float:
    """A bound of ``name`` as a number: a fraction, a count, seconds or bytes."""
    return bound if isinstance(bound, float) else float(_READERS[METRICS[name].unit](bound))


_Expected = Annotated[str, *_name(_EXPECTED)]
_Bound = Annotated[
    float | str,
    PlainValidator(_number_or_text),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0.0}, {"type": "string"}]}),
]
_Bounds = Annotated[dict[Annotated[str, *_name(_BOUNDED)], _Bound], AfterValidator(_in_their_units)]


class Expectation(Frozen):
    """What must come out of a scheme.

    Outcomes are fractions of queries, observations are counts over all trials, measures are means
    over trials, or the largest of all.
    """

    never: tuple[_Expected, ...] = Field((), description="Must not happen.")
    sometimes: tuple[_Expected, ...] = Field((), description="Must happen.")
    never_below: Annotated[float, Field(strict=True, ge=0.0, le=1.0)] = Field(
        1e-6,
        description="A fraction of queries that counts as never where no rule proves it.",
    )
    at_most: _Bounds = Field(
        {}, description='Upper bounds: fractions of queries, counts, or measures ("3h", "10GiB").'
    )
    at_least: _Bounds = Field(
        {}, description='Lower bounds: fractions of queries, counts, or measures ("3h", "10GiB").'
    )
