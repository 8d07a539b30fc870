"""The object store: versions that replicas show after a lag (``SEMANTICS.md`` S1-S3, S8).

A change is acknowledged once; each replica shows it in its GET and in its LIST plane after a lag
that depends on the change alone (key, version, replica, plane), never on when or by whom it is
asked. So the store can be asked about any instant, and all schemes of a trial meet the same lags.

Readers do not scan it: every visible change puts its block on :attr:`Store.touched` at the instant
it shows, and a reader keeps a cursor into that list.
"""

from heapq import heappop, heappush
from typing import Any, Final, TypeVar

from sim.core.draws import draw_us
from sim.core.kernel import Kernel
from sim.core.laws import Law
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block, Catalog, Version
from sim.model.faults.lags import Lags
from sim.model.store.bucket_objects import BucketObject
from sim.scenario.schema import Quorum
from sim.scenario.schema import Store as StoreSpec
from sim.trace.recorder import Recorder
from sim.trace.records import BucketPutRecord, DeleteRecord, PutRecord

GET, LIST = 0, 1
_PLANES = ("get", "list")
_NO_STREAM: Final = -1
"""Changes of what belongs to the bucket have an order of their own."""

T = TypeVar("T")


class Store:
    """The simulated object store of one run."""

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
        chunks = range(catalog.index_object)
        index, meta, mark = catalog.index_object, catalog.meta_object, catalog.mark_object
        self._deletion_order = (
            (*chunks, mark, index, meta)
            if deletion_order == "as-listed"
            else (meta, *chunks, index, mark)
        )
        self._whole = (1 << catalog.mark_object) - 1
        self._kernel = kernel
        self._streams = streams
        self._recorder = recorder
        self._own: dict[str, BucketObject[Any]] = {}
        self._pending: list[tuple[int, int]] = []
        self._log = _Log(spec.replicas)
        lag = spec.lag
        self._laws: dict[str, tuple[Law, Law]] = {
            "create": (lag.create.get, lag.create.list),
            "overwrite": (lag.overwrite.get, lag.overwrite.list),
            "delete": (lag.delete.get, lag.delete.list),
        }
        self._faults = lags or Lags()
        self.is_instant = self._faults.are_none and all(
            self._shows_at_once(laws) for laws in self._laws.values()
        )

    def put(self, block: Block, objects: tuple[int, ...], *, stamp_us: int = 0) -> None:
        """Acknowledge ``objects`` of ``block`` now."""
        now_us = self._kernel.now_us
        get, listed = self._change(block, objects, now_us, is_put=True, stamp_us=stamp_us)
        if block.committed_us == NEVER and self.catalog.meta_object in objects:
            block.committed_us = now_us
        self._recorder.record(PutRecord(now_us, block.index, objects, get, listed, stamp_us))

    def delete(self, block: Block, objects: tuple[int, ...]) -> None:
        """Acknowledge now that ``objects`` of ``block``, all of which are there, are deleted."""
        now_us = self._kernel.now_us
        get, listed = self._change(block, objects, now_us, is_put=False, stamp_us=0)
        self._recorder.record(DeleteRecord(now_us, block.index, objects, get, listed))

    def own(self, key: str) -> BucketObject[Any]:
        """The object of the bucket that has a key, written or not."""
        return self._own.setdefault(key, BucketObject(key))

    def put_own(self, own: BucketObject[T], content: T) -> None:
        """Acknowledge a version of an object of the bucket now."""
        now_us = self._kernel.now_us
        get: tuple[int, ...] = ()
        listed: tuple[int, ...] = ()
        if not self.is_instant:
            kind = "overwrite" if len(own) else "create"
            get, listed = (
                self.visible_us(own.key, len(own), kind, plane, stream=_NO_STREAM)
                for plane in (GET, LIST)
            )
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
        if not versions:
            return None
        newest = versions[-1]
        if newest.get is None and newest.ack_us <= t_us:
            return newest if newest.is_put else None
        for version in reversed(versions):
            seen = version.get if plane == GET else version.list
            if (version.ack_us if seen is None else seen[replica]) <= t_us:
                return version if version.is_put else None
        return None

    def shows_any(self, block: Block, replica: int, t_us: int) -> bool:
        """Whether ``replica`` lists any object of the block at ``t_us``."""
        if block.settled_us <= t_us:
            return block.held != 0
        for i in range(len(block.history)):
            if self.shown(block, i, LIST, replica, t_us) is not None:
                return True
        return False

    def advance(self) -> None:
        """Move the changes that show by now onto :attr:`touched`."""
        pending, now_us = self._pending, self._kernel.now_us
        while pending and pending[0][0] <= now_us:
            self.touched.append(self.catalog.blocks[heappop(pending)[1]])

    def _shows_at_once(self, laws: tuple[Law, Law]) -> bool:
        if self.spec.quorum is not None or self.spec.order == "log":
            return False
        return all(law.is_constant and law.draw_us(0.5) == 0 for law in laws)

    def _change(
        self, block: Block, objects: tuple[int, ...], now_us: int, *, is_put: bool, stamp_us: int
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Append a version per object; return the record's ``get`` and ``list`` columns."""
        held = block.held
        for i in objects:
            held = held | 1 << i if is_put else held & ~(1 << i)
        block.held = held
        if self.is_instant:
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
            return (), ()
        gets: list[int] = []
        lists: list[int] = []
        for i in objects:
            versions = block.history[i]
            is_new = not versions or not versions[-1].is_put
            kind = "delete" if not is_put else "create" if is_new else "overwrite"
            key = self.catalog.key(block, i)
            get, listed = (
                self.visible_us(key, len(versions), kind, plane, stream=block.stream)
                for plane in (GET, LIST)
            )
            block.history[i] = (*versions, Version(now_us, is_put, stamp_us, get, listed))
            gets += get
            lists += listed
        self._touch(block, now_us, {*gets, *lists})
        return tuple(gets), tuple(lists)

    def _touch(self, block: Block, now_us: int, instants: set[int]) -> None:
        for t_us in sorted(instants):
            if t_us <= now_us:
                self.touched.append(block)
            else:
                heappush(self._pending, (t_us, block.index))
            block.settled_us = max(block.settled_us, t_us)

    def visible_us(
        self, key: str, version: int, kind: str, plane: int, *, stream: int
    ) -> tuple[int, ...]:
        """When each replica shows, in a plane, a version of a key that is acknowledged now (S2)."""
        now_us = self._kernel.now_us
        if self.spec.quorum is not None:
            return (now_us + self._quorum_lag_us(self.spec.quorum, key, version, plane),)
        replicas = range(self.spec.replicas)
        law, name = self._laws[kind][plane], _PLANES[plane]
        lags = [draw_us(law, self._streams, "lag", key, version, r, name) for r in replicas]
        faults = self._faults
        if not faults.are_none:
            for r in replicas:
                others = faults.laws(now_us, kind, name, r) or [law]
                identity = ("lag", key, version, r, name)
                lags[r] = max(draw_us(other, self._streams, *identity) for other in others)
        for replica in self._current_at_ack(key, version):
            lags[replica] = 0
        seen = [now_us + lag for lag in lags]
        if not faults.are_none:
            seen = [faults.arrives_us(t_us, r) for r, t_us in enumerate(seen)]
        if self.spec.order == "log":
            return self._log.append(plane, stream, now_us, seen)
        return tuple(seen)

    def _current_at_ack(self, key: str, version: int) -> list[int]:
        """Replicas that applied the change before it was acknowledged."""
        current = [0] if self.spec.primary else []
        uniform = self._streams.uniform
        if self.spec.acks:
            draws = [
                (self._faults.cut_off(self._kernel.now_us, r), uniform("ack", key, version, r), r)
                for r in range(self.spec.replicas)
            ]
            current += [r for *_, r in sorted(draws)[: self.spec.acks]]
        return current

    def _quorum_lag_us(self, quorum: Quorum, key: str, version: int, plane: int) -> int:
        """The age from which a read of this version finds it: the one-pass form of WARS."""

        def delays(leg: str, law: Law) -> list[int]:
            identity = ("wars", key, version, _PLANES[plane], leg)
            return [draw_us(law, self._streams, *identity, i) for i in range(quorum.n)]

        write = delays("write", quorum.write)
        ack = delays("ack", quorum.ack)
        read = delays("read", quorum.read)
        response = delays("response", quorum.response)
        commit = sorted(w + a for w, a in zip(write, ack, strict=True))[quorum.w - 1]
        answers = sorted((r + s, i) for i, (r, s) in enumerate(zip(read, response, strict=True)))
        first = min(write[i] - read[i] for _, i in answers[: quorum.r])
        return max(0, first - commit)


class _Log:
    """Replicas that show changes in the order of acknowledgement (S2, ``order = "log"``).

    Changes of different streams acknowledged at one instant have no order.
    """

    def __init__(self, replicas: int) -> None:
        self._now_us = 0
        self._before = {plane: [0] * replicas for plane in (GET, LIST)}
        self._latest = {plane: [0] * replicas for plane in (GET, LIST)}
        self._of_stream: dict[tuple[int, int], list[int]] = {}

    def append(self, plane: int, stream: int, now_us: int, seen_us: list[int]) -> tuple[int, ...]:
        """When each replica shows a change acknowledged now that it could show at ``seen_us``."""
        if now_us > self._now_us:
            self._now_us = now_us
            self._before = {p: list(latest) for p, latest in self._latest.items()}
            self._of_stream.clear()
        earlier = self._of_stream.get((plane, stream), self._before[plane])
        shown = [max(pair) for pair in zip(seen_us, earlier, strict=True)]
        self._of_stream[plane, stream] = shown
        latest = self._latest[plane]
        for replica, t_us in enumerate(shown):
            latest[replica] = max(latest[replica], t_us)
        return tuple(shown)
