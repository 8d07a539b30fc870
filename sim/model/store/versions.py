"""The object store: versions of objects, and who sees them when (``SEMANTICS.md`` S1-S3).

Readers do not scan it: every visible change puts its block on :attr:`Store.touched` at the instant
it shows, and a reader keeps a cursor into that list.
"""

from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace
from itertools import groupby
from typing import Any, Protocol, TypeVar

from sim.core.kernel import Kernel
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block, Catalog, Version
from sim.model.faults.lags import Lags
from sim.model.store.bucket_objects import BucketObject
from sim.model.store.visibility import GET, LIST, Columns, Visibility
from sim.scenario.schema import Store as StoreSpec
from sim.trace.recorder import Recorder
from sim.trace.records import BucketPutRecord, DeleteRecord, PutRecord

T = TypeVar("T")


class Watcher(Protocol):
    """Who looks at the store time and again, and asks only when there is something new."""

    def note_change(self, t_us: int) -> None:
        """Something of a block shows at ``t_us`` (>= now) that did not show before."""

    def looked_us(self) -> int:
        """When it last looked."""


class Store:
    """The simulated object store of one run.

    Attributes
    ----------
    touched : list of Block
        Each time that a change of a block begins to show, the block.
    on_change : callable or None
        Told of each block of which a change is acknowledged.
    watchers : list of Watcher
        Those who look without asking.
    """

    def __init__(
        self,
        spec: StoreSpec,
        *,
        kernel: Kernel,
        catalog: Catalog,
        streams: Streams,
        recorder: Recorder,
        lags: Lags | None = None,
        deletion_order: str | None = None,
    ) -> None:
        self.spec = spec
        self.catalog = catalog
        self.touched: list[Block] = []
        self.on_change: Callable[[Block], None] | None = None
        self.watchers: list[Watcher] = []
        self._deletion_order = catalog.objects.deletion_order(deletion_order)
        self._whole = (1 << catalog.mark_object) - 1
        self._kernel = kernel
        self._streams = streams
        self._recorder = recorder
        self._own: dict[str, BucketObject[Any]] = {}
        self._pending: list[tuple[int, int, list[int]]] = []
        self._visibility = Visibility(spec, kernel=kernel, streams=streams, lags=lags or Lags())
        self.is_instant = self._visibility.is_instant

    def put(self, block: Block, objects: tuple[int, ...], *, stamp_us: int = 0) -> None:
        """Acknowledge ``objects`` of ``block`` now."""
        now_us = self._kernel.now_us
        get, listed = self._change(block, objects, now_us, is_put=True, stamp_us=stamp_us)
        if block.committed_us == NEVER and self.catalog.meta_object in objects:
            block.committed_us = now_us
        self._recorder.record(PutRecord(now_us, block.index, objects, get, listed, stamp_us))
        if self.on_change is not None:
            self.on_change(block)

    def delete(self, block: Block, objects: tuple[int, ...]) -> None:
        """Acknowledge now that ``objects`` of ``block``, all of which are there, are deleted."""
        self._delete(block, objects, is_copied=True)

    def expire(self, block: Block, objects: tuple[int, ...]) -> None:
        """Delete by itself ``objects`` of ``block``, all of which are there; no copy is told."""
        self._delete(block, objects, is_copied=False)

    def _delete(self, block: Block, objects: tuple[int, ...], *, is_copied: bool) -> None:
        now_us = self._kernel.now_us
        get, listed = self._change(
            block, objects, now_us, is_put=False, stamp_us=0, is_copied=is_copied
        )
        self._recorder.record(DeleteRecord(now_us, block.index, objects, get, listed))
        if self.on_change is not None:
            self.on_change(block)

    def own(self, key: str) -> BucketObject[Any]:
        """The object of the bucket that has a key, written or not."""
        return self._own.setdefault(key, BucketObject(key))

    def put_own(self, own: BucketObject[T], content: T) -> None:
        """Acknowledge a version of an object of the bucket now."""
        now_us = self._kernel.now_us
        kind = "overwrite" if len(own) else "create"
        # Below 0: in log order each has a stream of its own.
        stream = -1 - [*self._own].index(own.key)
        get, listed = self._visibility.of(own.key, len(own), kind, stream=stream)
        own.add(Version(now_us, True, now_us, get or None, listed or None), content)
        self._recorder.record(BucketPutRecord(now_us, own.key, get, listed))

    def holds(self, block: Block, object_index: int) -> bool:
        """Whether the newest acknowledged version of the object is a put."""
        return bool(block.held >> object_index & 1)

    def is_settled(self, block: Block, t_us: int) -> bool:
        """Whether the block is whole, and every replica shows it so at ``t_us``."""
        return block.settled_us <= t_us and block.held & self._whole == self._whole

    def held_objects(self, block: Block) -> tuple[int, ...]:
        """Objects whose newest version is a put, in the order of deletion (B4)."""
        held = block.held
        return tuple(i for i in self._deletion_order if held >> i & 1)

    def shown(
        self, block: Block, object_index: int, plane: int, replica: int, t_us: int
    ) -> Version | None:
        """The put that ``replica`` shows of the object at ``t_us``, or ``None``."""
        versions = block.history[object_index]
        if block.settled_us <= t_us:
            return versions[-1] if block.held >> object_index & 1 else None
        for version in reversed(versions):
            seen = version.get if plane == GET else version.list
            if (version.ack_us if seen is None else seen[replica]) <= t_us:
                return version if version.is_put else None
        return None

    def shows_alike(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether all replicas show a GET at ``t_us`` the same object. A no is no answer."""
        versions = block.history[object_index]
        if not versions or block.settled_us <= t_us:
            return True
        newest = versions[-1]
        return newest.ack_us <= t_us if newest.get is None else max(newest.get) <= t_us

    def shows_any(self, block: Block, replica: int, t_us: int) -> bool:
        """Whether ``replica`` lists any object of the block at ``t_us``."""
        if block.settled_us <= t_us:
            return block.held != 0
        for i in range(len(block.history)):
            if self.shown(block, i, LIST, replica, t_us) is not None:
                return True
        return False

    @property
    def shows_next_us(self) -> int:
        """When something shows that is not on :attr:`touched` yet; NEVER if all is."""
        return self._pending[0][0] if self._pending else NEVER

    def advance(self) -> None:
        """Put the blocks of which changes show by now onto :attr:`touched`, each once."""
        pending, now_us = self._pending, self._kernel.now_us
        if pending and pending[0][0] <= now_us:
            self._show(now_us)

    def _show(self, t_us: int) -> None:
        """Put the blocks of which changes show by ``t_us`` onto :attr:`touched`, each once."""
        pending = self._pending
        showing: dict[int, None] = {}
        while pending and pending[0][0] <= t_us:
            _, index, instants = pending[0]
            showing[index] = None
            following = bisect_right(instants, t_us)
            if following < len(instants):
                heapreplace(pending, (instants[following], index, instants))
            else:
                heappop(pending)
        blocks = self.catalog.blocks
        self.touched += [blocks[i] for i in showing]

    def _change(
        self,
        block: Block,
        objects: tuple[int, ...],
        now_us: int,
        *,
        is_put: bool,
        stamp_us: int,
        is_copied: bool = True,
    ) -> Columns:
        """Append a version per object; return the record's ``get`` and ``list`` columns."""
        held = block.held
        for i in objects:
            held = held | 1 << i if is_put else held & ~(1 << i)
        block.held = held
        if self.is_instant:
            return self._note_at_once(block, objects, now_us, is_put, stamp_us)
        return self._note_late(block, objects, now_us, is_put, stamp_us, is_copied=is_copied)

    def _note_at_once(
        self, block: Block, objects: tuple[int, ...], now_us: int, is_put: bool, stamp_us: int
    ) -> Columns:
        """Every replica shows the change now."""
        version = Version(now_us, is_put, stamp_us, None, None)
        earlier: tuple[Version, ...] = ()
        history: tuple[Version, ...] = (version,)
        for i in objects:
            # Objects that came together share one tuple, and go on sharing.
            if block.history[i] is not earlier:
                earlier = block.history[i]
                history = (*earlier, version)
            block.history[i] = history
        self.touched.append(block)
        block.settled_us = now_us
        for watcher in self.watchers:
            watcher.note_change(now_us)
        return (), ()

    def _note_late(
        self,
        block: Block,
        objects: tuple[int, ...],
        now_us: int,
        is_put: bool,
        stamp_us: int,
        *,
        is_copied: bool,
    ) -> Columns:
        """Each replica shows the change of each object in its own time."""
        gets: list[int] = []
        lists: list[int] = []
        history, key = block.history, self.catalog.key
        share = block.bytes // self.catalog.index_object
        for kind, alike in groupby(objects, key=lambda i: _kind(history[i], is_put)):
            numbers = list(alike)
            changes = [(key(block, i), len(history[i])) for i in numbers]
            columns = self._visibility.of_each(
                changes, kind, stream=block.stream, chunk_bytes=share, is_copied=is_copied
            )
            for i, (get, listed) in zip(numbers, columns, strict=True):
                version = Version(now_us, is_put, stamp_us, get, listed)
                history[i] = (*history[i], version)
                gets += get
                lists += listed
        self._touch(block, now_us, sorted({*gets, *lists}))
        return tuple(gets), tuple(lists)

    def _touch(self, block: Block, now_us: int, instants: list[int]) -> None:
        """Note when something of a block changes for somebody; ``instants`` ascend."""
        if not instants:
            return
        if instants[0] <= now_us:
            if self.watchers and self.shows_next_us <= now_us:
                # What showed when somebody looked comes before what shows now.
                self._show(max(watcher.looked_us() for watcher in self.watchers))
            self.touched.append(block)
        for watcher in self.watchers:
            watcher.note_change(max(now_us, instants[0]))
        following = bisect_right(instants, now_us)
        if following < len(instants):
            heappush(self._pending, (instants[following], block.index, instants))
        block.settled_us = max(block.settled_us, instants[-1])


def _kind(versions: tuple[Version, ...], is_put: bool) -> str:
    """What the next change of an object is that has these versions."""
    if not is_put:
        return "delete"
    return "overwrite" if versions and versions[-1].is_put else "create"
