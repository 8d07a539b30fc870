"""What lies between the gateways and the store: the table ``[gateways.cache]``.

Defaults are those of Thanos 0.43, which has no cache unless it is configured
(docs/components/store.md, caching bucket; pkg/store/cache, caching_bucket_factory.go).
"""

from typing import Annotated, Final

from pydantic import Field

from sim.core.units import US_PER_S
from sim.scenario.language.values import Duration, Frozen

__all__ = ["GatewayCache"]

_M: Final = 60 * US_PER_S
_H: Final = 60 * _M


class GatewayCache(Frozen):
    """How long a caching bucket remembers; 0s: not at all (``SEMANTICS.md`` G8)."""

    listing_us: Duration = Field(
        5 * _M, alias="listing", description="The listing of the bucket (blocks_iter_ttl)."
    )
    exists_us: Duration = Field(
        2 * _H,
        alias="exists",
        description="That a meta.json or mark is there (metafile_exists_ttl).",
    )
    absent_us: Duration = Field(
        15 * _M,
        alias="absent",
        description="That a meta.json or mark is not there (metafile_doesnt_exist_ttl).",
    )
    content_us: Duration = Field(
        24 * _H, alias="content", description="What is in it (metafile_content_ttl)."
    )
    chunks_us: Duration | None = Field(
        None,
        alias="chunks",
        description="Chunks that a query read, for queries of its class (chunk_subrange_ttl: 24h).",
    )
    shared: Annotated[bool, Field(strict=True)] = Field(
        False, description="One for all gateways, such as memcached, or one in each."
    )
