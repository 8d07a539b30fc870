"""A bucket that clients from outside use, each as one of the scenario's (``SEMANTICS.md`` V1-V6).

What is acknowledged, who sees it when and which requests fail is decided by the simulator's own
store and clients (:mod:`sim.model.store`), so that what is served is what is simulated. Here is
what they do not know: bodies, names of keys, pages of listings.
"""

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from sim.core.kernel import Kernel
from sim.model.faults.happening import draw_faults
from sim.model.faults.requests import Crashed
from sim.model.store.client import Client, RequestFailed
from sim.model.store.versions import Store
from sim.model.store.visibility import LIST
from sim.model.tally import Tally
from sim.scenario.schema import Scenario
from sim.serving.clients import gateway_of
from sim.serving.clock import Clock
from sim.serving.contents import Condition, Content, Page, Wanted
from sim.serving.keys import Entry, Keys, unrecorded
from sim.serving.limits import Limits
from sim.serving.problems import Refused

__all__ = ["ServedBucket"]


class ServedBucket:
    """The bucket; its methods may be called by many threads.

    Parameters
    ----------
    scenario : Scenario
        Whose store, faults and clients these are.
    trial : int
        From 0; its seed is ``scenario.seed + trial``.

    Attributes
    ----------
    began : datetime
        Since when it is there, on the clocks of clients.
    """

    def __init__(self, scenario: Scenario, *, trial: int, clock: Clock, limits: Limits) -> None:
        self._scenario = scenario
        self._clock = clock
        self.began = clock.date(clock.now_us())
        self._limits = limits
        self._lock = threading.Lock()
        self._kernel = Kernel()
        self._streams = scenario.streams(scenario.seed + trial)
        self._faults = draw_faults(scenario, self._streams)
        self._tally = Tally(warmup_us=0)
        self._keys = Keys()
        self._store = Store(
            scenario.store,
            kernel=self._kernel,
            catalog=self._keys,
            streams=self._streams,
            recorder=unrecorded(scenario, trial),
            lags=self._faults.lags(),
        )
        self._clients: dict[str, Client] = {}
        self._entries: dict[str, Entry] = {}
        self._sorted: list[str] = []
        self._contents: dict[int, Content] = {}
        self._held_bytes = 0
        self._n_puts = 0

    def put(self, who: str, key: str, content: Content, condition: Condition) -> None:
        """Write a key as client ``who``; raises Refused."""
        with self._lock:
            t_us = self._advance()
            client, entry = self._client(who), self._entry(key)
            history = entry.history
            is_there = bool(history) and history[-1].is_put
            if not condition.holds(self._contents[history[-1].stamp_us] if is_there else None):
                raise Refused.unmet()
            self._make_room(len(content.body), t_us)
            # What its copies wait for.
            entry.block.bytes = len(content.body)
            # The model carries the number of the content as what is written in the object.
            self._n_puts += 1
            self._contents[self._n_puts] = replace(content, written=self._clock.date(t_us))
            try:
                client.put(entry.block, entry.number, t_us, stamp_us=self._n_puts)
            except (RequestFailed, Crashed):
                raise Refused.failed() from None
            finally:
                if entry.history is history:
                    del self._contents[self._n_puts]
                else:
                    self._held_bytes += len(content.body)
                    self._settle(entry, t_us)

    def delete(self, who: str, key: str) -> None:
        """Delete a key as client ``who``; raises Refused."""
        with self._lock:
            t_us = self._advance()
            client, entry = self._client(who), self._entries.get(key)
            if entry is None or not self._store.holds(entry.block, entry.number):
                if self._scenario.store.delete_absent == "error":
                    raise Refused.absent()
                return
            try:
                client.delete(entry.block, entry.number, t_us)
            except (RequestFailed, Crashed):
                raise Refused.failed() from None
            finally:
                self._settle(entry, t_us)

    def read(self, who: str, kind: str, key: str) -> Content:
        """What a "get" or "head" of a key by client ``who`` finds; raises Refused."""
        with self._lock:
            t_us = self._advance()
            client, entry = self._client(who), self._entries.get(key)
            if entry is None:
                if client.is_undisturbed and not client.remembers_absence:
                    raise Refused.absent()
                entry = self._entry(key)
            try:
                client.raise_if_failing(kind, entry.block, entry.number, t_us)
            except RequestFailed:
                raise Refused.failed() from None
            version = client.lookup(kind, entry.block, entry.number, t_us)
            if version is None:
                raise Refused.absent()
            content = self._contents[version.stamp_us]
            if kind == "get" and client.is_cut_short(entry.block, entry.number, t_us):
                return replace(content, body=content.body[: len(content.body) // 2])
            return content

    def list(self, who: str, wanted: Wanted) -> Page:
        """What a LIST by client ``who`` shows; raises Refused."""
        with self._lock:
            t_us = self._advance()
            client = self._client(who)
            if client.fails("list", t_us):
                raise Refused.failed()
            keys: list[tuple[str, Content]] = []
            groups: list[str] = []
            for key, content in self._shown(client.list_replica(t_us), wanted, t_us):
                group = wanted.group(key)
                if group and group in (wanted.passed, *groups[-1:]):
                    continue
                if len(keys) + len(groups) >= wanted.most:
                    return Page(tuple(keys), tuple(groups), is_cut=wanted.most > 0)
                if group:
                    groups.append(group)
                else:
                    keys.append((key, content))
            return Page(tuple(keys), tuple(groups), is_cut=False)

    def _shown(self, replica: int, wanted: Wanted, t_us: int) -> Iterator[tuple[str, Content]]:
        """Keys that a replica lists, in order, from where the listing is to go on."""
        first = bisect_left(self._sorted, wanted.prefix)
        if wanted.after:
            first = max(first, bisect_right(self._sorted, wanted.after))
        for key in islice(self._sorted, first, None):
            if not key.startswith(wanted.prefix):
                return
            entry = self._entries[key]
            version = self._store.shown(entry.block, entry.number, LIST, replica, t_us)
            if version is not None:
                yield key, self._contents[version.stamp_us]

    def _advance(self) -> int:
        """Let the time come that it is by now."""
        now_us = self._clock.now_us()
        if now_us > self._kernel.now_us:
            self._kernel.run(now_us)
        return self._kernel.now_us

    def _client(self, name: str) -> Client:
        known = self._clients.get(name)
        if known is None:
            known = Client(
                name,
                gateway=gateway_of(name),
                store=self._store,
                streams=self._streams,
                faults=self._faults,
                tally=self._tally,
            )
            self._clients[name] = known
        return known

    def _entry(self, key: str) -> Entry:
        known = self._entries.get(key)
        if known is None:
            if len(self._entries) >= self._limits.keys:
                raise Refused.full("keys")
            known = self._entries[key] = self._keys.add(key)
            insort(self._sorted, key)
        return known

    def _settle(self, entry: Entry, t_us: int) -> None:
        """Let go of what a change of a key leaves behind."""
        # Nobody looks at the store without asking.
        self._store.advance()
        self._store.touched.clear()
        self._forget(entry, t_us)

    def _make_room(self, size_bytes: int, t_us: int) -> None:
        if self._held_bytes + size_bytes > self._limits.held_bytes:
            for entry in self._entries.values():
                self._forget(entry, t_us)
        if self._held_bytes + size_bytes > self._limits.held_bytes:
            raise Refused.full("bytes")

    def _forget(self, entry: Entry, t_us: int) -> None:
        """Let go of contents that no replica can show any more: all before what all show."""
        history = entry.history
        for number in range(len(history) - 1, entry.kept, -1):
            version = history[number]
            if max((version.ack_us, *(version.get or ()), *(version.list or ()))) <= t_us:
                for old in history[entry.kept : number]:
                    if old.is_put:
                        self._held_bytes -= len(self._contents.pop(old.stamp_us).body)
                entry.kept = number
                return
