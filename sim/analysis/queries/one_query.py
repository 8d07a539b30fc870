"""One query: how it ends, what it met, and which query to look at for an outcome.

:func:`judged` says of a single query what ``sampled.outcomes`` says of many (``SEMANTICS.md`` Q2
to Q6), and names the reads that fail and the data that is missing. The same query can be asked in
another world: what is drawn about it is drawn from its number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.analysis.evidence.witness import DrawnOnly, QueryWitness
from sim.analysis.queries.evaluate import class_hazards, worst_takes_us
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.outcomes import CODE, SILENCE
from sim.analysis.queries.sampled import outcomes
from sim.conventions.placement import Shards
from sim.conventions.queries import Queries
from sim.core.units import US_PER_S
from sim.scenario.schema import Scenario
from sim.trace.timelines import Timelines

__all__ = ["Answer", "Asked", "BrokenRead", "find_asked", "gateways_involved", "judged", "numbered"]

_DRAWN_MAX: Final = 2_000_000
"""Arrivals that are drawn at once."""
_COUNTED_MAX: Final = 30_000_000
"""Windows of arrivals before those looked at, which must be counted: a second's work."""
_STRETCHES_MAX: Final = 12
_PER_WINDOW: Final = 16
"""Arrivals of which only the number counts, see ``core.arrivals``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query of class ``query`` that arrives at ``at_us`` and reads until ``at_us + takes_us``.

    ``number`` counts the arrivals of the class in the trial from 0. It is None for a query that
    might arrive and was not drawn; where reads draw their replica, such a one draws the worst.
    """

    query: str
    number: int | None
    at_us: int
    takes_us: int
    streams: tuple[int, ...]

    @property
    def end_us(self) -> int:
        """When its last read ends."""
        return self.at_us + self.takes_us


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRead:
    """A read that fails: ``object`` of ``block`` (ordinals) is absent from ``absent_us`` on.

    ``replica`` is the one read. With ``object`` -1 the gateway went down at ``absent_us`` while
    it was counted on.
    """

    gateway: int
    block: int
    stream: int
    object: int
    replica: int
    absent_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a query ends: reads that find nothing, and level-1 blocks (ordinals) that are missing.

    Where a failing read decides, missing data is not looked for. Where a check of the answer does,
    the blocks are those that it lacks, of any level.
    """

    outcome: str
    reads: tuple[BrokenRead, ...]
    lacking: tuple[int, ...]


def judged(exposure: Exposure, asked: Asked) -> Answer:
    """Judge one query.

    Parameters
    ----------
    exposure : Exposure
        Of the query's class, in the world in which it is asked.
    asked : Asked
        Arrives in [warm-up, horizon).
    """
    rows = exposure.met
    start, end = rows.during(asked.takes_us)
    met = (start <= asked.at_us) & (asked.at_us < end)
    met &= np.isin(rows.stream, np.array(asked.streams))
    queries = Queries(exposure.scenario, exposure.query_class, exposure.streams)
    reads, lost, unanswered = [], set(), set()
    for row in np.flatnonzero(met).tolist():
        gateway, block, index = (
            int(column[row]) for column in (rows.gateway, rows.block, rows.object)
        )
        replica = int(rows.replica[row])
        if replica >= 0 and asked.number is not None:
            key = exposure.key(block, index)
            if queries.replica(asked.number, gateway, key, exposure.readable) != replica:
                continue
        lost.add(int(rows.lost[row]))
        if gateway == exposure.timelines.n_gateways:
            unanswered.add(block)
            continue
        reads.append(
            BrokenRead(
                gateway=gateway,
                block=block,
                stream=int(rows.stream[row]),
                object=index,
                replica=replica if replica >= 0 else exposure.replica_of(gateway) or 0,
                absent_us=int(rows.absent_us[row]),
            )
        )
    reads.sort(key=lambda read: (read.gateway, read.block, read.object, read.replica))
    rule, failing = exposure.rule, frozenset(lost - {SILENCE})
    lacking = tuple(sorted(unanswered))
    if not (failing and rule.failing_decides):
        found = exposure.lacking(asked.at_us, asked.takes_us, failing)
        streams = exposure.timelines.blocks.stream
        lacking = tuple(int(b) for b in found if int(streams[b]) in asked.streams)
    outcome = rule.outcome(failing, is_missing=bool(lacking))
    return Answer(outcome=outcome, reads=tuple(reads), lacking=lacking)


def gateways_involved(scenario: Scenario, timelines: Timelines, answer: Answer) -> list[int]:
    """Gateways that failed, and those that serve blocks with the data that is missing."""
    blocks, shards = timelines.blocks, Shards(scenario.gateways, scenario.streams(timelines.seed))
    holding = [
        np.flatnonzero(
            (blocks.stream == blocks.stream[b])
            & (blocks.min_us <= blocks.min_us[b])
            & (blocks.max_us >= blocks.max_us[b])
        )
        for b in answer.lacking
    ]
    rows = np.concatenate([np.zeros(0, np.int64), *holding])
    serving = shards.gateways(blocks, rows, timelines.n_gateways)
    return sorted({*(read.gateway for read in answer.reads), *serving})


def find_asked(exposure: Exposure, witness: QueryWitness, outcome: str) -> Asked | None:
    """Give a query that has an outcome, of a class of which a witness shows it.

    Parameters
    ----------
    exposure : Exposure
    witness : QueryWitness
        What shows the outcome.
    outcome : str

    Returns
    -------
    Asked or None
        The first of those drawn that has it, as far as they are looked through; else one that
        might arrive; None where a draw that is not at hand would be needed.
    """
    drawn = next(_drawn(exposure, outcome), None)
    if drawn is not None:
        return drawn
    return next(_possible(exposure, witness, outcome), None)


def _drawn(exposure: Exposure, outcome: str) -> Iterator[Asked]:
    """Queries that arrive and have the outcome, a few stretches of time far."""
    timelines, rate_per_s = exposure.timelines, exposure.query_class.rate_per_s
    hazards = class_hazards(exposure)
    if rate_per_s <= 0:
        return
    stretch_us = int(min(timelines.horizon_us, _DRAWN_MAX / rate_per_s * US_PER_S)) + 1
    streams = exposure.streams
    queries = Queries(exposure.scenario, exposure.query_class, streams)
    looked_us = timelines.warmup_us
    stretches = 0
    for begin, end in zip(hazards.start_us.tolist(), hazards.end_us.tolist(), strict=True):
        start_us = max(begin, looked_us)
        while start_us < min(end, timelines.horizon_us):
            if rate_per_s * start_us / US_PER_S / _PER_WINDOW > _COUNTED_MAX:
                return
            if (stretches := stretches + 1) > _STRETCHES_MAX:
                return
            looked_us = start_us + stretch_us
            at_us, codes = outcomes(exposure, streams, start_us, looked_us)
            found = np.flatnonzero(codes == CODE[outcome])
            if found.size:
                first, _ = queries.arrivals_within(start_us, looked_us)
                place = int(found[0])
                yield numbered(exposure, first + place, int(at_us[place]))
            start_us = looked_us


def numbered(exposure: Exposure, number: int, at_us: int) -> Asked:
    """The drawn query of a class that arrives at ``at_us`` as ``number``, counted from 0."""
    queries = Queries(exposure.scenario, exposure.query_class, exposure.streams)
    return Asked(
        query=exposure.query_class.name,
        number=number,
        at_us=at_us,
        takes_us=int(queries.takes_us(np.array([number]))[0]),
        streams=queries.streams_of(number),
    )


def _possible(exposure: Exposure, witness: QueryWitness, outcome: str) -> Iterator[Asked]:
    """Queries that would have the outcome if they arrived."""
    timelines = exposure.timelines
    hazards = class_hazards(exposure)
    times = [max(t, timelines.warmup_us) for t in hazards.start_us[:_STRETCHES_MAX].tolist()]
    if not isinstance(witness, DrawnOnly):
        times.insert(0, witness.at_us)
    for at_us in times:
        whole = Asked(
            query=exposure.query_class.name,
            number=None,
            at_us=at_us,
            takes_us=worst_takes_us(exposure.query_class),
            streams=tuple(range(exposure.n_streams)),
        )
        for streams in _choices(exposure, whole):
            asked = Asked(
                query=whole.query,
                number=None,
                at_us=at_us,
                takes_us=whole.takes_us,
                streams=streams,
            )
            if judged(exposure, asked).outcome == outcome:
                yield asked


def _choices(exposure: Exposure, whole: Asked) -> list[tuple[int, ...]]:
    """Sets of streams, as many as a query asks for, that differ in what goes wrong with them."""
    k, n = exposure.n_drawn, exposure.n_streams
    if k == n:
        return [whole.streams]
    rows = exposure.failures
    start, end = rows.during(whole.takes_us)
    met = (start <= whole.at_us) & (whole.at_us < end)
    failing = set(rows.stream[met].tolist())
    missing = exposure.missing(whole.takes_us)
    here = (missing.start <= whole.at_us) & (whole.at_us < missing.end)
    lacking = set(missing.group[here].tolist())
    kinds = (failing & lacking, failing - lacking, lacking - failing)
    clean = [s for s in range(n) if s not in failing and s not in lacking]
    found = []
    for order in ((2, 1, 0), (1, 0, 2), (0, 1, 2)):
        bad = [s for kind in order for s in sorted(kinds[kind])]
        for most in (1, k):
            streams = [*bad[:most], *clean, *bad[most:]][:k]
            found.append(tuple(sorted(streams)))
    return list(dict.fromkeys(found))
