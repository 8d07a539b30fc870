"""The slots of a scheme, and what may stand in them.

A scheme is a product: one primitive for each of the :data:`SLOTS`. A primitive is a table of the
scenario language that also knows how to do what it says, in a file of its own; those of this
project stand in the room `sim.schemes`. It is found here by slot and kind, so that one which
somebody else registers is a primitive like any other: no file of the language names them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NamedTuple, TypeVar

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic_core import CoreSchema

from sim.core.arrays import Ints
from sim.core.units import NEVER
from sim.scenario.language.cleanup import WhenDeleted
from sim.scenario.language.outside import OUTSIDE, from_table, is_outside, place_of
from sim.scenario.language.registry import ReadByKind, Registry
from sim.scenario.language.values import Frozen, Rate, refusal

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = [
    "SLOTS",
    "Besides",
    "Checks",
    "Deletes",
    "Hides",
    "Misses",
    "Primitive",
    "Slot",
    "primitive",
    "primitives",
    "register",
]

SLOTS: Final[Mapping[str, str]] = {
    "record": "How is it recorded that a block is retired?",
    "hide": "When does a component stop using a block that is retired?",
    "delete": "When do the objects of a retired block go, by which clock?",
    "hold": "What do readers and whoever deletes owe each other?",
    "learn": "How does a reader learn what is in the bucket?",
    "miss": "What does a reader do that finds an object gone?",
    "check": "Does the querier check that an answer is complete?",
    "beside": "Who else deletes from the bucket?",
}
"""The questions that a scheme answers."""


class Primitive(Frozen):
    """Base of what may stand in a slot.

    A subclass has keys of its own, and a docstring that says what it does. `made` returns what the
    simulated world asks of the slot (`sim.model.schemes` has the protocols). Those of this project
    have a ``kind: Literal["…"]`` with a default; one of somebody else has none, and is found by the
    name of its class (`sim.schemes.own`).
    """

    model_config = ConfigDict(validate_default=True)

    source: ClassVar[str] = ""
    """Where the rule comes from: a pull request, a proposal, a file."""

    refuses: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Kinds in other slots, beside which it would do nothing, or nothing else would."""

    needs_one_compactor: ClassVar[bool] = False
    """Whether it is of no use where several compactors share the bucket."""

    ties_readers: ClassVar[bool] = False
    """Whether deletions wait for readers, or readers for something else than their syncs."""

    kind: str = ""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        """Give a class of somebody else the name by which a scenario finds it."""
        is_unnamed = is_outside(cls) and isinstance(raw, Mapping) and "kind" not in raw
        has_own = cls.model_fields["kind"].annotation is not str
        return {"kind": place_of(cls), **raw} if is_unnamed and not has_own else raw

    @property
    def is_computable(self) -> bool:
        """Whether `sim.model.computed` knows its rule, so that it need not act to be simulated."""
        return False

    def made(self, scenario: "Scenario") -> Any:
        """What acts in one run of a scenario; a new one each time, so that it may remember."""
        raise NotImplementedError

    def obstacles(self, scenario: "Scenario") -> Iterator[str]:
        """What keeps delays alone from proving that no read fails in a scenario.

        Rules know what those of this project do; of another one they prove nothing, unless it says
        here that it has no obstacles.
        """
        if is_outside(type(self)):
            yield f"what {self.kind} does is not known to rules"


class Hides(Primitive):
    """Base of what may stand in the slot ``hide``."""

    @property
    def mark_age_us(self) -> int | None:
        """Age of a mark from which gateways ignore the block; None if they read no marks."""
        return None

    @property
    def keeps_what_is_replaced(self) -> bool:
        """Whether gateways keep a block although they have one that contains it."""
        return False


class Deletes(Primitive):
    """Base of what may stand in the slot ``delete``."""

    is_immediate: ClassVar[bool] = False
    """Whether a block goes in the step that retires it, where the table itself is what acts."""

    when: WhenDeleted | None = Field(
        None, description="When blocks are deleted, instead of compactor.cleanup."
    )
    rate_per_s: Annotated[Rate, Field(gt=0.0)] | None = Field(
        None,
        alias="rate",
        description="How many objects go at most, one after the other; else as delete_takes says.",
    )

    @property
    def delay_us(self) -> int:
        """From retirement to deletion; NEVER if nothing is deleted."""
        raise NotImplementedError

    def due_us(self, retired_us: Ints, created_us: Ints, commits_us: Ints) -> Ints:
        """When blocks are due, of which it is known when they were retired; others hold them up.

        Parameters
        ----------
        retired_us, created_us : int64 array
            Of each block.
        commits_us : int64 array
            Of each version of a manifest, ascending.
        """
        return retired_us + self.delay_us

    def obstacles(self, scenario: "Scenario") -> Iterator[str]:
        """A sweep with a limited rate, which may come late, and take for ever."""
        yield from super().obstacles(scenario)
        if self.rate_per_s is not None:
            yield "how long a sweep takes is not known to rules (delete.rate)"


