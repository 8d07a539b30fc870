"""Failures that hardly any trial has: their chance per query, by splitting over all draws.

How near a trial comes to a failure is the smallest delete delay with which none of its queries had
met an absence (``curve/critical.py``), compared with the delay that the scheme has. Where it is
longer, queries fail, and the trial says how many. Schemes without marks, and blocks whose deletion
nothing foretells, have no such measure.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.queries.exposure import exposures
from sim.analysis.rare import Rare
from sim.analysis.splitting import Split, Stage, of_repeats, split, stages
from sim.core.moved import MovedStreams
from sim.core.streams import Streams
from sim.errors import Problem, ScenarioError
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.study.executors import run_jobs
from sim.trace.columns import build

__all__ = ["REPEATS", "SAMPLES", "rare"]

SAMPLES = 500
"""Ways of each level, unless told otherwise."""
REPEATS = 8


@dataclass(frozen=True, slots=True)
class _Trial:
    """One way how a trial may go."""

    streams: MovedStreams
    score: float
    damage: float


def rare(
    scenario: Scenario,
    scheme_index: int,
    outcome: str = "query-error",
    *,
    samples: int = SAMPLES,
    repeats: int = REPEATS,
    workers: int | None = 1,
    on_repeat: Callable[[], None] = lambda: None,
) -> Rare:
    """Estimate how likely a query is to have an outcome, however rare that is.

    Parameters
    ----------
    scenario : Scenario
        Its number of trials does not matter.
    scheme_index : int
        Of a scheme with marks.
    outcome : str
        One that an absence causes: "query-error", "partial-response" or "warned".
    samples, repeats : int
        Trials of each level, >= 10, and independent repetitions, >= 3, whose spread is the error.
    workers : int or None
        As for `run.run_scenario`.
    on_repeat : callable
        Called when a repetition has ended.

    Raises
    ------
    ScenarioError
        If the scheme has no delete delay, or a trial had the outcome with a delay that is
        long enough: levels lead to other failures then.
    ValueError
        If samples or repeats are too few.
    """
    scheme = scenario.schemes[scheme_index]
    if scheme.kind != "deletion-mark":
        rule = "have a delete delay, of which levels are made"
        raise ScenarioError([Problem(f"schemes[{scheme_index}].kind", scheme.kind, rule)])
    if samples < 10 or repeats < 3:
        raise ValueError(f"samples={samples}, repeats={repeats} must be at least 10 and 3")
    # One scheme, one trial: its number is in no draw, and others have none here.
    alone = scenario.model_copy(update={"schemes": (scheme,), "trials": 1, "expect": {}})
    ways = _Ways(alone, outcome, "levels", 0)
    by = stages(ways.drawn, ways.moved, samples=2 * samples)
    found = run_jobs(
        functools.partial(_repeat, alone, outcome, by, samples),
        range(repeats),
        count=repeats,
        workers=workers,
        on_result=lambda _: on_repeat(),
    )
    worst = max((one.worst for one in found), key=lambda way: (way.damage, way.score))
    delay_us = scheme.delete_delay_us
    fractions = tuple(one.fraction for one in found)
    return Rare(
        scheme=scheme.name,
        outcome=outcome,
        estimate=of_repeats(fractions),
        per_repeat=fractions,
        delays_us=tuple(stage.level + delay_us for stage in by),
        delete_delay_us=delay_us,
        trials=sum(one.ways for one in found) + ways.count,
        worst=alone.with_pins(worst.streams.asked),
        worst_fraction=worst.damage,
    )


def _repeat(
    scenario: Scenario, outcome: str, by: Sequence[Stage], samples: int, repeat: int
) -> Split[_Trial]:
    ways = _Ways(scenario, outcome, "repeat", repeat)
    return split(ways.drawn, ways.moved, by, samples=samples)


class _Ways:
    """Trials of a scenario, each by what it draws; `count` is how many there were."""

    def __init__(self, scenario: Scenario, outcome: str, purpose: str, repeat: int) -> None:
        self._scenario = scenario
        self._outcome = outcome
        self._root = Streams(scenario.seed)
        self._purpose: tuple[str | int, ...] = ("rare", purpose, repeat)
        self.count = 0
        self._reach = len(self.drawn(0).streams.asked)

    def drawn(self, number: int) -> _Trial:
        """A trial that has nothing to do with others."""
        return self._trial(
            MovedStreams(self._word(number), pinned=self._scenario.pins), is_asked=True
        )

    def moved(self, trial: _Trial, kept: float | None, number: int) -> _Trial:
        """One that is near another."""
        return self._trial(trial.streams.near(self._word(number), kept, self._reach))

    def _word(self, number: int) -> int:
        return self._root.word(*self._purpose, number)

    def _trial(self, streams: MovedStreams, *, is_asked: bool = False) -> _Trial:
        """Simulate; ask what became of queries if some fail, or to see that none does."""
        self.count += 1
        trace = simulate(self._scenario, 0, 0, streams=streams)
        timelines = build(trace)
        world = self._scenario.with_pins(streams.asked)
        exposed = exposures(world, timelines)
        every = EveryDelay(world, 0, trace, timelines, exposed)
        if not every.is_predictable:
            rule = "delete blocks when their marks are old enough, and at no other time"
            raise ScenarioError([Problem("schemes[0]", self._scenario.schemes[0].name, rule)])
        score = float(max((c.largest_us for c in every.critical), default=0) - every.delay_us)
        if score <= 0.0 and not is_asked:
            return _Trial(streams, score, 0.0)
        classes = evaluate_exact(world, timelines, exposed)
        asked = math.fsum(c.queries for c in classes)
        hits = math.fsum(c.queries * c.fractions[self._outcome] for c in classes if c.queries)
        damage = hits / asked if asked else 0.0
        if damage > 0.0 >= score:
            rule = f"be caused by deletions that come too early alone, and is {damage:.3g} without"
            raise ScenarioError([Problem("outcome", self._outcome, rule)])
        return _Trial(streams, score, damage)
