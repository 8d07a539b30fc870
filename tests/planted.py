"""A catalogue of bugs, each with the test that must notice it (``test_planted_catalogue.py``).

A bug is a small change of one function of the program, as somebody could have made it. Tests are
those of the module or of the rule that the bug breaks, so that one that fails also says what is
wrong.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import numpy as np
import pytest

from sim.core.units import US_PER_S
from tests.theory import test_closed_forms
from tests.unit import (
    test_checkers,
    test_clocks,
    test_compactor,
    test_copying,
    test_downloads,
    test_estimators,
    test_exposure,
    test_gateway,
    test_intervals,
    test_kernel,
    test_lags,
    test_laws,
    test_results,
    test_safety,
    test_store,
    test_transfer,
    test_view,
    test_workers,
)

__all__ = ["BUGS", "Bug"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A function, what somebody made of it, and who notices.

    Attributes
    ----------
    what : str
        The mistake.
    where : str
        Module and name of what is replaced, joined by a colon.
    made : callable
        Gives the wrong one for the right one.
    noticed_by : callable
        The test.
    arguments : tuple
        Those of the test that it is called with.
    """

    what: str
    where: str
    made: Callable[[Any], Any]
    noticed_by: Callable[..., None]
    arguments: tuple[Any, ...] = ()

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Put the wrong one in the place of the right one."""
        module, _, path = self.where.partition(":")
        owner_path, _, name = path.rpartition(".")
        owner = pkgutil.resolve_name(f"{module}:{owner_path}" if owner_path else module)
        patch.setattr(owner, name, self.made(owner.__dict__[name]))

    def notice(self) -> None:
        """Run the test."""
        self.noticed_by(*self.arguments)


MINUTE: Final = 60 * US_PER_S
VIEW: Final = "sim.model.views.view:View"
VISIBILITY: Final = "sim.model.store.visibility"


def _readers() -> Iterator[Bug]:
    yield Bug(
        what="readers ignore marks",
        where=f"{VIEW}._passes_mark",
        made=lambda right: lambda self, block, t_us: True,
        noticed_by=test_view.test_the_age_of_a_mark_is_exclusive_and_in_whole_seconds,
    )
    yield Bug(
        what="off by one at the hide delay",
        where=f"{VIEW}._passes_mark",
        made=lambda right: lambda self, block, t_us: right(self, block, t_us + 1),
        noticed_by=test_view.test_a_view_that_begins_at_the_hide_delay_sees_the_block,
    )
    yield Bug(
        what="the consistency delay has no exemption",
        where="sim.model.blocks.catalog:Block.is_exempt",
        made=lambda right: property(lambda self: False),
        noticed_by=test_view.test_consistency_delay_counts_from_the_upload_time_in_the_meta,
    )
    yield Bug(
        what="of equal blocks the younger one survives",
        where="sim.model.blocks.catalog:by_creation",
        made=lambda right: lambda block: -block.created_us,
        noticed_by=test_view.test_deduplication,
        arguments=([(0, 4, 2, "9h"), (0, 4, 2, "8h")], [1], [0]),
    )
    yield Bug(
        what="a reader forgets marks that a sync does not find",
        where=f"{VIEW}._check",
        made=_forgetting_marks,
        noticed_by=test_view.test_marks_are_remembered_until_the_block_is_no_longer_active,
    )
    yield Bug(
        what="listings are read where files are",
        where="sim.model.store.versions:LIST",
        made=lambda right: 0,
        noticed_by=test_view.test_the_planes_are_asked_each_for_its_own,
    )
    yield Bug(
        what="who lists one file is told what reads find",
        where="sim.model.store.client:LIST",
        made=lambda right: 0,
        noticed_by=test_downloads.test_a_chunk_that_is_not_listed_halts_once_all_is_read,
    )


def _gateways() -> Iterator[Bug]:
    yield Bug(
        what="a gateway drops before it loads",
        where="sim.model.actors.gateway:Gateway._compare",
        made=_dropping_first,
        noticed_by=test_gateway.test_drops_come_at_the_end_of_a_sync,
    )
    yield Bug(
        what="a sync sees the world as it is when it ends",
        where="sim.model.actors.gateway:Instants",
        made=lambda right: lambda list_us, check_us, marks_us: right(marks_us, marks_us, marks_us),
        noticed_by=test_gateway.test_the_stages_of_a_sync,
    )
    yield Bug(
        what="all gateways have the phase of the first",
        where="sim.model.world:first_sync_us",
        made=lambda right: lambda number, spec, streams: right(0, spec, streams),
        noticed_by=test_gateway.test_shards_and_phases,
    )


def _forgetting_marks(right: Any) -> Any:
    def wrong(self: Any, blocks: Any, uploaded_us: Any, t_us: int) -> None:
        self.marks.clear()
        right(self, blocks, uploaded_us, t_us)

    return wrong


def _dropping_first(right: Any) -> Any:
    def wrong(self: Any, changed: Any) -> None:
        right(self, changed)
        self._drop()

    return wrong


def _clocks() -> Iterator[Bug]:
    yield Bug(
        what="the age of a mark counts from when it was seen",
        where=f"{VIEW}.remember_mark",
        made=lambda right: (
            lambda self, block, stamp_us: right(self, block, self.client.store._kernel.now_us)
        ),
        noticed_by=test_compactor.test_an_age_equal_to_the_delay_is_not_enough,
        arguments=("59m59s", "2h"),
    )
    yield Bug(
        what="marks are stamped with the true time",
        where="sim.model.store.client:Client.stamp_us",
        made=lambda right: lambda self, t_us: t_us - t_us % US_PER_S,
        noticed_by=test_clocks.test_marks_are_stamped_by_the_clock_of_who_makes_them,
    )
    yield Bug(
        what="a clock that is ahead is taken for one that is behind",
        where="sim.model.store.client:Client.clock_us",
        made=lambda right: lambda self, t_us: 2 * t_us - right(self, t_us),
        noticed_by=test_clocks.test_one_reader_with_a_clock_ahead_hides_sooner,
    )
    yield Bug(
        what="what happens at the horizon happens",
        where="sim.core.kernel:Kernel.run",
        made=lambda right: lambda self, horizon_us: right(self, horizon_us + 1),
        noticed_by=test_kernel.test_nothing_happens_at_the_horizon,
    )


def _store() -> Iterator[Bug]:
    yield Bug(
        what="lags are added twice",
        where=f"{VISIBILITY}:Visibility.of_each",
        made=lambda right: (
            lambda self, *of, **more: [
                tuple(tuple(2 * t_us - self._kernel.now_us for t_us in seen_us) for seen_us in both)
                for both in right(self, *of, **more)
            ]
        ),
        noticed_by=test_lags.test_lags_are_others_while_it_holds,
    )
    yield Bug(
        what="a file and its listing share a draw",
        where=f"{VISIBILITY}:_PLANES",
        made=lambda right: ("get", "get"),
        noticed_by=test_store.test_lags_are_drawn_by_key_version_replica_and_plane,
    )
    yield Bug(
        what="replicas share a draw",
        where="sim.core.streams:Streams.uniforms",
        made=lambda right: (
            lambda self, name, endings: right(self, name, endings)[:1] * len(endings.parts)
        ),
        noticed_by=test_store.test_lags_are_drawn_by_key_version_replica_and_plane,
    )
    yield Bug(
        what="changes show before they are acknowledged",
        where=f"{VISIBILITY}:Visibility.of_each",
        made=lambda right: (
            lambda self, *of, **more: [
                tuple(tuple(t_us - 2 for t_us in seen_us) for seen_us in both)
                for both in right(self, *of, **more)
            ]
        ),
        noticed_by=test_store.test_nothing_shows_before_its_acknowledgement,
        arguments=({"delete_get": "1us"},),
    )
    yield Bug(
        what="a log does not keep the order",
        where=f"{VISIBILITY}:_Log.append",
        made=lambda right: lambda self, plane, stream, now_us, seen_us: tuple(seen_us),
        noticed_by=test_store.test_a_log_keeps_the_order_of_acknowledgement,
    )
    yield Bug(
        what="a quorum waits for everybody",
        where=f"{VISIBILITY}:Visibility._quorum_lag_us",
        made=lambda right: (
            lambda self, quorum, *of: right(self, quorum.model_copy(update={"w": quorum.n}), *of)
        ),
        noticed_by=test_store.test_a_quorum_store_is_as_late_as_its_messages,
    )
    yield Bug(
        what="deletion begins with the data",
        where="sim.model.store.versions:Store.__init__",
        made=_data_first,
        noticed_by=test_transfer.test_objects_are_deleted_one_by_one_in_order,
        arguments=(None, ["meta", "chunk1", "chunk2", "index", "mark"]),
    )


def _copies() -> Iterator[Bug]:
    yield Bug(
        what="what a copy leaves out is copied",
        where="sim.model.store.copying:Copying.omits",
        made=lambda right: lambda self, key, kind: False,
        noticed_by=test_copying.test_what_is_left_out_holds_up_nothing,
    )
    yield Bug(
        what="a chunk has the size of its block",
        where="sim.model.store.copying:Copying.wait_us",
        made=lambda right: (
            lambda self, *of, chunk_bytes, **more: right(
                self, *of, chunk_bytes=2 * chunk_bytes, **more
            )
        ),
        noticed_by=test_copying.test_what_is_large_delays_what_is_behind_it,
    )


def _data_first(right: Any) -> Any:
    def wrong(self: Any, *given: Any, **named: Any) -> None:
        right(self, *given, **named)
        self._deletion_order = self._deletion_order[1:] + self._deletion_order[:1]

    return wrong


def _compactor() -> Iterator[Bug]:
    yield Bug(
        what="off by one at the delete delay",
        where=f"{VIEW}.due",
        made=lambda right: lambda self, before_us: right(self, before_us + 1),
        noticed_by=test_compactor.test_an_age_equal_to_the_delay_is_not_enough,
        arguments=("1h", "2h10m"),
    )
    yield Bug(
        what="a block may expire at the age itself",
        where="sim.model.actors.retention:Expiry.due",
        made=lambda right: lambda self, now_us: right(self, now_us + 1),
        noticed_by=test_compactor.test_retention_is_strict,
        arguments=("10m", "2h15m"),
    )
    yield Bug(
        what="retention counts from the beginning of a block",
        where="sim.model.actors.retention:Expiry._expires_us",
        made=lambda right: lambda self, block: right(self, block) - block.max_us + block.min_us,
        noticed_by=test_compactor.test_retention_is_strict,
        arguments=("10m", "2h15m"),
    )
    yield Bug(
        what="the newest block is planned as well",
        where="sim.model.actors.planner:plan",
        made=_planning_the_newest,
        noticed_by=test_compactor.test_when_the_cleanup_runs,
        arguments=("end-of-pass", "10h5m"),
    )
    yield Bug(
        what="blocks that overlap halt nobody",
        where="sim.model.actors.planner:overlapping",
        made=lambda right: lambda blocks: [],
        noticed_by=test_compactor.test_what_vertical_compaction_cannot_merge_halts_it,
        arguments=(1, "overlap"),
    )
    yield Bug(
        what="a compacted block forgets the first of its sources",
        where="sim.model.blocks.catalog:Catalog.create",
        made=_lossy,
        noticed_by=test_compactor.test_the_same_plan_twice_is_a_duplicate_and_the_older_block_stays,
    )
    yield Bug(
        what="a group waits until every worker is done",
        where="sim.model.actors.compactor:work_off",
        made=_in_rounds,
        noticed_by=test_workers.test_a_worker_takes_the_next_group_while_others_are_busy,
    )


def _in_rounds(right: Any) -> Any:
    def work_off(jobs: Any, workers: Any, *others: Any) -> Any:
        has_worked = False
        while some := list(islice(jobs, len(workers))):
            has_worked |= yield from right(iter(some), workers, *others)
        return has_worked

    return work_off


def _planning_the_newest(right: Any) -> Any:
    class Newer:
        min_us = max_us = 2**62
        index = -1

    return lambda blocks, *others: right([*blocks, Newer()], *others)


def _lossy(right: Any) -> Any:
    def wrong(self: Any, **values: Any) -> Any:
        sources = values["sources"]
        kept = sources[1:] if len(sources) > 1 else sources
        return right(self, **{**values, "sources": kept, "data": kept})

    return wrong


def _judges() -> Iterator[Bug]:
    yield Bug(
        what="a read ends when it begins",
        where="sim.analysis.queries.failures:Failures.during",
        made=lambda right: lambda self, takes_us: right(self, 0),
        noticed_by=test_exposure.test_queries_of_every_stream,
        arguments=(0, {"partial_response": "abort"}, {}),
    )
    yield Bug(
        what="a gateway that fails is left out, whatever the policy",
        where="sim.analysis.queries.outcomes:OutcomeRule.outcome",
        made=lambda right: (
            lambda self, failing, *, is_missing: right(
                replace(self, partial_response="warn"), failing, is_missing=is_missing
            )
        ),
        noticed_by=test_exposure.test_an_outage_is_an_error_while_the_gateway_is_counted_on,
    )
    yield Bug(
        what="the warm-up counts",
        where="sim.analysis.checkers:_byte_seconds",
        made=lambda right: (
            lambda timelines, since_us: right(replace(timelines, warmup_us=0), since_us)
        ),
        noticed_by=test_checkers.test_bytes_are_integrated_over_the_window,
    )
    yield Bug(
        what="the median is the next larger value",
        where="sim.analysis.checkers:_summary",
        made=lambda right: (
            lambda samples_us: {
                **right(samples_us),
                "p50_s": right(samples_us)["max_s"],
            }
        ),
        noticed_by=test_checkers.test_time_to_visible,
    )
    yield Bug(
        what="query classes count the same however many queries they have",
        where="sim.analysis.results:fraction_of_trial",
        made=_unweighed,
        noticed_by=test_results.test_classes_are_weighed_by_their_queries,
    )
    yield Bug(
        what="an interval of few trials is that of many",
        where="sim.analysis.estimators:t_half_width",
        made=lambda right: lambda values: 1.96 * float(values.std()) / values.size**0.5,
        noticed_by=test_estimators.test_many_trials_give_a_t_interval,
    )
    yield Bug(
        what="what nobody saw is not there",
        where="sim.analysis.estimators:_of_clusters",
        made=lambda right: lambda fraction, clusters, most: (0.0, fraction),
        noticed_by=test_estimators.test_nothing_seen_and_nothing_known_counts_trials,
    )


def _rules() -> Iterator[Bug]:
    yield Bug(
        what="a delay as long as the rule asks is too short",
        where="sim.analysis.rules.rule:Rule.slack_us",
        made=lambda right: property(lambda self: right.fget(self) - 1),
        noticed_by=test_safety.test_a_delay_is_long_enough_or_a_microsecond_short,
    )
    yield Bug(
        what="a rule forgets how long a query takes",
        where="sim.analysis.rules.rule:Rule.required_us",
        made=lambda right: property(
            lambda self: sum(term.span_us for term in self.terms if term.symbol != "Q")
        ),
        noticed_by=test_safety.test_the_rule_of_a_mark_is_the_sum_of_its_terms,
    )
    yield Bug(
        what="an interval is closed where it is half-open",
        where="sim.analysis.intervals:Spans.holds",
        made=lambda right: lambda self, at: right(self, at) | np.isin(at, self.end),
        noticed_by=test_intervals.test_holds,
    )
    yield Bug(
        what="durations are rounded down",
        where="sim.core.law:Law.draw_us",
        made=lambda right: lambda self, u: int(self.ppf(u)),
        noticed_by=test_laws.test_draws_round_half_up,
    )
    yield Bug(
        what="a closed form takes one version too few",
        where="sim.analysis.theory.closed_forms:quorum_miss",
        made=lambda right: lambda n, r, w, k=1: right(n, r, w, max(1, k - 1)),
        noticed_by=test_closed_forms.test_known_quorums,
    )


def _unweighed(right: Any) -> Any:
    def wrong(trial: Any, outcomes: Any, query: str | None = None) -> tuple[float, float]:
        even = replace(trial, classes=tuple(replace(c, queries=1.0) for c in trial.classes))
        return right(even, outcomes, query)[0], right(trial, outcomes, query)[1]

    return wrong


BUGS: Final = (
    *_readers(),
    *_gateways(),
    *_clocks(),
    *_store(),
    *_copies(),
    *_compactor(),
    *_judges(),
    *_rules(),
)
