"""Clocks that are wrong for a while (``SEMANTICS.md`` F6, T6)."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.model.faults.effect import Effect
from sim.scenario.language.faults import Aimed, Who, register
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Duration, Path
from sim.scenario.schema import Scenario

__all__ = ["Clock"]


class _WrongClock(Effect):
    """The clock of those it befalls is ahead, or behind."""

    @property
    def clock_offset_us(self) -> int:
        """That of the table."""
        return self.spec.offset_us


@register
class Clock(Aimed):
    """A clock is wrong (T6, F6)."""

    kind: Literal["clock"] = Field(description="A clock is wrong.")
    who: Who = Field(description="Actors whose clock it is: one, or an array.")
    ahead_us: Duration = Field(0, alias="ahead", description="How far it is ahead.")
    behind_us: Duration = Field(0, alias="behind", description="How far it is behind.")

    @property
    def offset_us(self) -> int:
        """How far it is ahead; negative if behind."""
        return self.ahead_us - self.behind_us

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """A wrong clock."""
        return _WrongClock(self, start_us=start_us, end_us=end_us)

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """It must be wrong, and in one direction."""
        if (self.ahead_us > 0) == (self.behind_us > 0):
            rule = "be longer than 0s where behind is not, and 0s where it is"
            yield Finding((*place, "ahead"), rule, ((*place, "behind"),))

    @property
    def entangles(self) -> str:
        """What is old enough to go depends on who asks."""
        return "clocks are wrong"
