"""Tables of the scenario language that are found by their kind, whoever wrote them.

What a table does lies above the language, in a room of this project or in code of somebody else.
It registers itself, and is looked up by name: no file of the language names it.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Generic, TypeVar, get_args

from sim.scenario.language.values import Frozen

__all__ = ["Registry"]

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
