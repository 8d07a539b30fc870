"""Deletion once so many commits have followed, and a delay is over.

What the newest versions of a manifest list is kept, whatever its age; beside that a delay may
count, from the commit that left the block out, or from that of the last version which lists it. The
second is older than the retirement by as long as that version was the newest one, so that a block
which was part of a quiet table may go at once (``SEMANTICS.md`` D15). Sources: Apache Hudi,
hoodie.clean.commits.retained; Apache Iceberg, history.expire.min-snapshots-to-keep and
max-snapshot-age-ms; apache/paimon PR 7706.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sim.core.arrays import Ints, np
from sim.core.units import NEVER
from sim.scenario.language.primitives import Deletes, register
from sim.scenario.language.values import Count, Duration
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from sim.model.blocks.catalog import Block
    from sim.model.schemes import Record
    from sim.model.views.view import View

__all__ = ["Commits"]


@register("delete")
class Commits(Deletes):
    """The objects go once none of the newest versions of a manifest lists the block."""

    source: ClassVar = "Apache Hudi, hoodie.clean.commits.retained; Apache Iceberg"
    refuses: ClassVar = {"record": ("nothing", "mark", "memory", "meta-removal")}
    kind: Literal["commits"] = Field("commits", description="After so many commits.")
    keep: Count = Field(description="What so many of the newest versions list is kept.")
    older_than_us: Duration = Field(
        "0s", validate_default=True, alias="older_than", description="A delay that counts as well."
    )
    counted_from: Literal["record", "version"] = Field(
        "record",
        description="When the delay begins: the block is left out, or the last version that "
        "lists it is committed.",
    )

    @property
    def delay_us(self) -> int:
        """From retirement to deletion, at least."""
        return self.older_than_us if self.counted_from == "record" else 0

    def due_us(self, retired_us: Ints, created_us: Ints, commits_us: Ints) -> Ints:
        """After the last of the versions that are to follow, and not before the delay is over."""
        versions_us = np.append(commits_us, np.full(self.keep, NEVER))
        number = np.searchsorted(commits_us, retired_us, side="right") - 1
        since_us = retired_us
        if self.counted_from == "version":
            since_us = versions_us[np.maximum(number - 1, 0)]
        followed_us: Ints = versions_us[number + self.keep - 1]
        return np.maximum(since_us + self.older_than_us, followed_us)

    def made(self, scenario: Scenario) -> "_Commits":
        """The number and the delay as a rule."""
        return _Commits(self.keep, self.older_than_us, from_version=self.counted_from == "version")

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """How long so many commits take."""
        yield from super().obstacles(scenario)
        yield "how often somebody commits is not known to rules (delete)"


@dataclass(frozen=True, slots=True)
class _Commits:
    keep: int
    own_us: int
    from_version: bool
    is_immediate: ClassVar = False

    def due(self, record: "Record", view: "View", now_us: int) -> "list[Block]":
        from sim.schemes.manifest import chain_of

        chain = chain_of(view.client.store)
        if chain is None:
            return []
        before_us = view.client.clock_us(now_us) - self.own_us
        return [
            block
            for block in record.due(view, NEVER)
            if (number := chain.left_out[block.index]) + self.keep <= chain.newest + 1
            and chain.clocks_us[number - 1 - self.from_version] < before_us
        ]
