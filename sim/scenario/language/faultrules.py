"""What ``[[faults]]`` must fulfil together with the rest of the scenario."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.faults import Aimed
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Path

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["faults", "target_rule", "too_likely", "who_at"]


_DECIDERS: Final[tuple[tuple[str, Path], ...]] = (
    ("producer/", ("producers", "count")),
    ("gateway/", ("gateways", "count")),
    ("compactor/", ("compactor", "count")),
)
"""Which key decides who is there, by the beginning of a name."""


def too_likely(table: Path) -> Finding:
    """That two rates of one table are more than every request."""
    return Finding(
        (*table, "lost_answer_rate"), "be at most 1 - error_rate", ((*table, "error_rate"),)
    )


def faults(scenario: "Scenario") -> Iterator[Finding]:
    """What is wrong with ``[[faults]]``: nobody is befallen, or what a kind says itself."""
    for i, fault in enumerate(scenario.faults):
        place: Path = ("faults", i)
        if isinstance(fault, Aimed):
            yield from _who(scenario, fault, place)
        yield from fault.conflicts(scenario, place)


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
            ("compactor", len(scenario.compactor.names)),
        )
        for number in range(count)
    ]
    rule = f'{one_of(names)}, or one as "gateway/{scenario.gateways.count - 1}"'
    for position, name in enumerate(fault.who):
        if name in names or name in numbered:
            continue
        others = tuple(at for start, at in _DECIDERS if name.startswith(start))
        yield Finding(
            who_at(fault, place, position), rule, others, did_you_mean(name, [*names, *numbered])
        )


def who_at(fault: Aimed, place: Path, position: int) -> Path:
    """Where a fault at a place names one of those it befalls."""
    return (*place, "who", position) if len(fault.who) > 1 else (*place, "who")
