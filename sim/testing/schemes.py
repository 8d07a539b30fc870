"""A Hypothesis strategy for schemes: the short names, and any primitives that go together."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite
from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from sim.scenario.language.primitives import SLOTS, Primitive, primitives
from sim.scenario.language.values import DURATION_PATTERN
from sim.scenario.schema import SCHEME_KINDS, Cleanup
from sim.testing.durations import HOUR_M, STEP_M, minutes

__all__ = ["schemes"]

Table = dict[str, Any]

# They are imported when they are first asked for, which no example should have to wait for.
primitives("record")


@composite
def schemes(
    draw: DrawFn,
    kind: str | Mapping[str, Any] | None = None,
    *,
    one_replica: bool = False,
    one_compactor: bool = False,
    sampled: bool = False,
    partial_response: str = "abort",
) -> Table:
    """One ``[[schemes]]`` table; ``kind`` fixes which, and is its name.

    A table instead of a kind says some of the keys, and all of a composed scheme. Of a scheme of
    somebody else, ``"module:Name"``, durations, choices and what is true or false are drawn.
    With ``one_replica`` it may need a store of which each gateway reads one, with ``one_compactor``
    a bucket that only one works on, with ``partial_response = "abort"`` a querier that answers in
    full or not at all, with ``sampled`` queries that are drawn.
    Delays are short enough for whole lives of blocks to fit a day.
    """
    if isinstance(kind, Mapping):
        is_whole = kind["kind"] == "composed"
        return {**({} if is_whole else draw(schemes(kind["kind"]))), "name": kind["kind"], **kind}
    drawn = kind or draw(st.sampled_from(SCHEME_KINDS))
    if ":" in drawn:
        return {"name": drawn, "kind": drawn, **draw(_keys_of_others(drawn))}
    if drawn == "immediate":
        return {"name": drawn, "kind": drawn}
    if drawn == "composed":
        needs = {
            "reads_one_replica": one_replica,
            "needs_one_compactor": one_compactor,
            "answers_in_full": partial_response == "abort",
            "tries_again": sampled,
        }
        never = tuple(need for need, is_met in needs.items() if not is_met)
        return {"name": drawn, "kind": drawn, **draw(_slots(never))}
    return {
        "name": drawn,
        "kind": drawn,
        "delete_delay": draw(minutes(0, 6 * HOUR_M)),
        "ignore_deletion_marks_delay": draw(minutes(0, 6 * HOUR_M)),
    }


@composite
def _keys_of_others(draw: DrawFn, kind: str) -> Table:
    """Keys of a scheme of somebody else, but for those of which only its author knows the values.

    Raises
    ------
    ImportError, AttributeError
        If there is no such class.
    """
    module, _, name = kind.partition(":")
    drawn: Table = {}
    for field_name, field in getattr(import_module(module), name).model_fields.items():
        is_choice = get_origin(field.annotation) is Literal or field.annotation is bool
        if (_is_duration(field) or is_choice) and (field.is_required() or draw(st.booleans())):
            values = st.booleans() if field.annotation is bool else _values(field.annotation)
            drawn[field.alias or field_name] = draw(values)
    return drawn


@composite
def _slots(draw: DrawFn, never: tuple[str, ...]) -> Table:
    """A primitive for every slot, of those that go together and have none of the needs."""
    chosen: dict[str, type[Primitive]] = {}
    for slot in SLOTS:
        fitting = [
            table
            for kind, table in primitives(slot).items()
            if not any(
                kind in other.refuses.get(slot, ())
                or _kind_of(other) in table.refuses.get(beside, ())
                for beside, other in chosen.items()
            )
            and not any(getattr(table, need, False) for need in never)
        ]
        chosen[slot] = draw(st.sampled_from(fitting))
    return {slot: draw(_primitives(table)) for slot, table in chosen.items()}


def _kind_of(table: type[Primitive]) -> str:
    return str(table.model_fields["kind"].default)


@composite
def _primitives(draw: DrawFn, table: type[Primitive]) -> Table:
    """A table of one primitive: its durations, choices and whatever may be left out."""
    drawn: Table = {"kind": _kind_of(table)}
    for name, field in table.model_fields.items():
        if name != "kind" and (field.is_required() or draw(st.booleans())):
            is_number = field.annotation is int and not _is_duration(field)
            values = st.integers(1, 4) if is_number else _values(field.annotation)
            drawn[field.alias or name] = draw(values)
    return drawn


def _is_duration(field: FieldInfo) -> bool:
    return any(
        isinstance(said, WithJsonSchema)
        and said.json_schema is not None
        and said.json_schema.get("pattern") == DURATION_PATTERN
        for said in field.metadata
    )


def _values(annotation: Any) -> SearchStrategy[Any]:
    for part in (annotation, *get_args(annotation)):
        if get_origin(part) is Literal:
            return st.sampled_from(get_args(part))
    if bool in get_args(annotation):
        return st.booleans()
    if any(float in get_args(part)[:1] for part in get_args(annotation)):
        return st.sampled_from(["1/m", "7/m", "1/s"])
    inner = [get_origin(part) or part for part in (annotation, *get_args(annotation))]
    if Cleanup in inner or any(Cleanup in get_args(part)[:1] for part in get_args(annotation)):
        return st.sampled_from(["in-pass", "end-of-pass", "every 15m"])
    return minutes(STEP_M, 6 * HOUR_M)
