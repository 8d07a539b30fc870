"""What a named store is made of, and where each of its values comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["GAUL", "Profile", "Provenance", "assumed", "documented", "measured"]

GAUL: Final = "are-we-consistent-yet, 17 December 2014"
"""The source of several profiles: 1-byte objects, each operation right after the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where one value of a profile comes from.

    Attributes
    ----------
    key : str
        Dotted path below ``[store]``; covers everything below it that has no row of its own.
    value : str
        The value as text.
    kind : str
        How it is known.
    source : str
        Who says so; empty only for what is assumed.
    note : str
        What a reader should know about it.
    year, n : int or None
        When it was measured, on how many observations; None where that is not published.
    """

    key: str
    value: str
    kind: Literal["documented", "sla", "measured", "assumed"]
    source: str = ""
    note: str = ""
    year: int | None = None
    n: int | None = None

    @property
    def label(self) -> str:
        """The kind, with year and number of observations where it was measured."""
        facts = [str(self.year)] if self.year is not None else []
        facts += [f"n={self.n:,}"] if self.n is not None else []
        return f"{self.kind} ({', '.join(facts)})" if facts else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A named store.

    Attributes
    ----------
    name, summary : str
    values : Mapping
        Keys of ``[store]`` that differ from the defaults, as a scenario file says them.
    provenance : tuple of Provenance
    """

    name: str
    summary: str
    values: Mapping[str, Any]
    provenance: tuple[Provenance, ...]


def documented(key: str, value: str, source: str, note: str = "") -> Provenance:
    """Return the row of a value that the vendor states."""
    return Provenance(key=key, value=value, kind="documented", source=source, note=note)


def assumed(key: str, value: str, note: str, source: str = "") -> Provenance:
    """Return the row of a value that is this project's choice."""
    return Provenance(key=key, value=value, kind="assumed", source=source, note=note)


def measured(
    key: str, value: str, source: str, note: str, *, year: int, n: int | None
) -> Provenance:
    """Return the row of a value that somebody measured."""
    return Provenance(
        key=key, value=value, kind="measured", source=source, note=note, year=year, n=n
    )
