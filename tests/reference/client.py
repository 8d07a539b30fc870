"""What one client sees of the store: replica choice, front end, request errors (S4-S7)."""

from __future__ import annotations

from collections.abc import Sequence

from sim.faults import Clock, Crash, RequestErrors, StoreErrors
from tests.reference.cache import Cache
from tests.reference.faults import is_befallen, is_hit
from tests.reference.store import Store, Version
from tests.reference.world import Block, Crashed, World

BLOCKS_PER_LIST_PAGE = 1000


class RequestFailed(Exception):
    """The store answered a request with an error."""


def reading_candidates(world: World, *, is_gateway: bool) -> Sequence[int]:
    """Replicas a client may read (S4)."""
    replicas = range(world.scenario.store.replicas)
    if world.scenario.store.primary:
        return replicas[1:] if is_gateway else replicas[:1]
    return replicas


class Client:
    """Issues requests at the present instant and counts them."""

    def __init__(
        self,
        world: World,
        store: Store,
        name: str,
        gateway: int | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.world = world
        self.store = store
        self.name = name
        self.gateway = gateway
        self.candidates = reading_candidates(world, is_gateway=gateway is not None)
        self.absent_until_us: dict[str, int] = {}
        self.cache = Cache(world, None) if cache is None else cache

    def fixed_replica(self) -> int | None:
        """The replica of a client that always reads the same one; None under ``any``."""
        if len(self.candidates) == 1:
            return self.candidates[0]
        match self.world.scenario.store.read_from:
            case "sticky":
                n = len(self.candidates)
                return self.candidates[self.world.pick(n, "replica", self.name)]
            case "nearest":
                if self.gateway is None:
                    return 0
                return self.candidates[self.gateway % len(self.candidates)]
            case _:
                return None

    def replica(self, kind: str, key: str) -> int:
        """The replica that answers a request made now (S4)."""
        fixed = self.fixed_replica()
        if fixed is not None:
            return fixed
        n = len(self.candidates)
        now_us = self.world.now_us
        return self.candidates[self.world.pick(n, "replica", self.name, kind, key, now_us)]

    def list_blocks(self) -> list[Block]:
        """Every block that has at least one object in the listing, oldest first (S5)."""
        ids = self.cache.listing()
        if ids is None:
            ids = {block_of(key) for key in self._listed_keys() if "/" in key}
            self.world.counts.add("requests.list", len(ids) // BLOCKS_PER_LIST_PAGE)
            self.cache.note_listing(self.gateway, ids)
        return sorted((self.world.blocks[i] for i in ids), key=lambda block: block.age_key)

    def list_keys_of(self, block: Block) -> list[str]:
        """The objects of one block that are in the listing; raises RequestFailed."""
        return [key for key in self._listed_keys() if block_of(key) == block.id]

    def _listed_keys(self) -> list[str]:
        self.world.counts.add("requests.list")
        if self._uniform("list") < self._failure_rate("list"):
            raise RequestFailed("list")
        now_us = self.world.now_us
        replica = self.replica("list", "")
        return [k for k in self.store.versions if self.store.shown(k, "list", replica, now_us)]

    def head_many(self, keys: list[str]) -> dict[str, Version | None]:
        """A batch of HEADs with one draw of error (S7); raises RequestFailed."""
        return self._read_many("head", "head", keys)

    def get_marks(self, keys: list[str]) -> dict[str, Version | None]:
        """A batch of GETs of marks with one draw of error (S7); raises RequestFailed."""
        return self._read_many("mark", "get", keys)

    def get_unremembered(self, batch: str, keys: list[str]) -> dict[str, bool]:
        """Whether GETs find what the front end never remembers, as one batch (C17)."""
        self.world.counts.add("requests.get", len(keys))
        all_answered = (1.0 - self._failure_rate("get", keys[0])) ** len(keys) if keys else 1.0
        if self._uniform(batch) < 1.0 - all_answered:
            raise RequestFailed(batch)
        now_us, shown = self.world.now_us, self.store.shown
        return {
            key: not self._is_denied("get", key)
            and shown(key, "get", self.replica("get", key), now_us) is not None
            for key in keys
        }

    def lists(self, key: str) -> bool:
        """Whether the LIST of this instant shows a key."""
        replica = self.replica("list", "")
        return self.store.shown(key, "list", replica, self.world.now_us) is not None

    def _read_many(self, batch: str, kind: str, keys: list[str]) -> dict[str, Version | None]:
        sent = [key for key in keys if not self.cache.answers(kind, key)]
        self.world.counts.add(f"requests.{kind}", len(sent))
        failing = [self._failure_rate(kind, key) for key in sent]
        all_answered = 1.0
        for rate in sorted(set(failing)):
            all_answered *= (1.0 - rate) ** failing.count(rate)
        if self._uniform(batch) < 1.0 - all_answered:
            raise RequestFailed(batch)
        return {key: self._cached_answer(kind, key) for key in keys}

    def head(self, key: str) -> Version | None:
        """One HEAD; raises RequestFailed."""
        return self._read_one("head", key)

    def get(self, key: str) -> Version | None:
        """One GET; raises RequestFailed."""
        return self._read_one("get", key)

    def _read_one(self, kind: str, key: str) -> Version | None:
        if self.cache.answers(kind, key):
            return self.cache.answer(kind, key)
        self.world.counts.add(f"requests.{kind}")
        failed = self._uniform(kind, key) < self._failure_rate(kind, key)
        if failed and not self._is_remembered_absent(key):
            raise RequestFailed(key)
        return self._cached_answer(kind, key)

    def _cached_answer(self, kind: str, key: str) -> Version | None:
        """What the cache answers, or the store, which the cache remembers then (G8)."""
        if self.cache.answers(kind, key):
            return self.cache.answer(kind, key)
        version = self._answer(kind, key)
        self.cache.note(self.gateway, kind, key, version)
        return version

    def _answer(self, kind: str, key: str) -> Version | None:
        """What the front end answers (S6)."""
        if self._is_remembered_absent(key):
            return None
        now_us = self.world.now_us
        version = self.store.shown(key, "get", self.replica(kind, key), now_us)
        if self._is_denied(kind, key):
            version = None
        if version is None:
            remembered_us = self.world.scenario.store.negative_cache_us
            self.absent_until_us[key] = now_us + remembered_us
        return version

    def _is_remembered_absent(self, key: str) -> bool:
        return self.world.now_us < self.absent_until_us.get(key, 0)

    def about(self, key: str) -> tuple[Block | None, str]:
        """The block that a key is of, and which of its objects it is (S1)."""
        block_id, _, name = key.partition("/")
        return self.world.blocks.get(block_id), name.partition("/")[0]

    def put(self, key: str, stamp_us: int) -> None:
        """Write an object; raises RequestFailed, also if only the answer is lost (S7)."""
        self.world.counts.add("requests.put")
        self._write("put", key, is_put=True, stamp_us=stamp_us)

    def delete(self, key: str) -> None:
        """Delete an object; raises RequestFailed, also if only the answer is lost (S7)."""
        self.world.counts.add("requests.delete")
        self._write("delete", key, is_put=False, stamp_us=0)

    def _write(self, kind: str, key: str, *, is_put: bool, stamp_us: int) -> None:
        self._strike(kind, key, is_over=False)
        if not is_put and not self.store.newest_is_put(key):
            raise RequestFailed(key)
        error_rate, lost_answer_rate = self._error_rates(kind, key)
        uniform = self._uniform(kind, key)
        if uniform < error_rate:
            raise RequestFailed(key)
        self.store.change(key, is_put=is_put, stamp_us=stamp_us)
        block, name = self.about(key)
        if block is not None and name == "meta.json" and is_put:
            block.committed_us = min(block.committed_us, self.world.now_us)
        if uniform < error_rate + lost_answer_rate:
            raise RequestFailed(key)
        self._strike(kind, key, is_over=True)

    def _strike(self, kind: str, key: str, *, is_over: bool) -> None:
        """Crash here, if a fault says so (F5)."""
        for index, fault in enumerate(self.world.scenario.faults):
            if not isinstance(fault, Crash) or fault.at_request is None:
                continue
            named = fault.at_request
            if named.acknowledged != is_over or not is_befallen(fault, self.name):
                continue
            if self.world.now_us < self.world.fault_at_us(index, fault) or named.request != kind:
                continue
            if named.object not in (None, self.about(key)[1]):
                continue
            number = self.world.struck.get((index, self.name), 0) + 1
            self.world.struck[index, self.name] = number
            if number == named.nth:
                raise Crashed(self.world.now_us + self.world.fault_lasts_us(index, fault))

    def clock_us(self, time_us: int) -> int:
        """What the client's clock shows at an instant (T6, F6)."""
        shown_us = time_us
        for index, fault in enumerate(self.world.scenario.faults):
            if isinstance(fault, Clock) and is_befallen(fault, self.name):
                since_us = time_us - self.world.fault_at_us(index, fault)
                if 0 <= since_us < self.world.fault_lasts_us(index, fault):
                    shown_us += fault.ahead_us - fault.behind_us
        return shown_us

    def _uniform(self, *what: str) -> float:
        return self.world.streams.uniform("error", self.name, *what, self.world.now_us)

    def _failure_rate(self, kind: str, key: str = "") -> float:
        return min(1.0, sum(self._error_rates(kind, key)))

    def _error_rates(self, kind: str, key: str) -> tuple[float, float]:
        """``error_rate`` and ``lost_answer_rate`` now; the largest in force counts (S7, F2)."""
        spec = self.world.scenario.store
        error_rate, lost_answer_rate = spec.error_rate, spec.lost_answer_rate
        for fault in self._faults_of(kind, key):
            error_rate = max(error_rate, fault.error_rate)
            lost_answer_rate = max(lost_answer_rate, fault.lost_answer_rate)
        return error_rate, lost_answer_rate

    def _is_denied(self, kind: str, key: str) -> bool:
        """Whether the answer is "not found" whatever is there (F3)."""
        return any(
            isinstance(fault, RequestErrors) and fault.answers == "not-found"
            for fault in self._faults_of(kind, key)
        )

    def is_cut_short(self, key: str) -> bool:
        """Whether what a GET gives now is not all there is (F3)."""
        return any(
            isinstance(fault, RequestErrors) and fault.answers == "truncated"
            for fault in self._faults_of("get", key)
        )

    def _faults_of(self, kind: str, key: str) -> list[StoreErrors | RequestErrors]:
        """What makes requests like this one fail now."""
        block, name = self.about(key)
        return [
            fault
            for fault in self.world.faults_in_force()
            if isinstance(fault, StoreErrors | RequestErrors)
            and is_befallen(fault, self.name)
            and is_hit(fault, kind, name, block)
        ]


def block_of(key: str) -> str:
    """The block id in a key."""
    return key.split("/", 1)[0]
