"""What goes wrong, when, and for whom: ``[[faults]]``.

The key ``kind`` says what; a field exists only where it means something. Actors are called as the
store knows them: "producer/0", "compactor", "gateway/0"; "producers", "gateways" and "any" stand
for several.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from sim.core.laws import Law
from sim.scenario.language.values import AtLeastOne, Count, Duration, Fraction, Frozen, Whole
from sim.scenario.laws.tables import ActivityLaw

__all__ = [
    "FAULT_KINDS",
    "OBJECTS",
    "REQUESTS",
    "Aimed",
    "AtRequest",
    "Clock",
    "CompactorCrash",
    "Crash",
    "Fault",
    "GatewayOutage",
    "ProducerCrash",
    "RequestErrors",
    "StoreErrors",
]

RequestKind = Literal["get", "head", "list", "put", "delete"]
ObjectKind = Literal["chunks", "index", "meta.json", "deletion-mark.json"]

REQUESTS: Final[tuple[RequestKind, ...]] = ("get", "head", "list", "put", "delete")
"""What an actor may ask of the store."""
OBJECTS: Final[tuple[ObjectKind, ...]] = ("chunks", "index", "meta.json", "deletion-mark.json")
"""Objects of a block, by what is in them, in the order in which they are uploaded."""

_GROUPS: Final = {"producers": "producer/", "gateways": "gateway/"}


def _one_or_many(value: object) -> object:
    """Read one entry as an array of one."""
    return (value,) if isinstance(value, str) else value


def _as_written(entries: Sequence[str]) -> str | list[str]:
    """Print an array of one as its entry."""
    return entries[0] if len(entries) == 1 else list(entries)


def _schema(one: dict[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


Who = Annotated[
    tuple[str, ...],
    AtLeastOne,
    BeforeValidator(_one_or_many),
    PlainSerializer(_as_written),
    _schema(
        {
            "type": "string",
            "pattern": r"^(any|producers|gateways|compactor|(producer|gateway)/\d+)$",
            "examples": ["any", "gateway/0", "gateways", "producers", "compactor"],
        }
    ),
]
"""Actors, one or an array of them."""

Requests = Annotated[
    tuple[RequestKind, ...],
    AtLeastOne,
    BeforeValidator(_one_or_many),
    PlainSerializer(_as_written),
    _schema({"type": "string", "enum": list(REQUESTS)}),
]
"""Requests, one or an array of them."""

Objects = Annotated[
    tuple[ObjectKind, ...],
    AtLeastOne,
    BeforeValidator(_one_or_many),
    PlainSerializer(_as_written),
    _schema({"type": "string", "enum": list(OBJECTS)}),
]
"""Objects of blocks, one kind or an array of them."""


class _Timed(Frozen):
    """A fault: in force during [at, at + lasts)."""

    kind: str
    at: Annotated[Law, ActivityLaw] = Field(description="When it begins.")
    lasts: Annotated[Law, ActivityLaw] = Field(description="How long it lasts.")

    @property
    def targets(self) -> tuple[str, ...]:
        """Actors that it befalls, as ``who`` of other kinds names them."""
        raise NotImplementedError

    def befalls(self, actor: str) -> bool:
        """Whether it befalls an actor, named as the store knows it."""
        return any(
            target in ("any", actor) or actor.startswith(_GROUPS.get(target, "\0"))
            for target in self.targets
        )


class Aimed(_Timed):
    """A fault that says whom it befalls."""

    who: Who = Field(("any",), description="Actors that it befalls: one, or an array.")

    @property
    def targets(self) -> tuple[str, ...]:
        """Actors that it befalls."""
        return self.who


class GatewayOutage(_Timed):
    """A gateway goes down, and starts with nothing (``SEMANTICS.md`` G7)."""

    kind: Literal["gateway-outage"] = Field(description="A gateway is down.")
    target: Whole = Field(description="Number of the gateway, from 0.")

    @property
    def targets(self) -> tuple[str, ...]:
        """The gateway."""
        return (f"gateway/{self.target}",)


class ProducerCrash(_Timed):
    """A producer stops, and continues with its unfinished block (P3)."""

    kind: Literal["producer-crash"] = Field(description="A producer is down.")
    target: Whole = Field(description="Number of the producer, from 0.")

    @property
    def targets(self) -> tuple[str, ...]:
        """The producer."""
        return (f"producer/{self.target}",)


class CompactorCrash(_Timed):
    """The compactor stops, and starts with empty memory (C13)."""

    kind: Literal["compactor-crash"] = Field(description="The compactor is down.")

    @property
    def targets(self) -> tuple[str, ...]:
        """The compactor."""
        return ("compactor",)


class AtRequest(Frozen):
    """The request at which an actor crashes (F5)."""

    request: Literal["put", "delete"] = Field(description="What it asks of the store.")
    object: ObjectKind | None = Field(None, description="Of which object; of any if left out.")
    nth: Count = Field(1, description="Which one of those, from 1.")
    acknowledged: bool = Field(
        False, description="It dies once the store has acknowledged it, not before it is sent."
    )


class Crash(Aimed):
    """An actor stops, at a time or at a request, and starts again (F4, F5)."""

    kind: Literal["crash"] = Field(description="An actor is down.")
    who: Who = Field(description="Actors that it befalls: one, or an array.")
    at_request: AtRequest | None = Field(
        None, description="It happens at this request, counted from at on, and not at at."
    )

    def befalls(self, actor: str) -> bool:
        """Whether it befalls an actor; people who act on the bucket do not crash."""
        return actor != "operator" and super().befalls(actor)


class Clock(Aimed):
    """A clock is wrong (T6, F6)."""

    kind: Literal["clock"] = Field(description="A clock is wrong.")
    who: Who = Field(description="Actors whose clock it is: one, or an array.")
    ahead_us: Duration = Field(0, alias="ahead", description="How far it is ahead.")
    behind_us: Duration = Field(0, alias="behind", description="How far it is behind.")


class StoreErrors(_Timed):
    """Requests of all kinds and of all actors fail more often than usual (S7)."""

    kind: Literal["store-errors"] = Field(description="Requests fail.")
    error_rate: Fraction = Field(0.0, description="P(a request fails without effect).")
    lost_answer_rate: Fraction = Field(
        0.0, description="P(a request is applied, but answered with an error)."
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """Everybody."""
        return ("any",)


class RequestErrors(Aimed):
    """Some requests of some actors fail, or find nothing (F2)."""

    kind: Literal["request-errors"] = Field(description="Some requests of some actors fail.")
    requests: Requests = Field(REQUESTS, description="Requests that are hit.")
    objects: Objects = Field(OBJECTS, description="Objects whose requests are hit.")
    blocks: Literal["any", "level-1", "compacted"] = Field(
        "any", description="Blocks whose requests are hit."
    )
    error_rate: Fraction = Field(0.0, description="P(a request fails without effect).")
    lost_answer_rate: Fraction = Field(
        0.0, description="P(a request is applied, but answered with an error)."
    )
    answers: Literal["error", "not-found"] = Field(
        "error", description="not-found: GET and HEAD find nothing, whatever is there."
    )


Fault = Annotated[
    GatewayOutage | ProducerCrash | CompactorCrash | StoreErrors | RequestErrors | Crash | Clock,
    Field(discriminator="kind"),
]
"""Something that goes wrong for a while."""

FAULT_KINDS: Final = (
    "gateway-outage",
    "producer-crash",
    "compactor-crash",
    "store-errors",
    "request-errors",
    "crash",
    "clock",
)
