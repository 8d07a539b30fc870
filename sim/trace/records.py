"""The kinds of record a trace is made of.

A record says what changed in the simulated world, not what somebody thinks of it. ``sim trace`` has
arrays of its kind and fields, in order. Times are µs; ``block`` is an ordinal, from 0.

==========  ==========================================================================
kind        what happened
==========  ==========================================================================
block       a block came into being (on somebody's disk; nothing is stored yet)
names       what the block's meta.json names as its sources, where that is not its data
put         objects of a block were acknowledged by the store
delete      objects of a block were acknowledged as deleted
bucket-put  an object that belongs to no block was acknowledged by the store
retire      somebody declared the block obsolete
compact     a compaction or downsampling ended in a new block
load        a gateway began to answer from blocks
drop        a gateway stopped answering from blocks
unloaded    a gateway wanted blocks and could not load them
expect      a querier read an index of the bucket that says something new
retry       a gateway has synced for queries that found objects gone
abort       a sync gave up and changed nothing
down        a gateway went down and forgot everything
up          a gateway serves (again)
halt        the passes of a compactor came to an end, until it is started again
resume      they began again
error       a pass of a compactor or an upload ended early and will be tried again
syncs       when each component listed the bucket, and how many blocks it found
passes      when whoever deletes looked for what is due, and which marks it knew
requests    how many requests were sent to the store from the end of the warm-up on
reference   a session was committed that references a block again instead of uploading it
==========  ==========================================================================
"""

from typing import Annotated, Final, NamedTuple

from sim.core.objects import block_id
from sim.trace.rereferences import ReferenceRecord as ReferenceRecord

Times = tuple[int, ...]
Objects = Annotated[tuple[int, ...], "of a block"]
"""As a rule the same few, so they are kept once (`sim.trace.tables`)."""


class BlockRecord(NamedTuple):
    """A block came into being; ``data`` are half-open ranges of level-1 ordinals, flattened.

    ``serial``: how many blocks of the same stream, resolution, time range and level came before.
    """

    t_us: int
    block: int
    serial: int
    stream: int
    resolution: int
    min_us: int
    max_us: int
    level: int
    bytes: int
    data: tuple[int, ...]

    @property
    def id(self) -> str:
        """What the block is called."""
        return block_id(
            serial=self.serial,
            stream=self.stream,
            resolution=self.resolution,
            min_us=self.min_us,
            max_us=self.max_us,
            level=self.level,
        )


class NamesRecord(NamedTuple):
    """What meta.json of ``block`` names as its sources, where that is not the data in it.

    Ranges as in :class:`BlockRecord`; below 0 are blocks that name themselves. ``by_hand``: 1 if a
    person made the block, with a tool.
    """

    t_us: int
    block: int
    sources: tuple[int, ...]
    by_hand: int


class PutRecord(NamedTuple):
    """Objects were acknowledged; ``get``/``list`` hold when each replica shows each of them.

    Row-major (objects x replicas), empty if every replica shows them at ``t_us``. ``stamp_us`` is
    the time written inside the object (a mark's second, a meta's upload time), else 0; of a mark
    that nobody can read, :data:`UNREADABLE_US`.
    """

    t_us: int
    block: int
    objects: Objects
    get: Times
    list: Times
    stamp_us: int


class DeleteRecord(NamedTuple):
    """Objects were acknowledged as deleted; ``get`` and ``list`` as in :class:`PutRecord`."""

    t_us: int
    block: int
    objects: Objects
    get: Times
    list: Times


class BucketPutRecord(NamedTuple):
    """An object of the bucket was acknowledged; ``get`` and ``list`` as in :class:`PutRecord`."""

    t_us: int
    key: str
    get: Times
    list: Times


class RetireRecord(NamedTuple):
    """The block was declared obsolete; ``why`` indexes :data:`RETIRE_REASONS`."""

    t_us: int
    block: int
    why: int


class CompactRecord(NamedTuple):
    """``block`` was made of ``parents``; ``duplicate``: 1 if one of the same sources was there."""

    t_us: int
    block: int
    parents: tuple[int, ...]
    duplicate: int


class LoadRecord(NamedTuple):
    """The gateway answers from ``blocks`` from ``t_us`` on."""

    t_us: int
    gateway: int
    blocks: tuple[int, ...]


class DropRecord(NamedTuple):
    """The gateway no longer answers from ``blocks`` at ``t_us``."""

    t_us: int
    gateway: int
    blocks: tuple[int, ...]


class UnloadedRecord(NamedTuple):
    """The gateway wanted ``blocks`` and could not load them; it will try again at its next sync."""

    t_us: int
    gateway: int
    blocks: tuple[int, ...]


