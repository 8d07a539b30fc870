"""What ``[[faults]]`` must fulfil together with the rest of the scenario."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.faults import OBJECTS, Aimed, Crash, RequestErrors, StoreErrors
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Path

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["faults", "target_rule", "too_likely"]


_DECIDERS: Final[tuple[tuple[str, Path], ...]] = (
    ("producer/", ("producers", "count")),
    ("gateway/", ("gateways", "count")),
)
"""Which key decides who is there, by the beginning of a name."""


def too_likely(table: Path) -> Finding:
    """That two rates of one table are more than every request."""
    return Finding(
        (*table, "lost_answer_rate"), "be at most 1 - error_rate", ((*table, "error_rate"),)
    )


def faults(scenario: "Scenario") -> Iterator[Finding]:
    """What is wrong with ``[[faults]]``: whom they befall must exist, what they hit must be hit."""
    for i, fault in enumerate(scenario.faults):
        place: Path = ("faults", i)
        if fault.kind == "gateway-outage" and fault.target >= scenario.gateways.count:
            rule = target_rule("gateway", scenario.gateways.count)
            yield Finding((*place, "target"), rule, (("gateways", "count"),))
        elif fault.kind == "producer-crash" and fault.target >= scenario.producers.count:
            rule = target_rule("producer", scenario.producers.count)
            yield Finding((*place, "target"), rule, (("producers", "count"),))
        elif (
            isinstance(fault, StoreErrors | RequestErrors)
            and fault.error_rate + fault.lost_answer_rate > 1.0
        ):
            yield too_likely(place)
        if isinstance(fault, Aimed):
            yield from _who(scenario, fault, place)
        if fault.kind == "request-errors":
            yield from _request_errors(fault, place)
        elif fault.kind == "crash":
            yield from _crash(fault, place)
        elif fault.kind == "clock" and (fault.ahead_us > 0) == (fault.behind_us > 0):
            rule = "be longer than 0s where behind is not, and 0s where it is"
            yield Finding((*place, "ahead"), rule, ((*place, "behind"),))


def target_rule(what: str, count: int) -> str:
    """That a number is one of so many."""
    return f"be a {what}: {f'0 to {count - 1}' if count > 1 else '0 is the only one'}"


def _who(scenario: "Scenario", fault: Aimed, place: Path) -> Iterator[Finding]:
    """Whether everybody named is there."""
    names = ["any", "producers", "gateways", "compactor"]
    numbered = [
        f"{what}/{number}"
        for what, count in (
            ("producer", scenario.producers.count),
            ("gateway", scenario.gateways.count),
        )
        for number in range(count)
    ]
    rule = f'{one_of(names)}, or one as "gateway/{scenario.gateways.count - 1}"'
    for position, name in enumerate(fault.who):
        if name in names or name in numbered:
            continue
        others = tuple(at for start, at in _DECIDERS if name.startswith(start))
        yield Finding(
            _at(fault, place, position), rule, others, did_you_mean(name, [*names, *numbered])
        )


def _crash(fault: Crash, place: Path) -> Iterator[Finding]:
    """Whether those that crash at a request send any."""
    for position, name in enumerate(fault.who):
        if fault.at_request is not None and name.startswith("gateway"):
            rule = "be no gateway with at_request, for gateways put and delete nothing"
            yield Finding(_at(fault, place, position), rule, ((*place, "at_request"),))


def _at(fault: Aimed, place: Path, position: int) -> Path:
    return (*place, "who", position) if len(fault.who) > 1 else (*place, "who")


def _request_errors(fault: RequestErrors, place: Path) -> Iterator[Finding]:
    """What would be said of requests that no fault of this kind reaches."""
    is_picky = fault.blocks != "any" or len(set(fault.objects)) < len(OBJECTS)
    if is_picky and set(fault.requests) == {"list"}:
        key = "blocks" if fault.blocks != "any" else "objects"
        rule = "be left out where only list is hit, which asks for no object"
        yield Finding((*place, key), rule, ((*place, "requests"),))
    if fault.answers == "error":
        return
    if fault.error_rate or fault.lost_answer_rate:
        key = "error_rate" if fault.error_rate else "lost_answer_rate"
        rule = 'be 0 with answers = "not-found", which are no errors'
        yield Finding((*place, key), rule, ((*place, "answers"),))
    if not {"get", "head"} & set(fault.requests):
        rule = 'hold "get" or "head" with answers = "not-found"'
        yield Finding((*place, "requests"), rule, ((*place, "answers"),))
