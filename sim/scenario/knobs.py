"""Knobs: places of a scenario that take several values, as ``sim sweep --vary`` writes them.

``PATH=VALUES``, the path as in :func:`sim.scenario.overrides.overridden`, the values one of

- a list, ``0s,15m,1h``; commas inside quotes, brackets and braces belong to a value;
- a range, ``0s..48h/25``: so many points at equal distances, both ends among them;
- a log range, ``log:1m..48h/20``: at equal ratios.

Ends of ranges are durations, rates, sizes or numbers. Points between them are rounded to what a
person would write, by at most a fiftieth of their distance (or of themselves, at equal ratios).

>>> parse_knob("schemes.1.delete_delay=0s..1h/5").texts
('0s', '15m', '30m', '45m', '1h')
"""

import itertools
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sim.core.units import (
    US_PER_S,
    format_bytes,
    format_duration,
    format_rate,
    parse_bytes,
    parse_duration,
    parse_rate,
)
from sim.scenario.complaints.text import too_deep
from sim.scenario.overrides import overridden, value_of

__all__ = ["POINTS_MAX", "Knob", "parse_knob", "settings_of", "unfit"]

POINTS_MAX: Final = 1_000
"""Most values of one knob, and most settings of several."""

_LOG: Final = "log:"
_BETWEEN: Final = ".."
_RANGE_RULE: Final = "a range is LOW..HIGH/POINTS, such as 0s..48h/25"
_OPENING: Final = {"{": "}", "[": "]"}
# Values along an even range are rounded by at most a sixtieth of this part of it.
_ALONG: Final = 100
# What decides how trials are made or called, and so cannot differ between cells.
_COMMON: Final = ("schema", "name", "seed", "trials")


@dataclass(frozen=True, slots=True)
class _Scale:
    """A kind of number: its unit, how it is read and written, and how it is rounded."""

    unit: str
    read: Callable[[str], float]
    write: Callable[[Any], str]
    grains: tuple[float, ...] = ()

    def rounded(self, number: float, size: float) -> float:
        """Round to the coarsest grain of which ``size`` has 30."""
        if self.unit == "per_s" or (self.unit == "" and not self.grains):
            return float(f"{number:.4g}")
        grain = next((g for g in self.grains if 30 * g <= size), self.grains[-1])
        return round(number / grain) * grain


