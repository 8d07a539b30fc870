"""The ways to delete: ``[[schemes]]``.

``kind = "composed"`` spells a scheme out, slot by slot; the other kinds are short names of a
composition. With ``preset`` a scheme begins as one of those that are shipped.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

from pydantic import Field

from sim.core.units import US_PER_S, format_duration
from sim.scenario.language.cleanup import Cleanup
from sim.scenario.language.primitives import (
    SLOTS,
    Besides,
    Checks,
    Deletes,
    Hides,
    Misses,
    Primitive,
    Slot,
    primitive,
)
from sim.scenario.language.values import Duration, Frozen, Name

if TYPE_CHECKING:
    from sim.scenario.language.ownscheme import SchemeSpec
    from sim.scenario.schema import Scenario

__all__ = [
    "SCHEME_KINDS",
    "Composed",
    "DeletionMark",
    "Immediate",
    "SchemeBase",
    "keys_of",
]

_H: Final = 3_600 * US_PER_S


class SchemeBase(Frozen):
    """What all have in common, and what may be asked of each."""

    name: Name = Field(description="Its name in results and in expect.")
    preset: str | None = Field(
        None, description="A scheme that is shipped; the other keys override it."
    )

    @property
    def composed(self) -> "Composed":
        """The scheme slot by slot."""
        raise NotImplementedError

    def cleanup(self, default: Cleanup) -> Cleanup:
        """When retired blocks are deleted; `default` where the scheme does not say."""
        return default

    def obstacles(self, scenario: "Scenario") -> Iterator[str]:
        """What keeps delays alone from proving that no read fails in a scenario."""
        return iter(())

    @property
    def tries_again(self) -> bool:
        """Whether a query makes readers act, so that only queries that are drawn can be judged."""
        return False

    @property
    def delete_key(self) -> str | None:
        """Where in its table the delay of deletions stands, or would; None if it has none."""
        return "delete_delay"

    @property
    def hide_key(self) -> str | None:
        """Where in its table the delay of hiding stands; None if it reads no marks."""
        return None

    def with_delay(self, key: str, value_us: int) -> "SchemeSpec":
        """The scheme with another delay at a key of its table."""
        raise NotImplementedError


class _Short(SchemeBase):
    """A short name of a composition, beside which somebody else may delete."""

    beside: Annotated[Besides, Slot("beside")] | None = Field(
        None, description=f"{SLOTS['beside']} Nobody if nothing is said."
    )

    def obstacles(self, scenario: "Scenario") -> Iterator[str]:
        """What somebody else may delete."""
        return self.composed.others.obstacles(scenario)


class Immediate(_Short):
    """A retired block is deleted at once."""

    kind: Literal["immediate"] = Field(description="Delete at once.")

    @property
    def composed(self) -> "Composed":
        """The scheme slot by slot."""
        return Composed(name=self.name, kind="composed", beside=self.beside)

    @property
    def delete_delay_us(self) -> int:
        """From retirement to deletion: nothing."""
        return 0

    @property
    def hide_delay_us(self) -> None:
        """Age of a mark from which gateways ignore the block: there are no marks."""
        return

    def with_delay(self, key: str, value_us: int) -> "SchemeSpec":
        """A scheme that marks, hides and deletes after that time."""
        return DeletionMark.model_construct(
            name=self.name,
            kind="deletion-mark",
            delete_delay_us=value_us,
            ignore_deletion_marks_delay_us=value_us,
            beside=self.beside,
        )


class DeletionMark(_Short):
    """A retired block is marked, hidden from readers, and deleted later (Thanos since 0.12)."""

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
    def composed(self) -> "Composed":
        """The scheme slot by slot; the compactor ignores blocks at half of the delete delay."""
        hide = {
            "kind": "mark-age",
            "after": format_duration(self.ignore_deletion_marks_delay_us),
            "compactor": format_duration(self.delete_delay_us // 2),
        }
        delete = {"kind": "after", "delay": format_duration(self.delete_delay_us)}
        slots = {"record": "mark", "hide": hide, "delete": delete, "beside": self.beside}
        return Composed.model_validate({"name": self.name, "kind": "composed", **slots})

    @property
    def hide_delay_us(self) -> int:
        """Age of a mark from which gateways ignore the block."""
        return self.ignore_deletion_marks_delay_us

    @property
    def hide_key(self) -> str:
        """Where in its table the delay of hiding stands."""
        return "ignore_deletion_marks_delay"

    def with_delay(self, key: str, value_us: int) -> "SchemeSpec":
        """The scheme with another delay at a key of its table."""
        return self.model_copy(update={f"{key}_us": value_us})


class Composed(SchemeBase):
    """A scheme slot by slot; a slot that is left out is as if blocks were deleted at once."""

    kind: Literal["composed"] = Field(description="A primitive for each slot.")
    record: Annotated[Primitive, Slot("record")] = Field(
        "nothing", validate_default=True, description=SLOTS["record"]
    )
    hide: Annotated[Hides, Slot("hide")] = Field(
        "superseded", validate_default=True, description=SLOTS["hide"]
    )
    delete: Annotated[Deletes, Slot("delete")] = Field(
        "at-once", validate_default=True, description=SLOTS["delete"]
    )
    hold: Annotated[Primitive, Slot("hold")] = Field(
        "nothing", validate_default=True, description=SLOTS["hold"]
    )
    learn: Annotated[Primitive, Slot("learn")] = Field(
        "listing", validate_default=True, description=SLOTS["learn"]
    )
    miss: Annotated[Misses, Slot("miss")] | None = Field(
        None, description=f"{SLOTS['miss']} The query fails if nothing is said."
    )
    check: Annotated[Checks, Slot("check")] | None = Field(
        None, description=f"{SLOTS['check']} It does not if nothing is said."
    )
    beside: Annotated[Besides, Slot("beside")] | None = Field(
        None, description=f"{SLOTS['beside']} Nobody if nothing is said."
    )

    @property
    def composed(self) -> "Composed":
        """The scheme slot by slot."""
        return self

    @property
    def tries_again(self) -> bool:
        """Whether what it does on a miss makes readers act."""
        return self.misses.tries_again

    @property
    def delete_key(self) -> str | None:
        """Where in its table the delay of deletions stands; None if it has none."""
        return "delete.delay" if "delay" in type(self.delete).model_fields else None

    @property
    def hide_key(self) -> str | None:
        """Where in its table the delay of hiding stands; None if it reads no marks."""
        has_key = self.hide.mark_age_us is not None and "after" in keys_of(type(self.hide))
        return "hide.after" if has_key else None

    def with_delay(self, key: str, value_us: int) -> "SchemeSpec":
        """The scheme with another delay at a key of its table."""
        slot, name = key.split(".")
        table = getattr(self, slot)
        update = {keys_of(type(table))[name]: value_us}
        return self.model_copy(update={slot: table.model_copy(update=update)})

    @property
    def primitives(self) -> Mapping[str, Primitive]:
        """What stands in each slot."""
        parts = {slot: getattr(self, slot) for slot in SLOTS}
        said_or_not = {"miss": self.misses, "check": self.checks, "beside": self.others}
        return {**parts, **said_or_not}

    @property
    def misses(self) -> Misses:
        """What stands in the slot ``miss``, which is in no digest of a scheme that says nothing."""
        return self.miss or _unsaid("miss", "fail", Misses)

    @property
    def checks(self) -> Checks:
        """What stands in the slot ``check``; as with ``miss``, nothing said is in no digest."""
        return self.check or _unsaid("check", "nothing", Checks)

    @property
    def others(self) -> Besides:
        """What stands in the slot ``beside``; as with ``miss``, nothing said is in no digest."""
        return self.beside or _unsaid("beside", "nothing", Besides)

    @property
    def delete_delay_us(self) -> int:
        """From retirement to deletion; NEVER if nothing is deleted."""
        return self.delete.delay_us

    @property
    def hide_delay_us(self) -> int | None:
        """Age of a mark from which gateways ignore the block; None without marks."""
        return self.hide.mark_age_us

    def cleanup(self, default: Cleanup) -> Cleanup:
        """When retired blocks are deleted; `default` where the scheme does not say."""
        return self.delete.when or default

    def obstacles(self, scenario: "Scenario") -> Iterator[str]:
        """What keeps delays alone from proving that no read fails in a scenario."""
        return chain.from_iterable(p.obstacles(scenario) for p in self.primitives.values())


def keys_of(table: type[Frozen]) -> Mapping[str, str]:
    """Names of fields by the keys of a table."""
    return {field.alias or name: name for name, field in table.model_fields.items()}


SCHEME_KINDS: Final = ("immediate", "deletion-mark", "composed")


_Table = TypeVar("_Table", bound=Primitive)


def _unsaid(slot: str, kind: str, base: type[_Table]) -> _Table:
    """What stands in a slot of which a scheme says nothing."""
    table = primitive(slot, kind)
    assert table is not None
    assert issubclass(table, base)
    return table.model_validate({})
