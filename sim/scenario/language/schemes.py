"""The ways to delete: ``[[schemes]]``.

The key ``kind`` says which; a field exists only where it means something.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from sim.core.units import US_PER_S
from sim.scenario.language.values import Duration, Frozen, Name

__all__ = ["SCHEME_KINDS", "DeletionMark", "Immediate", "SchemeSpec"]

_H: Final = 3_600 * US_PER_S


class Immediate(Frozen):
    """A retired block is deleted at once."""

    name: Name = Field(description="Its name in results and in expect.")
    kind: Literal["immediate"] = Field(description="Delete at once.")

    @property
    def delete_delay_us(self) -> int:
        """From retirement to deletion: nothing."""
        return 0

    @property
    def hide_delay_us(self) -> None:
        """Age of a mark from which gateways ignore the block: there are no marks."""
        return


class DeletionMark(Frozen):
    """A retired block is marked, hidden from readers, and deleted later (Thanos since 0.12)."""

    name: Name = Field(description="Its name in results and in expect.")
    kind: Literal["deletion-mark"] = Field(description="Mark first, delete later.")
    delete_delay_us: Duration = Field(
        48 * _H, alias="delete_delay", description="Age of a mark from which the block goes."
    )
    ignore_deletion_marks_delay_us: Duration = Field(
        24 * _H,
        alias="ignore_deletion_marks_delay",
        description="Age of a mark from which gateways ignore the block.",
    )

    @property
    def hide_delay_us(self) -> int:
        """Age of a mark from which gateways ignore the block."""
        return self.ignore_deletion_marks_delay_us


SchemeSpec = Annotated[Immediate | DeletionMark, Field(discriminator="kind")]
"""A way to delete."""

SCHEME_KINDS: Final = ("immediate", "deletion-mark")
