"""Gateways: readers with a view that is as old as their last sync (``SEMANTICS.md`` G1-G7).

Gateways that would see the same at every instant may be given one :class:`View` between them.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.laws import Constant
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.core.units import US_PER_S
from sim.model.blocks.catalog import Block
from sim.model.rests import Rests
from sim.model.schemes import HearsOfSyncs, Scheme
from sim.model.store.client import RequestFailed
from sim.model.store.transfer import Steps, until
from sim.model.views.listing import Instants, SyncAborted
from sim.model.views.reader import Reader
from sim.model.views.view import Sees, View
from sim.scenario.schema import Gateways
from sim.trace.recorder import Recorder
from sim.trace.records import (
    AbortRecord,
    DownRecord,
    DropRecord,
    LoadRecord,
    RetryRecord,
    UnloadedRecord,
    UpRecord,
)

_RETRY: Final = Constant(value_us=10.0 * US_PER_S)
_GIVES_UP_US: Final = 30 * US_PER_S
"""First syncs that fail are tried again, and no more (Thanos, cmd/thanos/store.go)."""


def first_sync_us(number: int, spec: Gateways, streams: Streams) -> int:
    """When a gateway begins its first sync, in µs (``SEMANTICS.md`` G1)."""
    if spec.phase == "uniform":
        return int(streams.uniform("gateway", number, "phase") * spec.sync_interval.mean)
    return draw_us(spec.phase, streams, "gateway", number, "phase")


class Gateway:
    """One gateway from a start to its next outage. A new one is made at every restart."""

    def __init__(
        self,
        number: int,
        spec: Gateways,
        *,
        kernel: Kernel,
        view: View,
        scheme: Scheme,
        streams: Streams,
        recorder: Recorder,
        rests: Rests,
    ) -> None:
        self.kernel = kernel
        self.number = number
        self.view = view
        self.loaded: dict[int, Block] = {}
        self._spec = spec
        self._client = view.client
        self._hold = scheme.hold
        self._hears = scheme.hold if isinstance(scheme.hold, HearsOfSyncs) else None
        # Who is told what it has loaded.
        self._told = (self._hold,) if scheme.miss is None else (self._hold, scheme.miss)
        self._streams = streams
        self._recorder = recorder
        self._rests = rests
        self._until = partial(until, kernel=self.kernel, phase=Phase.GATEWAY)
        self._reader = Reader(view)
        self._missing = dict(view.wanted)
        self._stale: dict[int, Block] = {}
        self._is_serving = False
        self._syncs_until_us = -1
        self._is_extra = False

    def run(self) -> Steps:
        """Sync until that succeeds, then serve and go on; it ends if no sync succeeds in time."""
        if not (yield from self._starts()):
            return
        self._is_serving = True
        start_us = self.kernel.now_us
        self._recorder.record(UpRecord(start_us, self.number))
        for each in self._told:
            each.returned(self)
        ticker = Ticker(
            self._spec.sync_interval, self._streams, "gateway", self.number, start_us=start_us
        )
        while True:
            if self._is_extra and self._syncs_until_us >= self.kernel.now_us:
                # The sync that a query asked for takes the place of that of the tick.
                yield from self._until(self._syncs_until_us)
            else:
                self._is_extra = False
                yield from self.sync()
            next_us = ticker.next_run_us(start_us, self.kernel.now_us)
            if self._rests.are_allowed and (until_us := self._rests_until_us()) > next_us:
                yield from self._rests.rest(
                    next_us,
                    ticker.period_us,
                    until_us,
                    phase=Phase.GATEWAY,
                    account=partial(self._account, self.view.sees()),
                )
            else:
                yield from self._until(next_us)
            start_us = self.kernel.now_us

    def sync_again(self) -> Steps:
        """One more sync, beginning now, or the rest of the one under way (D12)."""
        if self._syncs_until_us >= self.kernel.now_us:
            yield from self._until(self._syncs_until_us)
        else:
            self._is_extra = True
            yield from self.sync()
        self._recorder.record(RetryRecord(self.kernel.now_us, self.number))

    def _starts(self) -> Steps:
        """Try to sync, beginning now; returns whether that succeeded."""
        start_us = began_us = self.kernel.now_us
        ticker = Ticker(_RETRY, self._streams, start_us=began_us)
        while not (yield from self.sync()):
            next_us = ticker.next_run_us(start_us, self.kernel.now_us)
            yield from self._until(min(next_us, began_us + _GIVES_UP_US))
            start_us = self.kernel.now_us
            if start_us >= began_us + _GIVES_UP_US:
                return False
        return True

    def go_down(self) -> None:
        """Record that the gateway is gone, with all it knew."""
        now_us = self.kernel.now_us
        unhealthy_us = now_us + self._spec.unhealthy_after_us if self._is_serving else now_us
        self._recorder.record(DownRecord(now_us, self.number, unhealthy_us))
        for each in self._told:
            each.lost(self)

    def sync(self) -> Steps:
        """One sync, beginning now; returns whether it saw all there was to see."""
        kernel, start_us = self.kernel, self.kernel.now_us
        spec, stages = self._spec, self._spec.sync_stages
        takes_us = draw_us(
            spec.sync_takes, self._streams, "gateway", self.number, "sync-takes", start_us
        )
        if spec.sync_takes_per_block_us:
            takes_us += spec.sync_takes_per_block_us * self.view.n_listed(start_us)
        if not kernel.is_steady:
            takes_us = kernel.lasts_us(takes_us)
        check_us = start_us + int(takes_us * stages.check)
        marks_us = start_us + int(takes_us * stages.marks)
        self._syncs_until_us = start_us + takes_us
        if not kernel.is_steady:
            check_us, marks_us = kernel.due_us(check_us), kernel.due_us(marks_us)
            self._syncs_until_us = kernel.due_us(self._syncs_until_us)
        at = Instants(start_us, check_us, marks_us)
        if at.marks_us > start_us:
            yield from self._until(at.marks_us)
        try:
            changed = self._reader.sync(at)
        except SyncAborted as abort:
            self._recorder.record(AbortRecord(self.kernel.now_us, self.number, str(abort.args[0])))
            yield from self._until(start_us + takes_us)
            return False
        self._client.tally.sync(
            f"gateway/{self.number}",
            at.marks_us,
            at.list_us,
            len(self.view.source.listed),
            gateway=self.number,
        )
        is_incomplete = self.view.source.is_incomplete
        self._compare(changed)
        yield from self._until(start_us + int(takes_us * stages.load))
        if self._missing:
            self._load()
        yield from self._until(start_us + takes_us)
        if self._stale and not is_incomplete:
            self._drop()
        if self._hears is not None and not is_incomplete:
            self._hears.synced(self, start_us)
        return not is_incomplete

    def _rests_until_us(self) -> int:
        """Until when syncs find nothing to load or drop, unless the store is changed; 0: now."""
        if self._missing or self._stale or not self._reader.has_read_all:
            return 0
        return self.view.stays_until_us()

    def _account(self, sees: Sees, ticks: range) -> None:
        """Note syncs that find nothing."""
        self.view.repeat(sees, ticks, times=1)
        name = f"gateway/{self.number}"
        self._client.tally.sync_each(name, ticks, sees.n_listed, gateway=self.number)

    def _compare(self, changed: Iterable[Block]) -> None:
        """Note which changed blocks of the view are to be loaded and which to be dropped."""
        wanted, loaded, missing, stale = self.view.wanted, self.loaded, self._missing, self._stale
        for block in changed:
            index = block.index
            if index in wanted:
                stale.pop(index, None)
                if index not in loaded:
                    missing[index] = block
            else:
                missing.pop(index, None)
                if index in loaded:
                    stale[index] = block

    def _load(self) -> None:
        loaded: dict[int, Block] = {}
        failed: list[int] = []
        now_us = self.kernel.now_us
        for index in sorted(self._missing):
            if self._has_index(self._missing[index], now_us):
                loaded[index] = self._missing.pop(index)
            else:
                failed.append(index)
        if loaded:
            self.loaded.update(loaded)
            for each in self._told:
                each.took(self, tuple(loaded.values()))
            self._recorder.record(LoadRecord(now_us, self.number, tuple(loaded)))
        if failed:
            self._recorder.record(UnloadedRecord(now_us, self.number, tuple(failed)))

    def _has_index(self, block: Block, t_us: int) -> bool:
        client = self._client
        if client.is_sure_to_read(block, t_us):
            client.tally.count("get", t_us)
            return True
        try:
            index_object = client.store.catalog.index_object
            return client.read_or_fail(block, index_object, t_us) is not None
        except RequestFailed:
            return False

    def _drop(self) -> None:
        gone = [i for i in sorted(self._stale) if self._hold.may_drop(self, self._stale[i])]
        if gone:
            dropped = [self.loaded.pop(i) for i in gone]
            for each in self._told:
                each.let_go(self, dropped)
            for index in gone:
                del self._stale[index]
            self._recorder.record(DropRecord(self.kernel.now_us, self.number, tuple(gone)))
