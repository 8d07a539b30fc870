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
    part : str
        If the room only says where its tables stand, what of its ``FILES`` to go by: in which file
        each kind is, which is imported when it is asked for.
    """

    def __init__(self, what: str, room: str, part: str = "") -> None:
        self._what = what
        self._room = room
        self._part = part
        self._tables: dict[str, type[Table]] = {}

    def enter(self, table: type[Table]) -> None:
        """Register a table, which has a ``kind: Literal["…"]``.

        Raises
        ------
        ValueError
            If there is another table of that kind.
        """
        (kind,) = get_args(table.model_fields["kind"].annotation)
        file = self._files().get(kind)
        is_taken = file is not None and table.__module__ != f"{self._room}.{file}"
        if is_taken or self._tables.setdefault(kind, table) is not table:
            raise ValueError(f"{self._what} {kind!r} already")

    def table(self, kind: str) -> type[Table] | None:
        """The table of a kind, if there is one."""
        file = self._files().get(kind)
        if file is not None:
            import_module(f"{self._room}.{file}")
        return self._tables.get(kind)

    def tables(self) -> Mapping[str, type[Table]]:
        """All of them, by kind: those of the room, then others as they were registered."""
        import_module(self._room)
        files = self._files()
        for file in files.values():
            import_module(f"{self._room}.{file}")
        return {kind: self._tables[kind] for kind in dict.fromkeys([*files, *self._tables])}

    def _files(self) -> Mapping[str, str]:
        """In which file of the room each kind is, where the room says that."""
        files: Mapping[str, str] = {}
        if self._part:
            files = import_module(self._room).FILES[self._part]
        return files


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
