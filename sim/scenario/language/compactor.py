"""The table ``[compactor]``: who merges, retires and deletes; ``SEMANTICS.md`` C."""

from typing import Annotated, Final, Literal

from pydantic import Field

from sim.core.laws import Constant, Law
from sim.core.units import US_PER_S
from sim.scenario.language.cleanup import Cleanup, WhenDeleted
from sim.scenario.language.store import NO_TIME
from sim.scenario.language.values import (
    Count,
    Duration,
    Fraction,
    Frozen,
    Longer,
)
from sim.scenario.laws.tables import ActivityLaw

__all__ = ["Compactor", "ReadStages", "Retention"]

_M: Final = 60 * US_PER_S
_H: Final = 60 * _M
_D: Final = 24 * _H


class ReadStages(Frozen):
    """When a sync reads, as fractions of its duration."""

    check: Fraction = Field(0.0, description="Metas are looked for.")
    marks: Fraction = Field(0.0, description="Deletion marks are read.")


class Retention(Frozen):
    """How long blocks of each resolution are kept; 0d keeps for ever."""

    raw_us: Duration = Field(0, alias="raw", description="Raw samples.")
    five_minutes_us: Duration = Field(0, alias="5m", description="Downsampled to 5 minutes.")
    one_hour_us: Duration = Field(0, alias="1h", description="Downsampled to 1 hour.")


class Compactor(Frozen):
    """A compactor, with its cleaner, and how many there are; ``SEMANTICS.md`` C."""

    count: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        None, description="How many compactors (one if left out), each a process of its own."
    )
    shards: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        None,
        description="Streams are split over them; each is worked on by count / shards compactors "
        "(count if left out, so each by one).",
    )
    wait_interval: Annotated[Law, ActivityLaw] = Field(
        Constant(value_us=5.0 * _M), description="Interval of the passes."
    )
    sync_takes: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="Reading the state of the store."
    )
    sync_stages: ReadStages = Field(ReadStages(), description="When a sync reads what.")
    sync_timeout_us: Duration = Field(
        0, alias="sync_timeout", description="A sync that takes longer is given up; 0s: never."
    )
    remember_marks: Annotated[bool, Field(strict=True)] = Field(
        True, description="Whether a mark stays known that a later sync does not find."
    )
    ranges_us: tuple[Longer, ...] = Field(
        (2 * _H, 8 * _H, 2 * _D, 14 * _D),
        alias="ranges",
        description="Spans of blocks by level; the first is producers.block_length.",
    )
    vertical_compaction: Annotated[bool, Field(strict=True)] | None = Field(
        None, description="Whether raw blocks that overlap are merged, instead of a halt."
    )
    asks_index_size: Annotated[bool, Field(strict=True)] | None = Field(
        None,
        description="Whether a plan asks the store for the size of each index (Thanos since 0.17, "
        "of blocks whose meta.json does not say it).",
    )
    download_takes: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="Reading the blocks of a job, one object after the other."
    )
    compaction_takes: Annotated[Law, ActivityLaw] = Field(
        Constant(value_us=float(_M)), description="From the download to the start of the upload."
    )
    upload_takes: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="Uploading a block made here."
    )
    delete_takes: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="Deleting a marked block."
    )
    concurrency: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        None,
        description="Groups that a compactor works on at a time (one if left out; Thanos: "
        "--compact.concurrency).",
    )
    deletion_order: Literal["meta-first", "as-listed"] | None = Field(
        None,
        description="In which order objects of a block go, by whomever (Thanos: meta-first since "
        "0.8, as if nothing is said; as-listed: meta.json last).",
    )
    delete_workers: Count = Field(
        32, description="Marked blocks that are deleted at a time (Thanos: one before 0.41)."
    )
    downsampling: Annotated[bool, Field(strict=True)] = Field(
        True, description="Whether 5m and 1h blocks are made."
    )
    downsampling_takes: Annotated[Law, ActivityLaw] = Field(
        Constant(value_us=float(_M)), description="Downsampling a block, until its upload starts."
    )
    restart_after: Annotated[Law, ActivityLaw] = Field(
        Constant(value_us=10.0 * US_PER_S),
        description="From an error that ends the process to its next start.",
    )
    consistency_delay_us: Duration = Field(
        30 * _M,
        alias="consistency_delay",
        description="Blocks uploaded more recently are not looked at.",
    )
    retention: Retention = Field(Retention(), description="0d keeps for ever.")
    cleanup_rule: WhenDeleted = Field(
        Cleanup("in-pass"),
        alias="cleanup",
        description="When marked blocks are deleted: in-pass, end-of-pass or every <duration>.",
    )
    cleanup_interval_us: Duration = Field(
        0,
        alias="cleanup_interval",
        description="Interval at which partial blocks are deleted beside the passes; 0s: never.",
    )
    without_meta: Literal["partial", "fails"] | None = Field(
        None,
        description="What a sync makes of a block without meta.json: partial: it is left out, as "
        "if nothing is said; fails: the sync fails (Thanos before PR 1053, of 2019).",
    )
    marked_are_partial: Annotated[bool, Field(strict=True)] | None = Field(
        None,
        description="Whether whole blocks are also taken for partial where no-compact-mark.json is "
        "listed behind meta.json (recursive discovery of Thanos 0.40).",
    )
    clock_guard_us: Longer | None = Field(
        None,
        alias="clock_guard",
        description="How far the last-modified time of an object just written may be from one's "
        "clock; passes and cleanups that find more do nothing (kopia: 5m).",
    )
    partial_age_us: Longer = Field(
        48 * _H,
        alias="partial_age",
        description="Age beyond which a block without meta.json is taken for abandoned.",
    )
    partial_age_from: Literal["modified", "listed", "created"] = Field(
        "modified",
        description="Since when a partial block is old: its newest object, the newest that a LIST "
        "shows, or its creation.",
    )
    partial_cleanup: Literal["delete", "mark"] | None = Field(
        None,
        description="What becomes of a partial block that is old (Thanos: deleted, as if nothing "
        "is said; marked in 0.12.0, and never looked at again).",
    )
    progress_interval_us: Duration = Field(
        0, alias="progress_interval", description="Interval of syncs beside the passes; 0s: none."
    )
    size_ratio: Annotated[float, Field(strict=True, gt=0.0, le=1000.0)] = Field(
        1.0, description="Size of a block made here, relative to the sum of its sources."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """What the store knows the compactors by, in the order of their numbers."""
        n = self.count or 1
        return ("compactor",) if n == 1 else tuple(f"compactor/{number}" for number in range(n))

    @property
    def n_shards(self) -> int:
        """Over how many shards streams are split."""
        return self.shards or self.count or 1

    @property
    def n_workers(self) -> int:
        """How many groups one of them works on at a time."""
        return self.concurrency or 1

    def of_stream(self, stream: int) -> tuple[str, ...]:
        """Those of :attr:`names` that work on a stream."""
        return self.names[stream % self.n_shards :: self.n_shards]

    @property
    def retention_us(self) -> tuple[int, int, int]:
        """Retention in the order of `RESOLUTIONS`; 0 keeps for ever."""
        kept = self.retention
        return kept.raw_us, kept.five_minutes_us, kept.one_hour_us

    @property
    def cleanup(self) -> Literal["in-pass", "end-of-pass", "every"]:
        """When marked blocks are deleted."""
        return self.cleanup_rule.when

    @property
    def cleanup_every_us(self) -> int:
        """Interval of the cleaner; 0 unless `cleanup` is ``every``."""
        return self.cleanup_rule.every_us
