"""The caching bucket between the gateways and the store (``SEMANTICS.md`` G8).

It remembers listings, and of meta.json and deletion-mark.json whether they exist and what is in
them. What it answers is not sent to the store. Source: Thanos, pkg/store/cache, CachingBucket.
"""

from typing import Generic, NamedTuple, TypeVar

from sim.core.streams import Streams
from sim.model.blocks.catalog import Block, Version
from sim.model.faults.happening import Faults
from sim.model.store.client import Client
from sim.model.store.versions import Store
from sim.model.tally import Tally
from sim.scenario.schema import GatewayCache

Key = tuple[int, ...]
T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """What the store answered a gateway at ``since_us``; it serves in (since_us, until_us)."""

    since_us: int
    until_us: int
    gateway: int
    value: T


class Memory(Generic[T]):
    """Answers to requests of one kind, by what was asked for."""

    def __init__(self) -> None:
        self._told: dict[Key, Answer[T]] = {}
        self._before: dict[Key, Answer[T]] = {}

    def find(self, key: Key, t_us: int) -> Answer[T] | None:
        """The answer that serves a request at ``t_us``, which is no earlier than any before."""
        answer = self._told.get(key)
        if answer is not None and answer.since_us == t_us:
            # What comes in now serves later requests only, so that gateways need no order.
            answer = self._before.get(key)
        return answer if answer is not None and t_us < answer.until_us else None

    def note(self, key: Key, answer: Answer[T]) -> bool:
        """Remember an answer; whether readers of this key may now be told something else.

        Of the answers of one instant that of the gateway with the smallest number stays.
        """
        known = self._told.get(key)
        is_new = known is None or known.value != answer.value
        if known is not None and known.since_us < answer.since_us:
            self._before[key] = known
        elif known is not None and known.gateway < answer.gateway:
            return is_new
        self._told[key] = answer
        return is_new

    def until_us(self, key: Key) -> int:
        """Until when the last answer serves; 0 without one."""
        answer = self._told.get(key)
        return 0 if answer is None else answer.until_us

    def latest(self, key: Key) -> T | None:
        """What was answered last."""
        answer = self._told.get(key)
        return None if answer is None else answer.value


class Cache:
    """What is remembered, by one gateway or by all.

    Attributes
    ----------
    listing : Memory of int
        The replica that answered the last LIST, under ``LISTING``.
    existence, content : Memory
        By block and object.
    replaced : list
        Blocks of which something else is remembered than before, in order.
    """

    LISTING: Key = ()

    def __init__(self, spec: GatewayCache) -> None:
        self.spec = spec
        self.listing: Memory[int] = Memory()
        self.existence: Memory[bool] = Memory()
        self.content: Memory[Version] = Memory()
        self.replaced: list[Block] = []


class CachingClient(Client):
    """A gateway's access to the store through a cache.

    Parameters
    ----------
    cache : Cache
        Its own, or one that it shares.
    gateway : int
        Number of the gateway.
    name, store, streams, faults, tally
        As of :class:`Client`.
    """

    def __init__(
        self,
        cache: Cache,
        name: str,
        *,
        gateway: int,
        store: Store,
        streams: Streams,
        faults: Faults,
        tally: Tally,
    ) -> None:
        super().__init__(
            name, gateway=gateway, store=store, streams=streams, faults=faults, tally=tally
        )
        self.cache = cache
        self.gateway = gateway
        self._first_cached = store.catalog.meta_object

    @property
    def sees_what_all_see(self) -> bool:
        """Whether every other client would be told the same at every instant: no."""
        return False

    def head(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether a HEAD of a meta.json or mark at ``t_us`` finds it."""
        key = (block.index, object_index)
        known = self.cache.existence.find(key, t_us)
        if known is not None:
            return known.value
        exists = super().head(block, object_index, t_us)
        self._note_existence(block, key, t_us, exists=exists)
        return exists

    def get(self, block: Block, object_index: int, t_us: int) -> Version | None:
        """What a GET of the object finds at ``t_us``; an index is always asked for."""
        if object_index < self._first_cached:
            return super().get(block, object_index, t_us)
        key = (block.index, object_index)
        content = self.cache.content.find(key, t_us)
        if content is not None:
            return content.value
        if self._is_known_absent(key, t_us):
            return None
        version = super().get(block, object_index, t_us)
        self._note_existence(block, key, t_us, exists=version is not None)
        lasts_us = self.cache.spec.content_us
        if version is not None and lasts_us:
            answer = Answer(t_us, t_us + lasts_us, self.gateway, version)
            if self.cache.content.note(key, answer):
                self.cache.replaced.append(block)
        return version

    def raise_if_failing(self, kind: str, block: Block, object_index: int, t_us: int) -> None:
        """Raise RequestFailed if a read of one object at ``t_us`` is sent and fails."""
        if not self.need_not_get(block, object_index, t_us):
            super().raise_if_failing(kind, block, object_index, t_us)

    def need_not_head(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether the cache answers a HEAD of the object at ``t_us``."""
        return self.cache.existence.find((block.index, object_index), t_us) is not None

    def need_not_get(self, block: Block, object_index: int, t_us: int) -> bool:
        """Whether the cache answers a GET of the object at ``t_us``."""
        key = (block.index, object_index)
        return self.cache.content.find(key, t_us) is not None or self._is_known_absent(key, t_us)

    def head_serves_until_us(self, block: Block, object_index: int) -> int:
        """When the next HEAD of the object is sent; a time that has passed: at the next one."""
        return self.cache.existence.until_us((block.index, object_index))

    def get_serves_until_us(self, block: Block, object_index: int) -> int:
        """When the next GET may be sent or answered otherwise; as for HEAD."""
        key, cache = (block.index, object_index), self.cache
        is_absent = cache.existence.latest(key) is False
        return max(cache.content.until_us(key), cache.existence.until_us(key) if is_absent else 0)

    def _is_known_absent(self, key: Key, t_us: int) -> bool:
        known = self.cache.existence.find(key, t_us)
        return known is not None and not known.value

    def _note_existence(self, block: Block, key: Key, t_us: int, *, exists: bool) -> None:
        cache = self.cache
        lasts_us = cache.spec.exists_us if exists else cache.spec.absent_us
        if lasts_us:
            answer = Answer(t_us, t_us + lasts_us, self.gateway, exists)
            if cache.existence.note(key, answer):
                cache.replaced.append(block)
