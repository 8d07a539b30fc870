"""What clients of a served bucket are answered (rules V1-V5)."""

from __future__ import annotations

from dataclasses import dataclass

from sim.scenario.schema import Scenario
from tests.reference.client import Client, RequestFailed
from tests.reference.store import Store
from tests.reference.world import Block, Crashed, World

OBJECTS = ("index", "meta.json", "deletion-mark.json", "no-compact-mark.json")

FAILED = "failed"
ABSENT = "absent"
UNMET = "unmet"
DONE = "done"


@dataclass(frozen=True)
class Asked:
    """One thing that a client asks of the bucket, at an instant; ``value`` is what a put writes."""

    t_us: int
    who: str
    kind: str
    key: str = ""
    value: int = 0
    is_new: bool = False


class ServedStore(Store):
    """Every key is a stream of its own, and as large as what is written (V2)."""

    size_bytes = 0

    def stream_of(self, key: str) -> str:
        """The key itself."""
        return key

    def chunk_bytes(self, key: str) -> int:
        """Size of what is being written."""
        return self.size_bytes


class ServedClient(Client):
    """A client whose keys are no blocks' (V2)."""

    def about(self, key: str) -> tuple[Block | None, str]:
        """A level-1 block of nobody, and what the key ends with."""
        last = key.split("/")[-1]
        nobody = Block(
            id=key,
            order=0,
            stream=0,
            resolution=0,
            min_us=0,
            max_us=1,
            level=1,
            sources=frozenset(),
            data=frozenset(),
            created_us=0,
            objects=(),
            bytes=0,
        )
        return nobody, last if last in OBJECTS else "chunks"


class ServedBucket:
    """The bucket of a scenario, and who uses it."""

    def __init__(self, scenario: Scenario, trial: int) -> None:
        self.world = World(scenario, scenario.schemes[0], scenario.seed + trial)
        self.store = ServedStore(self.world)
        self.clients: dict[str, ServedClient] = {}

    def answer(self, asked: Asked) -> object:
        """What somebody is answered: a word, a value, or the values that a listing shows."""
        if asked.t_us > self.world.now_us:
            self.world.run(until=asked.t_us)
        try:
            return self._answer(self._client(asked.who), asked)
        except (RequestFailed, Crashed):
            return FAILED

    def _answer(self, client: ServedClient, asked: Asked) -> object:
        is_there = self.store.newest_is_put(asked.key)
        match asked.kind:
            case "put" if is_there and asked.is_new:
                return UNMET
            case "put":
                self.store.size_bytes = len(str(asked.value))
                client.put(asked.key, asked.value)
                return DONE
            case "delete" if not is_there:
                return ABSENT if self.store.refuses_absent else DONE
            case "delete":
                client.delete(asked.key)
                return DONE
            case "list" | "old-list":
                return self._listed(client)
            case _:
                version = client.head(asked.key) if asked.kind == "head" else client.get(asked.key)
                return ABSENT if version is None else version.stamp_us

    def _listed(self, client: ServedClient) -> dict[str, int]:
        shown = {}
        replica = client.replica("list", "")
        for key in client._listed_keys():
            version = self.store.shown(key, "list", replica, self.world.now_us)
            assert version is not None
            shown[key] = version.stamp_us
        return shown

    def _client(self, name: str) -> ServedClient:
        if name not in self.clients:
            gateway = int(name.split("/")[1]) if name.startswith("gateway/") else None
            self.clients[name] = ServedClient(self.world, self.store, name, gateway)
        return self.clients[name]