class Checks(Primitive):
    """Base of what may stand in the slot ``check``."""

    answers_in_full: ClassVar[bool] = False
    """Whether it needs gateways of which any that fails fails the query."""

    @property
    def demands(self) -> "Demands | None":
        """Of which blocks an answer must come; None if nobody looks."""
        return None


class Demands(NamedTuple):
    """When a block that the querier knows of must have been answered from, in µs.

    It must from the age ``required_after_us`` of its upload on, until its mark is older than
    ``optional_after_us``.
    """

    required_after_us: int
    optional_after_us: int


class Misses(Primitive):
    """Base of what may stand in the slot ``miss``."""

    loses_gateway: ClassVar[bool] = True
    """Whether an absent object fails the whole answer of its gateway, not only its block."""

    warns: ClassVar[bool] = True
    """Whether who asked is told that something was absent."""

    reads_one_replica: ClassVar[bool] = False
    """Whether it needs gateways that read one replica, and do not draw one for each read."""

    tries_again: ClassVar[bool] = False
    """Whether a query makes the reader act, so that only queries that are drawn can be judged."""

    def made(self, scenario: "Scenario") -> Any:
        """What acts in one run; most look at queries only, and nothing acts."""
        return None

    @property
    def apart_us(self) -> int:
        """For how long after such an act no query makes the reader act again."""
        return 0

    @property
    def may_warn(self) -> bool:
        """Whether an answer may lack a block, and say so."""
        return self.warns and not self.loses_gateway


class Besides(Primitive):
    """Base of what may stand in the slot ``beside``."""

    @property
    def spares_us(self) -> int:
        """How old an object must be before it may go by that; NEVER if none goes by its age."""
        return NEVER

    @property
    def mark_age_us(self) -> int:
        """How old a mark must be before its block may go by that; NEVER if none goes by a mark."""
        return NEVER

    def name_of(self, t_us: int, age_us: int) -> str:
        """Whoever else deleted an object of an age at an instant; empty if it was somebody else."""
        return ""


_BASES: Final[Mapping[str, type[Primitive]]] = {
    "hide": Hides,
    "delete": Deletes,
    "miss": Misses,
    "check": Checks,
    "beside": Besides,
}
"""What stands in a slot, where others ask it more than what it makes."""

_Table = TypeVar("_Table", bound=Primitive)

_registered: Final[Mapping[str, Registry[Primitive]]] = {
    name: Registry(f"{name} has a primitive", "sim.schemes", name) for name in SLOTS
}


def register(slot: str) -> Callable[[type[_Table]], type[_Table]]:
    """Class decorator: the table may stand in `slot` from now on.

    Raises
    ------
    ValueError
        If the slot has another table of that kind.
    """

    def enter(table: type[_Table]) -> type[_Table]:
        _registered[slot].enter(table)
        return table

    return enter


def primitives(slot: str) -> Mapping[str, type[Primitive]]:
    """What may stand in a slot, by kind."""
    return _registered[slot].tables()


def primitive(slot: str, kind: str) -> type[Primitive] | None:
    """What stands in a slot by a kind, if there is one; no other file of `sim.schemes` is read."""
    return _registered[slot].table(kind)


@dataclass(frozen=True)
class Slot(ReadByKind):
    """Annotation of a field that holds the primitive of a slot; a text is a table of a kind."""

    name: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """One of the kinds, or a table of one."""
        tables = [t.model_json_schema(by_alias=True) for t in primitives(self.name).values()]
        short = [
            kind
            for kind, table in primitives(self.name).items()
            if not any(field.is_required() for field in table.model_fields.values())
        ]
        own = {"type": "object", "properties": {"kind": OUTSIDE}, "required": ["kind"]}
        return {"anyOf": [{"type": "string", "enum": short}, OUTSIDE, own, *tables]}

    def read(self, value: object, info: ValidationInfo) -> Primitive:
        """A table by its kind, or the kind alone."""
        if isinstance(value, Primitive):
            return value
        table = {"kind": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise refusal("be a table with a kind, or the kind alone")
        kind = table.get("kind")
        known = primitive(self.name, kind) if isinstance(kind, str) else None
        if known is not None:
            return known.model_validate(table, context=info.context)
        at, base = ("kind",) if table is value else (), _BASES.get(self.name, Primitive)
        return from_table(table, base, primitives(self.name), info, at=at)

    def written(self, table: Primitive) -> Any:
        """One without keys is its kind."""
        raw = super().written(table)
        return raw if len(raw) > 1 else table.kind
