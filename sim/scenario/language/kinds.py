"""Parts of a scenario of which there are several kinds: ``[[schemes]]`` and ``[[faults]]``.

The key ``kind`` says which; a field exists only where it means something.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from sim.core.laws import Law
from sim.core.units import US_PER_S
from sim.scenario.language.values import Duration, Fraction, Frozen, Name, Whole
from sim.scenario.laws.tables import ActivityLaw

__all__ = [
    "FAULT_KINDS",
    "SCHEME_KINDS",
    "CompactorCrash",
    "DeletionMark",
    "Fault",
    "GatewayOutage",
    "Immediate",
    "ProducerCrash",
    "SchemeSpec",
    "StoreErrors",
]

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


class _Timed(Frozen):
    """A fault: in force during [at, at + lasts)."""

    kind: str
    at: Annotated[Law, ActivityLaw] = Field(description="When it begins.")
    lasts: Annotated[Law, ActivityLaw] = Field(description="How long it lasts.")


class GatewayOutage(_Timed):
    """A gateway goes down, and starts with nothing (``SEMANTICS.md`` G7)."""

    kind: Literal["gateway-outage"] = Field(description="A gateway is down.")
    target: Whole = Field(description="Number of the gateway, from 0.")


class ProducerCrash(_Timed):
    """A producer stops, and continues with its unfinished block (P3)."""

    kind: Literal["producer-crash"] = Field(description="A producer is down.")
    target: Whole = Field(description="Number of the producer, from 0.")


class CompactorCrash(_Timed):
    """The compactor stops, and starts with empty memory (C13)."""

    kind: Literal["compactor-crash"] = Field(description="The compactor is down.")


class StoreErrors(_Timed):
    """Requests fail more often than usual (S7)."""

    kind: Literal["store-errors"] = Field(description="Requests fail.")
    error_rate: Fraction = Field(0.0, description="P(a request fails without effect).")
    lost_answer_rate: Fraction = Field(
        0.0, description="P(a request is applied, but answered with an error)."
    )


Fault = Annotated[
    GatewayOutage | ProducerCrash | CompactorCrash | StoreErrors, Field(discriminator="kind")
]
"""Something that goes wrong for a while."""

FAULT_KINDS: Final = ("gateway-outage", "producer-crash", "compactor-crash", "store-errors")
