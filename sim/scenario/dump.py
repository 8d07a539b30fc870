"""A scenario printed back as TOML: all of it, or only what is not as by default.

Reading either text gives an equal scenario: ``load(to_toml(scenario)) == scenario``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sim.scenario.complaints.text import format_key, format_string
from sim.scenario.schema import Scenario

__all__ = ["brief_toml", "inline", "to_toml"]

_WIDTH: Final = 100


def to_toml(scenario: Scenario) -> str:
    """Return the text of a scenario file that says everything.

    Raises
    ------
    ValueError
        If a law has a parameter that the scenario language cannot say.
    """
    return _text(scenario.raw())


def brief_toml(scenario: Scenario) -> str:
    """Return the text of a scenario file without what is as by default.

    Raises
    ------
    ValueError
        If a law has a parameter that the scenario language cannot say.
    """
    raw = scenario.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    raw = {key: value for key, value in raw.items() if value != {}}
    try:
        # Below a profile a default of the language has to be said.
        is_all = Scenario.model_validate(raw) == scenario
    except ValueError:
        is_all = False
    return _text(raw) if is_all else to_toml(scenario)


def _text(raw: dict[str, Any]) -> str:
    for name, expected in raw.get("expect", {}).items():
        raw["expect"][name] = {key: value for key, value in expected.items() if value}
    return "\n".join(_table((), raw)) + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a table: values first, then the tables below it under headers."""
    below = [key for key, value in table.items() if _has_header(path, key, value)]
    width = max((len(format_key(key)) for key in table if key not in below), default=0)
    for key, value in table.items():
        if key not in below:
            yield f"{format_key(key):<{width}} = {_value(value, width + 3)}"
    for key in below:
        inner = (*path, key)
        header = ".".join(map(format_key, inner))
        if isinstance(table[key], Mapping):
            yield from ("", f"[{header}]", *_table(inner, table[key]))
        else:
            for element in table[key]:
                yield from ("", f"[[{header}]]", *_table(inner, element))


def _has_header(path: tuple[str, ...], key: str, value: Any) -> bool:
    """Whether a value becomes a table with a header, or an array of them."""
    if isinstance(value, Mapping):
        if path == ("store", "lag"):
            return len(inline(value)) > _WIDTH - 20
        return not path or (path, key) in (
            (("store",), "lag"),
            (("store",), "quorum"),
            (("store",), "replication"),
            (("gateways",), "sync_stages"),
            (("gateways",), "cache"),
        )
    is_array = not path and isinstance(value, list | tuple) and len(value) > 0
    return is_array and isinstance(value[0], Mapping)


def _value(value: Any, indent: int) -> str:
    """Return a value, on one line if it is short enough to be read there."""
    text = inline(value)
    is_mixture = isinstance(value, Mapping) and "parts" in value
    if indent + len(text) <= _WIDTH or not is_mixture:
        return text
    rest = {key: inner for key, inner in value.items() if key not in ("law", "parts")}
    parts = "".join(f"    {inline(part)},\n" for part in value["parts"])
    tail = "".join(f", {format_key(key)} = {inline(inner)}" for key, inner in rest.items())
    return f'{{ law = "mixture", parts = [\n{parts}]{tail} }}'


def inline(value: Any) -> str:
    """Return a value as TOML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return format_string(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{format_key(key)} = {inline(v)}" for key, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, float):
        # TOML wants a digit after the point or an exponent; repr gives one of both.
        return repr(value)
    return str(value)
