"""What happened to some blocks, who did it, and what follows from it: the events of a tale.

Every event that changed the world has its place in the trace. Those without one follow from the
rules: when a replica shows a change, when a mark is old enough, when a sync ran.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.evidence.events import Event, What
from sim.analysis.evidence.spans import Span
from sim.analysis.queries.syncs import syncs
from sim.core.units import NEVER
from sim.trace.records import (
    RETIRE_REASONS,
    AbortRecord,
    CompactRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    HaltRecord,
    LoadRecord,
    PutRecord,
    Record,
    ResumeRecord,
    RetireRecord,
    UnloadedRecord,
    UpRecord,
)

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["events_of"]


_ABORTS_MAX: Final = 3
_PLANES: Final = MappingProxyType(
    {"get": (What.SHOWN, What.GONE), "list": (What.LISTED, What.UNLISTED)}
)


def events_of(
    scenario: "Scenario",
    trace: "Trace",
    timelines: "Timelines",
    *,
    scheme_index: int,
    cast: Iterable[int],
    gateways: Iterable[int],
    spans: Iterable[Span],
    at_us: int,
    end_us: int,
) -> list[Event]:
    """Gather what happened to blocks at the gateways and replicas that matter to one query.

    Parameters
    ----------
    scenario, trace, timelines, scheme_index
        Of one scheme and trial.
    cast : iterable of int
        Ordinals of the blocks.
    gateways : iterable of int
    spans : iterable of Span
        The lanes of these blocks.
    at_us, end_us : int
        When the query arrives and when it ends. Events end when each of the gateways has next
        loaded or dropped one of the blocks, or a few syncs later.

    Returns
    -------
    list of Event
        In order of time, then of :class:`What`.
    """
    made = _Gathering(scenario, trace, timelines, scheme_index, set(cast), sorted(gateways))
    until_us = made.healed_us(end_us)
    found = [
        *made.recorded(until_us),
        *made.shown(spans, until_us),
        *made.ripe(until_us),
        *made.synced(at_us),
    ]
    order = list(What)
    return sorted(found, key=lambda e: (e.t_us, order.index(e.what), e.actor))


class _Gathering:
    """The events about some blocks, each kind from its own source."""

    def __init__(
        self,
        scenario: "Scenario",
        trace: "Trace",
        timelines: "Timelines",
        scheme_index: int,
        cast: set[int],
        gateways: list[int],
    ) -> None:
        self._scenario = scenario
        self._trace = trace
        self._timelines = timelines
        self._scheme = scenario.schemes[scheme_index]
        self._cast = cast
        self._gateways = gateways
        self._n_data = timelines.objects.meta
        is_every = scenario.cleanup(scheme_index).when == "every"
        self._deleter = "cleaner" if is_every and self._has_marks else "compactor"
        self._put_us: dict[tuple[int, int], int] = {}

    @property
    def _has_marks(self) -> bool:
        return self._scheme.hide_delay_us is not None

    def healed_us(self, end_us: int) -> int:
        """When the last gateway next loads or drops one of the blocks, if that is soon."""
        loads = self._timelines.loads
        mine = np.isin(loads.block, sorted(self._cast))
        soon_us = min(end_us + self._reach_us, self._timelines.horizon_us)
        found = [end_us]
        for gateway in self._gateways:
            here = mine & (loads.gateway == gateway)
            times = np.concatenate([loads.load_us[here], loads.drop_us[here]])
            later = times[(times > end_us) & (times < soon_us)]
            found += [int(later.min())] if later.size else []
        return max(found)

    @property
    def _reach_us(self) -> int:
        """A few syncs."""
        spec = self._scenario.gateways
        return int(3 * min(spec.sync_interval.mean + spec.sync_takes.mean, NEVER // 8))

    def recorded(self, until_us: int) -> list[Event]:
        """What the trace says of the blocks and gateways."""
        events: list[Event] = []
        aborts: dict[str, list[Event]] = {}
        for place, record in enumerate(self._trace.records):
            if record.t_us > until_us:
                break
            event = self._event(record)
            if event is None:
                continue
            event = replace(event, record=place)
            if event.what is What.ABORTED:
                aborts.setdefault(event.actor, []).append(event)
            else:
                events.append(event)
        events += [event for found in aborts.values() for event in found[-_ABORTS_MAX:]]
        return list(_without_middle(events))

    def _event(self, record: Record) -> Event | None:
        """One record as an event; None if it is about other blocks and gateways."""
        if isinstance(record, PutRecord | DeleteRecord | RetireRecord):
            return self._of_block(record) if record.block in self._cast else None
        if isinstance(record, CompactRecord):
            if record.block not in self._cast:
                return None
            parents = [record.block, *record.parents]
            return Event(
                t_us=record.t_us,
                what=What.COMPACTED,
                actor="compactor",
                blocks=self._ids(parents),
            )
        if isinstance(record, HaltRecord):
            return Event(
                t_us=record.t_us, what=What.HALTED, actor=record.actor, detail=record.cause
            )
        if isinstance(record, ResumeRecord):
            return Event(t_us=record.t_us, what=What.RESUMED, actor=record.actor)
        gateway = getattr(record, "gateway", None)
        return None if gateway not in self._gateways else self._of_gateway(record, gateway)

    def _who_deletes(self, record: DeleteRecord) -> str:
        last_us = max(self._put_us[record.block, i] for i in record.objects)
        others = self._scheme.composed.others
        marked_us = self._put_us.get((record.block, self._n_data + 1), NEVER)
        if others.mark_age_us <= record.t_us - marked_us < self._scheme.delete_delay_us:
            # Too soon for the compactor.
            return "operator"
        return others.name_of(record.t_us, record.t_us - last_us) or self._deleter

    def _of_block(self, record: PutRecord | DeleteRecord | RetireRecord) -> Event | None:
        if isinstance(record, PutRecord):
            self._put_us |= dict.fromkeys(((record.block, i) for i in record.objects), record.t_us)
        blocks, level = self._ids([record.block]), self._timelines.blocks.level
        by_hand = self._timelines.blocks.by_hand
        if isinstance(record, RetireRecord):
            what, actor, detail = What.RETIRED, _who(record.why), RETIRE_REASONS[record.why]
        elif isinstance(record, DeleteRecord):
            is_mark = record.objects[0] == self._n_data + 1
            what, actor = What.DELETING, self._who_deletes(record)
            detail = "mark" if is_mark else ""
        elif record.objects[0] == self._n_data + 1:
            actor = _who(int(self._timelines.blocks.retired_why[record.block]))
            what, detail = What.MARKED, ""
        elif self._n_data in record.objects and by_hand[record.block]:
            what, actor, detail = What.UPLOADED, "operator", ""
        elif self._n_data in record.objects and level[record.block] == 1:
            stream = int(self._timelines.blocks.stream[record.block])
            what, actor, detail = What.UPLOADED, f"producer/{stream}", ""
        else:
            return None
        return Event(t_us=record.t_us, what=what, actor=actor, blocks=blocks, detail=detail)

    def _of_gateway(self, record: Record, gateway: int | None) -> Event | None:
        actor = f"gateway/{gateway}"
        if isinstance(record, LoadRecord | DropRecord | UnloadedRecord):
            mine = [block for block in record.blocks if block in self._cast]
            kinds = {LoadRecord: What.LOADED, DropRecord: What.DROPPED}
            what = kinds.get(type(record), What.UNLOADED)
            if not mine:
                return None
            return Event(t_us=record.t_us, what=what, actor=actor, blocks=self._ids(mine))
        if isinstance(record, AbortRecord):
            return Event(t_us=record.t_us, what=What.ABORTED, actor=actor, detail=record.kind)
        what = What.DOWN if isinstance(record, DownRecord) else What.UP
        is_first = isinstance(record, UpRecord) and record.t_us == self._first_up_us(gateway)
        return None if is_first else Event(t_us=record.t_us, what=what, actor=actor)

    def _first_up_us(self, gateway: int | None) -> int:
        downs = self._timelines.downs
        return int(downs.end_us[downs.gateway == gateway][0])

    def shown(self, spans: Iterable[Span], until_us: int) -> Iterator[Event]:
        """When replicas show what changed, where that is later than the change."""
        changes = {
            (self._timelines.blocks.id[record.block], record.t_us)
            for record in self._trace.records
            if isinstance(record, PutRecord | DeleteRecord) and record.block in self._cast
        }
        for span in spans:
            plane, _, replica = span.lane.partition("/")
            if plane not in _PLANES:
                continue
            for t_us, what in zip((span.start_us, span.end_us), _PLANES[plane], strict=True):
                if t_us <= until_us and (span.block, t_us) not in changes:
                    yield Event(
                        t_us=t_us, what=what, actor=f"store/{replica}", blocks=(span.block,)
                    )

    def ripe(self, until_us: int) -> Iterator[Event]:
        """When the last mark of a block is old enough to hide it, and to delete it."""
        hide_us = self._scheme.hide_delay_us
        if hide_us is None:
            return
        marks = self._timelines.marks
        for block in sorted(self._cast):
            stamps = marks.stamp_us[(marks.block == block) & (marks.acknowledged_us <= until_us)]
            if not stamps.size:
                continue
            for delay_us, what in (
                (hide_us, What.MAY_HIDE),
                (self._scheme.delete_delay_us, What.MAY_DELETE),
            ):
                # A mark is too old when its age exceeds the delay.
                ripe_us = int(stamps[-1]) + delay_us + 1
                if ripe_us <= until_us:
                    yield Event(t_us=ripe_us, what=what, actor="mark", blocks=self._ids([block]))

    def synced(self, at_us: int) -> Iterator[Event]:
        """Each gateway's last sync that was over when the query came, and the one after it."""
        for gateway in self._gateways:
            low, high = at_us - self._reach_us, at_us + self._reach_us
            near = syncs(self._scenario, self._timelines, gateway, low, high)
            done = [sync for sync in near if sync.end_us <= at_us][-1:]
            coming = [sync for sync in near if sync.end_us > at_us][:1]
            for sync in [*done, *coming]:
                yield Event(
                    t_us=sync.start_us,
                    what=What.SYNCED,
                    actor=f"gateway/{gateway}",
                    until_us=sync.end_us,
                )

    def _ids(self, blocks: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._timelines.blocks.id[block] for block in blocks)


def _without_middle(events: list[Event]) -> Iterator[Event]:
    """Of the deletes of a block, each an object or several, the first and the last.

    Events are in order of time but for aborts; deletes of marks are left out.
    """
    deletes: dict[tuple[str, ...], list[Event]] = {}
    for event in events:
        if event.what is not What.DELETING:
            yield event
        elif event.detail != "mark":
            deletes.setdefault(event.blocks, []).append(event)
    for found in deletes.values():
        yield found[0]
        last = found[-1]
        if last.t_us > found[0].t_us:
            yield replace(last, what=What.DELETED)


def _who(why: int) -> str:
    """Who retires a block for a reason, by its number."""
    others = {"by-hand": "operator", "lifecycle": "store"}
    return others.get(RETIRE_REASONS[why], "compactor")
