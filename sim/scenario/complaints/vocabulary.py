"""Which keys are known at a place of a scenario, so that a wrong one is answered with a guess."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic.fields import FieldInfo

from sim.core.laws import Law
from sim.scenario.language.faults import Fault, fault_tables
from sim.scenario.language.primitives import Primitive, primitives
from sim.scenario.language.values import Frozen
from sim.scenario.laws.tables import TABLES, WeightedLaw, weighted
from sim.scenario.schema import Scenario

__all__ = ["keys_at"]


def keys_at(location: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys of the table at `location`, as pydantic names places.

    Parameters
    ----------
    location : sequence of str or int
        Keys, positions, and the tag of a kind or a law below each table that has one. Where a tag
        is missing, the keys of all kinds are returned.
    """
    tables: list[type[Frozen]] = [Scenario]
    for part in location:
        if isinstance(part, int):
            continue
        inside = [
            inner
            for table in tables
            for key, field in _fields(table)
            if key == part
            for inner in _inside(key, field.annotation)
        ]
        # What is no key is a tag, or the name of a scheme that something is expected of.
        tables = inside or [t for t in tables if part in _tags(t)] or tables
    return tuple(dict.fromkeys(key for table in tables for key, _ in _fields(table)))


def _fields(table: type[Frozen]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the keys of a table with their fields."""
    for name, field in table.model_fields.items():
        yield field.alias or name, field


def _inside(key: str, annotation: Any) -> Iterator[type[Frozen]]:
    """Yield the tables that the annotation of a key mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Primitive):
        yield from primitives(key).values()
    elif isinstance(annotation, type) and issubclass(annotation, Fault):
        yield from fault_tables().values()
    elif annotation is Law:
        yield from TABLES.values()
    elif annotation is WeightedLaw:
        yield from weighted().values()
    elif isinstance(annotation, type) and issubclass(annotation, Frozen):
        yield annotation
    for argument in get_args(annotation):
        yield from _inside(key, argument)


def _tags(table: type[Frozen]) -> tuple[Any, ...]:
    """Return what the key ``kind`` or ``law`` of a table says."""
    fields = table.model_fields
    tag = fields.get("kind") or fields.get("law")
    return get_args(tag.annotation) if tag else ()
