"""What the caching bucket of gateways remembers (rule G8).

Everything ever noted is kept in one list; a question looks through all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.scenario.schema import GatewayCache
from tests.reference.store import Version
from tests.reference.world import World

CACHED = ("/meta.json", "/deletion-mark.json")


@dataclass(frozen=True)
class Note:
    """Something the store answered a gateway."""

    since_us: int
    until_us: int
    gateway: int
    order: int
    answer: object


class Cache:
    """Listings, existences and contents with their lifetimes; without a table it knows nothing."""

    def __init__(self, world: World, spec: GatewayCache | None) -> None:
        self.world = world
        self.spec = spec
        self.notes: dict[tuple[str, str], list[Note]] = {}

    def listing(self) -> set[str] | None:
        """Ids of the blocks in a listing that is still remembered."""
        note = self._serving("listing", "")
        if note is None:
            return None
        assert isinstance(note.answer, set)
        return note.answer

    def answers(self, kind: str, key: str) -> bool:
        """Whether a HEAD or GET made now is not sent to the store."""
        existence = self._serving("existence", key)
        if kind == "head":
            return existence is not None
        is_absent = existence is not None and existence.answer is False
        return is_absent or self._serving("content", key) is not None

    def answer(self, kind: str, key: str) -> Version | None:
        """What such a request is answered; of a HEAD only whether it is something counts."""
        if kind == "get":
            content = self._serving("content", key)
            return None if content is None else self._version(content.answer)
        existence = self._serving("existence", key)
        assert existence is not None
        return self._version(existence.answer) if existence.answer else None

    def note_listing(self, gateway: int | None, ids: set[str]) -> None:
        """The store has answered a LIST."""
        if self.spec is not None:
            self._note("listing", "", gateway, ids, self.spec.listing_us)

    def note(self, gateway: int | None, kind: str, key: str, version: Version | None) -> None:
        """The store has answered a HEAD or GET."""
        if self.spec is None or not key.endswith(CACHED):
            return
        if version is None:
            self._note("existence", key, gateway, False, self.spec.absent_us)
            return
        self._note("existence", key, gateway, version, self.spec.exists_us)
        if kind == "get":
            self._note("content", key, gateway, version, self.spec.content_us)

    def _note(
        self, kind: str, key: str, gateway: int | None, answer: object, lasts_us: int
    ) -> None:
        assert gateway is not None
        notes = self.notes.setdefault((kind, key), [])
        now_us = self.world.now_us
        if lasts_us > 0:
            notes.append(Note(now_us, now_us + lasts_us, gateway, len(notes), answer))

    def _serving(self, kind: str, key: str) -> Note | None:
        """The latest note made before this instant, if it still serves.

        Of those of one instant, the last of the gateway with the smallest number.
        """
        now_us = self.world.now_us
        earlier = [note for note in self.notes.get((kind, key), []) if note.since_us < now_us]
        if not earlier:
            return None
        last = max(earlier, key=lambda note: (note.since_us, -note.gateway, note.order))
        return last if now_us < last.until_us else None

    @staticmethod
    def _version(answer: object) -> Version:
        assert isinstance(answer, Version)
        return answer
