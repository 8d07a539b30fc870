"""Readers that ignore data older than a retention of their own (S4).

The writer deletes at once what expires; readers whose retention is shorter have let go by then.
What a compaction makes obsolete is not covered (``SEMANTICS.md`` D6). Source: thanos proposal
201901, alternatives; the flags --min-time and --max-time of the store gateway do the same.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from sim.model.schemes import Hide
from sim.scenario.language.primitives import Hides, register
from sim.scenario.language.values import Longer
from sim.scenario.schema import Scenario

__all__ = ["DataAge"]


@register("hide")
class DataAge(Hides):
    """A gateway ignores a block whose newest data is older than its own retention."""

    source: ClassVar = "thanos proposal 201901, alternatives"
    kind: Literal["data-age"] = Field("data-age", description="When its data is old enough.")
    after_us: Longer = Field(alias="after", description="Age of the end of a block's data.")

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """What somebody may still ask for."""
        yield "readers ignore data older than a retention of their own (hide)"

    def made(self, scenario: Scenario) -> Hide:
        """The age."""
        return Hide(data_age_us=self.after_us)
