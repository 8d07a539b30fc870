"""One query that was not ok, as a tale: what happened to the blocks it met, when, by whom.

Data only; ``report/tale.py`` words it, ``report/lanes.py``, ``exports.py`` and ``timeline.py`` draw
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.analysis.evidence.deletion_story import Story, story
from sim.analysis.evidence.events import Event, What
from sim.analysis.evidence.exercised import Exercised
from sim.analysis.evidence.gathering import events_of
from sim.analysis.evidence.spans import Span, spans_of
from sim.analysis.queries.one_query import Answer, Asked, gateways_involved, judged
from sim.trace.records import CompactRecord

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.scenario.schema import Scenario
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["Explained", "Met", "Saved", "Tale", "Unseen", "tell"]

_CAST_MAX: Final = 6
"""Blocks of which a tale tells; a reader would not keep more apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A read that failed: of what was absent at ``replica`` since ``absent_us``.

    ``key`` is empty where the gateway went down at ``absent_us`` while it was counted on.
    """

    gateway: int
    replica: int
    block: str
    key: str
    absent_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """How one query came to its outcome.

    Attributes
    ----------
    scenario, scheme, trial, seed, digest
        The run; the digest is that of its trace.
    asked : Asked
        The query.
    outcome : str
    met : tuple of Met
        The reads that failed.
    lacking : tuple of str
        Level-1 blocks whose data the answer lacks.
    blocks : tuple of str
        Those that the tale is about: what the query met, each followed by what it became.
    gateways, replicas : tuple of int
        Those that the tale is about.
    n_replicas : int
    hide_us, delay_us : int or None
        Delays of the scheme; None where it has no marks.
    events : tuple of Event
        In order of time.
    spans : tuple of Span
        The lanes.
    deletion : Story
        What became of the first of the blocks, over time.
    """

    scenario: str
    scheme: str
    trial: int
    seed: int
    digest: str
    asked: Asked
    outcome: str
    met: tuple[Met, ...]
    lacking: tuple[str, ...]
    blocks: tuple[str, ...]
    gateways: tuple[int, ...]
    replicas: tuple[int, ...]
    n_replicas: int
    hide_us: int | None
    delay_us: int | None
    events: tuple[Event, ...]
    spans: tuple[Span, ...]
    deletion: Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What one knob would have had to be for the query to be ok.

    ``key`` is as in ``--set``; ``now_us`` is None for a law of several values, and where the
    scheme has no such knob. ``needed_us`` is the first value that was tried and saved the query,
    None if none did. ``is_least``: a microsecond less of a change does not save it.
    """

    key: str
    now_us: int | None
    needed_us: int | None
    grows: bool
    is_least: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A query that was not ok, and what was tried to save it, knob by knob."""

    tale: Tale
    saved: tuple[Saved, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Nothing to tell: what was looked for where, and how much was tried.

    ``is_possible``: the outcome has a chance that is not 0, but no query with it is at hand.
    """

    schemes: tuple[str, ...]
    outcomes: tuple[str, ...]
    queries: tuple[str, ...]
    tried: Exercised
    is_possible: bool = False


