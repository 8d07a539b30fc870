"""What the world asks of a scheme, slot by slot (``SEMANTICS.md`` D).

A scheme is a value of the scenario language, composed of primitives (`sim.scenario.language`); each
of them makes what acts in a run. Nothing here, and nothing else of the model, knows which
primitives there are: those of this project stand in `sim.schemes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sim.conventions.placement import Shard
from sim.core.kernel import Kernel
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.parts import Parts
from sim.model.rests import Rests
from sim.model.store.client import Client
from sim.model.store.transfer import Steps
from sim.model.views.listing import Bucket
from sim.model.views.view import View
from sim.scenario.language.outside import is_outside
from sim.scenario.language.primitives import Primitive
from sim.scenario.language.schemes import Composed
from sim.scenario.schema import Cleanup, Scenario, SchemeSpec
from sim.trace.recorder import Recorder


class Record(Protocol):
    """Declares blocks obsolete, and knows of which this was done."""

    def write(self, block: Block, view: View, t_us: int, why: str) -> None:
        """Declare it at ``t_us``, for one of ``RETIRE_REASONS``; may raise RequestFailed."""

    def is_written(self, block: Block, view: View) -> bool:
        """Whether the block counts as retired."""

    def due(self, view: View, before_us: int) -> list[Block]:
        """Blocks declared before ``before_us``, as the reader of ``view`` knows, oldest first."""

    def remembers(self, block: Block) -> bool:
        """Whether the compactor's memory says that the block is retired."""

    def forget(self) -> None:
        """The compactor has stopped; what stands in its memory alone is gone."""


class Delete(Protocol):
    """Says when the objects of retired blocks go; ``is_immediate``: as soon as they are retired."""

    @property
    def is_immediate(self) -> bool: ...

    def due(self, record: Record, view: View, now_us: int) -> list[Block]:
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

    def sync_again(self) -> Steps:
        """One more sync, beginning now, or the rest of the one under way."""


class Hold(Protocol):
    """What readers and whoever deletes owe each other."""

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """A reader begins to answer from blocks."""

    def may_drop(self, holder: Holder, block: Block) -> bool:
        """Whether a reader that no longer has the block in its view may stop answering from it.

        If not, it is asked again at the end of its next sync.
        """

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """A reader no longer answers from blocks."""

    def lost(self, holder: Holder) -> None:
        """A reader went down with all it had loaded."""

    def returned(self, holder: Holder) -> None:
        """A reader serves after its first sync."""

    def look(self, client: Client, t_us: int) -> None:
        """Whoever deletes reads what the store says of it; may raise RequestFailed."""

    def may_delete(self, block: Block, t_us: int) -> bool:
        """Whether a block that is due may be deleted at ``t_us``.

        If not, it is asked again when the deleter next looks for what is due.
        """


@runtime_checkable
class HearsOfSyncs(Protocol):
    """A hold that readers tell of each sync of theirs."""

    def synced(self, holder: Holder, began_us: int) -> None:
        """A sync of a reader that began at ``began_us`` has ended, and saw all there was."""


@runtime_checkable
class StandsInMemory(Protocol):
    """A hold that stands in the memory of who deletes."""

    def began(self, at_us: int) -> None:
        """The process of who deletes begins at ``at_us`` (>= now), and knows of nothing."""


@runtime_checkable
class HearsOfSessions(Protocol):
    """A hold that referrers tell of each session of theirs that begins."""

    def session_began(self, client: Client, number: int, found: Block | None, t_us: int) -> bool:
        """A session of referrer ``number`` begins; whether it may rely on what it found."""


class Miss(Protocol):
    """What readers do whose queries find an object gone; none where they do nothing."""

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """A reader begins to answer from blocks, if it serves."""

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """A reader no longer answers from blocks."""

    def lost(self, holder: Holder) -> None:
        """A reader went down with all it had loaded."""

    def returned(self, holder: Holder) -> None:
        """A reader serves after its first sync."""

    def changed(self, block: Block) -> None:
        """The store has acknowledged a change of the block."""


