"""What pydantic found wrong with a scenario, as broken rules at key paths.

pydantic reports which value failed which of its checks, at a place that also names the kinds and
laws on the way. Here it becomes a `Finding`; `sim.scenario.complaints.text` makes text of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.complaints.text import MISSING, format_path, value_at
from sim.scenario.complaints.vocabulary import keys_at
from sim.scenario.language.faults import fault_tables
from sim.scenario.language.finding import Finding
from sim.scenario.language.interventions import INTERVENTION_KINDS
from sim.scenario.language.schemes import SCHEME_KINDS
from sim.scenario.language.values import RULE, UNKNOWN_KEY, Path

__all__ = ["findings_of"]

_RULES: Final[Mapping[str, str]] = {
    "missing": "be given",
    "extra_forbidden": UNKNOWN_KEY,
    "bool_type": "be true or false",
    "int_type": "be a whole number",
    "float_type": "be a number",
    "string_type": "be a text",
    "string_too_short": "not be empty",
    "string_too_long": "have at most {max_length} characters",
    "tuple_type": "be an array",
    "too_short": "hold at least one entry",
    "dict_type": "be a table",
    "model_type": "be a table",
    "model_attributes_type": "be a table",
    "finite_number": "be a finite number",
    "greater_than": "be above {gt}",
    "greater_than_equal": "be at least {ge}",
    "less_than": "be below {lt}",
    "less_than_equal": "be at most {le}",
}
"""Rules by pydantic's names of errors; those of our own validators say theirs themselves."""


def findings_of(error: ValidationError, raw: Any) -> list[Finding]:
    """Return what `error` found in the mapping `raw`, each place and rule once, in its order."""
    found: dict[Finding, Finding] = {}
    for details in error.errors(include_url=False):
        for finding in _findings(details, raw):
            found.setdefault(finding.claim, finding)
    return list(found.values())


def _findings(details: ErrorDetails, raw: Any) -> Iterator[Finding]:
    """Yield the findings of one of pydantic's errors."""
    path = _path(details["loc"], raw, is_missing=details["type"] == "missing")
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == RULE:
        for item in context["findings"]:
            yield Finding(**{**item, "at": (*path, *item["at"])})
    elif kind == "literal_error":
        valid = re.findall(r"'([^']*)'", context["expected"])
        rule = one_of(valid) if valid else f"be {context['expected']}"
        yield Finding(path, rule, hint=did_you_mean(value, valid))
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        yield _kind(path, value_at(raw, (*path, "kind")), details["loc"])
    elif kind == "extra_forbidden":
        yield Finding(path, UNKNOWN_KEY, hint=_key_hint(path, details["loc"]))
    elif kind == "tuple_type" and isinstance(value, Mapping):
        header = format_path(path)
        yield Finding(path, "be an array of tables", hint=f"[[{header}]] instead of [{header}]")
    elif kind == "missing" and path in (("queries",), ("schemes",)):
        yield Finding(path, _RULES["missing"], hint=f"at least one [[{path[0]}]]")
    else:
        rule = _RULES.get(kind, f"be valid ({details['msg']})")
        yield Finding(path, rule.format_map({k: _plain(v) for k, v in context.items()}))


_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "schemes": SCHEME_KINDS,
    "interventions": INTERVENTION_KINDS,
}
"""What ``kind`` may be, by the array of tables it stands in; faults are registered."""


def _plain(value: Any) -> Any:
    """Return a bound without a needless ``.0``."""
    return f"{value:g}" if isinstance(value, float) else value


def _kind(path: Path, kind: object, location: Sequence[str | int]) -> Finding:
    """Say which kinds there are."""
    table = str(location[0])
    valid = tuple(fault_tables()) if table == "faults" else _KINDS[table]
    if kind is MISSING:
        return Finding((*path, "kind"), "be given", hint=one_of(valid).removeprefix("be "))
    return Finding((*path, "kind"), one_of(valid), hint=did_you_mean(kind, valid))


def _key_hint(path: Path, location: Sequence[str | int]) -> str:
    """Guess which key was meant, or say that the kind has no such key."""
    hint = did_you_mean(path[-1], keys_at(location[:-1]))
    if hint or len(location) < 2 or path[-2:-1] == (location[-2],):
        return hint
    return f"there is none with {location[-2]}" if path[-1] in keys_at(location[:-2]) else ""


def _path(location: Sequence[str | int], raw: Any, *, is_missing: bool) -> Path:
    """Return the key path of pydantic's place: what is not in the text names a kind or a law."""
    path: list[str | int] = []
    value: Any = raw
    for i, part in enumerate(location):
        is_position = isinstance(part, int) and isinstance(value, list | tuple)
        if is_position or (isinstance(value, Mapping) and part in value):
            value = value[part]
        elif not is_missing or i < len(location) - 1:
            continue
        path.append(part)
    return tuple(path)
