"""The safety rules, term by term, for one scheme of one scenario; see ``safety.py``."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sim.core.laws import Law
from sim.core.units import US_PER_S
from sim.scenario.parts import PARTIAL_UPLOAD_AGE_US

if TYPE_CHECKING:
    from sim.scenario.schema import QueryClass, Scenario

__all__ = ["Conditions", "Rule", "Status", "Term"]

STAMP_US: Final = US_PER_S
"""Marks are stamped in whole seconds, rounded down (``SEMANTICS.md`` C9)."""


class Status(StrEnum):
    """What can be said of a rule in one scenario."""

    HOLDS = "holds"
    BROKEN = "broken"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Term:
    """One part of what a rule asks for; ``span_us`` is inf where nothing bounds it."""

    symbol: str
    meaning: str
    span_us: float

    def twice(self) -> "Term":
        """The term where half of the configured delay counts."""
        return Term(f"2{self.symbol}", f"twice: {self.meaning}", 2 * self.span_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, with the numbers of one scheme of a scenario.

    Attributes
    ----------
    name : str
        "R1" and so on, as in the table of this module.
    key : str
        Key of the scenario whose value is compared.
    protects : str
        What the rule keeps from happening.
    terms : tuple of Term
        Their sum is what is required.
    configured_us : float
        What the scenario has.
    is_met : bool
        Whether the scenario has anything that the rule protects: without retention, for example,
        no block is hidden by its mark alone.
    obstacles : tuple of str
        What makes the worst case unbounded or unknown, whatever the delays.
    """

    name: str
    key: str
    protects: str
    terms: tuple[Term, ...]
    configured_us: float
    is_met: bool = True
    obstacles: tuple[str, ...] = ()

    @property
    def required_us(self) -> float:
        """Sum of the terms, µs; inf if one is unbounded."""
        return math.fsum(term.span_us for term in self.terms)

    @property
    def slack_us(self) -> float:
        """What is configured beyond what is required, µs; below 0 if the rule is broken."""
        return self.configured_us - self.required_us

    @property
    def status(self) -> Status:
        """Broken if the delay is too short, open if nothing can be said, else holds."""
        if math.isinf(self.required_us):
            return Status.OPEN
        if self.slack_us < 0:
            return Status.BROKEN
        return Status.OPEN if self.obstacles else Status.HOLDS


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
        if store.quorum is not None:
            seen_us = math.inf
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
        store = self.scenario.store
        create = store.lag.create.get
        is_random = self._is_uneven(create) or store.quorum is not None
        compacted = self.compacts or self.scenario.compactor.downsampling
        obstacles = (
            ("compacted blocks are exempt from the consistency delay",)
            if is_random and compacted
            else ()
        )
        files_us = create.longest_us if store.quorum is None else math.inf
        return Rule(
            name="R6",
            key="gateways.consistency_delay",
            protects="blocks of which files do not show yet from being read",
            terms=(Term("F", "until the files of a block show", files_us),),
            configured_us=float(self.scenario.gateways.consistency_delay_us),
            # Files with one lag for all show in the order in which they were put.
            is_met=is_random and store.order == "independent",
            obstacles=obstacles,
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

    def _is_uneven(self, lag: Law) -> bool:
        """Whether two changes at one instant may show at different instants."""
        store = self.scenario.store
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
        store, stages = self.scenario.store, self.scenario.gateways.sync_stages
        if self._is_uneven(store.lag.delete.get):
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
        if self.compacts and self._is_uneven(scenario.store.lag.create.get):
            obstacles.append("a replacement may show before its index (store.lag.create.get)")
        if scenario.gateways.phase == "uniform":
            first_us = scenario.gateways.sync_interval.mean
        else:
            first_us = scenario.gateways.phase.longest_us
        if first_us + self.sync_us > scenario.warmup_us:
            obstacles.append("gateways may not have synced when the warm-up ends (warmup)")
        return tuple(obstacles)
