"""Where the values of a scenario come from: the table ``[sources]``.

A key is the path of a value, as an override names it, or of a table, and then speaks of everything
below it that has no row of its own. In parentheses it is a fact that is not simulated.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Frozen, Name, Path, refusal
from sim.scenario.overrides import place_of

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["Sourced", "misplaced", "places_of"]


class Sourced(Frozen):
    """Where one value comes from, and how it is known."""

    label: Literal["documented", "measured", "assumed"] = Field(
        description="Its makers say so, somebody measured it, or it is a plausible choice."
    )
    source: Name | None = Field(None, description="Who says so.")
    version: Name | None = Field(None, description="In which version of it.")
    note: str | None = Field(None, description="What a reader should know about it.")

    @model_validator(mode="after")
    def _says_who(self) -> Self:
        if self.label != "assumed":
            for key in ("source", "version"):
                if getattr(self, key) is None:
                    raise refusal("be given unless label is assumed", at=(key,))
        elif not self.source and not self.note:
            raise refusal("be given, or a source, where label is assumed", at=("note",))
        return self


def places_of(raw: Any, keys: Iterable[str]) -> dict[str, Path | None]:
    """Where each key of the table points in what a file says; None if to nothing there.

    Facts in parentheses are left out.
    """
    found: dict[str, Path | None] = {}
    for key in keys:
        if not (key.startswith("(") and key.endswith(")")):
            found[key] = place_of(raw, key)
    return found


def misplaced(scenario: "Scenario") -> Iterator[Finding]:
    """Sources of values that the scenario does not have."""
    if scenario.sources:
        for key, path in places_of(scenario.raw(), scenario.sources).items():
            if path is None:
                yield Finding(("sources", key), "name a value, or a fact in parentheses")
