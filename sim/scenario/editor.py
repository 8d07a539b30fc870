"""The JSON Schema of scenario files, by which editors complete and check them.

It is committed as ``scenario.schema.json`` beside this module; a scenario names it in its first
line: ``#:schema ../sim/scenario/scenario.schema.json``. It knows names and forms; what parts must
fulfil together only `sim.scenario.load` knows.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sim.scenario.language.values import Frozen
from sim.scenario.presets import scheme_presets
from sim.scenario.schema import (
    Compactor,
    DeletionMark,
    GatewayCache,
    Gateways,
    PlaneLag,
    Producers,
    QueryClass,
    Retention,
    Scenario,
    Store,
    SyncStages,
)

__all__ = ["SCHEMA_PATH", "editor_schema"]

SCHEMA_PATH: Final = Path(__file__).with_name("scenario.schema.json")


def editor_schema() -> str:
    """Return the schema as text, the same for the same scenario language."""
    schema = Scenario.model_json_schema(by_alias=True)
    law = schema["$defs"]["PlaneLag"]["properties"]["get"]["anyOf"]
    short = _shortened(schema, law)
    short["$defs"]["Law"] = {
        "anyOf": _shortened(law, []),
        "description": "How long an activity takes: a duration or a law.",
    }
    short["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    short["title"] = "A scenario of the consistency simulator"
    for table, defaults in _defaults():
        for key, value in defaults.items():
            properties = (short["$defs"].get(table) or short)["properties"]
            if isinstance(value, str | int | float):
                properties[key]["default"] = value
    # What begins as a preset needs neither a name nor a kind.
    schemes = short["properties"]["schemes"]["items"]
    begun = {"required": ["preset"], "properties": {"preset": {"enum": list(scheme_presets())}}}
    short["properties"]["schemes"]["items"] = {
        "anyOf": [*schemes["oneOf"], begun],
        "discriminator": schemes["discriminator"],
    }
    return json.dumps(short, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _defaults() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables that can be left out or nearly so, with their values as a file says them."""
    examples: tuple[Frozen, ...] = (
        *(part() for part in (Store, PlaneLag, Producers, Compactor, Gateways)),
        *(part() for part in (Retention, SyncStages, GatewayCache)),
        QueryClass.model_validate({"name": "?"}),
        DeletionMark.model_validate({"name": "?", "kind": "deletion-mark"}),
    )
    for example in examples:
        required = {
            name for name, field in type(example).model_fields.items() if field.is_required()
        }
        yield type(example).__name__, example.model_dump(by_alias=True, exclude=required)
    yield "Scenario", {"warmup": "0s"}


def _shortened(node: Any, law: list[Any]) -> Any:
    """Return a schema that says once what a law is, and no titles or defaults of whole tables."""
    if isinstance(node, list):
        return [_shortened(item, law) for item in node]
    if not isinstance(node, dict):
        return node
    short = {
        key: _shortened(value, law)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and not _is_told_as_written(value, node))
    }
    alternatives = node.get("anyOf")
    if isinstance(alternatives, list) and {"type": "null"} in alternatives:
        # TOML has no null: what is not there is left out.
        short |= _shortened(next(a for a in alternatives if a != {"type": "null"}), law)
        del short["anyOf"]
    if alternatives == law:
        del short["anyOf"]
        short["$ref"] = "#/$defs/Law"
    elif isinstance(alternatives, list) and alternatives[1:] == law:
        short["anyOf"] = [short["anyOf"][0], {"$ref": "#/$defs/Law"}]
    return short


def _is_told_as_written(default: Any, node: dict[str, Any]) -> bool:
    """Whether a default is what a file would say: durations are numbers inside."""
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    return isinstance(default, str | bool) or (is_number and node.get("type") != "string")
