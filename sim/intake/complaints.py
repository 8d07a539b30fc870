"""All that is wrong with what is read of a bucket, with its place."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sim.errors import Problem
from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.complaints.text import MISSING

__all__ = ["Complaints", "Place", "field_of"]

_KEPT_MAX: Final = 1_000


@dataclass(slots=True)
class Complaints:
    """Problems in the order in which they are found; of very many the first are kept.

    Attributes
    ----------
    problems : list of Problem
    n_problems : int
        How many there are, kept or not.
    """

    problems: list[Problem] = field(default_factory=list)
    n_problems: int = 0

    def add(self, problem: Problem) -> None:
        """Take note of one more."""
        self.n_problems += 1
        if len(self.problems) < _KEPT_MAX:
            self.problems.append(problem)


@dataclass(slots=True)
class Place:
    """Where something is read, and what is wrong there.

    Attributes
    ----------
    complaints : Complaints
    file : str
        As the user named it.
    line : int
        On which it begins, from 1.
    text : str
        The text that begins there; lines of keys are looked for in it.
    """

    complaints: Complaints
    file: str
    line: int = 1
    text: str = ""

    def say(self, path: str, value: Any, rule: str, hint: str = "") -> None:
        """Take note of a value that breaks a rule; ``path`` leads to it by keys."""
        key = path.rpartition(".")[2].partition("[")[0]
        at = re.search(rf'"{re.escape(key)}"\s*:', self.text) if key else None
        line = self.line + (self.text.count("\n", 0, at.start()) if at else 0)
        self.complaints.add(Problem(path, value, rule, hint=hint, line=line, file=self.file))


def field_of(
    table: dict[str, Any],
    key: str,
    is_right: Callable[[Any], bool],
    rule: str,
    place: Place,
    *,
    within: str = "",
    known: Iterable[str] | None = None,
) -> Any:
    """Return the value of a key, or None and a complaint if it is missing or breaks the rule.

    ``within`` is the path of the table; ``known`` are the keys that may be meant for it, all of the
    table if left out.
    """
    value = table.get(key, MISSING)
    if value is not MISSING and is_right(value):
        return value
    path = f"{within}.{key}" if within else key
    hint = ""
    if value is MISSING:
        near = did_you_mean(key, table if known is None else known)
        hint = near.replace("did you mean", "is it").replace("?", " here?") if near else ""
        place.say(path, MISSING, f"be given, and {rule}", hint)
    else:
        place.say(path, value, rule)
    return None