class ExpectRecord(NamedTuple):
    """What a querier knows of the bucket changed.

    Of each of ``blocks`` it now knows when it was uploaded and the stamp of its mark, a time that
    is never if there is none; of ``gone`` it no longer knows.
    """

    t_us: int
    blocks: tuple[int, ...]
    uploaded_us: tuple[int, ...]
    stamps_us: tuple[int, ...]
    gone: tuple[int, ...]


class RetryRecord(NamedTuple):
    """A sync of the gateway has ended for which queries waited, which are tried again now."""

    t_us: int
    gateway: int


class AbortRecord(NamedTuple):
    """A sync of ``gateway`` gave up because a request of ``kind`` failed; nothing changed."""

    t_us: int
    gateway: int
    kind: str


class DownRecord(NamedTuple):
    """The gateway went down; queriers count on it until ``unhealthy_us`` (exclusive)."""

    t_us: int
    gateway: int
    unhealthy_us: int


class UpRecord(NamedTuple):
    """The gateway finished its first sync and serves."""

    t_us: int
    gateway: int


class HaltRecord(NamedTuple):
    """Passes came to an end; ``reason`` begins with whose they are where there are several."""

    t_us: int
    reason: str

    @property
    def actor(self) -> str:
        """Who stopped, as the store knows it."""
        who, has_who, _ = self.reason.partition(": ")
        return who if has_who else "compactor"

    @property
    def cause(self) -> str:
        """On what, without whose they are."""
        return self.reason.rpartition(": ")[2]


class ResumeRecord(NamedTuple):
    """A compactor that had halted began its passes again."""

    t_us: int
    actor: str


class ErrorRecord(NamedTuple):
    """Work of ``actor`` ended early on ``what``."""

    t_us: int
    actor: str
    what: str


class SyncsRecord(NamedTuple):
    """Every sync of the run that was not given up, in order.

    Sync *i* was one of ``actors[who[i]]``, which listed the bucket at ``at_us[i]`` and found
    something of ``blocks[i]`` blocks.
    """

    t_us: int
    actors: tuple[str, ...]
    who: tuple[int, ...]
    at_us: tuple[int, ...]
    blocks: tuple[int, ...]


class PassesRecord(NamedTuple):
    """Every time that marked blocks were looked through for those that are due, in order.

    Pass *k* was at ``at_us[k]``, after ``syncs[k]`` syncs of the run; whoever deletes then knew the
    marks of the first ``known[k]`` of the blocks ``learnt``, as stamped at ``stamps_us``.
    """

    t_us: int
    at_us: tuple[int, ...]
    syncs: tuple[int, ...]
    known: tuple[int, ...]
    learnt: tuple[int, ...]
    stamps_us: tuple[int, ...]


class RequestsRecord(NamedTuple):
    """Requests sent in [warm-up, horizon), by kind in the order of :data:`REQUEST_KINDS`."""

    t_us: int
    counts: tuple[int, ...]


Record = (
    BlockRecord
    | NamesRecord
    | PutRecord
    | DeleteRecord
    | BucketPutRecord
    | RetireRecord
    | CompactRecord
    | LoadRecord
    | DropRecord
    | UnloadedRecord
    | ExpectRecord
    | RetryRecord
    | AbortRecord
    | DownRecord
    | UpRecord
    | HaltRecord
    | ResumeRecord
    | ErrorRecord
    | SyncsRecord
    | PassesRecord
    | RequestsRecord
    | ReferenceRecord
)

REQUEST_KINDS = ("get", "head", "list", "put", "delete")
RETIRE_REASONS = ("", "compacted", "garbage", "retention", "by-hand", "lifecycle")
UNREADABLE_US: Final = -1
"""Stamp of a mark in which nobody can read a time."""
# Digests have their positions: new kinds come last.
KIND_OF: Final[dict[type, str]] = {
    BlockRecord: "block",
    NamesRecord: "names",
    PutRecord: "put",
    DeleteRecord: "delete",
    BucketPutRecord: "bucket-put",
    RetireRecord: "retire",
    CompactRecord: "compact",
    LoadRecord: "load",
    DropRecord: "drop",
    UnloadedRecord: "unloaded",
    ExpectRecord: "expect",
    RetryRecord: "retry",
    AbortRecord: "abort",
    DownRecord: "down",
    UpRecord: "up",
    HaltRecord: "halt",
    ResumeRecord: "resume",
    ErrorRecord: "error",
    SyncsRecord: "syncs",
    PassesRecord: "passes",
    RequestsRecord: "requests",
    ReferenceRecord: "reference",
}
TYPE_OF: Final[dict[str, type]] = {kind: record for record, kind in KIND_OF.items()}
