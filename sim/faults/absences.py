"""Actors that are down for a while: outages and crashes (``SEMANTICS.md`` F4, F5, P3, G7, C13)."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.model.faults.effect import Effect, Request
from sim.scenario.language.faultrules import target_rule, who_at
from sim.scenario.language.faults import AimedAtPrograms, Fault, ObjectKind, Who, register
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Count, Frozen, Path, Whole
from sim.scenario.schema import Scenario

__all__ = ["AtRequest", "CompactorCrash", "Crash", "GatewayOutage", "ProducerCrash"]


class _Absent(Effect):
    """Those it befalls stop, and start again when it is over."""

    def absence_us(self) -> tuple[int, int]:
        """All its time. An empty span is a restart."""
        return self.start_us, self.end_us


class _Down(Fault):
    """Base of faults that take one actor away at a time."""

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """An absence."""
        return _Absent(self, start_us=start_us, end_us=end_us)

    @property
    def entangles(self) -> str:
        """Nothing: when it happens is decided beforehand."""
        return ""


@register
class GatewayOutage(_Down):
    """A gateway goes down, and starts with nothing (``SEMANTICS.md`` G7)."""

    kind: Literal["gateway-outage"] = Field(description="A gateway is down.")
    target: Whole = Field(description="Number of the gateway, from 0.")

    @property
    def targets(self) -> tuple[str, ...]:
        """The gateway."""
        return (f"gateway/{self.target}",)

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """It must be there."""
        if self.target >= scenario.gateways.count:
            rule = target_rule("gateway", scenario.gateways.count)
            yield Finding((*place, "target"), rule, (("gateways", "count"),))


@register
class ProducerCrash(_Down):
    """A producer stops, and continues with its unfinished block (P3)."""

    kind: Literal["producer-crash"] = Field(description="A producer is down.")
    target: Whole = Field(description="Number of the producer, from 0.")

    @property
    def targets(self) -> tuple[str, ...]:
        """The producer."""
        return (f"producer/{self.target}",)

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """It must be there."""
        if self.target >= scenario.producers.count:
            rule = target_rule("producer", scenario.producers.count)
            yield Finding((*place, "target"), rule, (("producers", "count"),))


@register
class CompactorCrash(_Down):
    """The compactor stops, and starts with empty memory (C13)."""

    kind: Literal["compactor-crash"] = Field(description="The compactor is down.")
    target: Whole | None = Field(
        None, description="Number of the compactor, from 0; all of them if left out."
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """The compactor, or all there are."""
        return ("compactor" if self.target is None else f"compactor/{self.target}",)

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """It must be there."""
        n = len(scenario.compactor.names)
        if self.target is not None and self.target >= n:
            rule = target_rule("compactor", n)
            yield Finding((*place, "target"), rule, (("compactor", "count"),))


class AtRequest(Frozen):
    """The request at which an actor crashes (F5)."""

    request: Literal["put", "delete"] = Field(description="What it asks of the store.")
    object: ObjectKind | None = Field(None, description="Of which object; of any if left out.")
    nth: Count = Field(1, description="Which one of those, from 1.")
    acknowledged: bool = Field(
        False, description="It dies once the store has acknowledged it, not before it is sent."
    )


@register
class Crash(AimedAtPrograms):
    """An actor stops, at a time or at a request, and starts again (F4, F5)."""

    kind: Literal["crash"] = Field(description="An actor is down.")
    who: Who = Field(description="Actors that it befalls: one, or an array.")
    at_request: AtRequest | None = Field(
        None, description="It happens at this request, counted from at on, and not at at."
    )

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """An absence, or a crash at a request."""
        if self.at_request is None:
            return _Absent(self, start_us=start_us, end_us=end_us)
        return _CrashAtRequest(self, self.at_request, start_us=start_us, end_us=end_us)

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """Those that crash at a request must send some."""
        for position, name in enumerate(self.who):
            if self.at_request is not None and name.startswith("gateway"):
                rule = "be no gateway with at_request, for gateways put and delete nothing"
                yield Finding(who_at(self, place, position), rule, ((*place, "at_request"),))

    @property
    def entangles(self) -> str:
        """Which request it is depends on those before it."""
        return "" if self.at_request is None else "an actor crashes at a request"


class _CrashAtRequest(Effect):
    """Those it befalls stop at a request, and start again."""

    def __init__(self, spec: Fault, named: AtRequest, *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._named = named
        self._counted: dict[str, int] = {}

    @property
    def disturbs_requests(self) -> bool:
        """It strikes at one."""
        return True

    def down_us(self, actor: str, request: Request, t_us: int, *, is_over: bool) -> int | None:
        """How long it lasts, if this is the request that is named; each actor counts its own."""
        named = self._named
        if t_us < self.start_us or is_over != named.acknowledged:
            return None
        if request.kind != named.request or named.object not in (None, request.about):
            return None
        self._counted[actor] = self._counted.get(actor, 0) + 1
        return self.end_us - self.start_us if self._counted[actor] == named.nth else None
