"""Explaining: find a query that was not ok, tell it, and try what would have saved it.

Trials are simulated one after the other, and no more of them than it takes.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.analysis.backlog import Backlog
from sim.analysis.evidence.exercised import Exercised, exercised
from sim.analysis.evidence.holding import Holding, holding
from sim.analysis.evidence.rescue import Knob, knobs
from sim.analysis.evidence.tale import Explained, Saved, Tale, Unseen, tell
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled, inexact
from sim.analysis.queries.exposure import Exposure, exposures
from sim.analysis.queries.one_query import Asked, find_asked, judged
from sim.core.laws import Constant
from sim.core.units import NEVER
from sim.errors import Problem, ScenarioError
from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.language.rules import conflicts
from sim.scenario.schema import OUTCOMES, Scenario
from sim.study.run import Mode, trace_trial
from sim.trace.columns import build

if TYPE_CHECKING:
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["World", "explain", "explain_object", "rescue", "told", "untold", "world"]

_EXAMPLES_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One scheme in one trial, simulated: its trace, its columns, and what queries meet there."""

    scenario: Scenario
    scheme_index: int
    trial: int
    trace: "Trace"
    timelines: "Timelines"
    exposed: tuple[Exposure, ...]


def world(scenario: Scenario, scheme_index: int, trial: int) -> World:
    """Simulate one scheme in one trial, to look at it."""
    trace = trace_trial(scenario, scheme_index, trial)
    timelines = build(trace)
    return World(
        scenario=scenario,
        scheme_index=scheme_index,
        trial=trial,
        trace=trace,
        timelines=timelines,
        exposed=exposures(scenario, timelines),
    )


def explain(
    scenario: Scenario,
    *,
    schemes: Sequence[int] | None = None,
    outcome: str | None = None,
    query: str | None = None,
    trials: Iterable[int] | None = None,
    mode: Mode = "exact",
    on_step: Callable[[str], None] | None = None,
) -> Explained | Unseen:
    """Find the first query that was not ok, and explain it.

    Parameters
    ----------
    scenario : Scenario
    schemes : sequence of int or None
        Ordinals of the schemes to look at, one after the other; None looks at all.
    outcome : str or None
        The outcome to explain; None takes the worst that the first trial with any has.
    query : str or None
        Name of a query class; None looks at all.
    trials : iterable of int or None
        The trials to look at; None looks at those of the scenario.
    mode : "exact" or "sampled"
        Whether an outcome counts that a query may have, or only one that a drawn query had.
    on_step : callable or None
        Called with a sentence before something is simulated.

    Returns
    -------
    Explained or Unseen

    Raises
    ------
    ScenarioError
        If queries act on readers under one of the schemes (:func:`untold`).
    """
    chosen = tuple(range(len(scenario.schemes)) if schemes is None else schemes)
    if problems := untold(scenario, chosen):
        raise ScenarioError(problems)
    numbers = tuple(range(scenario.trials) if trials is None else trials)
    say = on_step or (lambda _: None)
    wanted = [o for o in OUTCOMES if o != "ok" and outcome in (None, o)]
    tried, is_possible = Exercised(), False
    for scheme_index in chosen:
        for trial in numbers:
            say(f"simulating {scenario.schemes[scheme_index].name}, trial {trial}")
            here = world(scenario, scheme_index, trial)
            found, looked, possible = _search(here, wanted, query, mode)
            tried, is_possible = tried + looked, is_possible or possible
            if found is not None:
                say("found one; trying what would have saved it")
                return Explained(tale=told(here, found), saved=tuple(rescue(here, found)))
    return Unseen(
        schemes=tuple(scenario.schemes[index].name for index in chosen),
        outcomes=tuple(wanted),
        queries=tuple(q.name for q in scenario.queries if query in (None, q.name)),
        tried=tried,
        is_possible=is_possible,
    )


def untold(scenario: Scenario, schemes: Sequence[int] | None) -> list[Problem]:
    """The schemes, of those looked at, under which one query is not told alone.

    What it met depends on what the queries before it made their readers do.
    """
    chosen = range(len(scenario.schemes)) if schemes is None else schemes
    return [
        Problem(
            f"schemes[{index}].miss",
            scenario.schemes[index].composed.misses.kind,
            "not let queries act on readers, to be explained",
            "choose another with --scheme",
        )
        for index in chosen
        if scenario.schemes[index].tries_again
    ]


def explain_object(
    scenario: Scenario,
    key: str,
    at_us: int,
    *,
    scheme_index: int = 0,
    trial: int = 0,
    on_step: Callable[[str], None] | None = None,
) -> Holding:
    """Say why a block or an object of it is still there at a time, see ``holding.holding``.

    Raises
    ------
    KeyError
        If the run has no such block or object; its argument names the nearest.
    """
    if on_step is not None:
        on_step(f"simulating {scenario.schemes[scheme_index].name}, trial {trial}")
    here = world(scenario, scheme_index, trial)
    ids = here.timelines.blocks.id
    try:
        return holding(
            scenario,
            here.trace,
            here.timelines,
            here.exposed,
            key,
            at_us,
            scheme_index=scheme_index,
        )
    except KeyError:
        block, _, _ = key.partition("/")
        if block in ids:
            keys = here.timelines.objects.names
            raise KeyError(f"a block has {', '.join(keys)}") from None
        near = did_you_mean(block, ids)
        some = ", ".join(ids[:_EXAMPLES_MAX])
        raise KeyError(near or f"it has {len(ids)} blocks, the first are {some}") from None


