"""What is to be deleted, when it is gone (rule D23), and what copies keep of it (rule S11)."""

from __future__ import annotations

from typing import Any

from sim.core.units import NEVER
from tests.reference.scheme import MANIFEST_KEY
from tests.reference.store import Store
from tests.reference.world import Block, World


def sweeps(world: World, store: Store) -> dict[str, tuple[int, int]]:
    """By block id: due, and gone or NEVER, of those that are due before the horizon."""
    slots: Any = world.scheme.composed
    found = {}
    for block in world.blocks.values():
        due_us = _due_us(world, store, slots, block)
        gone_us = _gone_us(store, block)
        if due_us < world.scenario.horizon_us and due_us <= gone_us:
            found[block.id] = (due_us, gone_us)
    return found


def _due_us(world: World, store: Store, slots: Any, block: Block) -> int:
    is_marked = slots.record.kind == "mark"
    others = ["lifecycle"] if is_marked else ["lifecycle", "by-hand"]
    if block.retired_us == NEVER or block.retired_why in others:
        return NEVER
    since_us = block.retired_us
    if is_marked:
        since_us = since_us // 1_000_000 * 1_000_000
    match slots.delete.kind:
        case "at-once":
            return since_us
        case "after" if slots.delete.counted_from == "creation":
            return max(since_us, block.created_us + int(slots.delete.delay))
        case "after":
            return since_us + int(slots.delete.delay)
        case "commits":
            return _followed_us(store, slots.delete, since_us)
        case _:
            return NEVER


def _followed_us(store: Store, delete: Any, retired_us: int) -> int:
    """When so many versions have followed that do not list a block, and a delay is over."""
    written_us = [version.acknowledged_us for version in store.versions[MANIFEST_KEY]]
    until_us = [t for t in written_us if t <= retired_us]
    later_us = [t for t in written_us if t > retired_us]
    # The one that left it out is the first that does not list it.
    first_us = [until_us[-1], *later_us, *[NEVER] * delete.keep]
    last_us = int(first_us[delete.keep - 1])
    since_us = retired_us
    if delete.counted_from == "version":
        since_us = until_us[-2]
    return max(last_us, since_us + int(delete.older_than_us))


def _gone_us(store: Store, block: Block) -> int:
    """When the last chunk or index went, after which none came back."""
    keys = [key for key in block.data_keys() if key in store.versions]
    if not keys or any(store.newest_is_put(key) for key in keys):
        return NEVER
    return max(store.versions[key][-1].acknowledged_us for key in keys)


def left_behind(world: World, store: Store) -> dict[tuple[str, int], int]:
    """By block id and copy: how many chunks a copy keeps of a block that is gone (S11).

    With 0 it keeps the index alone.
    """
    found = {}
    for block in world.blocks.values():
        if _gone_us(store, block) == NEVER:
            continue
        for copy in range(1, store.spec.replicas):
            kept = [key for key in block.data_keys() if store.shown(key, "get", copy, NEVER - 1)]
            if kept:
                found[block.id, copy] = sum("/chunks/" in key for key in kept)
    return found
