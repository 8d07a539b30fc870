"""The safety rules, term by term, for one scheme of one scenario; see ``safety.py``."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sim.analysis.rules.rule import Rule, Term
from sim.conventions.placement import candidates
from sim.core.laws import Law
from sim.core.units import US_PER_S
from sim.scenario.language.tables import PARTIAL_UPLOAD_AGE_US

if TYPE_CHECKING:
    from sim.scenario.schema import QueryClass, Scenario

__all__ = ["Conditions"]

STAMP_US: Final = US_PER_S
"""Marks are stamped in whole seconds, rounded down (``SEMANTICS.md`` C9)."""


class Conditions:
    """The terms of one scheme, and the rules made of them."""

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
        gateways, store = scenario.gateways, scenario.store
        self.sync_us = gateways.sync_takes.longest_us
        self.period = Term(
            "P", "longest interval of syncs", max(gateways.sync_interval.longest_us, self.sync_us)
        )
        self.sync = Term("s", "longest sync", self.sync_us)
        takes_us = max(query.takes.longest_us for query in self.classes)
        self.query = Term("Q", "longest query", takes_us)
        lags = [
            (lag.get.longest_us, lag.list.longest_us)
            for lag in (store.lag.create, store.lag.overwrite, store.lag.delete)
        ]
        # In log order a change waits for those before it, of whatever kind.
        slowest_us = max(max(planes) for planes in lags)
        seen_us = slowest_us if store.order == "log" else max(lags[0])
        self.shown_us = slowest_us if store.order == "log" else lags[0][0]
        if store.quorum is not None:
            seen_us = self.shown_us = math.inf
        self.lags_at_all = slowest_us > 0 or store.quorum is not None
        self.visible_us = seen_us + store.negative_cache_us
        # A mark that its writer does not see yet is written again, with a later stamp (C9).
        self.rewritten_us = (0 if store.primary else seen_us) + store.negative_cache_us
        self.visible = Term("V", "until a put shows", self.visible_us)
        self.stamp = Term("stamp", "marks are stamped in whole seconds", STAMP_US)

    def rules(self) -> Iterator[Rule]:
        """All that say something about the scheme."""
        if self.hide_us is not None:
            yield self._r1()
        yield self._r2()
        if self.hide_us is not None:
            yield self._r3()
            yield self._r5()
        yield self._r6()
        yield self._r8()

    def reads(self) -> tuple[Rule, ...]:
        """The rules that together prove that no read fails."""
        marked = (self._r1(),) if self.hide_us is not None else ()
        return (*marked, self._r2(), self._r6())

    def gaps(self) -> tuple[Rule, ...]:
        """The rules that together prove that no data is missing without a failing read."""
        marked = (self._r3(), self._r5()) if self.hide_us is not None else ()
        return (self._r2_for_gaps(), *marked, self._r8())

    def _r1(self) -> Rule:
        assert self.hide_us is not None
        marked_us = self.visible_us + STAMP_US
        aged_us = self.hide_us + (self.rewritten_us + STAMP_US if self.rewritten_us else 0)
        if aged_us >= marked_us:
            late = ", of a mark that is written again" if self.rewritten_us else ""
            hide = Term("H", f"hide delay{late}", aged_us)
        else:
            hide = Term("H", "until a mark shows, which is longer than the hide delay", marked_us)
        return Rule(
            name="R1",
            key="delete_delay",
            protects="reads of blocks that only a mark hides (retention, by hand)",
            terms=(hide, self.period, self.sync, self.query),
            configured_us=self.delete_us,
            is_met=self.expires,
            obstacles=self._read_obstacles(),
        )

    def _r2(self) -> Rule:
        # Who deletes at once also deletes what no replacement hides.
        is_met = self.compacts or self.scenario.compactor.downsampling
        if self.hide_us is None:
            is_met = is_met or self.expires
        stamp = (self.stamp,) if self.hide_us is not None else ()
        return Rule(
            name="R2",
            key="delete_delay",
            protects="reads of blocks that a replacement hides",
            terms=(self.visible, *stamp, self.period, self.sync, self.query),
            configured_us=self.delete_us,
            is_met=is_met,
            obstacles=self._read_obstacles(),
        )

    def _r2_for_gaps(self) -> Rule:
        """The replacement shows, and can still be loaded, before a source is gone."""
        has_marks = self.hide_us is not None
        margin = (self.stamp,) if has_marks and (self.visible_us or self.sync_us) else ()
        return Rule(
            name="R2",
            key="delete_delay",
            protects="answers while a replacement takes over",
            terms=(self.visible, *margin, self.sync),
            configured_us=self.delete_us,
            is_met=self.compacts,
            obstacles=self._gap_obstacles(),
        )

    def _r3(self) -> Rule:
        assert self.hide_us is not None
        marks_us = self.sync_us * self.scenario.gateways.sync_stages.marks
        reading = Term("m", "from the start of a sync to its reading of marks", marks_us)
        margin = (self.stamp,) if self.visible_us or marks_us else ()
        return Rule(
            name="R3",
            key="ignore_deletion_marks_delay",
            protects="answers from a source until its replacement shows",
            terms=(self.visible, *margin, reading),
            configured_us=float(self.hide_us),
            is_met=self.compacts,
            obstacles=self._gap_obstacles(),
        )

    def _r5(self) -> Rule:
        sync_us = self.scenario.compactor.sync_takes.longest_us
        sync = Term("f", "longest sync of the compactor", sync_us)
        margin = (self.stamp,) if self.visible_us or sync.span_us else ()
        return Rule(
            name="R5",
            key="delete_delay",
            protects="the compactor's view of sources until their replacement shows, at half of D",
            terms=tuple(t.twice() for t in (self.visible, *margin, sync)),
            configured_us=self.delete_us,
            is_met=self.compacts and self.lags_at_all,
        )

    def _r6(self) -> Rule:
        is_uneven = self._is_uneven("create")
        is_exempt = self.compacts or self.scenario.compactor.downsampling
        return Rule(
            name="R6",
            key="gateways.consistency_delay",
            protects="blocks of which files do not show yet from being read",
            terms=(Term("F", "until the files of a block show", self.shown_us),),
            configured_us=float(self.scenario.gateways.consistency_delay_us),
            # Files that show in the order in which they were put show before meta.json does.
            is_met=is_uneven,
            obstacles=("compacted blocks are exempt from the consistency delay",)
            if is_uneven and is_exempt
            else (),
        )

    def _r8(self) -> Rule:
        spec, gateways = self.scenario.producers, self.scenario.gateways
        upload_us = spec.upload_after.longest_us + spec.upload_takes.longest_us
        held_us = max(float(gateways.consistency_delay_us), self.visible_us)
        obstacles = list(self._gap_obstacles())
        if upload_us > spec.block_length_us:
            obstacles.append("uploads may take longer than a block lasts (upload_takes)")
        return Rule(
            name="R8",
            key="producers.local_retention",
            protects="answers when the producer forgets a block",
            terms=(
                Term("U", "until a block is uploaded", upload_us),
                Term("C", "until a reader accepts it", held_us),
                self.period,
                self.sync,
            ),
            configured_us=float(spec.local_retention_us),
            obstacles=tuple(obstacles),
        )

    def _is_uneven(self, kind: str) -> bool:
        """Whether, of two changes of a kind, a reader may see the later one first, in GETs."""
        store = self.scenario.store
        if store.quorum is not None:
            return True
        kinds = ("create", "overwrite", "delete")
        if store.order == "log":
            # A replica keeps the order, but another one may answer the next read.
            reads_one = len(candidates(store, gateway=0)) == 1 or store.read_from != "any"
            return not reads_one and any(self._is_drawn(k) for k in kinds)
        return self._is_drawn(kind)

    def _is_drawn(self, kind: str) -> bool:
        """Whether GETs show changes of a kind after lags that differ."""
        store = self.scenario.store
        lag: Law = getattr(store.lag, kind).get
        return not lag.is_constant or (store.acks > 0 and lag.mean > 0)

    def _trouble(self) -> Iterator[str]:
        """What makes every worst case unbounded."""
        store = self.scenario.store
        uploads = (self.scenario.producers.upload_takes, self.scenario.compactor.upload_takes)
        slowest_us = max(self.visible_us, *(law.longest_us for law in uploads))
        if slowest_us >= PARTIAL_UPLOAD_AGE_US:
            yield "an upload may last until it is taken for abandoned (upload_takes, store.lag)"
        if store.error_rate or store.lost_answer_rate:
            yield "requests fail, so syncs may fail any number of times (store)"
        for i, fault in enumerate(self.scenario.faults):
            if fault.kind != "compactor-crash":
                yield f"{fault.kind} (faults[{i}])"

    def _read_obstacles(self) -> tuple[str, ...]:
        """What may fail a read although the delays are long enough."""
        obstacles = list(self._trouble())
        stages = self.scenario.gateways.sync_stages
        if self._is_uneven("delete"):
            obstacles.append(
                "a mark may vanish before its block, which is then loaded again (store.lag.delete)"
            )
        if self.lags_at_all and stages.check < stages.marks:
            obstacles.append("marks are read later than metas on a store that lags (sync_stages)")
        return tuple(obstacles)

    def _gap_obstacles(self) -> tuple[str, ...]:
        """What may leave data out of an answer although the delays are long enough."""
        scenario = self.scenario
        obstacles = list(self._trouble())
        is_raw = all(query.max_resolution == "raw" for query in self.classes)
        if scenario.compactor.downsampling and not is_raw:
            obstacles.append("data may expire before it is downsampled (max_resolution)")
        if self.compacts and self._is_uneven("create"):
            obstacles.append("a replacement may show before its index (store.lag.create.get)")
        if scenario.gateways.phase == "uniform":
            first_us = scenario.gateways.sync_interval.mean
        else:
            first_us = scenario.gateways.phase.longest_us
        if first_us + self.sync_us > scenario.warmup_us:
            obstacles.append("gateways may not have synced when the warm-up ends (warmup)")
        return tuple(obstacles)