def told(here: World, asked: Asked) -> Tale:
    """Tell a query that is not ok in a world, see ``tale.tell``."""
    return tell(
        here.scenario,
        here.trace,
        here.timelines,
        here.exposed,
        asked,
        scheme_index=here.scheme_index,
    )


def _search(
    here: World, wanted: Sequence[str], query: str | None, mode: Mode
) -> tuple[Asked | None, Exercised, bool]:
    """The query to tell of, what was tried, and whether a witness had none to show."""
    scenario, timelines, exposed = here.scenario, here.timelines, here.exposed
    is_exact = mode == "exact" and not inexact(scenario)
    evaluate = evaluate_exact if is_exact else evaluate_sampled
    classes = evaluate(scenario, timelines, exposed)
    queries = math.fsum(c.queries for c in classes)
    grows = Backlog.of(scenario, timelines).grows
    looked = exercised(scenario, timelines, queries, exposed, grows=grows)
    is_possible = False
    for outcome in wanted:
        for found, exposure in zip(classes, exposed, strict=True):
            witness = found.witnesses.get(outcome)
            if witness is None or query not in (None, found.name):
                continue
            asked = find_asked(exposure, witness, outcome)
            if asked is not None:
                return asked, looked, False
            is_possible = True
    return None, looked, is_possible


def rescue(here: World, asked: Asked) -> Iterator[Saved]:
    """Try, knob by knob, what would have saved a query; each is the only change.

    A knob is left out if no change of it could follow from the tale.
    """
    exposure = _exposure_of(here, asked)
    found = knobs(here.scenario, here.trace, exposure, asked, scheme_index=here.scheme_index)
    for knob in found:
        trial = _Trial(here, asked, knob)
        needed = next((value for value in knob.values_us if trial.is_saved(value)), None)
        yield Saved(
            key=trial.key,
            now_us=knob.now_us,
            needed_us=needed,
            grows=knob.grows,
            is_least=needed is not None and not trial.is_saved(needed + (-1 if knob.grows else 1)),
        )


def _exposure_of(here: World, asked: Asked) -> Exposure:
    return next(e for e in here.exposed if e.query_class.name == asked.query)


class _Trial:
    """The same query asked in the same world, but for one knob."""

    def __init__(self, here: World, asked: Asked, knob: Knob) -> None:
        self._here = here
        self._asked = asked
        names = [q.name for q in here.scenario.queries]
        self._query = names.index(asked.query)
        self._knob = knob
        self.key = knob.key.format(scheme=here.scheme_index, query=self._query)

    def is_saved(self, value_us: int) -> bool:
        """Whether the query is ok with the value."""
        scenario = self._here.scenario
        asked = self._asked
        if value_us < 0:
            return False
        if self._knob.key == "queries.{query}.takes":
            # A query changes nothing: the world is the same.
            shorter = Asked(
                query=asked.query,
                number=asked.number,
                at_us=asked.at_us,
                takes_us=value_us,
                streams=asked.streams,
            )
            return judged(_exposure_of(self._here, asked), shorter).outcome == "ok"
        changed = _changed(scenario, self._here.scheme_index, self._knob, value_us)
        if changed is None:
            return False
        # Nothing that happens after the query can matter to it.
        end_us = min(scenario.horizon_us, asked.end_us + 1)
        there = world(
            changed.model_copy(update={"horizon_us": end_us}),
            self._here.scheme_index,
            self._here.trial,
        )
        return judged(_exposure_of(there, asked), asked).outcome == "ok"


def _changed(scenario: Scenario, scheme_index: int, knob: Knob, value_us: int) -> Scenario | None:
    """The scenario with another value of one knob; None if its parts do not fit together then."""
    if value_us >= NEVER:
        return None
    constant = Constant(value_us=float(value_us))
    match knob.key.split("."):
        case ["schemes", _, *path]:
            specs = list(scenario.schemes)
            specs[scheme_index] = specs[scheme_index].with_delay(".".join(path), value_us)
            changed = scenario.model_copy(update={"schemes": tuple(specs)})
        case ["store", "lag", kind, plane]:
            lag = scenario.store.lag
            planes = getattr(lag, kind).model_copy(update={plane: constant})
            store = {"lag": lag.model_copy(update={kind: planes})}
            changed = _with(scenario, "store", store)
        case [table, name]:
            is_law = hasattr(getattr(scenario, table), name)
            update = {name: constant} if is_law else {f"{name}_us": value_us}
            changed = _with(scenario, table, update)
        case _:
            raise ValueError(f"{knob.key} is no knob")
    return None if any(conflicts(changed)) else changed


def _with(scenario: Scenario, table: str, update: Mapping[str, object]) -> Scenario:
    part = getattr(scenario, table).model_copy(update=update)
    return scenario.model_copy(update={table: part})