def _number(text: str) -> float:
    value = value_of(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(text)
    return value


_SCALES: Final = (
    _Scale("us", parse_duration, format_duration, (60 * US_PER_S, US_PER_S, 1_000, 1)),
    _Scale("per_s", parse_rate, format_rate),
    _Scale("bytes", parse_bytes, format_bytes, (2**30, 2**20, 2**10, 1)),
    _Scale("", _number, repr),
)
_WHOLE: Final = _Scale("", _number, repr, (1,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A place of a scenario and the values it takes.

    Attributes
    ----------
    path : str
        As it was written.
    texts : tuple of str
        The values as a person writes them.
    values : tuple
        The same as a scenario file has them.
    numbers : tuple of float or None
        The same in ``unit``; None if they are not numbers of one kind.
    unit : str
        "us", "per_s" or "bytes"; empty for plain numbers and for what is none.
    is_log : bool
        Whether they stand at equal ratios.
    """

    path: str
    texts: tuple[str, ...]
    values: tuple[Any, ...]
    numbers: tuple[float, ...] | None
    unit: str
    is_log: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def ascending(self) -> "Knob":
        """Return the knob with its values in the order of their numbers."""
        assert self.numbers is not None
        order = sorted(range(len(self)), key=self.numbers.__getitem__)
        return self._with([self.numbers[i] for i in order], [self.texts[i] for i in order])

    def middle(self, index: int) -> tuple[float, str] | None:
        """Return a value between two neighbours, as number and text; None if there is none.

        Parameters
        ----------
        index : int
            Of the lower of two neighbours of an ascending knob.
        """
        assert self.numbers is not None
        low, high = self.numbers[index : index + 2]
        exact = math.sqrt(low * high) if self.is_log else (low + high) / 2
        scale = self._scale()
        number = scale.rounded(exact, exact if self.is_log else high - low)
        return (number, _text(scale, number)) if low < number < high else None

    def including(self, more: Sequence[tuple[float, str]]) -> "Knob":
        """Return the ascending knob with more values, each a number and its text."""
        assert self.numbers is not None
        pairs = sorted([*zip(self.numbers, self.texts, strict=True), *more])
        return self._with([number for number, _ in pairs], [text for _, text in pairs])

    def along(self, shares: Sequence[float]) -> "Knob":
        """Return the knob with a value for each share, in [0, 1], of the way from first to last.

        Of whole numbers, at equal distances, each has as much of the way as any other.
        """
        assert self.numbers is not None
        low, high = self.numbers[0], self.numbers[-1]
        scale = self._scale()
        edge = 0.5 if scale is _WHOLE and not self.is_log else 0.0
        numbers = []
        for share in shares:
            even = low - edge + share * (high - low + 2.0 * edge)
            exact = low * (high / low) ** share if self.is_log else even
            number = scale.rounded(exact, exact if self.is_log else (high - low) / _ALONG)
            numbers.append(min(max(number, low), high))
        return self._with(numbers, [_text(scale, number) for number in numbers])

    def _scale(self) -> _Scale:
        assert self.numbers is not None
        if self.unit == "" and all(isinstance(number, int) for number in self.numbers):
            return _WHOLE
        return next(scale for scale in _SCALES if scale.unit == self.unit)

    def _with(self, numbers: Sequence[float], texts: Sequence[str]) -> "Knob":
        values = tuple(map(value_of, texts))
        return replace(self, numbers=tuple(numbers), texts=tuple(texts), values=values)


def parse_knob(text: str) -> Knob:
    """Read ``PATH=VALUES``.

    Raises
    ------
    ValueError
        If it is not of that form, or values repeat; the message says what is wrong.
    """
    path, equals, listed = text.partition("=")
    path, listed = path.strip(), listed.strip()
    if not equals or not path or not listed:
        raise ValueError(f"{text!r} is not PATH=VALUES, such as gateways.sync_interval=3m,15m")
    is_log = listed.startswith(_LOG)
    bare = listed.removeprefix(_LOG)
    if is_log or (_BETWEEN in bare and not any(mark in bare for mark in ",\"'{[")):
        knob = _ranged(path, bare, is_log=is_log)
    else:
        knob = _listed(path, bare)
    for one, other in itertools.combinations(range(len(knob)), 2):
        is_same = knob.numbers is not None and knob.numbers[one] == knob.numbers[other]
        if is_same or knob.values[one] == knob.values[other]:
            raise ValueError(
                f"{path}: values must differ, {knob.texts[one]} and {knob.texts[other]} do not"
            )
    return knob


def _listed(path: str, text: str) -> Knob:
    texts = [part.strip() for part in _split(path, text)]
    if not all(texts):
        raise ValueError(f"{path}: a value is missing in {text!r}")
    if len(texts) > POINTS_MAX:
        raise ValueError(f"{path}: there may be at most {POINTS_MAX} values")
    try:
        values = tuple(map(value_of, texts))
    except RecursionError:
        raise ValueError(f"{path}: a value is nested too deep") from None
    texts = [value if isinstance(value, str) else t for value, t in zip(values, texts, strict=True)]
    scale = _scale_of(texts) if not any(isinstance(value, Mapping) for value in values) else None
    return Knob(
        path=path,
        texts=tuple(texts),
        values=values,
        numbers=None if scale is None else tuple(map(scale.read, texts)),
        unit="" if scale is None else scale.unit,
    )


def _scale_of(texts: Sequence[str]) -> _Scale | None:
    """Find the kind of number that all texts are of."""
    for scale in _SCALES:
        try:
            for text in texts:
                scale.read(text)
        except (ValueError, RecursionError):
            continue
        return scale
    return None


def _split(path: str, text: str) -> Iterator[str]:
    """Split at the commas that are outside quotes, brackets and braces."""
    begin, waiting, quote = 0, list[str](), ""
    for place, character in enumerate(text):
        if quote:
            is_escaped = quote == '"' and text[place - 1] == "\\"
            quote = "" if character == quote and not is_escaped else quote
        elif character in "\"'":
            quote = character
        elif character in _OPENING:
            waiting.append(_OPENING[character])
        elif waiting and character == waiting[-1]:
            waiting.pop()
        elif character == "," and not waiting:
            yield text[begin:place]
            begin = place + 1
    if quote or waiting:
        raise ValueError(f"{path}: {quote or waiting[-1]} is missing in {text!r}")
    yield text[begin:]


def _ranged(path: str, text: str, *, is_log: bool) -> Knob:
    ends, _, count_text = text.rpartition("/")
    low_text, between, high_text = (part.strip() for part in ends.partition(_BETWEEN))
    if not between or not count_text.strip().isdecimal() or len(count_text) > 10:
        raise ValueError(f"{path}: {_RANGE_RULE}, not {text!r}")
    scale, count = _scale_of((low_text, high_text)), int(count_text)
    if scale is None:
        raise ValueError(f"{path}: {low_text!r} and {high_text!r} are no numbers of one kind")
    if not 2 <= count <= POINTS_MAX:
        raise ValueError(f"{path}: a range has 2 to {POINTS_MAX} points, not {count}")
    low, high = scale.read(low_text), scale.read(high_text)
    if not low < high or (is_log and low <= 0):
        rule = "rise, and a log range begins above 0" if is_log else "rise"
        raise ValueError(f"{path}: a range must {rule}, not {low_text}..{high_text}")
    if scale.unit == "" and isinstance(low, int) and isinstance(high, int):
        scale = _WHOLE
    step = (high - low) / (count - 1)
    numbers = [low]
    for i in range(1, count - 1):
        exact = low * (high / low) ** (i / (count - 1)) if is_log else low + step * i
        numbers.append(scale.rounded(exact, exact if is_log else step))
    numbers.append(high)
    texts = tuple(_text(scale, number) for number in numbers)
    return Knob(
        path=path,
        texts=texts,
        values=tuple(map(value_of, texts)),
        numbers=tuple(numbers),
        unit=scale.unit,
        is_log=is_log,
    )


def _text(scale: _Scale, number: float) -> str:
    return scale.write(round(number) if scale.grains else number)


def settings_of(knobs: Sequence[Knob], *, together: bool) -> tuple[tuple[int, ...], ...]:
    """Return the settings of several knobs, each the positions of their values.

    Parameters
    ----------
    knobs : sequence of Knob
        Without any there is one setting, of nothing.
    together : bool
        Whether they move in step instead of making a grid, whose last knob moves fastest.

    Raises
    ------
    ValueError
        If knobs that move in step have not the same number of values, or there are too many.
    """
    lengths = [len(knob) for knob in knobs]
    if together and len(set(lengths)) > 1:
        told = ", ".join(f"{knob.path} {len(knob)}" for knob in knobs)
        raise ValueError(f"knobs that move together have equally many values, not {told}")
    if not together and math.prod(lengths) > POINTS_MAX:
        raise ValueError(f"there may be at most {POINTS_MAX} settings, not {math.prod(lengths)}")
    if together and knobs:
        return tuple((i,) * len(knobs) for i in range(lengths[0]))
    return tuple(itertools.product(*map(range, lengths)))


def unfit(text: str, knobs: Sequence[Knob]) -> list[str]:
    """Say which knobs of a scenario's text are the same place, or must be common to all cells.

    What has no place in the scenario is left to its loading, which says so with a hint.
    """
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError):
        return []
    problems, seen = [], dict[tuple[str | int, ...], str]()
    for knob in () if too_deep(raw) else knobs:
        for place in overridden(raw, {knob.path: knob.values[0]})[1]:
            is_name = len(place) == 3 and place[0] == "schemes" and place[2] == "name"
            if is_name or (len(place) == 1 and place[0] in _COMMON):
                problems.append(f"{knob.path} must be common to all cells, so it is no knob")
            elif place in seen:
                problems.append(f"{knob.path} is the place of {seen[place]} again")
            seen.setdefault(place, knob.path)
    return problems
