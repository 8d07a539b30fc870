"""What a slot holds in a scheme that does nothing there; together: delete at once (S0).

Source: Thanos up to 0.10, which deleted the sources of a compaction as soon as its result was
uploaded (``SEMANTICS.md`` D1-D5).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import Field

from sim.core.units import NEVER
from sim.scenario.language.primitives import Besides, Checks, Deletes, Hides, Primitive, register
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from sim.conventions.placement import Shard
    from sim.model.blocks.catalog import Block
    from sim.model.schemes import Hide, Holder, Record
    from sim.model.store.client import Client
    from sim.model.views.listing import Bucket
    from sim.model.views.view import View

__all__ = [
    "Alone",
    "AtOnce",
    "KeptForEver",
    "NoHold",
    "OwnListing",
    "Superseded",
    "Unchecked",
    "Unheld",
    "Unrecorded",
]

_THANOS_0_10: Final = "Thanos up to v0.10"


@register("record")
class Unrecorded(Primitive):
    """Retirement leaves no trace of its own."""

    source: ClassVar = _THANOS_0_10
    kind: Literal["nothing"] = Field("nothing", description="Retirement leaves no trace.")

    @property
    def is_computable(self) -> bool:
        """There is nothing to compute."""
        return True

    def made(self, scenario: Scenario) -> "Unrecorded":
        """The primitive itself: it remembers nothing."""
        return self

    def write(self, block: "Block", view: "View", t_us: int, why: str) -> None:
        """Do nothing."""

    def is_written(self, block: "Block", view: "View") -> bool:
        """Whether the block counts as retired: it does as soon as somebody says so."""
        return True

    def due(self, view: "View", before_us: int) -> "list[Block]":
        """Nobody knows of any."""
        return []

    def remembers(self, block: "Block") -> bool:
        """Nothing stands in anybody's memory."""
        return False

    def forget(self) -> None:
        """There is nothing to forget."""


@register("hide")
class Superseded(Hides):
    """A component stops using a block when it is gone, or when another one contains it."""

    source: ClassVar = _THANOS_0_10
    kind: Literal["superseded"] = Field(
        "superseded", description="When it is gone, or another block contains it."
    )

    @property
    def is_computable(self) -> bool:
        """What replaces what is known."""
        return True

    def made(self, scenario: Scenario) -> "Hide":
        """Neither marks nor ages are looked at."""
        from sim.model.schemes import Hide

        return Hide()


@register("hide")
class Gone(Hides):
    """A gateway uses a block until it is gone: it has no filter that looks for replacements."""

    source: ClassVar = _THANOS_0_10
    kind: Literal["gone"] = Field(
        "gone", description="When it is gone; gateways keep what another block contains."
    )

    @property
    def keeps_what_is_replaced(self) -> bool:
        """For as long as it is there."""
        return True

    def made(self, scenario: Scenario) -> "Hide":
        """Gateways do not deduplicate; the compactor does."""
        from sim.model.schemes import Hide

        return Hide(keeps_superseded=True)


@register("delete")
class AtOnce(Deletes):
    """The objects go as soon as the block is retired."""

    source: ClassVar = _THANOS_0_10
    kind: Literal["at-once"] = Field("at-once", description="As soon as the block is retired.")
    is_immediate: ClassVar = True

    @property
    def delay_us(self) -> int:
        """From retirement to deletion: nothing."""
        return 0

    @property
    def is_computable(self) -> bool:
        """Blocks go as they are retired, in no time."""
        return self.rate_per_s is None

    def made(self, scenario: Scenario) -> "AtOnce":
        """The primitive itself."""
        return self

    def due(self, record: "Record", view: "View", now_us: int) -> "list[Block]":
        """Nothing is ever left to delete later."""
        return []


@register("delete")
class KeptForEver(Deletes):
    """Nothing is deleted (S8); what is stored, and what a sync reads, grows for ever."""

    source: ClassVar = "the alternative that a delay is measured against"
    kind: Literal["never"] = Field("never", description="Never.")

    @property
    def delay_us(self) -> int:
        """From retirement to deletion: for ever."""
        return NEVER

    @property
    def is_computable(self) -> bool:
        """Blocks never go."""
        return True

    def made(self, scenario: Scenario) -> "KeptForEver":
        """The primitive itself."""
        return self

    def due(self, record: "Record", view: "View", now_us: int) -> "list[Block]":
        """Nothing is ever due."""
        return []


class NoHold:
    """Readers and whoever deletes do not know of each other; a base for those that do."""

    def took(self, holder: "Holder", blocks: "Sequence[Block]") -> None:
        """A reader begins to answer from blocks."""

    def may_drop(self, holder: "Holder", block: "Block") -> bool:
        """A reader stops answering from what it no longer has in its view."""
        return True

    def let_go(self, holder: "Holder", blocks: "Sequence[Block]") -> None:
        """A reader no longer answers from blocks."""

    def lost(self, holder: "Holder") -> None:
        """A reader went down with all it had loaded."""

    def returned(self, holder: "Holder") -> None:
        """A reader serves after its first sync."""

    def look(self, client: "Client", t_us: int) -> None:
        """Whoever deletes asks nobody."""

    def may_delete(self, block: "Block", t_us: int) -> bool:
        """What is due may go."""
        return True


@register("hold")
class Unheld(Primitive):
    """Readers and whoever deletes do not know of each other."""

    source: ClassVar = _THANOS_0_10
    kind: Literal["nothing"] = Field("nothing", description="They do not know of each other.")

    @property
    def is_computable(self) -> bool:
        """Nobody waits."""
        return True

    def made(self, scenario: Scenario) -> NoHold:
        """What never stands in anybody's way."""
        return NoHold()


@register("learn")
class OwnListing(Primitive):
    """Every reader lists the bucket itself."""

    source: ClassVar = "Thanos, pkg/block/fetcher.go"
    kind: Literal["listing"] = Field("listing", description="It lists the bucket itself.")

    @property
    def is_computable(self) -> bool:
        """A listing of its own says what is stored."""
        return True

    def made(self, scenario: Scenario) -> "OwnListing":
        """The primitive itself."""
        return self

    def source_of(self, client: "Client", *, shard: "Shard | None", is_shared: bool) -> "Bucket":
        """What a gateway reads in a sync: the bucket, or what its caches say of it."""
        from sim.model.store.caching import CachingClient
        from sim.model.views.cached import CachedBucket
        from sim.model.views.listing import Bucket

        if isinstance(client, CachingClient):
            return CachedBucket(client, shard=shard)
        return Bucket(client, shard=shard, is_shared=is_shared)

    def publish(self, view: "View", t_us: int) -> None:
        """Readers are told nothing."""


@register("check")
class Unchecked(Checks):
    """The querier believes that an answer is all there is."""

    source: ClassVar = "Thanos, pkg/store/proxy.go"
    kind: Literal["nothing"] = Field("nothing", description="It does not.")

    @property
    def is_computable(self) -> bool:
        """Nobody looks."""
        return True

    def made(self, scenario: Scenario) -> None:
        """Nothing acts."""


@register("beside")
class Alone(Besides):
    """Nobody deletes but the compactor, and people."""

    source: ClassVar = _THANOS_0_10
    kind: Literal["nothing"] = Field("nothing", description="Nobody.")

    @property
    def is_computable(self) -> bool:
        """Nobody else acts."""
        return True

    def made(self, scenario: Scenario) -> None:
        """Nothing acts."""
