"""Requests that fail or find nothing: ``store-errors``, ``request-errors`` (S7, F2, F3)."""

from collections.abc import Iterator

from sim.model.faults.effect import Effect, Request
from sim.scenario.language.faults import OBJECTS


class StoreErrors(Effect):
    """Requests of all kinds fail."""

    @property
    def disturbs_requests(self) -> bool:
        """They do."""
        return True

    def error_rates(self, request: Request) -> tuple[float, float]:
        """Those of the table."""
        return self.spec.error_rate, self.spec.lost_answer_rate


class RequestErrors(StoreErrors):
    """Some requests fail, or find nothing."""

    @property
    def tells_blocks_apart(self) -> bool:
        """Whether only blocks of some origin are hit."""
        return bool(self.spec.blocks != "any")

    def error_rates(self, request: Request) -> tuple[float, float]:
        """Those of the table, for the requests that it names."""
        return super().error_rates(request) if self._hits(request) else (0.0, 0.0)

    def denies(self, request: Request) -> bool:
        """Whether the table says so of GETs and HEADs, for the requests that it names."""
        is_read = request.kind in ("get", "head")
        return is_read and self.spec.answers == "not-found" and self._hits(request)

    def turns_us(self) -> Iterator[int]:
        """Its beginning and its end, if it hides something."""
        if self.spec.answers == "not-found":
            yield from (self.start_us, self.end_us)

    def _hits(self, request: Request) -> bool:
        spec = self.spec
        if request.kind not in spec.requests:
            return False
        if not request.about:
            return spec.blocks == "any" and set(spec.objects) == set(OBJECTS)
        is_of_origin = spec.blocks == "any" or request.is_compacted == (spec.blocks == "compacted")
        return request.about in spec.objects and is_of_origin
