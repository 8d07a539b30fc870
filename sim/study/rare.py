"""Failures that hardly any trial has: their chance per query, by splitting over all draws.

How near a trial comes to a failure is the smallest delete delay with which none of its queries had
met an absence (``curve/critical.py``), compared with the delay that the scheme has. Where it is
longer, queries fail, and the trial says how many. Schemes without marks, and blocks whose deletion
nothing foretells, have no such measure.

Where requests of readers may fail, that measure is of a trial in which none does, and the syncs
that would have to fail are then made to (``curve/streaks.py``).
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.curve.streaks import Forcing, Streaks
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.queries.exposure import exposures
from sim.analysis.rare import Rare
from sim.analysis.splitting import Split, Stage, of_repeats, split, stages
from sim.core.forced import CalmStreams, ForcedStreams
from sim.core.moved import MovedStreams
from sim.core.pinned import AskedStreams
from sim.core.streams import Identity, Streams
from sim.errors import Problem, ScenarioError
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.study.executors import run_jobs
from sim.trace.columns import build
from sim.trace.passes import Syncs
from sim.trace.recorder import Trace

__all__ = ["REPEATS", "SAMPLES", "rare"]

SAMPLES = 500
"""Ways of each level, unless told otherwise."""
REPEATS = 8
_NOTHING: Final[Mapping[Identity, float]] = MappingProxyType({})
_CHOICE: Final = ("rare", "streak")
"""The draw that chooses which syncs are made to fail."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One way how a trial may go; `given` are draws with other values than those of `streams`."""

    streams: MovedStreams
    score: float
    damage: float
    weight: float = 1.0
    given: Mapping[Identity, float] = field(default_factory=dict)


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
    are_whole, is_forced = all(one.is_whole for one in found), _readers_may_fail(alone)
    given = {**worst.streams.asked, **worst.given}
    return Rare(
        scheme=scheme.name,
        outcome=outcome,
        estimate=of_repeats(fractions, are_whole=are_whole),
        per_repeat=fractions,
        are_whole=are_whole,
        forces_syncs=is_forced,
        delays_us=tuple(stage.level + delay_us for stage in by),
        delete_delay_us=delay_us,
        trials=(2 if is_forced else 1) * sum(one.ways for one in found) + ways.count,
        worst=alone.with_pins(_asked_of(alone, given) if is_forced else given),
        worst_fraction=worst.damage,
    )


def _readers_may_fail(scenario: Scenario) -> bool:
    """Whether requests of gateways may fail by chance."""
    store = scenario.store
    names = [f"gateway/{number}" for number in range(scenario.gateways.count)]
    hit = (fault for fault in scenario.faults if fault.failing > 0.0)
    return store.error_rate + store.lost_answer_rate > 0.0 or any(
        fault.befalls(name) for fault in hit for name in names
    )


def _asked_of(scenario: Scenario, pins: Mapping[Identity, float]) -> Mapping[Identity, float]:
    """Those draws that the trial asks for in which they are pinned."""
    streams = AskedStreams(scenario.seed, pins)
    simulate(scenario, 0, 0, streams=streams)
    return streams.asked


def _repeat(
    scenario: Scenario, outcome: str, by: Sequence[Stage], samples: int, repeat: int
) -> Split[_Trial]:
    ways = _Ways(scenario, outcome, "repeat", repeat)
    return split(ways.drawn, ways.moved, by, samples=samples)


class _Ways:
    """Trials of a scenario, each by what it draws; `count` is how many were simulated."""

    def __init__(self, scenario: Scenario, outcome: str, purpose: str, repeat: int) -> None:
        self._scenario = scenario
        self._outcome = outcome
        self._root = Streams(scenario.seed)
        self._purpose: tuple[str | int, ...] = ("rare", purpose, repeat)
        self._is_forced = _readers_may_fail(scenario)
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
        if not self._is_forced:
            ran = self._run(streams, streams)
            return _Trial(streams, ran.score, self._damage(ran, is_asked=is_asked))
        calm = CalmStreams(streams, self._scenario.pins)
        ran = self._run(calm, streams)
        # If queries fail whatever requests do, nothing more has to go wrong. Of durations that are
        # drawn some are always long enough.
        is_enough = ran.score > 0.0 and all(q.takes.is_constant for q in self._scenario.queries)
        streaks = Streaks.none() if is_enough else ran.streaks(calm)
        forcing = Forcing(streaks, streaks.chosen(streams.uniform(*_CHOICE)))
        forced = ForcedStreams(streams, self._scenario.pins, forcing.value)
        damage = self._damage(self._run(forced, streams, forced.values), is_asked=is_asked)
        score = ran.score if ran.score > 0.0 else ran.score // self._step_us * self._step_us
        return _Trial(streams, score, damage, forcing.weight, forced.values)

    @property
    def _step_us(self) -> float:
        """How far a score must be from another to matter where syncs that fail add to it."""
        return self._scenario.gateways.sync_interval.mean / 8.0

    def _run(
        self, streams: Streams, base: MovedStreams, given: Mapping[Identity, float] = _NOTHING
    ) -> "_Run":
        self.count += 1
        trace = simulate(self._scenario, 0, 0, streams=streams)
        world = self._scenario.with_pins({**base.asked, **given})
        return _Run(world, trace)

    def _damage(self, ran: "_Run", *, is_asked: bool) -> float:
        """Share of the queries that have the outcome."""
        if ran.score <= 0.0 and not is_asked:
            return 0.0
        classes = evaluate_exact(ran.world, ran.timelines, ran.exposed)
        asked = math.fsum(c.queries for c in classes)
        hits = math.fsum(c.queries * c.fractions[self._outcome] for c in classes if c.queries)
        damage = hits / asked if asked else 0.0
        if damage > 0.0 >= ran.score:
            rule = f"be caused by deletions that come too early alone, and is {damage:.3g} without"
            raise ScenarioError([Problem("outcome", self._outcome, rule)])
        return damage


class _Run:
    """One trial that was simulated; `world` has its draws pinned."""

    def __init__(self, world: Scenario, trace: Trace) -> None:
        self.world = world
        self.timelines = build(trace)
        self.exposed = exposures(world, self.timelines)
        self._trace = trace
        self._every = every = EveryDelay(world, 0, trace, self.timelines, self.exposed)
        if not every.is_predictable:
            rule = "delete blocks when their marks are old enough, and at no other time"
            raise ScenarioError([Problem("schemes[0]", world.schemes[0].name, rule)])
        self.score = float(max((c.largest_us for c in every.critical), default=0) - every.delay_us)

    def streaks(self, calm: CalmStreams) -> Streaks:
        """The syncs that would have to fail, in a trial in which none did."""
        return Streaks.of(
            self.world,
            calm,
            Syncs.of(self._trace),
            calm.requests,
            self.exposed,
            self._every.first_absent_us,
        )
