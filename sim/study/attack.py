"""Searching for the worst: draws chosen against a scenario, and not only sampled.

What breaks a rule lies where several draws are at the ends of their laws, and where a reader looks
just before something changes. So that is where to look: whole groups of draws low, high or mixed;
phases just before and after what happened in the course before; then small changes of the course
that came nearest. Nothing here is left to chance: the same call tries the same courses.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sim.analysis.evidence.counterexample import Moved, Span
from sim.core.units import format_duration
from sim.errors import ScenarioError
from sim.scenario.load import build
from sim.scenario.schema import OUTCOMES, Expectation
from sim.study.lots import LAST, Lots, is_phase, phase_at
from sim.study.steering import Course, Group, Played, Tilt, Way, group_of, play

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = [
    "TRIES",
    "Attack",
    "Found",
    "alone",
    "changed",
    "listed",
    "search",
]

TRIES: Final = 300
"""How many courses are tried unless somebody asks for more."""

_HALF: Final = 0.5
_SOME: Final = 0.7
_ALIGNED: Final = 3
_NEARBY_EVERY: Final = 6
_STALE_MAX: Final = 30
_BEFORE_US: Final = (0, 1_000_000, 60_000_000)


def alone(scenario: "Scenario", scheme_index: int, trial: int, outcome: str) -> "Scenario":
    """One scheme in one trial as a scenario of its own, which must never have the outcome."""
    scheme = scenario.schemes[scheme_index]
    update = {
        "seed": scenario.seed + trial,
        "trials": 1,
        "presets": None,
        "schemes": (scheme,),
        "expect": {scheme.name: Expectation(never=(outcome,))},
    }
    return scenario.model_copy(update=update)


def changed(scenario: "Scenario", values: Mapping[str, str]) -> "Scenario | None":
    """The scenario with other values of some keys; None if it cannot be so."""
    try:
        return build(listed(scenario.raw()), values)
    except ScenarioError:
        return None


def listed(value: Any) -> Any:
    """A value with lists in the place of tuples, as a file has it."""
    if isinstance(value, Mapping):
        return {key: listed(entry) for key, entry in value.items()}
    return [listed(entry) for entry in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A course that was played.

    Attributes
    ----------
    scenario : Scenario
        With times as they were moved.
    moved : tuple of Moved
    course : Course
    played : Played
    """

    scenario: "Scenario"
    moved: tuple[Moved, ...]
    course: Course
    played: Played

    @property
    def rank(self) -> tuple[float, float]:
        """What is larger is nearer to what is looked for."""
        return self.played.amount, -self.played.slack_us


class Attack:
    """One search: what is tried, how often, and what came nearest.

    Parameters
    ----------
    scenario : Scenario
        Of one scheme and one trial (:func:`alone`).
    outcome : str
        Of queries, or one of what is counted beside them.
    spans : sequence of Span
        Times that may be moved.
    tries : int
        How many courses may be tried.
    extreme : float
        How far from 0 and 1 uniforms stay.
    """

    def __init__(
        self,
        scenario: "Scenario",
        outcome: str,
        *,
        spans: Sequence[Span] = (),
        tries: int = TRIES,
        extreme: float = 1e-6,
    ) -> None:
        self.scenario = scenario
        self.outcome = outcome
        self.spans = tuple(spans)
        self.extreme = extreme
        self.tries = tries
        self.tried = 0
        self.found: Found | None = None
        self.nearest: Found | None = None
        self._moved: dict[tuple[Moved, ...], Scenario | None] = {}

    @property
    def is_over(self) -> bool:
        """Whether something was found, or enough was tried."""
        return self.found is not None or self.tried >= self.tries

    def attempt(self, course: Course, shares: Mapping[str, float] | None = None) -> Played | None:
        """Play a course; None if the scenario cannot be so.

        Parameters
        ----------
        course : Course
        shares : mapping of str to float or None
            Where in their spans times are moved to, by key; the others stay.
        """
        there = shares or {}
        moved = tuple(span.moved(there[span.key]) for span in self.spans if span.key in there)
        return self.attempt_at(tuple(m for m in moved if m.after_us != m.before_us), course)

    def attempt_at(self, moved: tuple[Moved, ...], course: Course) -> Played | None:
        """Play a course with times that were moved; None if the scenario cannot be so."""
        scenario = self._with_times(moved)
        if scenario is None:
            return None
        self.tried += 1
        played = play(scenario, self.outcome, course, extreme=self.extreme)
        here = Found(scenario=scenario, moved=moved, course=course, played=played)
        if played.is_found:
            self.found = self.found or here
        if self.nearest is None or here.rank > self.nearest.rank:
            self.nearest = here
        return played

    def _with_times(self, moved: tuple[Moved, ...]) -> "Scenario | None":
        if moved not in self._moved:
            times = {one.key: format_duration(one.after_us) for one in moved}
            self._moved[moved] = changed(self.scenario, times) if moved else self.scenario
        return self._moved[moved]


