"""Draws that are not left to chance: ``[[draws]]``.

Every draw has a name, which says what it decides (``SEMANTICS.md`` T3). One that is pinned has
the same value in every trial and under every scheme; the others stay what the seed makes of them.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from sim.core.streams import Identity
from sim.scenario.language.values import Frozen, refusal

__all__ = ["PinnedDraw", "PinnedDraws"]


def _text_or_number(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise refusal("be a text or a whole number")


_Part = Annotated[str | int, BeforeValidator(_text_or_number)]


class PinnedDraw(Frozen):
    """The value of one draw."""

    decides: tuple[_Part, ...] = Field(
        min_length=1, description='Name of the draw, such as ["gateway", 0, "phase"].'
    )
    uniform: Annotated[float, Field(strict=True, ge=0.0, lt=1.0)] = Field(
        description="What is drawn, in [0, 1); a law makes a duration of it."
    )


def _each_once(draws: tuple[PinnedDraw, ...]) -> tuple[PinnedDraw, ...]:
    """Refuse two values of one draw."""
    first: dict[Identity, int] = {}
    for i, draw in enumerate(draws):
        before = first.setdefault(draw.decides, i)
        if before != i:
            raise refusal(f"be pinned once, and draws.{before} is the same", at=(i, "decides"))
    return draws


PinnedDraws = Annotated[tuple[PinnedDraw, ...], AfterValidator(_each_once)]
"""Draws, each pinned once."""
