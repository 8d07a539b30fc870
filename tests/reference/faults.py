"""Whom and what a fault concerns (rules S7, F1-F3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.faults import (
    CompactorCrash,
    Crash,
    GatewayOutage,
    Pause,
    ProducerCrash,
    RequestErrors,
    SlowDown,
    StoreErrors,
)
from sim.scenario.language.faults import Aimed, Fault

if TYPE_CHECKING:
    from tests.reference.world import Block


def is_befallen(fault: Fault, name: str) -> bool:
    """Whether a fault befalls the client or actor of this name (F1)."""
    match fault:
        case GatewayOutage():
            return name == f"gateway/{fault.target}"
        case ProducerCrash():
            return name == f"producer/{fault.target}"
        case CompactorCrash():
            group, _, number = name.partition("/")
            return group == "compactor" and fault.target in (None, int(number or 0))
        case StoreErrors():
            return True
        case Crash() | Pause() | SlowDown() if name.startswith(("operator", "referrer/")):
            return False
        case _:
            assert isinstance(fault, Aimed)
            kind = name.split("/")[0]
            group = {"gateway": "gateways", "producer": "producers"}.get(kind, kind)
            alone = "compactor/0" if name == "compactor" else name
            return any(who in ("any", name, group, alone) for who in fault.who)


def is_hit(fault: StoreErrors | RequestErrors, kind: str, name: str, block: Block | None) -> bool:
    """Whether a fault is about requests of a kind for an object of a block (F2).

    ``name`` is the object as its key has it; a LIST is about no object and no block.
    """
    if isinstance(fault, StoreErrors):
        return True
    if kind not in fault.requests:
        return False
    if block is None or name == "no-compact-mark.json":
        return fault.blocks == "any" and len(set(fault.objects)) == 4
    if fault.blocks == "level-1" and block.level > 1:
        return False
    if fault.blocks == "compacted" and block.level == 1:
        return False
    return name.split("/")[0] in fault.objects