def search(attack: Attack, *, tries: int | None = None) -> None:
    """Try courses until something is found, or enough was tried.

    Parameters
    ----------
    attack : Attack
    tries : int or None
        When to stop before that; a search that goes on has other lots.
    """
    lots = Lots(attack.tried)
    if not attack.tried:
        attack.attempt(Course())
    for number, tilts in enumerate(_tilts(attack, lots)):
        if attack.is_over or (tries is not None and attack.tried >= tries):
            return
        _with_phases(attack, tilts, lots, number)
        if number % _NEARBY_EVERY == _NEARBY_EVERY - 1:
            _nearby(attack, lots)


def _groups(attack: Attack) -> list[Group]:
    """What is drawn, but for phases, in the course that came nearest."""
    assert attack.nearest is not None
    every = dict.fromkeys(map(group_of, attack.nearest.played.asked))
    return [group for group in every if not is_phase(group)]


def _tilts(attack: Attack, lots: Lots) -> Iterator[dict[Group, Tilt]]:
    """Tilts of groups: all the same, those with one word against the rest, and then by lot."""
    low, high = Tilt(Way.LOW), Tilt(Way.HIGH)
    groups = _groups(attack)
    words = _words(groups)
    plain = [dict.fromkeys(groups, high)] if groups else [{}]
    for word in words:
        some = [group for group in groups if word in group]
        plain.append(dict.fromkeys(groups, high) | dict.fromkeys(some, low))
        plain.append(dict.fromkeys(groups, low) | dict.fromkeys(some, high))
    yield from plain
    number = 0
    while True:
        number += 1
        groups = _groups(attack)
        # Which phases go with a tilt is by lot, so that it may deserve to be tried again.
        yield plain[number % len(plain)]
        yield dict.fromkeys(groups, Tilt(Way.MIXED, number))
        ways = (None, low, high, Tilt(Way.MIXED, number), Tilt(Way.OTHER, number))
        drawn = dict.fromkeys(groups, lots.of(ways))
        for word in _words(groups):
            way = lots.of(ways) if lots.share() < _HALF else None
            drawn |= {group: way for group in groups if way is not None and word in group}
        yield {group: tilt for group, tilt in drawn.items() if tilt is not None}


def _words(groups: Sequence[Group]) -> list[str]:
    """Words that part the groups, in the order in which they come."""
    every = dict.fromkeys(word for group in groups for word in group)
    return [word for word in every if not all(word in group for group in groups)]


def _with_phases(attack: Attack, tilts: dict[Group, Tilt], lots: Lots, number: int) -> None:
    """Play a tilt, and play it again with phases at what has happened."""
    played = attack.nearest.played if attack.nearest else None
    # What is counted happens to blocks, whenever somebody reads them.
    times = _ALIGNED if attack.outcome in OUTCOMES else 1
    for again in range(times):
        if attack.is_over or played is None:
            return
        phases = [name for name in played.asked if is_phase(name)]
        if again and not phases and not attack.spans:
            return
        sequence = number * _ALIGNED + again
        draws = {name: phase_at(attack.scenario, name, played, lots, sequence) for name in phases}
        played = (
            attack.attempt(Course(tilts=tilts, draws=draws), _shares(attack, played, lots))
            or played
        )


def _shares(attack: Attack, played: Played, lots: Lots) -> dict[str, float]:
    """Where to move times to: to what happened, a little before, or anywhere."""
    shares = {}
    for span in attack.spans:
        near = [t for t in played.times_us if span.low_us <= t <= span.high_us]
        if near and lots.share() < _SOME:
            at_us = lots.of(near) - lots.of(_BEFORE_US)
            share = (at_us - span.low_us) / (span.high_us - span.low_us + 1)
            shares[span.key] = min(max(share, 0.0), LAST)
        else:
            shares[span.key] = lots.share()
    return shares


def _nearby(attack: Attack, lots: Lots) -> None:
    """Change a few draws of the course that came nearest, as long as that brings it nearer."""
    since = 0
    while not attack.is_over and since < _STALE_MAX:
        nearest = attack.nearest
        assert nearest is not None
        asked = nearest.played.asked
        if math.isinf(nearest.played.slack_us) or not asked:
            return
        names = [name for name in asked if is_phase(name)] if lots.share() < _HALF else []
        some = {lots.of(names or list(asked)) for _ in range(1 + int(lots.share() * 3))}
        draws = dict(asked) | {name: _near(asked[name], attack.extreme, lots) for name in some}
        if lots.share() < _HALF:
            draws |= {
                name: phase_at(attack.scenario, name, nearest.played, lots, 0)
                for name in asked
                if is_phase(name)
            }
        attack.attempt_at(nearest.moved, Course(draws=draws))
        since = 0 if attack.nearest is not nearest else since + 1


def _near(value: float, extreme: float, lots: Lots) -> float:
    """An end of a law, or a value not far away."""
    step = (lots.share() - _HALF) * 2.0 ** -int(lots.share() * 16)
    moved = (value + step) % 1.0
    return min(max(lots.of((0.0, 1.0, moved, moved)), extreme), 1.0 - extreme)
