"""What the rules of one scheme are made of: spans that several of them ask for, each once."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sim.analysis.rules.rule import Span, Term, fixed, longest_of
from sim.conventions.placement import candidates
from sim.core.laws import Law
from sim.core.units import US_PER_S

if TYPE_CHECKING:
    from sim.scenario.schema import QueryClass, Scenario

__all__ = ["STAMP", "Terms"]

STAMP: Final = Term("stamp", "marks are stamped in whole seconds", fixed(US_PER_S))
"""Marks are stamped in whole seconds, rounded down (``SEMANTICS.md`` C9)."""

_NONE: Final = Term("0", "deletions never reach the bucket that is read", fixed(0.0))

_KINDS: Final[tuple[str, ...]] = ("create", "overwrite", "delete")
_UNBOUNDED: Final = fixed(float("inf"))


class Terms:
    """Spans and settings of one scheme of a scenario.

    Attributes
    ----------
    period, sync, query : Term
        P, s and Q: the longest interval of syncs, sync and query.
    visible : tuple of Term
        Until a gateway sees a put: V, which any client waits for, with what its front end
        remembers; and n, where a cache of the gateways remembers listings and absences.
    arrived, marked : Span
        The sum of these; the same for a mark, which nobody lists.
    written : Span
        Until those who write see a put.
    shown : Span
        Until the files of a block show in GETs.
    parts : bool
        Whether one reader may have a block, and another one what replaces it.
    keeps : bool
        Whether readers keep a block although they have what replaces it.
    waits_for_marks : bool
        Whether there are blocks that readers let go of for a mark alone.
    jump, apart : Span
        How far the clock of who deletes may go forward beyond the clock by which a mark was
        stamped; and be ahead of that of a gateway. 0 where all clocks are right.
    all_stays : bool
        Whether no deletion ever reaches the bucket that gateways read (S10).
    rivalry : tuple of str
        What no delay helps against where two compactors work on one stream.
    reread : Span
        How much later than first written a mark may be stamped: one that its writer does not see
        yet is written again (C9). 0 where it always sees it.
    """

    def __init__(
        self,
        scenario: "Scenario",
        scheme_index: int,
        classes: "Sequence[QueryClass] | None",
    ) -> None:
        self.scenario = scenario
        self.scheme = scenario.schemes[scheme_index]
        self.classes = scenario.queries if classes is None else tuple(classes)
        self.delete_us = float(self.scheme.delete_delay_us)
        self.hide_us = self.scheme.hide_delay_us
        self.compacts = len(scenario.compactor.ranges_us) > 1
        self.expires = any(scenario.compactor.retention_us)
        by_hand = scenario.interventions or ()
        self.marks_by_hand = any(intervention.kind == "mark" for intervention in by_hand)
        gateways = scenario.gateways
        is_replaced = self.compacts or scenario.compactor.downsampling
        self.parts = gateways.splits_streams and is_replaced
        self.keeps = self.scheme.composed.hide.keeps_what_is_replaced and is_replaced
        is_left = self.parts or self.keeps
        self.waits_for_marks = self.expires or self.marks_by_hand or is_left
        # How many blocks there may be is not known before they are.
        is_bounded = gateways.sync_takes_per_block_us == 0
        sync = longest_of(gateways.sync_takes) if is_bounded else _UNBOUNDED
        interval = longest_of(gateways.sync_interval)
        self.period = Term("P", "longest interval of syncs", interval.or_longer(sync))
        self.sync = Term("s", "longest sync", sync)
        self.query = Term("Q", "longest query", longest_of(*(q.takes for q in self.classes)))
        self.prolonged = tuple(
            f"{fault.kind} (faults[{i}])"
            for i, fault in enumerate(scenario.faults)
            if fault.prolongs and any(map(fault.befalls, self._writers()))
        )
        self.rivalry: tuple[str, ...] = ()
        if len(scenario.compactor.of_stream(0)) > 1:
            self.rivalry = ("two compactors work on one stream (compactor.shards)",)
        self._clocks()
        self._lags()

    def _writers(self) -> Iterator[str]:
        """Who uploads; of producers there may be more than fit memory."""
        yield from self.scenario.compactor.names
        yield from (f"producer/{s}" for s in range(self.scenario.producers.count))

    def _clocks(self) -> None:
        """How far apart clocks may be, with faults that hold at one time and not at another."""
        wrong = [fault for fault in self.scenario.faults if fault.offset_us]
        self.has_wrong_clocks = bool(wrong)
        # All are alike without such a fault, and there may be many.
        count = self.scenario.gateways.count if wrong else 1
        gateways = [f"gateway/{g}" for g in range(count)]
        compactors = self.scenario.compactor.names
        writers = (*compactors, "operator") if self.scenario.interventions else compactors

        def off_us(names: Sequence[str], sign: int) -> int:
            """How far, at most, the clock of one of them may be ahead (1) or behind (-1)."""
            return max(
                sum(max(0, sign * f.offset_us) for f in wrong if f.befalls(name)) for name in names
            )

        ahead_us = off_us(compactors, 1)
        self.jump = fixed(ahead_us + off_us(writers, -1))
        self.apart = fixed(ahead_us + off_us(gateways, -1))

    def _lags(self) -> None:
        store = self.scenario.store
        lags = (store.lag.create, store.lag.overwrite, store.lag.delete)
        slowest = longest_of(*(law for lag in lags for law in (lag.get, lag.list)))
        remembered = fixed(store.negative_cache_us)
        copies = store.replication
        self.all_stays = copies is not None and "deletes" in copies.leaves_out
        if store.quorum is not None or (copies is not None and copies.bandwidth_bytes is not None):
            # How long a backlog gets is not known before there is one.
            seen = self.shown = _UNBOUNDED
        elif store.order != "independent":
            # In order a change waits for those before it, of whatever kind.
            seen = self.shown = slowest
        else:
            seen = longest_of(store.lag.create.get, store.lag.create.list)
            self.shown = longest_of(store.lag.create.get)
        self.lags_at_all = slowest.most_us > 0 or seen is _UNBOUNDED
        stored = seen.plus(remembered)
        self.written = remembered if store.primary else stored
        self._caches(Term("V", "until a put shows", stored))
        self.reread = self.written.plus(STAMP.span) if self.written.most_us else fixed(0.0)

    def _caches(self, stored: Term) -> None:
        cache = self.scenario.gateways.cache
        self.visible: tuple[Term, ...] = (stored,)
        self.arrived = self.marked = stored.span
        if cache is not None:
            # Only what is listed is asked for, so one memory ends while the other lasts.
            longest = fixed(max(cache.listing_us, cache.absent_us))
            self.visible = (stored, Term("n", "what gateways remember", longest))
            self.arrived = stored.span.plus(longest)
            self.marked = stored.span.plus(fixed(cache.absent_us))

    def unless_all_stays(self, *terms: Term) -> tuple[Term, ...]:
        """The terms of a delay of deletions, or that it need not be any."""
        return (_NONE,) if self.all_stays else terms

    def margin(self, *spans: Span) -> tuple[Term, ...]:
        """The second of a stamp, where any of the spans beside it is longer than nothing."""
        return (STAMP,) if any(span.most_us for span in spans) else ()

    def is_uneven(self, kind: str) -> bool:
        """Whether, of two changes of a kind, a reader may see the later one first, in GETs."""
        store = self.scenario.store
        if store.quorum is not None:
            return True
        if store.order == "log":
            # A replica keeps the order, but another one may answer the next read.
            reads_one = len(candidates(store, gateway=0)) == 1 or store.read_from != "any"
            return not reads_one and any(self._is_drawn(k, "get") for k in _KINDS)
        if store.order == "key":
            return any(self._is_drawn(k, "get") for k in _KINDS)
        return self._is_drawn(kind, "get")

    @property
    def may_overtake(self) -> bool:
        """Whether those who write may see the later one of two blocks first."""
        store = self.scenario.store
        if store.quorum is not None or store.negative_cache_us:
            return True
        if store.order == "log":
            reads_one = len(candidates(store, gateway=None)) == 1 or store.read_from != "any"
            kinds: tuple[str, ...] = () if reads_one else _KINDS
        else:
            every: tuple[str, ...] = _KINDS if store.order == "key" else ("create",)
            kinds = () if store.primary else every
        return any(self._is_drawn(kind, plane) for kind in kinds for plane in ("get", "list"))

    def _is_drawn(self, kind: str, plane: str) -> bool:
        """Whether a plane shows changes of a kind after lags that differ."""
        store = self.scenario.store
        law: Law = getattr(getattr(store.lag, kind), plane)
        return not law.is_constant or (store.acks > 0 and law.mean > 0)
