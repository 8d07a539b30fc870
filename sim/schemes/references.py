"""Nothing is deleted that somebody references again, as far as whoever deletes sees.

What was decided when content was retired is looked at again before it goes: content that a session
has referenced since then stays (resurrection on reference). It may wait, too, until every known
writer has committed a session that began later, for those begun before may still refer to it
(``SEMANTICS.md`` R5, R6). Sources: Duplicacy, doc, Lock-Free Deduplication, two-step fossil
collection; gilbertchen/duplicacy#465.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

if TYPE_CHECKING:
    from sim.model.blocks.catalog import Block
    from sim.model.store.client import Client
    from sim.model.store.references import Committed

__all__ = ["References"]


@register("hold")
class References(Primitive):
    """What a session has referenced again stays; what others may still reference waits."""

    source: ClassVar = "Duplicacy, Lock-Free Deduplication; kopia, repo/content"
    refuses: ClassVar = {"delete": ("at-once",)}
    kind: Literal["references"] = Field("references", description="What is referenced again stays.")
    sessions: Literal["ignored", "finished"] | None = Field(
        None,
        description="Whether a block waits until every known referrer has committed a session that "
        "began after it was retired; ignored if left out.",
    )
    inactive_after_us: Duration | None = Field(
        None,
        alias="inactive_after",
        description="Nobody waits for a referrer whose last session began so long ago.",
    )

    def made(self, scenario: Scenario) -> "_References":
        """Nobody has looked yet."""
        count = 0 if scenario.referrers is None else scenario.referrers.count
        return _References(self, n_referrers=count)


class _References(NoHold):
    def __init__(self, spec: References, *, n_referrers: int) -> None:
        self._waits = spec.sessions == "finished"
        self._inactive_us = spec.inactive_after_us
        self._n_referrers = n_referrers
        self._told: list[Committed] = []

    def look(self, client: "Client", t_us: int) -> None:
        from sim.model.store.references import committed

        self._told = committed(client, self._n_referrers, t_us)

    def may_delete(self, block: "Block", t_us: int) -> bool:
        if any(block.index in told.blocks for told in self._told):
            return False
        return not self._waits or all(
            told.begun_us > block.retired_us or self._is_inactive(told, t_us) for told in self._told
        )

    def _is_inactive(self, told: "Committed", t_us: int) -> bool:
        return self._inactive_us is not None and t_us - told.begun_us > self._inactive_us
