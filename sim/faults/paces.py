"""Actors that stand still or take longer for a while: ``pause``, ``slow-down`` (F9, F10)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.model.faults.effect import Effect
from sim.scenario.language.faults import AimedAtPrograms, Who, register

__all__ = ["Pause", "SlowDown"]

Factor = Annotated[float, Field(strict=True, ge=1.0, le=1_000.0)]


class _Standstill(Effect):
    """Those it befalls take no step."""

    @property
    def pauses(self) -> bool:
        """It does."""
        return True


class _Slowness(Effect):
    """What those it befalls begin takes longer."""

    def __init__(self, spec: "SlowDown", *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._factor = spec.factor

    @property
    def slowness(self) -> float:
        """That of the table."""
        return self._factor


class _Hindrance(AimedAtPrograms):
    """Base of faults that hold up actors, which go on with all they know."""

    prolongs: ClassVar[bool] = True

    @property
    def entangles(self) -> str:
        """Nothing: when it happens is decided beforehand."""
        return ""


@register
class Pause(_Hindrance):
    """Actors take no step, and then go on where they were (F9)."""

    kind: Literal["pause"] = Field(description="Actors stand still, and go on where they were.")
    who: Who = Field(description="Actors that it befalls: one, or an array.")

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """A standstill."""
        return _Standstill(self, start_us=start_us, end_us=end_us)


@register
class SlowDown(_Hindrance):
    """What actors begin takes longer (F10)."""

    kind: Literal["slow-down"] = Field(description="What actors begin takes longer.")
    who: Who = Field(description="Actors that it befalls: one, or an array.")
    factor: Factor = Field(
        description="Times as long: syncs, downloads, compactions, uploads, deletions."
    )

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """Slowness."""
        return _Slowness(self, start_us=start_us, end_us=end_us)
