"""What is due goes when it is found due for the second time.

Whatever a cycle of maintenance has rewritten is so never deleted by the same one, and what it saw
by mistake it must see again (``SEMANTICS.md`` D17). Source: kopia, repo/maintenance,
SafetyParameters: RequireTwoGCCycles and MarginBetweenSnapshotGC, 4h; PR 946.
"""

from typing import ClassVar, Literal

from pydantic import Field

from sim.model.blocks.catalog import Block
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Count, Duration
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

__all__ = ["Cycles"]


@register("hold")
class Cycles(Primitive):
    """A block goes at the second look that finds it due."""

    source: ClassVar = "kopia, repo/maintenance, SafetyParameters"
    kind: Literal["cycles"] = Field("cycles", description="A block is found due twice.")
    count: Count = Field(2, description="How often it must be found due.")
    apart_us: Duration = Field(
        "0s",
        validate_default=True,
        alias="apart",
        description="A look that follows another one sooner does not count.",
    )

    def made(self, scenario: Scenario) -> "_Cycles":
        """Nothing was found yet."""
        return _Cycles(self.count, self.apart_us)


class _Cycles(NoHold):
    """Per block, how often it was found due, and when that last counted."""

    def __init__(self, count: int, apart_us: int) -> None:
        self._count = count
        self._apart_us = max(1, apart_us)
        self._found: dict[int, tuple[int, int]] = {}

    def may_delete(self, block: Block, t_us: int) -> bool:
        times, last_us = self._found.get(block.index, (0, -self._apart_us))
        if t_us - last_us >= self._apart_us:
            times, last_us = times + 1, t_us
            self._found[block.index] = times, last_us
        return times >= self._count
