"""What goes wrong, when, and for whom: ``[[faults]]``.

The key ``kind`` says what; a field exists only where it means something. A kind is a table that
also knows what it does, in a file with those that act at the same door; those of this project stand
in the room `sim.faults`, and one that somebody else registers is a kind like any other. Actors are
called as the store knows them: "producer/0", "compactor", "gateway/0"; "producers", "gateways" and
"any" stand for several.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from sim.core.laws import Law
from sim.scenario.language.finding import Finding
from sim.scenario.language.registry import Registry
from sim.scenario.language.values import AtLeastOne, Frozen, Path
from sim.scenario.laws.tables import ActivityLaw

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = [
    "OBJECTS",
    "REQUESTS",
    "Aimed",
    "AnyFault",
    "Fault",
    "ObjectKind",
    "Objects",
    "RequestKind",
    "Requests",
    "Who",
    "as_written",
    "fault_tables",
    "one_or_many",
    "register",
    "schema_of",
]

RequestKind = Literal["get", "head", "list", "put", "delete"]
ObjectKind = Literal["chunks", "index", "meta.json", "deletion-mark.json"]

REQUESTS: Final[tuple[RequestKind, ...]] = ("get", "head", "list", "put", "delete")
"""What an actor may ask of the store."""
OBJECTS: Final[tuple[ObjectKind, ...]] = ("chunks", "index", "meta.json", "deletion-mark.json")
"""Objects of a block, by what is in them, in the order in which they are uploaded."""

T = TypeVar("T")

_GROUPS: Final = {"producers": "producer/", "gateways": "gateway/"}


def one_or_many(value: object) -> object:
    """Read one entry as an array of one."""
    return (value,) if isinstance(value, str) else value


def as_written(entries: Sequence[T]) -> T | list[T]:
    """Print an array of one as its entry."""
    return entries[0] if len(entries) == 1 else list(entries)


def schema_of(one: dict[str, object]) -> WithJsonSchema:
    """Describe one entry, or an array of them."""
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


Who = Annotated[
    tuple[str, ...],
    AtLeastOne,
    BeforeValidator(one_or_many),
    PlainSerializer(as_written),
    schema_of(
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
    BeforeValidator(one_or_many),
    PlainSerializer(as_written),
    schema_of({"type": "string", "enum": list(REQUESTS)}),
]
"""Requests, one or an array of them."""

Objects = Annotated[
    tuple[ObjectKind, ...],
    AtLeastOne,
    BeforeValidator(one_or_many),
    PlainSerializer(as_written),
    schema_of({"type": "string", "enum": list(OBJECTS)}),
]
"""Objects of blocks, one kind or an array of them."""


class Fault(Frozen):
    """Base of every kind of fault, in force during [at, at + lasts).

    A subclass has a ``kind: Literal["…"]``, keys of its own, and a docstring that says what it
    does. `made` returns what the simulated world asks of it (`sim.model.faults.effect`).
    """

    lags: ClassVar[bool] = False
    """Whether changes of the store may show late because of it."""

    kind: str
    at: Annotated[Law, ActivityLaw] = Field(description="When it begins.")
    lasts: Annotated[Law, ActivityLaw] = Field(description="How long it lasts.")

    @property
    def targets(self) -> tuple[str, ...]:
        """Actors that it befalls, as ``who`` of other kinds names them; everybody by itself."""
        return ("any",)

    def befalls(self, actor: str) -> bool:
        """Whether it befalls an actor, named as the store knows it."""
        return any(
            target in ("any", actor) or actor.startswith(_GROUPS.get(target, "\0"))
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


class _Kinds:
    """Annotation of a fault of any kind that is registered when it is read."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(_written)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(_one_of(tuple(fault_tables().values())).core_schema)

    def _read(self, value: object, info: ValidationInfo) -> Fault:
        adapter = _one_of(tuple(fault_tables().values()))
        return adapter.validate_python(value, context=info.context)


def _written(fault: Fault) -> Any:
    return fault.model_dump(by_alias=True, exclude_none=True)


AnyFault = Annotated[Fault, _Kinds()]
"""Something that goes wrong for a while."""
