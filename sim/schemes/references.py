"""Nothing is deleted that somebody references again, as far as whoever deletes sees.

What was decided when content was retired is looked at again before it goes: content that a session
has referenced since then stays (resurrection on reference). It may wait, too, until every known
writer has committed a session that began later, for those begun before may still refer to it
(``SEMANTICS.md`` R5, R6), or until no session is under way, each of which has a lock (R9). And a
look may make content young again, so that it stays for some time whatever becomes of the session
(R8). Sources: Duplicacy, doc, Lock-Free Deduplication, two-step fossil collection;
gilbertchen/duplicacy#465; restic, doc, Locks; Harbor, src/server/middleware/blob; git, freshening.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration, Longer
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

if TYPE_CHECKING:
    from sim.model.blocks.catalog import Block
    from sim.model.store.client import Client
    from sim.model.store.references import Begun, Committed

__all__ = ["References"]


@register("hold")
class References(Primitive):
    """What a session has referenced again stays; what others may still reference waits."""

    source: ClassVar = "Duplicacy, Lock-Free Deduplication; kopia, repo/content"
    refuses: ClassVar = {"delete": ("at-once",)}
    kind: Literal["references"] = Field("references", description="What is referenced again stays.")
    sessions: Literal["ignored", "finished", "locked"] | None = Field(
        None,
        description="Whether a block waits until every known referrer has committed a session that "
        "began after it was retired (finished), or until no session is under way, each of which "
        "has a lock (locked); ignored if left out.",
    )
    inactive_after_us: Duration | None = Field(
        None,
        alias="inactive_after",
        description="Nobody waits for a referrer whose last session began so long ago.",
    )
    young_for_us: Longer | None = Field(
        None,
        alias="young_for",
        description="How long content stays after a session has found it: a look makes it young.",
    )

    def made(self, scenario: Scenario) -> "_References":
        """Nobody has looked yet."""
        count = 0 if scenario.referrers is None else scenario.referrers.count
        return _References(self, n_referrers=count)


class _References(NoHold):
    """What was read of referrers when somebody last looked, and what was found to go then."""

    def __init__(self, spec: References, *, n_referrers: int) -> None:
        self._sessions = spec.sessions
        self._inactive_us = spec.inactive_after_us
        self._young_us = spec.young_for_us
        self._n_referrers = n_referrers
        self._told: Mapping[int, Committed] = {}
        self._begun: Mapping[int, Begun] = {}
        self._touched_us: dict[int, dict[int, int]] = {}
        self._going: set[int] = set()

    @property
    def _are_told(self) -> bool:
        """Whether sessions tell that they begin."""
        return self._sessions == "locked" or self._young_us is not None

    def session_began(
        self, client: "Client", number: int, found: "Block | None", t_us: int
    ) -> bool:
        """Tell of a session; what goes, and what could not be told of, is not relied on."""
        from sim.model.store.client import RequestFailed
        from sim.model.store.references import Begun, begun_of

        if not self._are_told or (found is None and self._sessions != "locked"):
            return True
        touched_us = self._touched_us.get(number, {})
        if found is not None:
            touched_us = {**touched_us, found.index: t_us}
        own = begun_of(client, number)
        n_versions = len(own)
        try:
            client.put_own(own, Begun(t_us, touched_us), t_us)
        except RequestFailed:
            return False
        finally:
            if len(own) > n_versions:
                self._touched_us[number] = touched_us
        if found is None or found.index not in self._going:
            return True
        # Sessions know what is going, but not what is gone (R10).
        return not client.store.held_objects(found)

    def look(self, client: "Client", t_us: int) -> None:
        from sim.model.store.references import begun, committed

        self._told = committed(client, self._n_referrers, t_us)
        if self._are_told:
            self._begun = begun(client, self._n_referrers, t_us)

    def may_delete(self, block: "Block", t_us: int) -> bool:
        is_free = not self._is_held(block, t_us)
        (self._going.add if is_free else self._going.discard)(block.index)
        return is_free

    def _is_held(self, block: "Block", t_us: int) -> bool:
        if any(block.index in told.blocks for told in self._told.values()):
            return True
        if any(self._is_young(block, told, t_us) for told in self._begun.values()):
            return True
        if self._sessions == "locked":
            return any(self._is_locked(number, t_us) for number in self._begun)
        return self._sessions == "finished" and any(
            told.begun_us <= block.retired_us and self._is_active(told.begun_us, t_us)
            for told in self._told.values()
        )

    def _is_young(self, block: "Block", told: "Begun", t_us: int) -> bool:
        touched_us = told.touched_us.get(block.index)
        if touched_us is None or self._young_us is None:
            return False
        return t_us - touched_us <= self._young_us

    def _is_locked(self, number: int, t_us: int) -> bool:
        """Whether the newest session that began has not committed yet."""
        begun_us, told = self._begun[number].begun_us, self._told.get(number)
        is_under_way = told is None or told.begun_us < begun_us
        return is_under_way and self._is_active(begun_us, t_us)

    def _is_active(self, begun_us: int, t_us: int) -> bool:
        return self._inactive_us is None or t_us - begun_us <= self._inactive_us
