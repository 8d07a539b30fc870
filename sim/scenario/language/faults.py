"""What goes wrong, when, and for whom: ``[[faults]]``.

The key ``kind`` says what; a field exists only where it means something. A kind is a table that
also knows what it does, in a file with those that act at the same door; those of this project stand
in the room `sim.faults`, and one that somebody else registers is a kind like any other. Actors are
called as the store knows them: "producer/0", "compactor", "gateway/0"; "producers", "gateways" and
"any" stand for several, and so does "compactor" where there are "compactor/0" and "compactor/1".
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from sim.core.laws import Law
from sim.scenario.language.finding import Finding
from sim.scenario.language.registry import ReadByKind, Registry
from sim.scenario.language.values import AtLeastOne, Frozen, Path
from sim.scenario.laws.tables import ActivityLaw

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = [
    "OBJECTS",
    "REQUESTS",
    "Aimed",
    "AimedAtPrograms",
    "AnyFault",
    "Fault",
    "ObjectKind",
    "Objects",
    "RequestKind",
    "Requests",
    "Who",
    "fault_tables",
    "one_or_many",
    "register",
]

RequestKind = Literal["get", "head", "list", "put", "delete"]
ObjectKind = Literal["chunks", "index", "meta.json", "deletion-mark.json"]

REQUESTS: Final[tuple[RequestKind, ...]] = ("get", "head", "list", "put", "delete")
"""What an actor may ask of the store."""
OBJECTS: Final[tuple[ObjectKind, ...]] = ("chunks", "index", "meta.json", "deletion-mark.json")
"""Objects of a block, by what is in them, in the order in which they are uploaded."""

T = TypeVar("T")

_GROUPS: Final = {"producers": "producer/", "gateways": "gateway/", "compactor": "compactor/"}


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) or type(value) is int else value


def _as_written(entries: Sequence[T]) -> T | list[T]:
    return entries[0] if len(entries) == 1 else list(entries)


def one_or_many(**entry: object) -> tuple[object, ...]:
    """Annotations of a tuple that a file says as one entry or an array; ``entry`` is its schema."""
    array = {"type": "array", "items": entry, "minItems": 1}
    schema = WithJsonSchema({"anyOf": [entry, array]})
    return AtLeastOne, BeforeValidator(_one_or_many), PlainSerializer(_as_written), schema


Who = Annotated[
    tuple[str, ...],
    *one_or_many(
        type="string",
        pattern=r"^(any|producers|gateways|compactor|(producer|gateway|compactor)/\d+)$",
        examples=["any", "gateway/0", "gateways", "producers", "compactor"],
    ),
]
"""Actors, one or an array of them."""

Requests = Annotated[tuple[RequestKind, ...], *one_or_many(type="string", enum=list(REQUESTS))]
"""Requests, one or an array of them."""

Objects = Annotated[tuple[ObjectKind, ...], *one_or_many(type="string", enum=list(OBJECTS))]
"""Objects of blocks, one kind or an array of them."""


class Fault(Frozen):
    """Base of every kind of fault, in force during [at, at + lasts).

    A subclass has a ``kind: Literal["…"]``, keys of its own, and a docstring that says what it
    does. `made` returns what the simulated world asks of it (`sim.model.faults.effect`).
    """

    lags: ClassVar[bool] = False
    """Whether changes of the store may show late because of it."""
    prolongs: ClassVar[bool] = False
    """Whether work of those it befalls may take longer because of it."""

    kind: str
    at: Annotated[Law, ActivityLaw] = Field(description="When it begins.")
    lasts: Annotated[Law, ActivityLaw] = Field(description="How long it lasts.")

    @property
    def targets(self) -> tuple[str, ...]:
        """Actors that it befalls, as ``who`` of other kinds names them; everybody by itself."""
        return ("any",)

    def befalls(self, actor: str) -> bool:
        """Whether it befalls an actor, named as the store knows it; an only one is number 0."""
        return any(
            target in ("any", actor, f"{actor}/0") or actor.startswith(_GROUPS.get(target, "\0"))
            for target in self.targets
        )

    def made(self, *, start_us: int, end_us: int) -> Any:
        """What it does in one run, in which it holds during [start_us, end_us)."""
        raise NotImplementedError

    def conflicts(self, scenario: "Scenario", place: Path) -> Iterator[Finding]:
        """What does not fit with the rest of the scenario; the table stands at `place`."""
        return iter(())

    @property
    def failing(self) -> float:
        """Which part of an actor's requests it fails, at most."""
        return 0.0

    @property
    def offset_us(self) -> int:
        """How far it sets clocks ahead; negative if behind."""
        return 0

    @property
    def entangles(self) -> str:
        """Why runs that differ in deletions may meet it differently; empty if they do not.

        Said of a kind that does not say otherwise, so that nothing is claimed of it.
        """
        return f"{self.kind} may depend on what is deleted"


class Aimed(Fault):
    """A fault that says whom it befalls."""

    who: Who = Field(("any",), description="Actors that it befalls: one, or an array.")

    @property
    def targets(self) -> tuple[str, ...]:
        """Actors that it befalls."""
        return self.who


class AimedAtPrograms(Aimed):
    """A fault of programs that run by themselves; people who act on the bucket are spared.

    So are sessions of referrers.
    """

    def befalls(self, actor: str) -> bool:
        """Whether it befalls an actor."""
        return not actor.startswith(("operator", "referrer/")) and super().befalls(actor)


_Table = TypeVar("_Table", bound=Fault)

_registered: Final[Registry[Fault]] = Registry("there is a fault", "sim.faults")


def register(table: type[_Table]) -> type[_Table]:
    """Class decorator: the table may stand in ``[[faults]]`` from now on.

    Raises
    ------
    ValueError
        If there is another table of that kind.
    """
    _registered.enter(table)
    return table


def fault_tables() -> Mapping[str, type[Fault]]:
    """What may stand in ``[[faults]]``, by kind."""
    return _registered.tables()


@cache
def _one_of(tables: tuple[type[Fault], ...]) -> TypeAdapter[Fault]:
    union: Any = reduce(or_, tables)
    return TypeAdapter(Annotated[union, Field(discriminator="kind")])


class _Kinds(ReadByKind):
    """Annotation of a fault of any kind."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(_one_of(tuple(fault_tables().values())).core_schema)

    def read(self, value: object, info: ValidationInfo) -> Fault:
        adapter = _one_of(tuple(fault_tables().values()))
        return adapter.validate_python(value, context=info.context)


AnyFault = Annotated[Fault, _Kinds()]
"""Something that goes wrong for a while."""
