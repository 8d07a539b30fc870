"""What goes wrong, and when: ``[[faults]]``.

The key ``kind`` says which; a field exists only where it means something.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from sim.core.laws import Law
from sim.scenario.language.values import Fraction, Frozen, Whole
from sim.scenario.laws.tables import ActivityLaw

__all__ = [
    "FAULT_KINDS",
    "CompactorCrash",
    "Fault",
    "GatewayOutage",
    "ProducerCrash",
    "StoreErrors",
]


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
