"""What is known of a scenario, key by key, and where it comes from."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Fact", "Facts", "size_words"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One key of a scenario that a bucket says something of.

    Attributes
    ----------
    key : str
        Its path, ``"producers.count"``.
    value : object
        As the scenario language has it.
    why : str
        The numbers that it comes from, a sentence without a full stop.
    """

    key: str
    value: Any
    why: str


@dataclass(slots=True)
class Facts:
    """All of them.

    Attributes
    ----------
    read : list of Fact
        Keys that have a value by what was read.
    unknown : list of tuple of str
        Keys that stay at their defaults though a bucket might have told, and why.
    left_out : list of str
        What is real and has no place in a scenario, in sentences without a full stop.
    """

    read: list[Fact] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, key: str, value: Any, why: str) -> None:
        """Take note of a key with a value."""
        self.read.append(Fact(key, value, why))

    def leave(self, key: str, why: str) -> None:
        """Take note of a key that stays at its default."""
        self.unknown.append((key, why))

    def value(self, key: str, default: Any) -> Any:
        """The value of a key, or the default if it is unknown."""
        return next((fact.value for fact in self.read if fact.key == key), default)


def size_words(size_bytes: float) -> str:
    """A size for a sentence.

    >>> size_words(3 * 2**29)
    '1.5 GiB'
    """
    unit, name = next(
        (unit, name)
        for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
        if size_bytes >= unit or unit == 1
    )
    return f"{size_bytes / unit:.4g} {name}"
