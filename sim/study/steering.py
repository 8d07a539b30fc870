"""One way in which chance may fall out: which draws are not left to the seed, and what follows.

A *course* steers the draws of one trial, by groups (all lags of marks, all durations of syncs) and
one by one. Playing it gives what happened, and what was drawn, so that it can be said again as a
scenario with pinned draws that needs no course.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.checkers import observe
from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.curve.feedback import entanglement
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled, inexact
from sim.analysis.queries.exposure import exposures
from sim.core.collector import collector_paused
from sim.core.pinned import AskedStreams
from sim.core.streams import Identity, Streams
from sim.model.schemes import compose
from sim.model.world import simulate
from sim.scenario.schema import OUTCOMES, Scenario
from sim.trace.columns import build

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["Course", "Group", "Played", "Tilt", "Way", "group_of", "play"]

_BLOCK: Final = re.compile(r"\d+\.\w+\.-?\d+--?\d+\.(?P<level>\d+)\..*")
_HALF: Final = 0.5

Group = tuple[str, ...]
"""What draws decide, but for whom and when: ``("lag", "level-1", "meta.json", "get")``."""


class Way(StrEnum):
    """Where the draws of a group come from."""

    LOW = "low"
    HIGH = "high"
    MIXED = "low or high, for each block time by lot"
    OTHER = "another seed"


@dataclass(frozen=True, slots=True)
class Tilt:
    """How the draws of a group are made, where the seed does not make them.

    Attributes
    ----------
    way : Way
    number : int
        Which lot, or which other seed.
    """

    way: Way
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is not left to the seed.

    Attributes
    ----------
    tilts : mapping of Group to Tilt
        For all draws of a group.
    draws : mapping of Identity to float
        Uniforms of single draws; they come before tilts.
    """

    tilts: Mapping[Group, Tilt] = field(default_factory=dict)
    draws: Mapping[Identity, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a course.

    Attributes
    ----------
    amount : float
        The largest share of the queries of a class that had the outcome, or how often something
        was counted; above 0 it was found.
    slack_us : float
        How much longer the delete delay is than any query needed it to be; inf where that is not
        known. Tells two courses apart that found nothing.
    asked : mapping of Identity to float
        Every draw that the world made, in the order in which it first did.
    times_us : tuple of int
        When something changed, or showed, or will be old enough; sorted.
    """

    amount: float
    slack_us: float
    asked: Mapping[Identity, float]
    times_us: tuple[int, ...]

    @property
    def is_found(self) -> bool:
        """Whether it happened."""
        return self.amount > 0.0


def group_of(identity: Identity) -> Group:
    """The group of a draw: the words of its name, and of blocks only whether they are compacted.

    >>> group_of(("lag", "0.raw.0-7200000000.1.0/meta.json", 1, 0, "get"))
    ('lag', 'level-1', 'meta.json', 'get')
    """
    words = [word for part in identity if isinstance(part, str) for word in part.split("/")]
    return tuple(filter(None, map(_word, words)))


def _word(word: str) -> str:
    """A part of a name without numbers; empty if nothing is left of it."""
    if block := _BLOCK.fullmatch(word):
        return "level-1" if block["level"] == "1" else "compacted"
    return "" if any(c.isdigit() for c in word) else word


def _lot(identity: Identity) -> Identity:
    """What draws share that are low or high together: the time and level of their block.

    A block that nobody sees is made again, and its lags must be late as well.
    """
    names = (str(part).partition("/")[0] for part in identity)
    return next(((n.rpartition(".")[0],) for n in names if _BLOCK.fullmatch(n)), identity)


class _Steered(AskedStreams):
    """All draws of one trial as a course has them."""

    __slots__ = ("_extreme", "_others", "_tilts")

    def __init__(self, seed: int, course: Course, extreme: float) -> None:
        super().__init__(seed, course.draws)
        self._tilts = course.tilts
        self._extreme = extreme
        self._others: dict[int, Streams] = {}

    def _drawn(self, identity: Identity) -> float:
        tilt = self._tilts.get(group_of(identity)) if self._tilts else None
        if tilt is None:
            return super()._drawn(identity)
        if tilt.way is Way.LOW:
            return 0.0
        if tilt.way is Way.HIGH:
            return 1.0 - self._extreme
        others = self._others.setdefault(tilt.number, Streams(tilt.number))
        if tilt.way is Way.MIXED:
            return 0.0 if others.uniform(*_lot(identity)) < _HALF else 1.0 - self._extreme
        other = others.uniform(*identity)
        return min(max(other, self._extreme), 1.0 - self._extreme)


@collector_paused()
def play(
    scenario: Scenario, outcome: str, course: Course, *, extreme: float, has_slack: bool = True
) -> Played:
    """Simulate trial 0 of the first scheme along a course, and look for an outcome.

    Parameters
    ----------
    scenario : Scenario
        Its pinned draws stay as they are.
    outcome : str
        Of queries, or one of what is counted beside them.
    course : Course
    extreme : float
        How far from 0 and 1 uniforms stay, so that laws without a longest value have one.
    has_slack : bool
        Whether to work out the slack.
    """
    course = Course(tilts=course.tilts, draws={**course.draws, **scenario.pins})
    streams = _Steered(scenario.seed, course, extreme)
    trace = simulate(scenario, 0, 0, streams=streams)
    timelines = build(trace)
    world = scenario.with_pins(streams.asked)
    exposed = exposures(world, timelines)
    is_near = has_slack and outcome in OUTCOMES and outcome != "silent-gap"
    return Played(
        amount=_amount(world, outcome, timelines, exposed),
        slack_us=_slack_us(world, trace, timelines, exposed) if is_near else math.inf,
        asked=streams.asked,
        times_us=_times_us(world, timelines),
    )


def _amount(
    scenario: Scenario, outcome: str, timelines: "Timelines", exposed: "Sequence[Exposure]"
) -> float:
    if outcome not in OUTCOMES:
        count = observe(scenario, timelines, exposed)[outcome]
        assert isinstance(count, int | float)
        return float(count)
    evaluate = evaluate_sampled if inexact(scenario) else evaluate_exact
    shares = [found.fractions[outcome] for found in evaluate(scenario, timelines, exposed)]
    return max((share for share in shares if not math.isnan(share)), default=0.0)


def _slack_us(
    scenario: Scenario, trace: "Trace", timelines: "Timelines", exposed: "Sequence[Exposure]"
) -> float:
    if scenario.schemes[0].kind != "deletion-mark" or entanglement(scenario):
        return math.inf
    every = EveryDelay(scenario, 0, trace, timelines, exposed)
    if not every.is_predictable:
        return math.inf
    needed_us = max((critical.largest_us for critical in every.critical), default=0)
    return float(every.delay_us - needed_us)


def _times_us(scenario: Scenario, timelines: "Timelines") -> tuple[int, ...]:
    """When readers might best look just before, or just after."""
    blocks, horizon_us = timelines.blocks, scenario.horizon_us
    hide_us = compose(scenario, 0).hide.gateways_us or 0
    sooner = [blocks.committed_us, blocks.retired_us, blocks.deleted_us, blocks.changed_us]
    later = [
        blocks.committed_us + scenario.gateways.consistency_delay_us,
        timelines.marks.visible_us,
        timelines.marks.stamp_us + hide_us,
        timelines.absences.start_us,
        timelines.absences.end_us,
    ]
    every = np.unique(np.concatenate([*sooner, *later]))
    return tuple(every[(every > 0) & (every < horizon_us)].tolist())