def tell(
    scenario: "Scenario",
    trace: "Trace",
    timelines: "Timelines",
    exposed: "Sequence[Exposure]",
    asked: Asked,
    *,
    scheme_index: int,
) -> Tale:
    """Tell how a query ended as it did.

    Parameters
    ----------
    scenario : Scenario
    trace, timelines : Trace, Timelines
        Of one scheme and trial.
    exposed : sequence of Exposure
        Of every query class to them.
    asked : Asked
        A query that is not ok.
    scheme_index : int
        From 0.

    Raises
    ------
    ValueError
        If the query is ok: there is nothing to tell.
    """
    exposure = next(e for e in exposed if e.query_class.name == asked.query)
    answer = judged(exposure, asked)
    if answer.outcome == "ok":
        raise ValueError(f"the query of {asked.query} at {asked.at_us} us is ok")
    cast = _cast(trace, timelines, asked, answer)
    gateways = gateways_involved(scenario, timelines, answer)
    read = {read.replica for read in answer.reads if read.object >= 0}
    replicas = sorted(read or {r for g in gateways for r in _read_by(exposure, g)})
    spans = spans_of(trace, timelines, cast, gateways, replicas)
    events = events_of(
        scenario,
        trace,
        timelines,
        scheme_index=scheme_index,
        cast=cast,
        gateways=gateways,
        spans=spans,
        at_us=asked.at_us,
        end_us=asked.end_us,
    )
    asking = _of_query(exposure, asked, answer)
    events = sorted([*events, *asking], key=lambda e: e.t_us)
    ids, spec = timelines.blocks.id, scenario.schemes[scheme_index]
    return Tale(
        scenario=scenario.name,
        scheme=spec.name,
        trial=trace.header.trial,
        seed=trace.header.seed,
        digest=trace.digest,
        asked=asked,
        outcome=answer.outcome,
        met=_met(exposure, answer),
        lacking=tuple(ids[block] for block in answer.lacking),
        blocks=tuple(ids[block] for block in cast),
        gateways=tuple(gateways),
        replicas=tuple(replicas),
        n_replicas=timelines.n_replicas,
        hide_us=spec.hide_delay_us,
        delay_us=None if spec.hide_delay_us is None else spec.delete_delay_us,
        events=tuple(events),
        spans=spans,
        deletion=story(
            scenario,
            timelines,
            exposed,
            scheme_index=scheme_index,
            trial=trace.header.trial,
            block=cast[0],
            met_us=(asked.at_us, asked.end_us),
        ),
    )


def _met(exposure: "Exposure", answer: Answer) -> tuple[Met, ...]:
    ids = exposure.timelines.blocks.id
    return tuple(
        Met(
            gateway=read.gateway,
            replica=read.replica,
            block=ids[read.block],
            key=exposure.key(read.block, read.object) if read.object >= 0 else "",
            absent_us=read.absent_us,
        )
        for read in answer.reads
    )


def _cast(trace: "Trace", timelines: "Timelines", asked: Asked, answer: Answer) -> list[int]:
    """Ordinals of the blocks that the tale is about: what was met, then what it became."""
    resolution = timelines.blocks.resolution
    made = {
        parent: record.block
        for record in trace.records
        if isinstance(record, CompactRecord) and record.t_us <= asked.end_us
        for parent in record.parents
        if resolution[parent] == resolution[record.block]
    }
    cast: list[int] = []
    for block in [read.block for read in answer.reads] or answer.lacking:
        chain = [block]
        while chain[-1] in made:
            chain.append(made[chain[-1]])
        cast += [link for link in chain if link not in cast]
    return cast[:_CAST_MAX]


def _read_by(exposure: "Exposure", gateway: int) -> list[int]:
    replica = exposure.replica_of(gateway)
    return list(exposure.readable) if replica is None else [replica]


def _of_query(exposure: "Exposure", asked: Asked, answer: Answer) -> list[Event]:
    """What the query did and met; of several objects of a block at a gateway, the first."""
    ids = exposure.timelines.blocks.id
    events = [Event(t_us=asked.at_us, what=What.ASKED, actor="query", until_us=asked.end_us)]
    first = {(read.gateway, read.block): read for read in reversed(answer.reads)}
    events += [
        Event(
            t_us=max(asked.at_us, read.absent_us),
            what=What.FAILED,
            actor=f"gateway/{read.gateway}",
            blocks=(ids[read.block],),
            detail=exposure.key(read.block, read.object) if read.object >= 0 else "",
        )
        for read in sorted(first.values(), key=lambda read: (read.gateway, read.block))
    ]
    if answer.lacking:
        lacking = tuple(ids[block] for block in answer.lacking)
        events.append(Event(t_us=asked.at_us, what=What.MISSED, actor="query", blocks=lacking))
    events.append(Event(t_us=asked.end_us, what=What.ENDED, actor="query", detail=answer.outcome))
    return sorted(events, key=lambda event: event.t_us)
