"""Tables of the scenario language that are found by their kind, whoever wrote them.

What a table does lies above the language, in a room of this project or in code of somebody else.
It registers itself, and is looked up by name: no file of the language names it.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from sim.scenario.language.values import Frozen

__all__ = ["ReadByKind", "Registry"]

Table = TypeVar("Table", bound=Frozen)


class Registry(Generic[Table]):
    """Tables by kind.

    Parameters
    ----------
    what : str
        Completes "… 'kind' already", where there is a table of that kind.
    room : str
        The room of this project that registers tables when it is imported.
    """

    def __init__(self, what: str, room: str) -> None:
        self._what = what
        self._room = room
        self._tables: dict[str, type[Table]] = {}

    def enter(self, table: type[Table]) -> None:
        """Register a table, which has a ``kind: Literal["…"]``.

        Raises
        ------
        ValueError
            If there is another table of that kind.
        """
        (kind,) = get_args(table.model_fields["kind"].annotation)
        if self._tables.setdefault(kind, table) is not table:
            raise ValueError(f"{self._what} {kind!r} already")

    def tables(self) -> Mapping[str, type[Table]]:
        """All of them, by kind, in the order in which they were registered."""
        import_module(self._room)
        return self._tables


class ReadByKind:
    """Base of annotations of a field that holds a table which is registered when it is read."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Leave reading and writing to the subclass."""
        written = core_schema.plain_serializer_function_ser_schema(self.written)
        return core_schema.with_info_plain_validator_function(self.read, serialization=written)

    def read(self, value: object, info: ValidationInfo) -> Any:
        """Make the table of what stands in a file."""
        raise NotImplementedError

    def written(self, table: Any) -> Any:
        """What stands in a file; the keys that are said, by default."""
        return table.model_dump(by_alias=True, exclude_none=True)
