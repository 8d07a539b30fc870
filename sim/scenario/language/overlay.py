"""Tables laid over tables, as a file is laid over what it is based on."""

from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["laid_over"]


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both tables as one; where both say something, `above` does.

    Tables are laid over tables. A law, however it is written, replaces a law as a whole, and a
    table replaces one of another kind.
    """
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if _is_plain_table(value) and _is_plain_table(under) and _are_of_a_kind(value, under):
            merged[key] = laid_over(under, value)
        else:
            merged[key] = value
    return merged


def _are_of_a_kind(above: Mapping[str, Any], below: Mapping[str, Any]) -> bool:
    return bool(above.get("kind", below.get("kind")) == below.get("kind"))


def _is_plain_table(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is a table, and no law."""
    return isinstance(value, Mapping) and "law" not in value
