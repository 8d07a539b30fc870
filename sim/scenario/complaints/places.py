"""Where in a TOML text a key stands: asked only when there is something to complain about.

The concrete syntax tree comes from tree-sitter, which is imported on the first question. Without
it, or in a text that it cannot read, nothing is located and problems carry their key path alone.
"""

import contextlib
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.language.values import Path

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Place", "Places", "places"]


class Place(NamedTuple):
    """A position in a text: line and column, both from 1, the column in characters."""

    line: int
    column: int


class Places:
    """Positions of the keys and values of one text.

    Parameters
    ----------
    keys, values : dict
        By key path; the value of a table that has a header is the header.
    """

    def __init__(self, keys: dict[Path, Place], values: dict[Path, Place]) -> None:
        self._keys = keys
        self._values = values

    def of_key(self, path: Path) -> Place | None:
        """Where the key at `path` is written; or else the table that should have it."""
        return self._keys.get(path) or self.of_value(path)

    def of_value(self, path: Path) -> Place | None:
        """Where the value at `path` is written; or else the innermost table around it.

        None where not even the outermost table is written, as in an empty text.
        """
        for length in range(len(path), 0, -1):
            if path[:length] in self._values:
                return self._values[path[:length]]
        return None


def places(text: str) -> Places:
    """Find every key of a TOML text; nothing where the parser is missing.

    Of a text with a key of a thousand parts, only what stands before it.
    """
    keys: dict[Path, Place] = {}
    values: dict[Path, Place] = {}
    try:
        from tree_sitter import Language, Parser
        from tree_sitter_toml import language
    except ImportError:
        return Places(keys, values)
    source = text.encode()
    lines = source.split(b"\n")
    walk = _Walk(lines, keys, values)
    # What is nested too deep for this is refused as such, with its path.
    with contextlib.suppress(RecursionError):
        walk.document(Parser(Language(language())).parse(source).root_node)
    return Places(keys, values)


class _Walk:
    """One pass through a syntax tree."""

    def __init__(
        self, lines: list[bytes], keys: dict[Path, Place], values: dict[Path, Place]
    ) -> None:
        self._lines = lines
        self._keys = keys
        self._values = values
        self._lengths: dict[Path, int] = {}

    def document(self, root: "Node") -> None:
        """Visit the top-level pairs and every table with a header."""
        for node in root.named_children:
            if node.type == "pair":
                self._pair(node, ())
            elif node.type in ("table", "table_array_element") and node.named_children:
                header = node.named_children[0]
                if header.type not in _KEYS:
                    continue
                path = self._header(header, is_element=node.type == "table_array_element")
                for child in node.named_children[1:]:
                    if child.type == "pair":
                        self._pair(child, path)

    def _header(self, header: "Node", *, is_element: bool) -> Path:
        """Record a table with a header and return its path; an array of tables grows."""
        path: Path = ()
        names = list(_names(header))
        for i, (node, name) in enumerate(names):
            path = (*path, name)
            self._keys.setdefault(path, self._place(node))
            self._values.setdefault(path, self._place(header))
            if i == len(names) - 1 and is_element:
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
                self._keys.setdefault(path, self._place(node))
                self._values.setdefault(path, self._place(header))
        # A table opened by a deeper header is better shown at its own.
        self._keys[path] = self._values[path] = self._place(header)
        return path

    def _pair(self, pair: "Node", path: Path) -> None:
        """Record ``key = value``."""
        children = [child for child in pair.named_children if child.type != "comment"]
        if len(children) != 2 or children[0].type not in _KEYS:
            return
        for node, name in _names(children[0]):
            path = (*path, name)
            self._keys.setdefault(path, self._place(node))
            self._values.setdefault(path, self._place(node))
        self._value(children[1], path)

    def _value(self, node: "Node", path: Path) -> None:
        """Record a value and what is inside."""
        self._values[path] = self._place(node)
        inside = [child for child in node.named_children if child.type != "comment"]
        if node.type == "inline_table":
            for child in inside:
                if child.type == "pair":
                    self._pair(child, path)
        elif node.type == "array":
            for i, child in enumerate(inside):
                self._value(child, (*path, i))

    def _place(self, node: "Node") -> Place:
        """Return the start of a node; the parser counts columns in bytes."""
        row, column = node.start_point
        return Place(row + 1, len(self._lines[row][:column].decode(errors="replace")) + 1)


_KEYS = frozenset({"bare_key", "quoted_key", "dotted_key"})


def _names(key: "Node") -> Iterator[tuple["Node", str]]:
    """Yield the parts of a key, each with its node."""
    if key.type == "dotted_key":
        for child in key.named_children:
            yield from _names(child)
        return
    text = (key.text or b"").decode()
    yield key, text if key.type == "bare_key" else next(iter(tomllib.loads(f"{text} = 0")))
