"""Requests that longer delete delays cause: who lists a bucket finds all that is still there."""

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.conventions.placement import Shards
from sim.core.units import NEVER
from sim.trace.passes import Passes, Syncs
from sim.trace.timelines import Ints, Timelines

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["Listings"]

_LIST_PAGE: Final = 1000
"""Keys per page of a LIST (Amazon S3 ListObjectsV2, max-keys)."""


class Listings:
    """What every component of a run found in the bucket, and would have with longer delays.

    It holds for stores that show every change at once and for readers that never start anew: a
    block that stays is listed, and asked about, by every sync until it goes (``SEMANTICS.md`` G3,
    C3).

    Parameters
    ----------
    scenario, timelines, passes, syncs
        Of the run.
    ran : int64 array of shape (n_known,)
        The pass at which each block went.
    """

    def __init__(
        self,
        scenario: "Scenario",
        timelines: Timelines,
        passes: Passes,
        syncs: Syncs,
        ran: Ints,
    ) -> None:
        self._warmup_us = timelines.warmup_us
        self._at_us = np.append(passes.at_us, NEVER)
        self._n_objects = timelines.objects.no_compact
        self._ran = ran
        self._listings = [
            _Listing(actor, scenario, timelines, passes, syncs, ran)
            for actor in range(len(syncs.actors))
        ]

    def more_requests(self, would: Ints) -> dict[str, int]:
        """Requests by kind, from the end of the warm-up on, that go beyond those of the run.

        Parameters
        ----------
        would : int64 array of shape (n_known,)
            The pass at which each block would have gone; not before the one of the run.
        """
        more = dict.fromkeys(("list", "head", "get"), 0)
        for listing in self._listings:
            listing.add(would, more)
        more["delete"] = self._n_objects * (self._n_deleted(would) - self._n_deleted(self._ran))
        return more

    def _n_deleted(self, deleting: Ints) -> int:
        instants = self._at_us[deleting]
        return int(((instants >= self._warmup_us) & (instants < NEVER)).sum())


class _Listing:
    """What one component found, sync by sync."""

    def __init__(
        self,
        actor: int,
        scenario: "Scenario",
        timelines: Timelines,
        passes: Passes,
        syncs: Syncs,
        ran: Ints,
    ) -> None:
        spec, blocks = scenario.gateways, timelines.blocks
        name, _, number = syncs.actors[actor].partition("/")
        is_gateway = name == "gateway"
        own = np.flatnonzero(syncs.who == actor)
        at_us = syncs.at_us[own]
        self._found = syncs.blocks[own]
        self._counts = at_us >= timelines.warmup_us
        # By pass, the first sync of this component that comes after it.
        self._after = np.searchsorted(own, np.append(passes.syncs, syncs.at_us.size))
        mine = np.ones(passes.block.size, np.bool_)
        if is_gateway:
            shards = Shards(spec, scenario.streams(timelines.seed))
            mine = shards.of_rows(blocks, passes.block) == shards.of_gateway(int(number))
        self._mine, self._ran = mine, ran[mine]
        block = passes.block[mine]
        commit_us = blocks.committed_us[block]
        sees = np.searchsorted(at_us, commit_us)
        # Blocks that it never found, for they went before its next sync.
        self._unseen = np.flatnonzero(sees >= self._after[self._ran])
        self._sees = sees[self._unseen]
        # A gateway asks for a mark only once the block is old enough to be looked at.
        delay_us = spec.consistency_delay_us if is_gateway else 0
        self._looks: Ints | None = None
        if delay_us:
            waits = (blocks.level[block] == 1) | blocks.by_hand[block]
            old_us = commit_us + np.where(waits, delay_us, 0)
            self._looks = np.searchsorted(at_us, old_us)

    def add(self, would: Ints, more: dict[str, int]) -> None:
        """Add the requests that it sends more if blocks go at other passes."""
        would = would[self._mine]
        counts, found = self._counts, self._found
        listed = np.cumsum(self._by_sync(self._ran) - self._by_sync(would))[:-1]
        asked = listed
        if self._looks is not None:
            last = self._after[would]
            since = np.minimum(np.maximum(self._after[self._ran], self._looks), last)
            size = found.size + 1
            steps = np.bincount(since, minlength=size) - np.bincount(last, minlength=size)
            asked = np.cumsum(steps)[:-1]
        pages = (found + listed) // _LIST_PAGE - found // _LIST_PAGE
        is_new = self._sees < self._after[would[self._unseen]]
        more["list"] += int(pages[counts].sum())
        more["head"] += int(listed[counts].sum())
        # The meta.json of a block is read the first time that it is found.
        more["get"] += int(asked[counts].sum()) + int(counts[self._sees[is_new]].sum())

    def _by_sync(self, deleting: Ints) -> Ints:
        """Per sync, the blocks that go between the one before and it."""
        per_pass = np.bincount(deleting, minlength=self._after.size)
        per_sync = np.zeros(self._found.size + 1, np.int64)
        np.add.at(per_sync, self._after, per_pass)
        return per_sync
