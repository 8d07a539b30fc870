"""Values of the scenario language that are texts with a unit: durations, rates, sizes.

Each is an annotated type: a field declared with it reads the text of the TOML file, holds a
number whose name says its unit, prints the text back, and refuses everything else by a rule
that completes "<path>=<value> must …". A refusal travels through pydantic as an error of type
`RULE` and becomes a `Problem` in `sim.scenario.complaints.validation`.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from sim.core.arrivals import RATE_MAX_PER_S
from sim.core.units import (
    LONGEST_US,
    format_bytes,
    format_duration,
    format_rate,
    parse_bytes,
    parse_duration,
    parse_rate,
)
from sim.errors import is_plain

__all__ = [
    "DURATION_PATTERN",
    "DURATION_RULE",
    "NAME_LENGTH_MAX",
    "RULE",
    "UNKNOWN_KEY",
    "Amount",
    "AtLeastOne",
    "Bytes",
    "Copies",
    "Count",
    "Duration",
    "Fraction",
    "Frozen",
    "Longer",
    "Name",
    "Path",
    "Rate",
    "Whole",
    "duration_us",
    "refusal",
    "size_bytes",
]

RULE: Final = "scenario_rule"

UNKNOWN_KEY: Final = "be a known key"

DURATION_RULE: Final = 'be a duration with a unit such as "5m"'
DURATION_PATTERN: Final = r"^(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?(\d+us)?$"

Path = tuple[str | int, ...]
"""A place in a scenario: names of keys and positions in arrays, from 0."""


class Frozen(BaseModel):
    """Base of every part of a scenario: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def refusal(
    rule: str, *, hint: str = "", at: Path = (), others: Sequence[Path] = ()
) -> PydanticCustomError:
    """Return the error by which a validator refuses a value.

    Parameters
    ----------
    rule : str
        Completes "<path>=<value> must …".
    hint : str
        What the writer probably meant.
    at : Path
        The offending place, below the value that is validated.
    others : sequence of Path
        Further places that take part in a conflict, from the root of the scenario.
    """
    context = {"findings": [{"rule": rule, "hint": hint, "at": at, "others": tuple(others)}]}
    return PydanticCustomError(RULE, "the value breaks a rule", context)


def _duration(value: object) -> int:
    """Read a duration that is a policy; an activity's may be a law (`sim.scenario.laws.tables`)."""
    if not isinstance(value, Mapping):
        return duration_us(value)
    if value.get("law") != "constant":
        hint = "a policy has one value, so no law but a constant; what takes time may have any"
        raise refusal(DURATION_RULE, hint=hint)
    if not {"value"} <= value.keys() - {"law"} <= {"value", "plus", "at_most"}:
        raise refusal(DURATION_RULE, hint="a constant has a value, and may have plus and at_most")
    value_us = duration_us(value["value"]) + duration_us(value.get("plus", "0s"))
    return min(value_us, duration_us(value["at_most"])) if "at_most" in value else value_us


def duration_us(value: object, rule: str = DURATION_RULE) -> int:
    """Read a duration in microseconds; refuses everything else by `rule`."""
    if not isinstance(value, str):
        raise refusal(rule)
    try:
        return parse_duration(value)
    except ValueError:
        raise refusal(rule, hint=_duration_hint(value)) from None


def _duration_hint(text: str) -> str:
    """Guess why a text is not a duration."""
    if text.strip().startswith("-"):
        return "durations have no sign"
    if "." in text:
        return 'durations have no fractions: "1h30m", not "1.5h"'
    if text.isdecimal():
        return f'did you mean "{text}s"?'
    if text and re.fullmatch(DURATION_PATTERN, text):
        return f"the longest is {LONGEST_US // 86_400_000_000} days"
    return ""


def _longer(value: int) -> int:
    """Refuse no time at all."""
    if value <= 0:
        raise refusal("be longer than 0s")
    return value


def _read(parse: Callable[[str], float], rule: str) -> Callable[[object], float]:
    """Return a validator of texts that `parse` understands."""

    def read(value: object) -> float:
        try:
            return parse(value) if isinstance(value, str) else parse("")
        except ValueError:
            raise refusal(rule) from None

    return read


def _rate(text: str) -> float:
    """Read a rate above zero at which arrivals can be drawn."""
    rate_per_s = parse_rate(text)
    if not 0.0 < rate_per_s <= RATE_MAX_PER_S:
        raise ValueError(text)
    return rate_per_s


def _plain(name: str) -> str:
    """Refuse what is not to be seen, or would turn what is."""
    for position, character in enumerate(name, start=1):
        if not is_plain(character):
            code = f"U+{ord(character):04X}"
            what = unicodedata.name(character, "")
            hint = f"character {position} is {f'{code}, {what}' if what else code}"
            raise refusal("have visible characters only", hint=hint)
    return name


def _not_empty(value: object) -> object:
    """Refuse an empty array."""
    if isinstance(value, list | tuple) and not value:
        raise refusal("hold at least one entry")
    return value


def size_bytes(value: object) -> int:
    """Read a size in bytes; refuses everything else."""
    return int(_read(parse_bytes, 'be a size with a unit such as "512MiB"')(value))


_RATE_RULE: Final = (
    f'be a rate above 0 and up to {RATE_MAX_PER_S:.0f}/s, such as "1/s", "30/m" or "0.2/h"'
)

Duration = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["5m", "1h30m"]}),
]
"""Whole microseconds, written ``"1h30m"``."""

Longer = Annotated[
    int,
    BeforeValidator(lambda value: _longer(_duration(value))),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["5m", "1h30m"]}),
]
"""A `Duration` above ``"0s"``."""

Rate = Annotated[
    float,
    BeforeValidator(_read(_rate, _RATE_RULE)),
    PlainSerializer(format_rate),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?/[smhd]$", "examples": ["1/s"]}),
]
"""Per second, written ``"30/m"``."""

Bytes = Annotated[
    int,
    BeforeValidator(size_bytes),
    PlainSerializer(format_bytes),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? ?[kKMGTP]?i?B$"}),
]
"""Bytes, written ``"512MiB"``."""

Count = Annotated[int, Field(strict=True, ge=1, le=10**9)]
"""How many of something that must exist."""

Copies = Annotated[int, Field(strict=True, ge=1, le=1_000)]
"""How many copies of an object; stores keep fewer than ten."""

Whole = Annotated[int, Field(strict=True, ge=0, le=2**62)]
"""A whole number from 0."""

Fraction = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
Amount = Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)]
"""A number in [0, 1]."""

AtLeastOne: Final = BeforeValidator(_not_empty)
"""Annotation of an array that must not be empty."""

NAME_LENGTH_MAX: Final = 100

Name = Annotated[
    str, Field(strict=True, min_length=1, max_length=NAME_LENGTH_MAX), AfterValidator(_plain)
]
"""A name that a person gave: at most `NAME_LENGTH_MAX` characters, all of them plain."""
