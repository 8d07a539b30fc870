"""What acts on the store and what is asked of it: the tables beside ``[store]``.

Attributes have the names of the keys, with the unit of their value behind: ``wait_interval`` is
a law (in µs, drawn), ``block_length_us`` a policy.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sim.core.laws import Constant, Law
from sim.core.objects import Resolution
from sim.core.units import US_PER_S
from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.language.caches import GatewayCache
from sim.scenario.language.compactor import ReadStages
from sim.scenario.language.store import NO_TIME
from sim.scenario.language.values import (
    Amount,
    Bytes,
    Count,
    Duration,
    Fraction,
    Frozen,
    Longer,
    Name,
    Rate,
    refusal,
)
from sim.scenario.laws.tables import ActivityLaw, PhaseLaw
from sim.scenario.metrics import OBSERVATIONS

__all__ = [
    "DOWNSAMPLED_SPANS_US",
    "OBSERVATIONS",
    "OUTCOMES",
    "Gateways",
    "Producers",
    "QueryClass",
    "SyncStages",
]

_M: Final = 60 * US_PER_S
_H: Final = 60 * _M
_D: Final = 24 * _H

OUTCOMES: Final = (
    "query-error",
    "partial-response",
    "silent-gap",
    "duplicated",
    "warned",
    "ok",
)
"""Outcomes of a query, in the order in which they are judged."""

DOWNSAMPLED_SPANS_US: Final = (40 * _H, 10 * _D)
"""Shortest raw block that is downsampled to 5m, and shortest 5m block to 1h: Thanos,
docs/components/compact.md (``SEMANTICS.md`` C12)."""


class Producers(Frozen):
    """One stream of blocks each (a Prometheus with its sidecar); ``SEMANTICS.md`` P."""

    count: Count = Field(1, description="How many producers, so how many streams.")
    block_length_us: Longer = Field(
        2 * _H, alias="block_length", description="Span of a level-1 block."
    )
    upload_after: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="From the end of a block until it is cut and its upload starts."
    )
    upload_takes: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="From the start of an upload to its last acknowledgement."
    )
    retry_after_us: Longer = Field(
        30 * US_PER_S, alias="retry_after", description="From a failed put to the next attempt."
    )
    local_retention_us: Duration = Field(
        15 * _D,
        alias="local_retention",
        description="Data younger than this is also answered by the producer.",
    )
    local_retention_bytes: Bytes | None = Field(
        None, description="And the newest blocks that fit into so much; any size if left out."
    )
    unuploaded: Literal["kept", "dropped"] | None = Field(
        None,
        description="What becomes of a block that is not uploaded when its local retention ends: "
        "kept until it is, as if nothing is said, or dropped (Prometheus).",
    )
    block_bytes: Bytes = Field(512 * 2**20, description="Size of a level-1 block.")
    chunk_files: Count = Field(1, description="Chunk objects of a block.")
    names: Literal["itself", "nothing"] | None = Field(
        None, description="What meta.json of a block names as its sources; itself if left out."
    )
    memory: Literal["kept", "lost"] | None = Field(
        None,
        description="What a crash does to what a producer knows of its uploads; kept if left out.",
    )

    @property
    def kept_us(self) -> int:
        """How long after the end of a block its producer answers for it, by time and by size."""
        if self.local_retention_bytes is None:
            return self.local_retention_us
        n_kept = self.local_retention_bytes // self.block_bytes
        return min(self.local_retention_us, n_kept * self.block_length_us)


class SyncStages(ReadStages):
    """When a sync acts on the world, as fractions of its duration."""

    load: Fraction = Field(1.0, description="Blocks are loaded.")


class Gateways(Frozen):
    """Readers that answer from blocks they loaded; ``SEMANTICS.md`` G."""

    count: Count = Field(1, description="How many gateways.")
    shards: Count = Field(
        1, description="Blocks are split over them; each is served by count / shards gateways."
    )
    shard_by: Literal["stream", "block"] | None = Field(
        None, description="What decides the shard of a block: its stream (default), or its id."
    )
    sync_interval: Annotated[Law, ActivityLaw] = Field(
        Constant(value_us=15.0 * _M), description="Interval of the syncs (Thanos: 3m before 0.34)."
    )
    sync_takes: Annotated[Law, ActivityLaw] = Field(NO_TIME, description="Duration of a sync.")
    sync_takes_per_block_us: Duration = Field(
        0,
        alias="sync_takes_per_block",
        description="How much longer a sync takes for each block that it lists.",
    )
    phase: Annotated[Law | Literal["uniform"], PhaseLaw] = Field(
        "uniform", description="When the first sync starts: uniform in an interval, or a duration."
    )
    stratified: Literal[True] | None = Field(
        None, description="Spread uniform phases evenly over trials (a Latin hypercube)."
    )
    consistency_delay_us: Duration = Field(
        0,
        alias="consistency_delay",
        description="Blocks uploaded more recently are not loaded.",
    )
    partial_response: Literal["abort", "warn"] = Field(
        "abort", description="What a gateway's failure does to a query."
    )
    unhealthy_after_us: Duration = Field(
        10 * US_PER_S,
        alias="unhealthy_after",
        description="How long queries to a gateway that went down fail; then it is just absent.",
    )
    sync_stages: SyncStages = Field(SyncStages(), description="When a sync acts on the world.")
    restart_after: Annotated[Law, ActivityLaw] = Field(
        Constant(value_us=10.0 * US_PER_S),
        description="From giving up the first sync until the process runs again.",
    )
    cache: GatewayCache | None = Field(
        None, description="A caching bucket between the gateways and the store."
    )

    @model_validator(mode="after")
    def _has_strata(self) -> Self:
        if self.stratified and self.phase != "uniform":
            raise refusal('be left out unless phase is "uniform"', at=("stratified",))
        return self

    @property
    def splits_streams(self) -> bool:
        """Whether a block and what replaces it may be on different gateways."""
        return self.shard_by == "block" and self.shards > 1


def _streams(value: object) -> object:
    """Refuse what is neither ``"all"`` nor a number of streams."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value == "all" or is_number:
        return value
    raise refusal('be "all" or a whole number >= 1', hint=did_you_mean(value, ["all"]))


