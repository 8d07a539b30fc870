"""What a reader makes of a listing: metas, marks and the filters (rules G3, G4).

Shared by gateways and compactor; every filter is a list comprehension.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.reference.client import Client, RequestFailed
from tests.reference.store import UNREADABLE_US
from tests.reference.world import Block


@dataclass
class Checked:
    """Outcome of asking for the meta.json of every listed block."""

    active: list[Block] = field(default_factory=list)
    partial: list[Block] = field(default_factory=list)
    unread: list[Block] = field(default_factory=list)
    upload_us: dict[str, int] = field(default_factory=dict)


def check(client: Client, listed: list[Block], cached_us: dict[str, int]) -> Checked:
    """HEAD each meta.json and GET those never seen (G3); raises RequestFailed if a HEAD fails.

    ``cached_us`` and ``upload_us`` are upload times by block id, as read from the metas; the
    former is brought up to date.
    """
    found = client.head_many([block.key("meta.json") for block in listed])
    checked = Checked()
    for block in listed:
        key = block.key("meta.json")
        if found[key] is None:
            checked.partial.append(block)
            continue
        if block.id in cached_us:
            checked.active.append(block)
            checked.upload_us[block.id] = cached_us[block.id]
            continue
        try:
            version = client.get(key)
        except RequestFailed:
            checked.unread.append(block)
            continue
        if version is None:
            checked.partial.append(block)
        else:
            checked.active.append(block)
            checked.upload_us[block.id] = version.stamp_us
    cached_us.clear()
    cached_us.update(checked.upload_us)
    return checked


def old_enough(checked: Checked, now_us: int, delay_us: int) -> list[Block]:
    """Active blocks the consistency delay lets through (G4)."""
    return [
        block
        for block in checked.active
        if block.by_compactor or now_us - checked.upload_us[block.id] >= delay_us
    ]


def read_marks(client: Client, blocks: list[Block]) -> dict[str, int]:
    """Stamps of the marks found, by block id; raises RequestFailed (G4)."""
    found = client.get_marks([block.key("deletion-mark.json") for block in blocks])
    stamps_us = {}
    for block in blocks:
        version = found[block.key("deletion-mark.json")]
        if version is not None and version.stamp_us != UNREADABLE_US:
            stamps_us[block.id] = version.stamp_us
    return stamps_us


def read_no_compact(client: Client, blocks: list[Block]) -> set[str]:
    """Which blocks have a mark against compaction (C17); raises RequestFailed."""
    keys = {block.id: block.key("no-compact-mark.json") for block in blocks}
    found = client.get_unremembered("no-compact", list(keys.values()))
    return {block_id for block_id, key in keys.items() if found[key]}


def not_hidden(
    blocks: list[Block], stamps_us: dict[str, int], now_us: int, delay_us: int
) -> list[Block]:
    """Blocks without a mark older than the hide delay (G4)."""
    return [
        block
        for block in blocks
        if block.id not in stamps_us or now_us - stamps_us[block.id] <= delay_us
    ]


def covers(winner: Block, block: Block) -> bool:
    """Whether deduplication drops ``block`` because ``winner`` is there too (G4)."""
    if winner is block or winner.group != block.group:
        return False
    if winner.sources == block.sources:
        return winner.age_key < block.age_key
    return block.sources < winner.sources


def duplicates(blocks: list[Block]) -> list[Block]:
    """Blocks whose data another of them holds."""
    return [block for block in blocks if any(covers(other, block) for other in blocks)]


def without(blocks: list[Block], dropped: list[Block]) -> list[Block]:
    """``blocks`` in their order, those in ``dropped`` left out."""
    return [block for block in blocks if block not in dropped]
