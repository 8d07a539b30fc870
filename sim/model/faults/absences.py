"""Actors that are down for a while: outages and crashes (``SEMANTICS.md`` F4, F5, P3, G7, C13)."""

from typing import Any

from sim.model.faults.effect import Effect, Request


class Absence(Effect):
    """Those it befalls stop, and start again when it is over."""

    def absence_us(self) -> tuple[int, int]:
        """All its time. An empty span is a restart."""
        return self.start_us, self.end_us


class Crash(Effect):
    """Those it befalls stop, at a time or at a request, and start again."""

    def __init__(self, spec: Any, *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._counted: dict[str, int] = {}

    @property
    def disturbs_requests(self) -> bool:
        """Whether it strikes at one."""
        return self.spec.at_request is not None

    def absence_us(self) -> tuple[int, int] | None:
        """All its time, unless it strikes at a request."""
        return None if self.disturbs_requests else (self.start_us, self.end_us)

    def down_us(self, actor: str, request: Request, t_us: int, *, is_over: bool) -> int | None:
        """How long it lasts, if this is the request that is named; each actor counts its own."""
        named = self.spec.at_request
        if named is None or t_us < self.start_us or is_over != named.acknowledged:
            return None
        if request.kind != named.request or named.object not in (None, request.about):
            return None
        self._counted[actor] = self._counted.get(actor, 0) + 1
        return self.end_us - self.start_us if self._counted[actor] == named.nth else None
