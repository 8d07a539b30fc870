"""Gateways: readers with a view that is as old as their last sync (``SEMANTICS.md`` G1-G7).

Gateways that would see the same at every instant may be given one :class:`View` between them.
"""

from collections.abc import Iterable

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.streams import Streams
from sim.model.bucket import Instants, SyncAborted
from sim.model.catalog import Block
from sim.model.client import RequestFailed
from sim.model.reader import Reader
from sim.model.ticker import Ticker
from sim.model.transfer import Steps
from sim.model.view import View
from sim.scenario.schema import Gateways
from sim.trace.recorder import Recorder
from sim.trace.records import (
    AbortRecord,
    DownRecord,
    DropRecord,
    LoadRecord,
    UnloadedRecord,
    UpRecord,
)


class Gateway:
    """One gateway from a start to its next outage. A new one is made at every restart."""

    def __init__(
        self,
        number: int,
        spec: Gateways,
        *,
        kernel: Kernel,
        view: View,
        streams: Streams,
        recorder: Recorder,
    ) -> None:
        self._number = number
        self._spec = spec
        self._kernel = kernel
        self._client = view.client
        self._streams = streams
        self._recorder = recorder
        self._view = view
        self._reader = Reader(view)
        self._loaded: dict[int, Block] = {}
        self._missing = dict(view.wanted)
        self._stale: dict[int, Block] = {}
        self._is_serving = False

    def run(self) -> Steps:
        """Sync after sync, beginning now."""
        start_us = self._kernel.now_us
        ticker = Ticker(
            self._spec.sync_interval, self._streams, "gateway", self._number, start_us=start_us
        )
        while True:
            yield from self._sync(start_us)
            if not self._is_serving:
                self._is_serving = True
                self._recorder.record(UpRecord(self._kernel.now_us, self._number))
            end_us = self._kernel.now_us
            next_us = ticker.next_run_us(start_us, end_us)
            yield from self._until(next_us)
            start_us = next_us

    def go_down(self) -> None:
        """Record that the gateway is gone, with all it knew."""
        now_us = self._kernel.now_us
        unhealthy_us = now_us + self._spec.unhealthy_after_us if self._is_serving else now_us
        self._recorder.record(DownRecord(now_us, self._number, unhealthy_us))

    def _sync(self, start_us: int) -> Steps:
        spec, stages = self._spec, self._spec.sync_stages
        takes_us = draw_us(
            spec.sync_takes, self._streams, "gateway", self._number, "sync-takes", start_us
        )
        at = Instants(
            list_us=start_us,
            check_us=start_us + int(takes_us * stages.check),
            marks_us=start_us + int(takes_us * stages.marks),
        )
        yield from self._until(at.marks_us)
        try:
            changed = self._reader.sync(at)
        except SyncAborted as abort:
            self._recorder.record(
                AbortRecord(self._kernel.now_us, self._number, str(abort.args[0]))
            )
            yield from self._until(start_us + takes_us)
            return
        is_incomplete = self._view.source.is_incomplete
        self._compare(changed)
        yield from self._until(start_us + int(takes_us * stages.load))
        self._load()
        yield from self._until(start_us + takes_us)
        if not is_incomplete:
            self._drop()

    def _until(self, t_us: int) -> Steps:
        if t_us > self._kernel.now_us:
            yield self._kernel.sleep(t_us - self._kernel.now_us, Phase.GATEWAY)

    def _compare(self, changed: Iterable[Block]) -> None:
        """Note which changed blocks of the view are to be loaded and which to be dropped."""
        wanted, loaded, missing, stale = self._view.wanted, self._loaded, self._missing, self._stale
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
        loaded: list[int] = []
        failed: list[int] = []
        now_us = self._kernel.now_us
        for index in sorted(self._missing):
            if self._has_index(self._missing[index], now_us):
                self._loaded[index] = self._missing.pop(index)
                loaded.append(index)
            else:
                failed.append(index)
        if loaded:
            self._recorder.record(LoadRecord(now_us, self._number, tuple(loaded)))
        if failed:
            self._recorder.record(UnloadedRecord(now_us, self._number, tuple(failed)))

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
        if self._stale:
            gone = tuple(sorted(self._stale))
            for index in gone:
                del self._loaded[index]
            self._stale.clear()
            self._recorder.record(DropRecord(self._kernel.now_us, self._number, gone))