class Learn(Protocol):
    """How a reader learns what is in the bucket."""

    def source_of(self, client: Client, *, shard: Shard | None, is_shared: bool) -> Bucket:
        """What a gateway reads in a sync: the blocks of its shard, or with ``None`` all."""

    def publish(self, view: View, t_us: int) -> None:
        """Whoever deletes has deleted what was due, and may tell readers what is there."""


@runtime_checkable
class Commits(Protocol):
    """What else readers learn from whom, if writers tell them of each block when they commit it."""

    def commit(
        self, client: Client, t_us: int, *, new: Sequence[Block], gone: Sequence[Block]
    ) -> None:
        """Blocks come, and others are retired, in one step; raises RequestFailed."""

    def has_listed(self, client: Client, block: Block) -> bool:
        """Whether readers were ever told of a block."""

    def writer_source(self, client: Client, *, marked_are_partial: bool) -> Bucket:
        """What the compactor reads in a sync."""


class Beside(Protocol):
    """Who else deletes from the bucket; ``name`` is by which the store knows it."""

    @property
    def name(self) -> str: ...

    def start(self, parts: Parts, *, rests: Rests) -> None:
        """Begin to live, at the beginning of the run."""


class Querier(Protocol):
    """What a querier does beside asking gateways: it keeps up what it holds answers against."""

    def run(self, client: Client, kernel: Kernel, recorder: Recorder) -> Steps:
        """Live, beginning now."""

    def phase_us(self, streams: Streams) -> int:
        """When it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hide:
    """When components ignore a block.

    Attributes
    ----------
    gateways_us, compactor_us : int or None
        Age of its mark (exclusive) from which they do; ``None``: marks are not looked at.
    data_age_us : int or None
        Age of its newest sample (exclusive) from which gateways do, marked or not; ``None``: never.
    keeps_superseded : bool
        Whether gateways do not care that another block contains it.
    """

    gateways_us: int | None = None
    compactor_us: int | None = None
    data_age_us: int | None = None
    keeps_superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A way to delete, as it acts in one run.

    Attributes
    ----------
    rate_per_s : float or None
        How many objects go at most; None: as the compactor's own settings say.
    due_after_us : int or None
        Age of a mark (exclusive) from which its block is due, in µs; NEVER: nothing ever is.
        None: only what stands in the slots can tell when something is.
    commits : Commits or None
        What is told of each commit, if anything is.
    lists : bool
        Whether all that readers learn of the bucket is in its listing and its objects.
    n_referrers : int
        How many writers may reference again what expires.
    beside : Beside or None
        Who else deletes, if anybody does.
    """

    name: str
    record: Record
    hide: Hide
    delete: Delete
    hold: Hold
    learn: Learn
    commits: Commits | None
    cleanup: Cleanup
    querier: Querier | None
    miss: Miss | None
    rate_per_s: float | None
    due_after_us: int | None
    lists: bool
    n_referrers: int
    beside: Beside | None


def compose(scenario: Scenario, scheme_index: int) -> Scheme:
    """The scheme that a ``[[schemes]]`` table of the scenario names."""
    return acting(scenario.schemes[scheme_index], scenario)


def acting(spec: SchemeSpec, scenario: Scenario) -> Scheme:
    """What a scheme is in one run of a scenario."""
    composed = spec.composed
    learn = composed.learn.made(scenario)
    return Scheme(
        name=spec.name,
        record=composed.record.made(scenario),
        hide=composed.hide.made(scenario),
        delete=composed.delete.made(scenario),
        hold=composed.hold.made(scenario),
        learn=learn,
        commits=learn if isinstance(learn, Commits) else None,
        cleanup=spec.cleanup(scenario.compactor.cleanup_rule),
        querier=composed.checks.made(scenario),
        miss=composed.misses.made(scenario),
        rate_per_s=composed.delete.rate_per_s,
        due_after_us=_due_after_us(composed),
        lists=_is_known(composed.learn),
        n_referrers=0 if scenario.referrers is None else scenario.referrers.count,
        beside=composed.others.made(scenario),
    )


def _due_after_us(composed: Composed) -> int | None:
    if not all(map(_is_known, (composed.record, composed.delete, composed.learn))):
        return None
    return NEVER if composed.delete.is_immediate else composed.delete_delay_us


def _is_known(part: Primitive) -> bool:
    return part.is_computable and not is_outside(type(part))
