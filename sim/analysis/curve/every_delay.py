"""One run, every delete delay: what would have come out had deletions been at other times.

A query looks and changes nothing, and in most settings a delete delay only moves deletions. Then
the run of one delay says everything about every longer one: each block goes at the first pass of
the deleter that finds its mark old enough (:mod:`sim.trace.passes`), its replicas show that after
the same lags, and judges look at the same readers. :func:`feedback` says where settings alone do
not prove that; :func:`deletions_aside` gives what two runs must share then.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.checkers import (
    Counts,
    garbage_byte_seconds,
    grows,
    observe,
    observe_deletions,
)
from sim.analysis.curve.critical import (
    CriticalDelays,
    CriticalSample,
    critical_delays,
    critical_sample,
)
from sim.analysis.curve.feedback import feedback, with_delay
from sim.analysis.curve.listings import Listings
from sim.analysis.evidence.exercised import exercised
from sim.analysis.queries.bounds import class_bounds
from sim.analysis.queries.evaluate import class_outcome, durations_us
from sim.analysis.queries.exposure import Exposure, exposures
from sim.analysis.queries.outcomes import ClassOutcome
from sim.analysis.results import TrialResult
from sim.analysis.warmup import garbage_parts
from sim.core.units import NEVER
from sim.trace.passes import Passes, Syncs
from sim.trace.records import REQUEST_KINDS
from sim.trace.timelines import AbsenceTable, Ints, Timelines

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.trace.recorder import Trace

__all__ = ["EveryDelay"]


class EveryDelay:
    """One run under a scheme with marks, and what it says of longer delete delays.

    Parameters
    ----------
    scenario : Scenario
        With the delay that ran.
    scheme_index : int
    trace, timelines : Trace, Timelines
        Of the run. It must be proven that longer delays only move deletions.
    exposed : sequence of Exposure or None
        What other judges of the run share, if there are any.
    """

    def __init__(
        self,
        scenario: "Scenario",
        scheme_index: int,
        trace: "Trace",
        timelines: Timelines,
        exposed: Sequence[Exposure] | None = None,
    ) -> None:
        self.scenario = scenario
        self.scheme_index = scheme_index
        self._timelines = timelines
        self._passes = Passes.of(trace)
        self._syncs = Syncs.of(trace)
        self._exposed = tuple(exposed or exposures(scenario, timelines))
        self.delay_us = scenario.schemes[scheme_index].delete_delay_us
        self._ran_us = self._passes.deleted_us(self.delay_us)
        self._calm: dict[int, ClassOutcome] = {}
        self._latest: tuple[int, Ints] | None = None

    @cached_property
    def is_predictable(self) -> bool:
        """Whether every deletion of the run was where it is predicted, and can be moved.

        It can where each copy of each object was absent before it showed, and after the deletion
        showed, and at no other time.
        """
        passes, blocks = self._passes, self._timelines.blocks
        marked = np.isin(np.arange(blocks.deleted_us.size), passes.block)
        went = (blocks.deleted_us < NEVER) & (blocks.retired_us < NEVER)
        if bool((went & ~marked).any()):
            return False
        if not np.array_equal(blocks.deleted_us[passes.block], self._ran_us):
            return False
        absences = self._timelines.absences
        gone = marked[absences.block] & (blocks.deleted_us[absences.block] < NEVER)
        opens = absences.start_us == 0
        is_after = absences.start_us >= blocks.deleted_us[absences.block]
        fits = np.where(opens, absences.end_us < NEVER, is_after & (absences.end_us == NEVER))
        return bool(fits[gone].all())

    def predicts(self, delay_us: int, other: Timelines) -> bool:
        """Whether the deletions of another run, with its delay, are those predicted."""
        ours, theirs = self.timelines(delay_us), other
        if not np.array_equal(ours.blocks.deleted_us, theirs.blocks.deleted_us):
            return False
        tables = (ours.absences, theirs.absences)
        one, two = (
            np.unique(np.stack([t.block, t.object, t.replica, t.start_us, t.end_us]), axis=1)
            for t in (table.each(_happened(table)) for table in tables)
        )
        return np.array_equal(one, two)

    def timelines(self, delay_us: int) -> Timelines:
        """The columns of the run, were the delete delay ``delay_us``; no shorter than it was.

        Counts of requests are those of the run.
        """
        if delay_us < self.delay_us:
            raise ValueError(f"delay_us={delay_us} must be >= {self.delay_us}, which ran")
        own = self._timelines
        blocks, passes = own.blocks, self._passes
        deleted_us = blocks.deleted_us.copy()
        deleted_us[passes.block] = passes.instants(self._deleting(delay_us))
        stays = deleted_us[passes.block] == NEVER
        broken_us, changed_us = blocks.broken_us.copy(), blocks.changed_us.copy()
        broken_us[passes.block] = deleted_us[passes.block]
        changed_us[passes.block] = np.where(
            stays, self._marked_us[passes.block], deleted_us[passes.block]
        )
        return replace(
            own,
            blocks=replace(
                blocks, deleted_us=deleted_us, broken_us=broken_us, changed_us=changed_us
            ),
            absences=self._absences(deleted_us),
            digest="",
        )

    def exposed(self, scenario: "Scenario", timelines: Timelines) -> tuple[Exposure, ...]:
        """What each query class is exposed to on columns that :meth:`timelines` gave."""
        return tuple(exposure.moved(scenario, timelines) for exposure in self._exposed)

    @cached_property
    def _marked_us(self) -> Ints:
        """When the mark of each block was acknowledged, the last time."""
        marks = self._timelines.marks
        marked_us = np.zeros(len(self._timelines.blocks.id), np.int64)
        np.maximum.at(marked_us, marks.block, marks.acknowledged_us)
        return marked_us

    @cached_property
    def _after(self) -> tuple[Ints, Ints]:
        """Rows of absences that a deletion began, and how long after it each did."""
        absences, deleted_us = self._timelines.absences, self._timelines.blocks.deleted_us
        gone_us = deleted_us[absences.block]
        marked = np.isin(absences.block, self._passes.block)
        rows = np.flatnonzero(marked & (gone_us < NEVER) & (absences.end_us == NEVER))
        return rows, absences.start_us[rows] - gone_us[rows]

    def _absences(self, deleted_us: Ints) -> AbsenceTable:
        own = self._timelines.absences
        rows, lag_us = self._after
        gone_us = deleted_us[own.block[rows]]
        start_us = own.start_us.copy()
        start_us[rows] = np.where(gone_us < NEVER, gone_us + lag_us, NEVER)
        return replace(own, start_us=start_us)

    @cached_property
    def _first_lag_us(self) -> Ints:
        """Per block, how long after its deletion the first replica shows that."""
        rows, lag_us = self._after
        # What a replica shows late is absent late: the first of them decides.
        first_lag_us = np.full(len(self._timelines.blocks.id), NEVER)
        np.minimum.at(first_lag_us, self._timelines.absences.block[rows], lag_us)
        first_lag_us[first_lag_us == NEVER] = 0
        return first_lag_us

    @property
    def first_absent_us(self) -> Ints:
        """Per block, since when some replica does not show what was deleted of it; else NEVER."""
        deleted_us = self._timelines.blocks.deleted_us
        rows = self._passes.block[self._ran_us < NEVER]
        absent_us = np.full(deleted_us.size, NEVER)
        absent_us[rows] = deleted_us[rows] + self._first_lag_us[rows]
        return absent_us

    @cached_property
    def critical(self) -> tuple[CriticalDelays, ...]:
        """The critical delay of every (retired block, reader), for each query class."""
        return tuple(
            critical_delays(exposure, self._passes, self._first_lag_us)
            for exposure in self._exposed
        )

    @cached_property
    def critical_samples(self) -> tuple[CriticalSample, ...]:
        """What a result keeps of :attr:`critical`; in a long run they are too many to be kept."""
        return self._samples(self._first_lag_us)

    def _samples(self, first_lag_us: Ints) -> tuple[CriticalSample, ...]:
        passes = self._passes
        return tuple(critical_sample(one, passes, first_lag_us) for one in self._exposed)

    def _samples_of(self, timelines: Timelines) -> tuple[CriticalSample, ...]:
        """The same of a run with a longer delay, which knows no lag of what it does not delete."""
        is_known = timelines.blocks.deleted_us < NEVER
        known_us = np.where(is_known, self._first_lag_us, 0)
        if np.array_equal(known_us, self._first_lag_us):
            return self.critical_samples
        return self._samples(known_us)

    def judged(self, delay_us: int, trial: int) -> TrialResult:
        """What the trial would have given, were the delete delay ``delay_us``.

        All that :func:`sim.study.run.run_trial` says in mode "exact", but for what only a trace
        of its own has: digest and records, windows, witnesses and the story. Where requests
        cannot be worked out there are none.
        """
        scenario = with_delay(self.scenario, self.scheme_index, delay_us)
        timelines = self.timelines(delay_us)
        exposed = self.exposed(scenario, timelines)
        classes = tuple(self._outcomes(*row, delay_us) for row in enumerate(exposed))
        garbage = garbage_byte_seconds(timelines)
        moved = observe_deletions(scenario, timelines, garbage, exposed)
        counts = {**self._unmoved, **moved}
        requests = self._requests(delay_us)
        if requests is not None:
            counts["requests"] = requests
        asked = math.fsum(c.queries for c in classes)
        return TrialResult(
            scheme=self.scheme_index,
            trial=trial,
            seed=timelines.seed,
            digest="",
            records=0,
            classes=classes,
            counts=counts,
            garbage_byte_seconds=garbage,
            garbage_parts=garbage_parts(timelines),
            exercised=exercised(scenario, timelines, asked, exposed, grows=grows(counts)),
            critical=self._samples_of(timelines),
        )

    def _deleting(self, delay_us: int) -> Ints:
        """The pass at which each block goes; the last answer is kept."""
        if self._latest is None or self._latest[0] != delay_us:
            self._latest = (delay_us, self._passes.deleting(delay_us))
        return self._latest[1]

    def _requests(self, delay_us: int) -> dict[str, float] | None:
        """Requests by kind; None where a reader that starts anew asks again, or looks twice."""
        kinds = {fault.kind for fault in self.scenario.faults}
        if kinds & {"gateway-outage", "compactor-crash", "crash"} or feedback(self.scenario):
            return None
        more = self._listings.more_requests(self._deleting(delay_us))
        own = self._timelines.counters
        return {kind: own[f"requests.{kind}"] + more.get(kind, 0) for kind in REQUEST_KINDS}

    @cached_property
    def _listings(self) -> Listings:
        ran = self._passes.deleting(self.delay_us)
        return Listings(self.scenario, self._timelines, self._passes, self._syncs, ran)

    @cached_property
    def _unmoved(self) -> Counts:
        """Counts that no deletion changes."""
        counts = observe(self.scenario, self._timelines, self._exposed)
        del counts["requests"]
        return counts

    def _outcomes(self, position: int, exposure: Exposure, delay_us: int) -> ClassOutcome:
        """Outcomes of one class; beyond its critical delays no fraction changes any more."""
        if delay_us < self.critical[position].largest_us:
            return class_outcome(exposure, with_witnesses=False)
        if position not in self._calm:
            self._calm[position] = class_outcome(exposure, with_witnesses=False)
        calm = self._calm[position]
        bounds = class_bounds(exposure, durations_us(exposure.query_class))
        return replace(calm, bounds=bounds)


def _happened(table: AbsenceTable) -> Ints:
    """The rows that are not empty."""
    return np.flatnonzero(table.end_us > table.start_us)
