"""What "delete" means: a scheme is composed from a few primitives.

=========  =====================================================================================
primitive  question it answers
=========  =====================================================================================
record     how is it recorded that a block is retired? :class:`NoRecord`, :class:`DeletionMark`
hide       how long after that does a component stop using the block? :class:`Hide`
delete     when do its objects go, by which clock? :class:`AtOnce`, :class:`AfterMark`
hold       what do readers and whoever deletes owe each other? :class:`NoHold`
listing    how does a reader learn what is in the bucket? :class:`OwnListing`
=========  =====================================================================================

The first three are the ways of Thanos. The last two say that it has no other: a lease, or an index
of the bucket, is a class beside theirs. :func:`compose` is the only place that knows the kinds of
the scenario language; it makes the primitives anew for every run, so they may have memory.
Sources: Thanos pull request 2136 (marks), releases up to 0.10 (deletion at once); ``SEMANTICS.md``
C4, C9, G4.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from sim.core.kernel import Kernel
from sim.core.units import US_PER_S
from sim.model.blocks.catalog import Block
from sim.model.store.caching import CachingClient
from sim.model.store.client import Client
from sim.model.store.transfer import Steps
from sim.model.views.cached import CachedBucket
from sim.model.views.listing import Bucket
from sim.model.views.view import View
from sim.scenario.schema import DeletionMark as MarkSpec
from sim.scenario.schema import Immediate, Scenario


class Record(Protocol):
    """Declares blocks obsolete."""

    def write(self, block: Block, view: View, t_us: int) -> None:
        """Declare it at ``t_us``; may raise RequestFailed."""

    def is_written(self, block: Block, view: View) -> bool:
        """Whether the block counts as retired."""


class Delete(Protocol):
    """Says when the objects of retired blocks go; ``is_immediate``: as soon as they are retired."""

    @property
    def is_immediate(self) -> bool: ...

    def due(self, view: View, now_us: int) -> list[Block]:
        """Blocks to delete at ``now_us``, oldest first."""


class Holder(Protocol):
    """A gateway, as a scheme sees it. One that starts anew after an outage is another holder."""

    @property
    def kernel(self) -> Kernel: ...

    @property
    def number(self) -> int: ...

    @property
    def view(self) -> View: ...

    @property
    def loaded(self) -> Mapping[int, Block]:
        """The blocks it answers from, by ordinal."""

    def sync(self) -> Steps:
        """One more sync, beginning now."""


@dataclass(frozen=True, slots=True)
class NoRecord:
    """Retirement leaves no trace of its own in the store."""

    def write(self, block: Block, view: View, t_us: int) -> None:
        """Do nothing."""

    def is_written(self, block: Block, view: View) -> bool:
        """Whether the block counts as retired: it does as soon as somebody says so."""
        return True


@dataclass(frozen=True, slots=True)
class DeletionMark:
    """A deletion-mark.json inside the block, written once, stamped in whole seconds."""

    def write(self, block: Block, view: View, t_us: int) -> None:
        """Put the mark unless a HEAD finds one; raises RequestFailed as the client does."""
        client = view.client
        client.tally.count("head", t_us)
        if not view.source.finds_mark(block, t_us):
            clock_us = client.clock_us(t_us)
            stamp_us = clock_us - clock_us % US_PER_S
            client.put(block, client.store.catalog.mark_object, t_us, stamp_us=stamp_us)

    def is_written(self, block: Block, view: View) -> bool:
        """Whether the block counts as retired: it does once its mark is in the store."""
        store = view.client.store
        return store.holds(block, store.catalog.mark_object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hide:
    """Age of a mark (exclusive) from which gateways and the compactor ignore a block.

    ``None``: marks are not looked at.
    """

    gateways_us: int | None
    compactor_us: int | None


@dataclass(frozen=True, slots=True)
class AtOnce:
    """The objects go as soon as the block is retired."""

    is_immediate = True

    def due(self, view: View, now_us: int) -> list[Block]:
        """Nothing is ever left to delete later."""
        return []


@dataclass(frozen=True, slots=True)
class AfterMark:
    """The objects go once the block's mark, as the deleter knows it, is older than ``delay_us``."""

    delay_us: int
    is_immediate = False

    def due(self, view: View, now_us: int) -> list[Block]:
        """Blocks to delete at ``now_us``, oldest first."""
        return view.due(view.client.clock_us(now_us) - self.delay_us)


class NoHold:
    """Readers and whoever deletes do not know of each other."""

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """A reader begins to answer from blocks."""

    def may_drop(self, holder: Holder, block: Block) -> bool:
        """Whether a reader that no longer has the block in its view may stop answering from it.

        If not, it is asked again at the end of its next sync.
        """
        return True

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """A reader no longer answers from blocks."""

    def lost(self, holder: Holder) -> None:
        """A reader went down with all it had loaded."""

    def may_delete(self, block: Block, t_us: int) -> bool:
        """Whether a block that is due may be deleted at ``t_us``.

        If not, it is asked again when the deleter next looks for what is due.
        """
        return True


class OwnListing:
    """Every reader lists the bucket itself."""

    def source(self, client: Client, *, shard: int, shards: int, is_shared: bool) -> Bucket:
        """What a gateway reads in a sync."""
        if isinstance(client, CachingClient):
            return CachedBucket(client, shard=shard, shards=shards)
        return Bucket(client, shard=shard, shards=shards, is_shared=is_shared)

    def publish(self, view: View, t_us: int) -> None:
        """Whoever deletes has deleted what was due, and tells readers what is there: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A way to delete."""

    name: str
    record: Record
    hide: Hide
    delete: Delete
    hold: NoHold = field(default_factory=NoHold)
    listing: OwnListing = field(default_factory=OwnListing)


def compose(scenario: Scenario, scheme_index: int) -> Scheme:
    """The scheme that a ``[[schemes]]`` table of the scenario names."""
    spec = scenario.schemes[scheme_index]
    return _KINDS[spec.kind](spec)


def _immediate(spec: Immediate) -> Scheme:
    return Scheme(
        name=spec.name,
        record=NoRecord(),
        hide=Hide(gateways_us=None, compactor_us=None),
        delete=AtOnce(),
    )


def _deletion_mark(spec: MarkSpec) -> Scheme:
    return Scheme(
        name=spec.name,
        record=DeletionMark(),
        hide=Hide(
            gateways_us=spec.ignore_deletion_marks_delay_us,
            compactor_us=spec.delete_delay_us // 2,
        ),
        delete=AfterMark(spec.delete_delay_us),
    )


_KINDS: Final[dict[str, Callable[..., Scheme]]] = {
    "immediate": _immediate,
    "deletion-mark": _deletion_mark,
}
