"""Requests that fail, find nothing or give too little: ``store-errors``, ``request-errors``."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.model.faults.effect import Effect, Request
from sim.scenario.language.faultrules import too_likely
from sim.scenario.language.faults import (
    OBJECTS,
    REQUESTS,
    Aimed,
    Fault,
    Objects,
    Requests,
    register,
)
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Fraction, Path
from sim.scenario.schema import Scenario

__all__ = ["RequestErrors", "StoreErrors"]


class _Errors(Effect):
    """Requests fail."""

    def __init__(self, spec: "_Failing", *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._rates = (spec.error_rate, spec.lost_answer_rate)

    @property
    def disturbs_requests(self) -> bool:
        """They do."""
        return True

    def error_rates(self, request: Request) -> tuple[float, float]:
        """Those of the table."""
        return self._rates


class _SomeErrors(_Errors):
    """Some requests fail, find nothing, or give less than there is."""

    def __init__(self, spec: "RequestErrors", *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._table = spec

    @property
    def tells_blocks_apart(self) -> bool:
        """Whether only blocks of some origin are hit."""
        return self._table.blocks != "any"

    def error_rates(self, request: Request) -> tuple[float, float]:
        """Those of the table, for the requests that it names."""
        return super().error_rates(request) if self._hits(request) else (0.0, 0.0)

    def denies(self, request: Request) -> bool:
        """Whether the table says so of GETs and HEADs, for the requests that it names."""
        is_read = request.kind in ("get", "head")
        return is_read and self._table.answers == "not-found" and self._hits(request)

    def truncates(self, request: Request) -> bool:
        """Whether the table says so, for the requests that it names."""
        return self._table.answers == "truncated" and self._hits(request)

    def turns_us(self) -> Iterator[int]:
        """Its beginning and its end, if it hides something."""
        if self._table.answers == "not-found":
            yield from (self.start_us, self.end_us)

    def _hits(self, request: Request) -> bool:
        table = self._table
        if request.kind not in table.requests:
            return False
        if not request.about:
            return table.blocks == "any" and set(table.objects) == set(OBJECTS)
        is_of_origin = table.blocks == "any" or request.is_compacted == (
            table.blocks == "compacted"
        )
        return request.about in table.objects and is_of_origin


class _Failing(Fault):
    """Base of faults that let requests fail."""

    error_rate: Fraction = Field(0.0, description="P(a request fails without effect).")
    lost_answer_rate: Fraction = Field(
        0.0, description="P(a request is applied, but answered with an error)."
    )

    @property
    def failing(self) -> float:
        """Both rates."""
        return min(1.0, self.error_rate + self.lost_answer_rate)

    @property
    def entangles(self) -> str:
        """Which request fails is decided by the instant of it."""
        return "requests fail"

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """The rates must be shares of one whole."""
        if self.error_rate + self.lost_answer_rate > 1.0:
            yield too_likely(place)


@register
class StoreErrors(_Failing):
    """Requests of all kinds and of all actors fail more often than usual (S7)."""

    kind: Literal["store-errors"] = Field(description="Requests fail.")

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """Errors."""
        return _Errors(self, start_us=start_us, end_us=end_us)


@register
class RequestErrors(_Failing, Aimed):
    """Some requests of some actors fail, find nothing, or give less than there is (F2, F3)."""

    kind: Literal["request-errors"] = Field(description="Some requests of some actors fail.")
    requests: Requests = Field(REQUESTS, description="Requests that are hit.")
    objects: Objects = Field(OBJECTS, description="Objects whose requests are hit.")
    blocks: Literal["any", "level-1", "compacted"] = Field(
        "any", description="Blocks whose requests are hit."
    )
    answers: Literal["error", "not-found", "truncated"] = Field(
        "error",
        description="not-found: GET and HEAD find nothing, whatever is there. truncated: chunks "
        "that the compactor downloads are cut short, and nobody notices until they are used.",
    )

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """Errors of some requests."""
        return _SomeErrors(self, start_us=start_us, end_us=end_us)

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """What is hit must be sent, and what finds nothing must look for something."""
        yield from super().conflicts(scenario, place)
        is_picky = self.blocks != "any" or len(set(self.objects)) < len(OBJECTS)
        if is_picky and set(self.requests) == {"list"}:
            key = "blocks" if self.blocks != "any" else "objects"
            rule = "be left out where only list is hit, which asks for no object"
            yield Finding((*place, key), rule, ((*place, "requests"),))
        if self.answers == "error":
            return
        said = f'answers = "{self.answers}"'
        if self.error_rate or self.lost_answer_rate:
            key = "error_rate" if self.error_rate else "lost_answer_rate"
            yield self._wrong(place, key, f"be 0 with {said}, which are no errors")
        if self.answers == "not-found":
            if not {"get", "head"} & set(self.requests):
                yield self._wrong(place, "requests", f'hold "get" or "head" with {said}')
            return
        if "get" not in self.requests:
            yield self._wrong(place, "requests", f'hold "get" with {said}')
        if "chunks" not in self.objects:
            yield self._wrong(place, "objects", f'hold "chunks" with {said}')
        if not self.befalls("compactor"):
            yield self._wrong(place, "who", f'hold "compactor" with {said}: who downloads')

    @staticmethod
    def _wrong(place: Path, key: str, rule: str) -> Finding:
        return Finding((*place, key), rule, ((*place, "answers"),))
