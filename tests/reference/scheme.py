"""How blocks are retired, hidden, held and deleted in one run (rules D), slot by slot."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from sim.core.units import NEVER
from sim.scenario.schema import SchemeSpec
from tests.reference import view
from tests.reference.client import Client
from tests.reference.store import Store, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reference.world import Block, World

INDEX_KEY = "bucket-index.json"
MANIFEST_KEY = "manifest.json"

Index = dict[str, tuple[int, int | None]]
"""By block id: upload time, and the stamp of its mark, if there is one (D9)."""


@dataclass
class Held:
    """What gates remember, against all who delete (D16, D17, D20, D21, R10).

    By gateway when its last good sync began, since when it is down, and when it began to serve; by
    block when it was found due, and until when queries may read it that began before it was
    dropped; by block and gateway when a lease was asked for, when it was had, and until when. And
    when the process that deletes began, and which blocks may go, as somebody found last.
    """

    synced_us: dict[int, int] = field(default_factory=dict)
    down_us: dict[int, int] = field(default_factory=dict)
    found_us: dict[str, list[int]] = field(default_factory=dict)
    lingers_us: dict[str, int] = field(default_factory=dict)
    up_us: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    had_us: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    began_us: int = 0
    going: set[str] = field(default_factory=set)


class Way:
    """The way to delete of one run, with all that its actors remember of it."""

    def __init__(self, world: World, scheme: SchemeSpec, store: Store) -> None:
        self.world = world
        self.store = store
        self.slots: Any = scheme.composed
        self.retired_us: dict[str, int] = {}
        self.asked_us: dict[str, int] = {}
        self.leases_us: dict[str, dict[int, int]] = {}
        self.held = Held()
        self.told: dict[int, tuple[frozenset[str], int]] = {}
        self.begun: dict[int, tuple[dict[str, int], int]] = {}
        self.indexes: dict[int, Index] = {}
        self.manifests: list[dict[str, int]] = []
        self.committed_us: list[int] = []
        self.left_out: dict[str, int] = {}

    @property
    def cleanup(self) -> str:
        """When retired blocks are deleted: "in-pass", "end-of-pass" or "every …"."""
        return str(self.slots.delete.when or self.world.scenario.compactor.cleanup_rule)

    @property
    def miss(self) -> str:
        """What a reader does that finds an object gone (Q3, Q4)."""
        return "fail" if self.slots.miss is None else str(self.slots.miss.kind)

    @property
    def rest_us(self) -> int:
        """How long after a sync for a query none asks for another (D12)."""
        return int(self.slots.miss.rest_us)

    @property
    def deduplicates(self) -> bool:
        """Whether a gateway drops what another block contains (G4, D10)."""
        hide = self.slots.hide
        if hide.kind == "gone":
            return False
        return not (hide.kind == "mark-age" and hide.keeps_superseded)

    def hide_us(self, *, is_gateway: bool) -> int | None:
        """Age of a mark that hides a block (D2); None if marks are not read."""
        hide = self.slots.hide
        if hide.kind != "mark-age":
            return None
        if is_gateway or hide.compactor_us is None:
            return int(hide.after_us)
        return int(hide.compactor_us)

    def young_enough(self, blocks: list[Block], now_us: int) -> list[Block]:
        """Blocks that a gateway's own retention lets through (D6)."""
        hide = self.slots.hide
        if hide.kind != "data-age":
            return blocks
        return [b for b in blocks if now_us - b.max_us <= hide.after_us]

    def forget(self) -> None:
        """The compactor crashed: its memory is gone (D4, D5)."""
        self.retired_us.clear()
        self.asked_us.clear()

    def retire(self, client: Client, store: Store, block: Block, why: str) -> None:
        """Declare a block obsolete (D2, D4, D5); raises RequestFailed."""
        now_us = client.clock_us(self.world.now_us)
        match self.slots.record.kind:
            case "nothing":
                self.note(block, why)
            case "mark":
                self._mark(client, store, block, why)
            case "memory":
                is_unknown = why == "garbage" and self.slots.record.found_again == "at-once"
                self.retired_us.setdefault(block.id, 0 if is_unknown else now_us)
                self.note(block, why)
            case "meta-removal":
                self._remove_meta(client, store, block, why)

    @property
    def has_manifest(self) -> bool:
        """Whether writers commit to a manifest (D13)."""
        return bool(self.slots.learn.kind == "manifest")

    def is_listed(self, block: Block) -> bool:
        """Whether the newest version of the manifest lists a block."""
        return bool(self.manifests) and block.id in self.manifests[-1]

    def was_listed(self, block: Block) -> bool:
        """Whether any version of the manifest lists a block."""
        return any(block.id in version for version in self.manifests)

    def commit(
        self, client: Client, store: Store, new: list[Block], gone: list[Block], why: str
    ) -> None:
        """Write the next version of the manifest (D13); raises RequestFailed."""
        new = [block for block in new if not self.is_listed(block)]
        gone = [block for block in gone if self.is_listed(block)]
        if not self.has_manifest or not (new or gone):
            return
        number = len(self.manifests)
        found = client.get(MANIFEST_KEY)
        if (0 if found is None else found.number + 1) < number:
            client.world.counts.add("requests.put")
            client.world.counts.add("requests.get")
        try:
            client.put(MANIFEST_KEY, self.world.now_us)
        finally:
            if len(store.versions.get(MANIFEST_KEY, [])) > number:
                listed = dict(self.manifests[-1]) if number else {}
                for block in gone:
                    del listed[block.id]
                    self.left_out[block.id] = number
                    self.note(block, why)
                for block in new:
                    listed[block.id] = store.versions[block.key("meta.json")][-1].stamp_us
                    self.left_out.pop(block.id, None)
                self.manifests.append(listed)
                self.committed_us.append(client.clock_us(self.world.now_us))

    def _mark(self, client: Client, store: Store, block: Block, why: str) -> None:
        key = block.key("deletion-mark.json")
        try:
            if client.head(key) is None:
                client.put(key, client.clock_us(self.world.now_us) // 1_000_000 * 1_000_000)
        finally:
            if store.newest_is_put(key):
                self.note(block, why)

    def _remove_meta(self, client: Client, store: Store, block: Block, why: str) -> None:
        now_us = client.clock_us(self.world.now_us)
        if why != "retention":
            asked_us = self.asked_us.setdefault(block.id, now_us)
            if now_us - asked_us < self.slots.record.wait_us:
                return
        key = block.key("meta.json")
        try:
            if store.newest_is_put(key):
                client.delete(key)
        finally:
            if not store.newest_is_put(key):
                self.note(block, why)
        self.retired_us.setdefault(block.id, now_us)

    def note(self, block: Block, why: str) -> None:
        """The block counts as retired from now on, if it did not before."""
        if block.retired_us == NEVER:
            block.retired_us = self.world.now_us
            block.retired_why = why

    def due(self, client: Client, store: Store, marked_us: dict[str, int]) -> list[Block]:
        """Blocks whose delay is over (D3), of those that somebody knows to be retired."""
        delete = self.slots.delete
        if delete.kind not in ("after", "commits"):
            return []
        now_us = client.clock_us(self.world.now_us)
        if self.slots.record.kind == "mark":
            known_us = marked_us
        elif self.slots.record.kind == "manifest":
            known_us = {
                block_id: self.committed_us[number - self._counts_from_version]
                for block_id, number in self.left_out.items()
                if store.holds_any(self.world.blocks[block_id])
            }
        else:
            known_us = {
                block_id: since_us
                for block_id, since_us in self.retired_us.items()
                if store.holds_any(self.world.blocks[block_id])
            }
        due = []
        for block_id, since_us in known_us.items():
            block = self.world.blocks[block_id]
            if delete.kind == "commits":
                is_due = self._is_followed(block_id) and now_us - since_us > delete.older_than_us
            else:
                from_us = since_us if delete.counted_from == "record" else block.created_us
                is_due = now_us - from_us > delete.delay
            if is_due:
                due.append(block)
        return due

    @property
    def _counts_from_version(self) -> bool:
        """Whether a delay begins with the last version that lists a block (D15)."""
        delete = self.slots.delete
        return bool(delete.kind == "commits" and delete.counted_from == "version")

    def _is_followed(self, block_id: str) -> bool:
        """Whether none of the versions that are kept lists a block (D15)."""
        return not any(block_id in version for version in self.manifests[-self.slots.delete.keep :])

    def publish(
        self, client: Client, store: Store, metas_us: dict[str, int], marked_us: dict[str, int]
    ) -> None:
        """Write the index after a cleanup (D9); raises RequestFailed."""
        if self.slots.learn.kind != "bucket-index":
            return
        number = len(store.versions.get(INDEX_KEY, []))
        self.indexes[number] = {
            block_id: (upload_us, marked_us.get(block_id))
            for block_id, upload_us in metas_us.items()
            if store.newest_is_put(self.world.blocks[block_id].key("meta.json"))
        }
        client.put(INDEX_KEY, self.world.now_us)

    def read_index(self, client: Client) -> Index | None:
        """What a GET of the index tells (D9), None without one; raises RequestFailed."""
        if self.has_manifest:
            version = client.get(MANIFEST_KEY)
            listed = {} if version is None else self.manifests[version.number]
            return {block_id: (upload_us, None) for block_id, upload_us in listed.items()}
        if self.slots.learn.kind != "bucket-index":
            return None
        return self.index(client.get(INDEX_KEY))

    def index(self, version: Version | None) -> Index:
        """What stands in a version of the index."""
        return {} if version is None else self.indexes[version.number]

    def limited_us(self, store: Store, block: Block) -> int | None:
        """How long the deletion of a block takes at a limited rate (D18); None without one."""
        rate_per_s = self.slots.delete.rate_per_s
        if rate_per_s is None:
            return None
        names = (*block.objects, "deletion-mark.json", "no-compact-mark.json")
        n = sum(store.newest_is_put(block.key(name)) for name in names)
        takes_us: int = ceil(n * 1_000_000 / rate_per_s)
        return takes_us

    def goes_at_once(self, store: Store, block: Block) -> bool:
        """Whether a block that was to be retired is deleted on the spot (D1)."""
        match self.slots.record.kind:
            case "manifest":
                is_retired = block.id in self.left_out
            case "mark":
                is_retired = store.newest_is_put(block.key("deletion-mark.json"))
            case "meta-removal":
                is_retired = not store.newest_is_put(block.key("meta.json"))
            case _:
                is_retired = True
        return is_retired and self.slots.delete.kind == "at-once" and self.may_delete(block)

    def may_drop(self, block: Block, superseded: list[Block], loaded: dict[str, int]) -> bool:
        """Whether a gateway may stop answering from a block that left its view (D8, D22)."""
        if self.slots.hold.kind == "replacement-served" and not self._is_replaced(block):
            return any(view.covers(self.world.blocks[i], block) for i in loaded)
        if self.slots.hold.kind != "replacement-loaded" or block not in superseded:
            return True
        peers = (self.world.blocks[block_id] for block_id in loaded)
        return any(view.covers(peer, block) for peer in peers)

    def look(self, client: Client) -> None:
        """Whoever deletes reads what was committed (R5); raises RequestFailed."""
        if self.slots.hold.kind == "references":
            self.told = read_committed(client)
        if self.hears_of_sessions:
            self.begun = read_begun(client)

    @property
    def hears_of_sessions(self) -> bool:
        """Whether sessions tell that they begin (R8, R9)."""
        hold = self.slots.hold
        if hold.kind != "references":
            return False
        return hold.young_for_us is not None or hold.sessions == "locked"

    def is_referenced(self, block: Block) -> bool:
        """Whether a block stays for the sake of a session (R5, R6, R8, R9), as it was read."""
        hold, now_us = self.slots.hold, self.world.now_us

        def is_awaited(began_us: int) -> bool:
            return hold.inactive_after_us is None or now_us - began_us <= hold.inactive_after_us

        for blocks, began_us in self.told.values():
            if block.id in blocks:
                return True
            is_older = began_us <= block.retired_us
            if hold.sessions == "finished" and is_older and is_awaited(began_us):
                return True
        for number, (found_us, began_us) in self.begun.items():
            if hold.young_for_us is not None and block.id in found_us:
                until_us = found_us[block.id] + hold.young_for_us
                if now_us <= until_us:
                    return True
            is_committed = number in self.told and self.told[number][1] >= began_us
            if hold.sessions == "locked" and not is_committed and is_awaited(began_us):
                return True
        return False

    def may_delete(self, block: Block) -> bool:
        """Whether nobody holds the block (D7, D20 to D22, R5), and gates are open (D16, D17)."""
        now_us, hold, held = self.world.now_us, self.slots.hold, self.held
        if hold.kind == "readers-synced":
            return all(
                held.synced_us[reader] >= block.retired_us
                for reader in held.synced_us
                if hold.ignored_after_us is None
                or now_us - held.down_us.get(reader, now_us) <= hold.ignored_after_us
            )
        if hold.kind == "cycles":
            found_us = held.found_us.setdefault(block.id, [])
            if not found_us or (now_us > found_us[-1] and now_us - found_us[-1] >= hold.apart_us):
                found_us.append(now_us)
            return bool(len(found_us) >= hold.count)
        if hold.kind == "replacement-served" and not self._is_replaced(block):
            return False
        if hold.kind == "leases-in-memory":
            return now_us >= held.began_us + hold.grace_us and not any(
                held.began_us <= asked_us < now_us < asked_us + hold.lasts_us
                for asked_us in self._asked_us(block.id)
            )
        if hold.kind == "references":
            held.going.discard(block.id)
            if self.is_referenced(block):
                return False
            held.going.add(block.id)
            return True
        leases_us = self.leases_us.get(block.id, {})
        ends_us = (*leases_us.values(), held.lingers_us.get(block.id, 0))
        return all(until_us <= now_us for until_us in ends_us)

    def _is_replaced(self, block: Block) -> bool:
        """Whether somebody has served what replaces a block, if it is stored (D22)."""
        stored = [b for b in self.world.blocks.values() if view.covers(b, block)]
        stored = [b for b in stored if self.store.newest_is_put(b.key("meta.json"))]
        return not stored or any(
            max(load_us, from_us) < min(end_us, until_us, self.world.now_us)
            for other in stored
            for gateway, load_us, end_us in self.held.had_us.get(other.id, [])
            for from_us, until_us in self.held.up_us.get(gateway, [])
        )

    def _asked_us(self, block_id: str) -> Iterator[int]:
        """When gateways asked for a lease on a block, up to now (D21)."""
        renewed_us = self.slots.hold.renewed_us
        for gateway, load_us, end_us in self.held.had_us.get(block_id, []):
            yield load_us
            for from_us, until_us in self.held.up_us.get(gateway, []):
                ends_us = min(until_us, end_us, self.world.now_us)
                for t_us in range(from_us + renewed_us, ends_us, renewed_us):
                    if t_us > load_us:
                        yield t_us

    def _end_leases(self, gateway: int, block_ids: list[str]) -> None:
        """A gateway asks no more for leases on blocks (D21)."""
        for block_id in block_ids:
            self.held.had_us[block_id] = [
                (who, load_us, self.world.now_us if who == gateway and end_us == NEVER else end_us)
                for who, load_us, end_us in self.held.had_us.get(block_id, [])
            ]

    def took(self, gateway: int, block_id: str) -> None:
        """A gateway answers from the block."""
        self.held.had_us.setdefault(block_id, []).append((gateway, self.world.now_us, NEVER))
        if self.slots.hold.kind in ("leases", "replacement-served"):
            self.leases_us.setdefault(block_id, {})[gateway] = NEVER

    def let_go(self, gateway: int, block_id: str) -> None:
        """A gateway no longer answers from the block (D7), but queries may still read it (D20)."""
        self.leases_us.get(block_id, {}).pop(gateway, None)
        self._end_leases(gateway, [block_id])
        if self.slots.hold.kind in ("leases", "replacement-served"):
            self.held.lingers_us[block_id] = self.world.now_us + self.slots.hold.lingers_us

    def synced(self, gateway: int, began_us: int) -> None:
        """A sync of a gateway was good (D16)."""
        self.held.synced_us[gateway] = began_us

    def lost(self, gateway: int) -> None:
        """A gateway went down without a word."""
        self.held.down_us.setdefault(gateway, self.world.now_us)
        self._end_leases(gateway, list(self.held.had_us))
        ups_us = self.held.up_us.setdefault(gateway, [])
        ups_us[:] = [(from_us, min(until_us, self.world.now_us)) for from_us, until_us in ups_us]
        lasts_us = self.slots.hold.lasts_us if self.slots.hold.kind == "leases" else None
        for leases_us in self.leases_us.values():
            if gateway in leases_us and lasts_us is not None:
                leases_us[gateway] = self.world.now_us + lasts_us

    def returned(self, gateway: int, loaded: dict[str, int]) -> None:
        """A gateway serves (again): it holds what it has loaded."""
        self.held.down_us.pop(gateway, None)
        self.held.up_us.setdefault(gateway, []).append((self.world.now_us, NEVER))
        for block_id, leases_us in self.leases_us.items():
            if block_id not in loaded:
                leases_us.pop(gateway, None)


def read_committed(client: Client) -> dict[int, tuple[frozenset[str], int]]:
    """What GETs of the objects of all referrers find (R5); raises RequestFailed."""
    spec = client.world.scenario.referrers
    found = {}
    for n in range(0 if spec is None else spec.count):
        version = client.get(f"references-{n}.json")
        if version is not None:
            found[n] = client.world.committed[f"references-{n}.json", version.number]
    return found


def read_begun(client: Client) -> dict[int, tuple[dict[str, int], int]]:
    """What GETs find of sessions that began (R8, R9); raises RequestFailed."""
    spec = client.world.scenario.referrers
    found = {}
    for n in range(0 if spec is None else spec.count):
        version = client.get(f"session-{n}.json")
        if version is not None:
            found[n] = client.world.begun[f"session-{n}.json", version.number]
    return found
