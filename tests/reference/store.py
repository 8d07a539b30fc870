"""The object store: versions of keys, and what each replica shows of them (S1-S3, S8, S10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.core.units import NEVER
from sim.faults import CutOff, StoreLags
from tests.reference.world import Block, World

Plane = Literal["get", "list"]
PLANES: tuple[Plane, Plane] = ("get", "list")
UNREADABLE_US = -1


@dataclass(frozen=True)
class Version:
    """One acknowledged change of a key.

    ``stamp_us`` is what was written in the object: the upload time in a ``meta.json``, the
    instant of marking in a mark, ``UNREADABLE_US`` if nobody can read it.
    ``visible_us[plane][replica]`` is when a replica shows it.
    """

    number: int
    acknowledged_us: int
    is_put: bool
    stamp_us: int
    visible_us: dict[Plane, tuple[int, ...]]


class Store:
    """Every key with all its versions, oldest first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.spec = world.scenario.store
        self.versions: dict[str, list[Version]] = {}
        self.sent: list[tuple[int, str, int]] = []

    def change(self, key: str, *, is_put: bool, stamp_us: int = 0, by_store: bool = False) -> None:
        """Acknowledge a put or delete of ``key`` now (S1, S2), which nobody asked for (D19)."""
        now_us = self.world.now_us
        number = len(self.versions.get(key, []))
        kind = "overwrite" if self.newest_is_put(key) else "create"
        if not is_put:
            kind = "delete"
        is_omitted = self._is_omitted(key, kind, by_store=by_store)
        visible_us: dict[Plane, tuple[int, ...]] = {}
        wait_us = 0
        if self.spec.replication is not None and not is_omitted:
            wait_us = self._sent_us(key, kind) - now_us
        for plane in PLANES:
            instants = []
            for replica in range(self.spec.replicas):
                if is_omitted and replica > 0:
                    instants.append(NEVER)
                    continue
                # A copy shows in both planes at once.
                drawn: Plane = plane if self.spec.replication is None else "get"
                instant_us = now_us + self._lag_us(key, number, kind, drawn, replica)
                if replica > 0:
                    instant_us += wait_us
                instant_us = self._arrives_us(instant_us, replica)
                if self.spec.order == "log":
                    instant_us = max(instant_us, self._latest_before_us(key, plane, replica))
                if self.spec.order == "key":
                    earlier = [v.visible_us[plane][replica] for v in self.versions.get(key, [])]
                    instant_us = max([instant_us, *(t for t in earlier if t < NEVER)])
                instants.append(instant_us)
            visible_us[plane] = tuple(instants)
        if is_put and key.endswith("/deletion-mark.json") and not self._has_others(key):
            self.world.counts.add("orphan-mark")
        version = Version(number, now_us, is_put, stamp_us, visible_us)
        self.versions.setdefault(key, []).append(version)

    def _is_omitted(self, key: str, kind: str, *, by_store: bool) -> bool:
        """Whether no copy of the bucket ever shows a change (S10, D19)."""
        copies = self.spec.replication
        if copies is not None and by_store:
            return True
        if copies is None or copies.omits is None:
            return False
        is_mark = key.endswith("/deletion-mark.json")
        return (is_mark and "marks" in copies.omits) or (
            kind == "delete" and "deletes" in copies.omits
        )

    def _sent_us(self, key: str, kind: str) -> int:
        """When a change that is acknowledged now has been sent to the copies (S10)."""
        now_us, stream = self.world.now_us, self.stream_of(key)
        copies = self.spec.replication
        assert copies is not None
        if copies.bandwidth_bytes is None:
            return now_us
        work_us = 0
        if "/chunks/" in key and kind != "delete":
            work_us = self.chunk_bytes(key) * 1_000_000 // copies.bandwidth_bytes
        self.sent.append((now_us, stream, work_us))
        free_us = 0
        for instant_us in sorted({t for t, _, _ in self.sent if t < now_us}):
            work = sum(w for t, _, w in self.sent if t == instant_us)
            free_us = max(free_us, instant_us) + work
        own_us = sum(w for t, s, w in self.sent if t == now_us and s == stream)
        return max(free_us, now_us) + own_us

    def _has_others(self, key: str) -> bool:
        """Whether another object of the block exists for somebody who sees every change."""
        folder = key.split("/", 1)[0] + "/"
        others = [other for other in self.versions if other.startswith(folder) and other != key]
        return any(self.newest_is_put(other) for other in others)

    def _latest_before_us(self, key: str, plane: Plane, replica: int) -> int:
        """When a replica shows the last of the changes that come before one made now (S2)."""
        stream = self.stream_of(key)
        return max(
            (
                version.visible_us[plane][replica]
                for other, versions in self.versions.items()
                for version in versions
                if version.acknowledged_us < self.world.now_us or self.stream_of(other) == stream
                if version.visible_us[plane][replica] < NEVER
            ),
            default=0,
        )

    def stream_of(self, key: str) -> str:
        """Whose change one of a key is: its block's stream, or its own (S2, S9)."""
        return key.split(".", 1)[0] if "/" in key else key

    def chunk_bytes(self, key: str) -> int:
        """Size of a chunk of a block (S10)."""
        block = self.world.blocks[key.split("/", 1)[0]]
        return block.bytes // self.world.scenario.producers.chunk_files

    @property
    def refuses_absent(self) -> bool:
        """Whether deleting what is gone is an error (B4)."""
        return self.world.scenario.store.delete_absent == "error"

    def newest_is_put(self, key: str) -> bool:
        """Whether the key exists for somebody who sees every acknowledged change."""
        return key in self.versions and self.versions[key][-1].is_put

    def holds_any(self, block: Block) -> bool:
        """Whether some object of the block exists for somebody who sees every change."""
        names = (*block.objects, "deletion-mark.json")
        return any(self.newest_is_put(block.key(name)) for name in names)

    def shown(self, key: str, plane: Plane, replica: int, time_us: int) -> Version | None:
        """The version a replica shows; None if it shows none or a delete (S3)."""
        seen = [
            version
            for version in self.versions.get(key, [])
            if version.visible_us[plane][replica] <= time_us
        ]
        if not seen or not seen[-1].is_put:
            return None
        return seen[-1]

    def always_shown(self, key: str, replica: int, first_us: int, last_us: int) -> bool:
        """Whether a replica can serve the key at every instant of ``[first_us, last_us]``.

        What a replica shows changes only when a version becomes visible, so those instants
        and the two ends are all there is to look at. Call it at ``last_us`` or later.
        """
        turns = [version.visible_us["get"][replica] for version in self.versions.get(key, [])]
        instants = [first_us, *(t for t in turns if first_us < t < last_us), last_us]
        return all(self.shown(key, "get", replica, t) is not None for t in instants)

    def _lag_us(self, key: str, number: int, kind: str, plane: Plane, replica: int) -> int:
        uniform = self.world.streams.uniform
        if self.spec.quorum is not None:
            return self._quorum_lag_us(key, number, plane)
        if self.spec.primary and replica == 0:
            return 0
        replicas = range(self.spec.replicas)
        cut_off = {
            r
            for fault in self.world.faults_in_force()
            if isinstance(fault, CutOff)
            for r in fault.replicas
        }
        prompt = sorted(replicas, key=lambda r: (r in cut_off, uniform("ack", key, number, r)))
        if replica in prompt[: self.spec.acks]:
            return 0
        others_us = [
            self.world.draw_us(fault.lag, "lag", key, number, replica, plane)
            for fault in self.world.faults_in_force()
            if isinstance(fault, StoreLags)
            and kind in fault.changes
            and plane in fault.planes
            and (fault.replicas is None or replica in fault.replicas)
        ]
        if others_us:
            return max(others_us)
        lags = {
            "create": self.spec.lag.create,
            "overwrite": self.spec.lag.overwrite,
            "delete": self.spec.lag.delete,
        }[kind]
        law = lags.get if plane == "get" else lags.list
        return self.world.draw_us(law, "lag", key, number, replica, plane)

    def _arrives_us(self, instant_us: int, replica: int) -> int:
        """When a replica shows what it would show at an instant if it were never cut off (F8)."""
        spans_us = []
        for index, fault in enumerate(self.world.scenario.faults):
            if isinstance(fault, CutOff) and replica in fault.replicas:
                start_us = self.world.fault_at_us(index, fault)
                spans_us.append((start_us, start_us + self.world.fault_lasts_us(index, fault)))
        # In the order of their beginnings: what one of them moves, a later one may move again.
        for start_us, end_us in sorted(spans_us):
            if start_us <= instant_us < end_us:
                instant_us = end_us
        return instant_us

    def _quorum_lag_us(self, key: str, number: int, plane: Plane) -> int:
        """Time after the acknowledgement until a quorum read finds the version (S8)."""
        quorum = self.spec.quorum
        assert quorum is not None
        laws = {
            "write": quorum.write,
            "ack": quorum.ack,
            "read": quorum.read,
            "response": quorum.response,
        }
        nodes = range(quorum.n)
        delay_us = {
            (leg, i): self.world.draw_us(law, "wars", key, number, plane, leg, i)
            for leg, law in laws.items()
            for i in nodes
        }
        acknowledged = sorted(delay_us["write", i] + delay_us["ack", i] for i in nodes)
        wait_us = acknowledged[quorum.w - 1]
        responders = sorted(nodes, key=lambda i: delay_us["read", i] + delay_us["response", i])
        first = responders[: quorum.r]
        return max(0, min(delay_us["write", i] - delay_us["read", i] for i in first) - wait_us)
