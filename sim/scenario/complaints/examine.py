"""Everything that is wrong with a scenario, not only what hides the rest.

Parts that are wrong on their own are taken out of the way, so that the remaining ones can be
judged together; what would not have been found without taking something out is not told.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from sim.scenario.complaints.text import value_at
from sim.scenario.inputs import Reading
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Path
from sim.scenario.schema import Scenario

__all__ = ["examine"]

_ROUNDS: Final = 4

_STAND_INS: Final[Mapping[str, Any]] = {
    "schema": 1,
    "name": "?",
    "horizon": "36500d",
    "queries": [{"name": "?"}],
    "schemes": [{"name": "?", "kind": "immediate"}],
}
_ELEMENT_STAND_INS: Final[Mapping[str, Any]] = {
    "queries": {},
    "schemes": {"kind": "immediate"},
    "faults": {"kind": "compactor-crash", "at": "0s", "lasts": "0s"},
    "interventions": {"kind": "cleanup", "at": "0s"},
    "draws": {"decides": ["?"], "uniform": 0.0},
}


def examine(raw: Mapping[str, Any], reading: Reading) -> tuple[Scenario | None, list[Finding]]:
    """Make a scenario of a mapping, or find everything that is wrong with it.

    Parameters
    ----------
    raw : Mapping
        Keys as in a scenario file.
    reading : Reading
        Which files it may name.

    Returns
    -------
    tuple
        A scenario and no findings, or None and at least one finding.
    """
    found: list[Finding] = []
    taken: list[Path] = []
    judged = raw
    for attempt in range(_ROUNDS):
        try:
            scenario = Scenario.model_validate(judged, context={"reading": reading})
        except ValidationError as error:
            from sim.scenario.complaints.validation import findings_of

            new = findings_of(error, judged)
            told = {finding.claim for finding in found}
            rests_on = _resting_on(taken)
            found += [f for f in new if f.claim not in told and not rests_on(f)]
            if any(details["loc"] == () for details in error.errors(include_url=False)):
                break  # conflicts are looked for last
            judged = _without(judged, new, attempt, taken)
        else:
            return (None, found) if found else (scenario, found)
    return None, found


def _resting_on(taken: list[Path]) -> Callable[[Finding], bool]:
    """Whether a finding would not be there, or be another one, without what was taken out.

    So it is if a place of it lies below, or above, what was taken out.
    """
    below = set(taken)
    above = {path[:length] for path in taken for length in range(len(path))}

    def rests_on(finding: Finding) -> bool:
        places = (finding.at, *finding.others, *finding.silent)
        return any(
            place in above or any(place[:length] in below for length in range(len(place) + 1))
            for place in places
        )

    return rests_on


def _without(
    raw: Mapping[str, Any], findings: list[Finding], attempt: int, taken: list[Path]
) -> dict[str, Any]:
    """Return a copy without what the findings are about, or with a harmless stand-in for it.

    What was not enough to take out is taken out with more around it at the next attempt; `taken`
    grows by the places.
    """
    changed = copy.deepcopy(dict(raw))
    for finding in findings:
        path = _removable(changed, finding.at, attempt)
        if not path:
            continue
        is_element = len(path) == 2 and isinstance(path[1], int)
        # The name of an element stays, so that what is said about the name still holds.
        taken.append(finding.at if is_element else path)
        parent, last = value_at(changed, path[:-1]), path[-1]
        if is_element and isinstance(last, int):
            if isinstance(parent, list):
                stand_in = _ELEMENT_STAND_INS[str(path[0])]
                has_name = path[0] in ("queries", "schemes")
                named = {"name": _stand_in_name(parent[last], last)} if has_name else {}
                parent[last] = {**stand_in, **named}
        elif len(path) == 1 and last in _STAND_INS:
            changed[str(last)] = copy.deepcopy(_STAND_INS[str(last)])
        elif isinstance(parent, dict):
            parent.pop(last, None)
    return changed


def _stand_in_name(element: Any, position: int) -> str:
    """Return the name of an element, if it has one."""
    name = element.get("name") if isinstance(element, dict) else None
    return name if isinstance(name, str) and name else f"?{position}"


def _removable(raw: Mapping[str, Any], path: Path, attempt: int) -> Path:
    """Return the place at or above `path` that can be taken out as a whole."""
    for length in range(1, len(path)):
        law = value_at(raw, path[:length])
        if isinstance(law, Mapping) and "law" in law:
            path = path[:length]
            break
    path = path[: max(1, len(path) - attempt)] if attempt else path
    is_required = len(path) == 3 and path[0] in _ELEMENT_STAND_INS and path[2] in ("name", "kind")
    if is_required:
        path = path[:2]
    while len(path) > 1 and isinstance(path[-1], int):
        if len(path) == 2 and path[0] in _ELEMENT_STAND_INS:
            break
        path = path[:-1]
    return path
