"""What a reader does with a query for which it finds an object gone (S5a, S5b).

Thanos fails the answer of the whole store gateway. Two alternatives take an absent object for one
without data: the block contributes nothing, and who asked is told so or not (``SEMANTICS.md`` Q3,
Q4). Neither keeps real loss from looking like a deletion. Source: thanos proposal 201901,
alternatives, "not-found treated as no data"; pkg/store/bucket.go, BucketStore.Series.
"""

from typing import ClassVar, Final, Literal

from pydantic import Field

from sim.scenario.language.primitives import Misses, register

__all__ = ["Failed", "Tolerated", "Warned"]

_PROPOSAL: Final = "thanos proposal 201901, alternatives"


@register("miss")
class Failed(Misses):
    """The answer of the gateway fails."""

    source: ClassVar = "Thanos, pkg/store/bucket.go"
    kind: Literal["fail"] = Field("fail", description="Its answer fails.")

    @property
    def is_computable(self) -> bool:
        """It decides over queries, and nothing else."""
        return True


@register("miss")
class Tolerated(Misses):
    """The block contributes nothing, and nobody is told."""

    source: ClassVar = _PROPOSAL
    kind: Literal["tolerate"] = Field(
        "tolerate", description="It answers without the block, and says nothing."
    )
    loses_gateway: ClassVar = False
    reads_one_replica: ClassVar = True
    warns: ClassVar = False

    @property
    def is_computable(self) -> bool:
        """It decides over queries, and nothing else."""
        return True


@register("miss")
class Warned(Misses):
    """The block contributes nothing, and the answer carries a warning."""

    source: ClassVar = _PROPOSAL
    kind: Literal["warn"] = Field("warn", description="It answers without the block, and warns.")
    loses_gateway: ClassVar = False
    reads_one_replica: ClassVar = True

    @property
    def is_computable(self) -> bool:
        """It decides over queries, and nothing else."""
        return True
