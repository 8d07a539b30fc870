"""A manifest, of which whoever commits writes a new version; what it leaves out is retired.

Table formats and stores that are made of logs tell their readers by a pointer what there is: a
snapshot, a version, a manifest. Who uploads or merges files publishes the next version in the same
step, by compare-and-swap; a reader asks for one object, and what that does not list is not there.
No mark is needed: a file is retired by the first version without it (``SEMANTICS.md`` D13, D14).
Sources: Apache Iceberg, table spec, Optimistic Concurrency; Delta Lake, PROTOCOL.md, Add File and
Remove File; SlateDB, rfcs/0001-manifest.md.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import ClassVar, Final, Literal, NamedTuple

from pydantic import Field

from sim.conventions.placement import Shard
from sim.core.objects import MANIFEST
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block, by_creation
from sim.model.store.bucket_objects import BucketObject
from sim.model.store.client import Client, RequestFailed
from sim.model.store.versions import Store
from sim.model.views.listing import Bucket, Instants, SyncAborted
from sim.model.views.view import View
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.schema import Scenario

__all__ = ["Chain", "LeftOut", "Manifest", "Pointed", "chain_of"]

_SOURCE: Final = "Apache Iceberg, table spec; Delta Lake, PROTOCOL.md; SlateDB, rfcs/0001"


class _Listed(NamedTuple):
    """A block is in the versions [first, until), with the time of its upload."""

    first: int
    until: int
    uploaded_us: int


class Chain:
    """All versions of a manifest, each by what it changed of the one before.

    Attributes
    ----------
    changes : list
        Per version, from the first (number 1): blocks (ordinals) that came or went.
    clocks_us : list
        Per version, what the clock of who committed it showed.
    left_out : dict
        Of each block that the newest version does not list any more, the number of the first
        version without it.
    """

    def __init__(self) -> None:
        self.changes: list[tuple[int, ...]] = []
        self.clocks_us: list[int] = []
        self.left_out: dict[int, int] = {}
        self._spans: dict[int, list[_Listed]] = {}

    @property
    def newest(self) -> int:
        """The number of the newest version; 0 without any."""
        return len(self.changes)

    def uploaded_us(self, index: int, number: int) -> int | None:
        """When a block was uploaded, as a version says that lists it; else None."""
        for span in reversed(self._spans.get(index, ())):
            if span.first <= number < span.until:
                return span.uploaded_us
        return None

    def lists(self, block: Block) -> bool:
        """Whether the newest version does."""
        return block.index in self._spans and block.index not in self.left_out

    def has_listed(self, block: Block) -> bool:
        """Whether any version does."""
        return block.index in self._spans

    def add(self, new: Sequence[Block], gone: Sequence[Block], meta: int, clock_us: int) -> None:
        """Append a version."""
        self.changes.append(tuple(block.index for block in (*new, *gone)))
        self.clocks_us.append(clock_us)
        number = self.newest
        for block in new:
            span = _Listed(number, NEVER, block.history[meta][-1].stamp_us)
            self._spans.setdefault(block.index, []).append(span)
            self.left_out.pop(block.index, None)
        for block in gone:
            spans = self._spans[block.index]
            spans[-1] = spans[-1]._replace(until=number)
            self.left_out[block.index] = number


class Version(NamedTuple):
    """The content of the object: a number in a chain, from 1."""

    chain: Chain
    number: int


def chain_of(store: Store) -> Chain | None:
    """The versions of the manifest so far; None if there is none."""
    newest: Version | None = store.own(MANIFEST).newest
    return None if newest is None else newest.chain


@register("learn")
class Manifest(Primitive):
    """Whoever commits or retires writes a version; a sync of a gateway reads the newest."""

    source: ClassVar = _SOURCE
    refuses: ClassVar = {
        "record": ("nothing", "mark", "memory", "meta-removal"),
        "check": ("bucket-index",),
    }
    needs_one_compactor: ClassVar = True
    kind: Literal["manifest"] = Field(
        "manifest", description="It reads a manifest, of which each commit writes a version."
    )

    def made(self, scenario: Scenario) -> "Pointed":
        """A manifest that nobody has written yet."""
        return Pointed()

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """A manifest that shows late, and what goes without being replaced.

        Where it shows at once it hides a source when a listing would show what replaces it.
        """
        if not scenario.store.shows_at_once:
            yield "how late a manifest shows is not known to rules (learn)"
        if any(scenario.compactor.retention_us):
            yield "a manifest, and no mark, hides what has expired (learn)"


class Pointed:
    """Who writes the manifest, and what is read of it."""

    def source_of(self, client: Client, *, shard: Shard | None, is_shared: bool) -> Bucket:
        return _Reading(client, shard=shard)

    def publish(self, view: View, t_us: int) -> None:
        """Nothing is said of deletions: what is deleted was left out before."""

    def writer_source(self, client: Client, *, marked_are_partial: bool) -> Bucket:
        return _Writing(client, marked_are_partial=marked_are_partial)

    def has_listed(self, client: Client, block: Block) -> bool:
        chain = chain_of(client.store)
        return chain is not None and chain.has_listed(block)

    def commit(
        self, client: Client, t_us: int, *, new: Sequence[Block], gone: Sequence[Block]
    ) -> None:
        store, own = client.store, client.store.own(MANIFEST)
        chain = chain_of(store) or Chain()
        new = [block for block in new if not chain.lists(block)]
        gone = [block for block in gone if chain.lists(block)]
        if not new and not gone:
            return
        newest = len(own)
        client.tally.count("get", t_us)
        base: Version | None = client.get_own(own, t_us)
        if (0 if base is None else base.number) < newest:
            # Somebody has committed since: the swap is refused, and both are sent again.
            client.tally.count("put", t_us)
            client.tally.count("get", t_us)
        try:
            client.put_own(own, Version(chain, newest + 1), t_us)
        finally:
            if len(own) > newest:
                chain.add(new, gone, store.catalog.meta_object, client.clock_us(t_us))


class _Reading(Bucket):
    """What a gateway reads: one GET a sync, however many blocks there are."""

    def __init__(self, client: Client, *, shard: Shard | None) -> None:
        super().__init__(client, shard=shard)
        self._own: BucketObject[Version] = client.store.own(MANIFEST)
        self._number = 0
        self._read_us = -1
        self._has_failed = False

    def changed(self, at: Instants) -> Iterator[Block]:
        """Blocks that came or went between the version read before and the one read now."""
        before = self._number
        if self._read_us != at.list_us:
            self._read(at.list_us)
        chain = chain_of(self.client.store)
        if chain is None or self._number == before:
            return
        low, high = sorted((before, self._number))
        blocks = self.client.store.catalog.blocks
        changes = chain.changes[low:high]
        yield from self._mine(blocks[i] for i in dict.fromkeys(i for one in changes for i in one))

    def look(self, blocks: Sequence[Block], at: Instants) -> list[int | None]:
        """Upload time of each block, as the manifest has it; None of one that it has not.

        Raises
        ------
        SyncAborted
            If the manifest could not be read.
        """
        self.client.tally.count("get", at.list_us)
        if self._has_failed:
            raise SyncAborted("manifest")
        self.n_shown(blocks, at.list_us)
        return [self._uploaded_at_number(block) for block in blocks]

    def n_shown(self, blocks: Iterable[Block], t_us: int) -> int:
        """How many blocks the manifest has, ``blocks`` having changed; 0 if it cannot be read."""
        if self._has_failed:
            return 0
        for block in blocks:
            if self._uploaded_at_number(block) is not None:
                self.listed.add(block.index)
            else:
                self.listed.discard(block.index)
        return len(self.listed)

    def ask_for_marks(self, blocks: Collection[int], t_us: int) -> None:
        """Send nothing: there are no marks."""

    def mark_us(self, block: Block, t_us: int) -> int | None:
        """None: there are no marks."""
        return None

    def _uploaded_at_number(self, block: Block) -> int | None:
        chain = chain_of(self.client.store)
        return None if chain is None else chain.uploaded_us(block.index, self._number)

    def _read(self, t_us: int) -> None:
        self._read_us = t_us
        try:
            shown = self.client.get_own(self._own, t_us)
        except RequestFailed:
            self._has_failed = True
        else:
            self._has_failed = False
            self._number = 0 if shown is None else shown.number


class _Writing(Bucket):
    """What a writer reads: a listing, of which it takes what the newest version has.

    The rest is either retired or, if no version ever had it, as good as an upload without its
    meta.json.
    """

    _seen = 0

    def changed(self, at: Instants) -> Iterator[Block]:
        """As :meth:`Bucket.changed`, and what has come into a version or was left out of it."""
        yield from super().changed(at)
        chain, blocks = chain_of(self.client.store), self.client.store.catalog.blocks
        if chain is not None:
            for change in chain.changes[self._seen :]:
                yield from (blocks[i] for i in change)
            self._seen = chain.newest

    def look(self, blocks: Sequence[Block], at: Instants) -> list[int | None]:
        """As :meth:`Bucket.look`; None for a block that the newest version does not list, too."""
        times_us = super().look(blocks, at)
        chain = chain_of(self.client.store)
        for i, block in enumerate(blocks):
            if times_us[i] is not None and (chain is None or not chain.lists(block)):
                times_us[i] = None
                if chain is None or not chain.has_listed(block):
                    self.partial[block.index] = block
        return times_us


@register("record")
class LeftOut(Primitive):
    """A block is retired by the commit of the first version of the manifest without it."""

    source: ClassVar = _SOURCE
    refuses: ClassVar = {"learn": ("listing", "bucket-index")}
    needs_one_compactor: ClassVar = True
    kind: Literal["manifest"] = Field(
        "manifest", description="The newest version of the manifest does not list it any more."
    )

    def made(self, scenario: Scenario) -> "_LeftOut":
        """What it knows stands in the manifest."""
        return _LeftOut()


class _LeftOut:
    _chain: Chain | None = None

    def write(self, block: Block, view: View, t_us: int, why: str) -> None:
        """Do nothing: a commit has left the block out."""

    def is_written(self, block: Block, view: View) -> bool:
        self._chain = chain_of(view.client.store)
        return self.remembers(block)

    def due(self, view: View, before_us: int) -> list[Block]:
        store = view.client.store
        chain = chain_of(store)
        if chain is None:
            return []
        blocks, clocks_us = store.catalog.blocks, chain.clocks_us
        due = (blocks[i] for i, n in chain.left_out.items() if clocks_us[n - 1] < before_us)
        return sorted((block for block in due if block.held), key=by_creation)

    def remembers(self, block: Block) -> bool:
        return self._chain is not None and block.index in self._chain.left_out

    def forget(self) -> None:
        """Nothing stands in memory."""
