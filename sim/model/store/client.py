"""A component's access to the store: replica, front end, errors (``SEMANTICS.md`` S4-S7, F)."""

from collections.abc import Collection
from typing import TypeVar

from sim.conventions.placement import candidates, fixed_replica
from sim.core.streams import Streams
from sim.core.units import US_PER_S
from sim.model.blocks.catalog import Block, Version
from sim.model.faults.effect import Request
from sim.model.faults.happening import Faults
from sim.model.store.bucket_objects import BucketObject
from sim.model.store.versions import Store
from sim.model.store.visibility import GET, LIST
from sim.model.tally import Tally
from sim.scenario.language.faults import OBJECTS

T = TypeVar("T")


class RequestFailed(Exception):
    """A request got an error for an answer; ``args`` are the kind and the key."""


class Client:
    """One component as the store sees it.

    Parameters
    ----------
    name : str
        "gateway/<g>", "compactor" or "producer/<s>"; part of every draw's identity.
    gateway : int or None
        Number of the gateway, ``None`` for writers, which stand beside replica 0.

    Attributes
    ----------
    is_undisturbed : bool
        Whether no fault changes an answer that it gets.
    hides : bool
        Whether a fault may deny that an object is there.
    has_right_clock : bool
        Whether its clock is the simulated time at every instant.
    """

    def __init__(
        self,
        name: str,
        *,
        gateway: int | None,
        store: Store,
        streams: Streams,
        faults: Faults,
        tally: Tally,
    ) -> None:
        self.name = name
        self.store = store
        self.tally = tally
        self.streams = streams
        self._negative_us = store.spec.negative_cache_us
        self.remembers_absence = self._negative_us > 0
        self._disturbances = faults.disturbances(name)
        self._clock = faults.clock(name)
        self.is_undisturbed = self._disturbances.are_none
        self.hides = self._disturbances.hide
        self.has_right_clock = self._clock.is_right
        self._answers_as_stored = not (self.hides or self.remembers_absence)
        self._absent_until: dict[tuple[int, int] | str, int] = {}
        self._candidates = candidates(store.spec, gateway=gateway)
        self._fixed = fixed_replica(store.spec, name, streams, gateway=gateway)

    @property
    def reads_one_replica(self) -> bool:
        """Whether all its reads go to one replica."""
        return self._fixed is not None

    @property
    def sees_what_all_see(self) -> bool:
        """Whether every other client would be told the same at every instant."""
        is_like_others = self.is_undisturbed and self.has_right_clock
        return self.store.is_instant and not self.remembers_absence and is_like_others

    def clock_us(self, t_us: int) -> int:
        """What the component's clock shows at ``t_us`` (T6)."""
        return self._clock.shows_us(t_us)

    def when_us(self, clock_us: int) -> int:
        """When the component's clock first shows ``clock_us`` or more."""
        return self._clock.when_us(clock_us)

    def sets_clock(self, after_us: int, until_us: int) -> bool:
        """Whether the component's clock is set in (after_us, until_us]."""
        return any(after_us < t_us <= until_us for t_us in self._clock.turns_us)

    def head(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether a HEAD at ``t_us`` finds the object. Not tallied, cannot fail."""
        if block.settled_us <= t_us and self._answers_as_stored:
            return bool(block.held >> object_index & 1)
        return self.lookup("head", block, object_index, t_us) is not None

    def get(self, block: Block, object_index: int, t_us: int) -> Version | None:
        """What a GET of the object finds at ``t_us``. Not tallied, cannot fail."""
        if block.settled_us <= t_us and self._answers_as_stored:
            return block.history[object_index][-1] if block.held >> object_index & 1 else None
        return self.lookup("get", block, object_index, t_us)

    def need_not_get(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether a GET of the object at ``t_us`` is answered before it is sent."""
        return False

    def remembered_absent_until(self, block: Block, object_index: int) -> int:
        """End of the front end's memory that the object does not exist; 0 without one."""
        return self._absent_until.get((block.index, object_index), 0)

    def remember_absent(self, block: Block, object_index: int, t_us: int) -> None:
        """Note that the replica answered "not found" at ``t_us``."""
        if self._negative_us:
            self._absent_until[block.index, object_index] = t_us + self._negative_us

    def list_replica(self, t_us: int) -> int:
        """The replica that answers a LIST at ``t_us``."""
        return self.replica("list", "", t_us)

    def replica(self, kind: str, key: str, t_us: int) -> int:
        """The replica that answers a request of ``kind`` for a key at ``t_us`` (S4)."""
        if self._fixed is not None:
            return self._fixed
        draw = self.streams.uniform("replica", self.name, kind, key, t_us)
        return self._candidates[int(draw * len(self._candidates))]

    def lists_object(self, block: Block, object_index: int, replica: int, t_us: int) -> bool:
        """Whether a LIST answered by ``replica`` at ``t_us`` shows the object."""
        return self.store.shown(block, object_index, LIST, replica, t_us) is not None

    def turns(self, after_us: int, until_us: int) -> bool:
        """Whether it begins to be told otherwise of what has not changed, in (after, until]."""
        return self._disturbances.turn(after_us, until_us)

    def fails(self, kind: str, t_us: int) -> bool:
        """Whether a request that is about no object of a block fails at ``t_us``."""
        if self.is_undisturbed:
            return False
        rate = self._disturbances.failing(Request(kind, "", is_compacted=False), t_us)
        return rate > 0.0 and self.streams.happens(rate, "error", self.name, kind, t_us)

    def batch_fails(self, name: str, object_index: int, blocks: Collection[int], t_us: int) -> bool:
        """Whether one of a sync's reads of an object of ``blocks`` (ordinals) fails.

        ``name`` is "head", or "mark" or "no-compact" for GETs of marks.
        """
        if not blocks:
            return False
        n_compacted = 0
        if self._disturbances.tell_blocks_apart:
            known = self.store.catalog.blocks
            n_compacted = sum(1 for i in blocks if known[i].is_compacted)
        kind, about = "head" if name == "head" else "get", self._about(object_index)
        all_answered = 1.0
        for is_compacted, n in ((False, len(blocks) - n_compacted), (True, n_compacted)):
            request = Request(kind, about, is_compacted=is_compacted)
            all_answered *= (1.0 - self._disturbances.failing(request, t_us)) ** n
        if all_answered == 1.0:
            return False
        return self.streams.happens(1.0 - all_answered, "error", self.name, name, t_us)

    def read_or_fail(self, block: Block, object_index: int, t_us: int) -> Version | None:
        """A tallied GET at ``t_us``.

        Raises
        ------
        RequestFailed
            If the request gets an error for an answer.
        """
        self.tally.count("get", t_us)
        self.raise_if_failing("get", block, object_index, t_us)
        return self.get(block, object_index, t_us)

    def is_cut_short(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether what a GET at ``t_us`` gives of an object is not all of it."""
        if self.is_undisturbed:
            return False
        return self._disturbances.truncate(self._request("get", block, object_index), t_us)

    def raise_if_failing(self, kind: str, block: Block, object_index: int, t_us: int) -> None:
        """Raise :class:`RequestFailed` if a read of one object at ``t_us`` fails.

        One that the front end answers is not sent and cannot fail.
        """
        if self.is_undisturbed:
            return
        if t_us < self.remembered_absent_until(block, object_index):
            return
        key = self.store.catalog.key(block, object_index)
        self._raise_if_sent_in_vain(self._request(kind, block, object_index), key, t_us)

    def is_sure_to_read(self, block: Block, t_us: int) -> bool:
        """Whether LIST and GET of its data and meta.json at ``t_us`` cannot but find them.

        They then need not be asked one by one. A no is no answer.
        """
        if self.remembers_absence or not self.is_undisturbed:
            return False
        return self.store.is_settled(block, t_us)

    def put(self, block: Block, object_index: int, t_us: int, *, stamp_us: int = 0) -> None:
        """A PUT, now.

        Raises
        ------
        RequestFailed
            If it is answered with an error.
        Crashed
            If the component crashes at it.
        """
        self.tally.count("put", t_us)
        request = self._request("put", block, object_index)
        key = self.store.catalog.key(block, object_index)
        if self._is_applied(request, key, t_us):
            self.store.put(block, (object_index,), stamp_us=stamp_us)
        self._end_write(request, key, t_us)

    def delete(self, block: Block, object_index: int, t_us: int) -> None:
        """A DELETE, now; raises as :meth:`put`, and if the object is not there any more."""
        self.tally.count("delete", t_us)
        request = self._request("delete", block, object_index)
        key = self.store.catalog.key(block, object_index)
        is_applied = self._is_applied(request, key, t_us)
        if not self.store.holds(block, object_index):
            raise RequestFailed("delete-absent", key)
        if is_applied:
            self.store.delete(block, (object_index,))
        self._end_write(request, key, t_us)

    def put_own(self, own: BucketObject[T], content: T, t_us: int) -> None:
        """A PUT of an object of the bucket, now; raises as :meth:`put`."""
        self.tally.count("put", t_us)
        request = Request("put", "", is_compacted=False)
        if self._is_applied(request, own.key, t_us):
            self.store.put_own(own, content)
        self._end_write(request, own.key, t_us)

    def get_own(self, own: BucketObject[T], t_us: int, *, kind: str = "get") -> T | None:
        """What a GET or HEAD of an object of the bucket finds at ``t_us``, or None. Not tallied.

        Raises
        ------
        RequestFailed
            If the request gets an error for an answer.
        """
        if t_us < self._absent_until.get(own.key, 0):
            return None
        request = Request(kind, "", is_compacted=False)
        self._raise_if_sent_in_vain(request, own.key, t_us)
        content = own.shown(self.replica(kind, own.key, t_us), t_us)
        if self._disturbances.deny(request, t_us):
            content = None
        if content is None:
            self._absent_until[own.key] = t_us + self._negative_us
        return content

    def finds_unremembered(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether a GET at ``t_us`` finds an object that the front end never remembers."""
        return self._answer("get", block, object_index, t_us) is not None

    def get_unremembered(self, block: Block, object_index: int, t_us: int) -> Version | None:
        """What its replica shows at ``t_us``, which may be past, whatever happens to requests."""
        replica = self.replica("get", self.store.catalog.key(block, object_index), t_us)
        return self.store.shown(block, object_index, GET, replica, t_us)

    def stamp_us(self, t_us: int) -> int:
        """What is written into a mark that is put at ``t_us``: the second (C9)."""
        clock_us = self.clock_us(t_us)
        return clock_us - clock_us % US_PER_S

    def _about(self, object_index: int) -> str:
        """What is in an object; empty for one that faults do not know."""
        if object_index == self.store.catalog.no_compact_object:
            return ""
        return OBJECTS[max(0, object_index - self.store.catalog.index_object + 1)]

    def _request(self, kind: str, block: Block, object_index: int) -> Request:
        return Request(kind, self._about(object_index), is_compacted=block.is_compacted)

    def _raise_if_sent_in_vain(self, request: Request, key: str, t_us: int) -> None:
        rate = self._disturbances.failing(request, t_us)
        if rate > 0.0 and self.streams.happens(rate, "error", self.name, request.kind, key, t_us):
            raise RequestFailed(request.kind, key)

    def _error_draw(self, kind: str, key: str, t_us: int) -> float:
        return self.streams.uniform("error", self.name, kind, key, t_us)

    def _is_applied(self, request: Request, key: str, t_us: int) -> bool:
        """Whether a write changes the store; may raise Crashed before it is sent."""
        if self.is_undisturbed:
            return True
        self._disturbances.strike(request, t_us, is_over=False)
        failing, _ = self._disturbances.error_rates(request, t_us)
        return failing == 0.0 or self._error_draw(request.kind, key, t_us) >= failing

    def _end_write(self, request: Request, key: str, t_us: int) -> None:
        """Take the answer to a write; raises as :meth:`put`."""
        if self.is_undisturbed:
            return
        rates = self._disturbances.error_rates(request, t_us)
        if sum(rates) > 0.0 and self._error_draw(request.kind, key, t_us) < sum(rates):
            raise RequestFailed(request.kind, key)
        self._disturbances.strike(request, t_us, is_over=True)

    def lookup(self, kind: str, block: Block, object_index: int, t_us: int) -> Version | None:
        """What a "get" or "head" of the object finds at ``t_us``. Not tallied, cannot fail."""
        if t_us < self._absent_until.get((block.index, object_index), 0):
            return None
        version = self._answer(kind, block, object_index, t_us)
        if version is None:
            self.remember_absent(block, object_index, t_us)
        return version

    def _answer(self, kind: str, block: Block, object_index: int, t_us: int) -> Version | None:
        """What the replica that is read shows of an object, unless a fault denies it."""
        if self.hides and self._disturbances.deny(self._request(kind, block, object_index), t_us):
            return None
        replica, store = self._fixed, self.store
        if replica is None:
            if block.settled_us <= t_us or store.shows_alike(block, object_index, t_us):
                replica = self._candidates[0]
            else:
                replica = self.replica(kind, store.catalog.key(block, object_index), t_us)
        return store.shown(block, object_index, GET, replica, t_us)