class QueryClass(Frozen):
    """Queries of one kind, arriving at random; ``SEMANTICS.md`` Q."""

    name: Name = Field(description="Its name in results; its draws are named after it.")
    rate_per_s: Rate = Field(1.0, alias="rate", description="Poisson arrivals.")
    range_us: Longer = Field(
        7 * _D, alias="range", description="Asks for [t - offset - range, t - offset)."
    )
    offset_us: Duration = Field(0, alias="offset", description="How far back the range ends.")
    streams: Annotated[Literal["all"] | Annotated[int, Field(ge=1)], BeforeValidator(_streams)] = (
        Field("all", description="All streams, or how many of them, drawn for each query.")
    )
    takes: Annotated[Law, ActivityLaw] = Field(
        NO_TIME, description="Reads happen during [t, t + takes]."
    )
    max_resolution: Resolution = Field("raw", description="The coarsest resolution it may use.")


class RequestPrices(Frozen):
    """What a thousand requests of each kind cost."""

    get: Amount = Field(0.0, description="A thousand GETs.")
    head: Amount = Field(0.0, description="A thousand HEADs.")
    list: Amount = Field(0.0, description="A thousand LISTs.")
    put: Amount = Field(0.0, description="A thousand PUTs.")
    delete: Amount = Field(0.0, description="A thousand DELETEs.")


class Prices(Frozen):
    """What a store charges; what is shown gets a price by it, and nothing is decided by it."""

    currency: Name = Field("USD", description="What prices are in.")
    gib_month: Amount = Field(0.0, description="A GiB stored for 30 days.")
    per_1000: RequestPrices = Field(RequestPrices(), description="A thousand requests, by kind.")
