"""When the replicas do not show the data objects of blocks to GETs (``SEMANTICS.md`` S3)."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from sim.core.units import NEVER
from sim.trace.changes import Change, Changes
from sim.trace.records import PutRecord
from sim.trace.timelines import EVERY, AbsenceTable, Ints


def absences(changes: Changes, n_replicas: int) -> AbsenceTable:
    """The table of absences."""
    plain = np.flatnonzero(changes.is_plain)
    every = np.broadcast_to(np.int64(EVERY), (2 * plain.size,))
    before = (plain, np.zeros_like(plain), changes.came_us[plain])
    after = (plain, changes.went_us[plain], np.full_like(plain, NEVER))
    block, start_us, end_us = (np.concatenate(pair) for pair in zip(before, after, strict=True))
    late, odd = _late(changes, n_replicas), _odd(changes, n_replicas)
    rest = np.concatenate([late, odd], axis=1)
    rest = rest[:, np.lexsort((rest[3], rest[2], rest[1], rest[0]))]
    index, replica = (np.concatenate([every, rest[i]]) if rest.size else every for i in (1, 2))
    return AbsenceTable(
        block=np.concatenate([block, rest[0]]),
        object=index,
        replica=replica,
        start_us=np.concatenate([start_us, rest[3]]),
        end_us=np.concatenate([end_us, rest[4]]),
        n_objects=changes.n_data,
        n_replicas=n_replicas,
    )


def _late(changes: Changes, n_replicas: int) -> Ints:
    """Rows of blocks that came whole and went whole, each replica and object in its own time."""
    blocks = np.flatnonzero(changes.is_whole & ~changes.is_plain)
    came_us, went_us = changes.seen_us(blocks, n_replicas)
    # What goes before it comes is never shown: the newest version shown counts (S3).
    shown_us: Ints = np.where(came_us < went_us, came_us, NEVER)
    place = np.indices(shown_us.shape)
    copy = (blocks[place[0]], place[1], place[2])
    before, after = (shown_us > 0), (went_us < NEVER) & (shown_us < NEVER)
    rows = [
        [*(c[before] for c in copy), np.zeros_like(shown_us[before]), shown_us[before]],
        [*(c[after] for c in copy), went_us[after], np.full_like(went_us[after], NEVER)],
    ]
    return np.concatenate([np.array(columns, np.int64) for columns in rows], axis=1)


def _odd(changes: Changes, n_replicas: int) -> Ints:
    """Rows of all other blocks."""
    rows: list[tuple[int, int, int, int, int]] = []
    for index, history in changes.odd.items():
        for i, versions in _versions(history, changes.n_data, n_replicas):
            for replica in range(n_replicas):
                seen = [(is_put, row[replica]) for is_put, row in versions]
                rows += ((index, i, replica, *gap) for gap in hidden_spans(seen))
    return np.array(rows, np.int64).reshape(-1, 5).T


def damaged_us(changes: Sequence[Change], n_data: int) -> int:
    """The first instant at the end of which meta.json is there and another object is not."""
    there: set[int] = set()
    for change, later in zip_longest(changes, changes[1:]):
        is_put = isinstance(change, PutRecord)
        there = there.union(change.objects) if is_put else there.difference(change.objects)
        is_over = later is None or later.t_us > change.t_us
        if is_over and n_data in there and sum(i <= n_data for i in there) <= n_data:
            return change.t_us
    return NEVER


Versions = list[tuple[bool, tuple[int, ...]]]


def _versions(
    history: Sequence[Change], n_data: int, n_replicas: int
) -> list[tuple[int, Versions]]:
    """Per data object of a block: (is a put, when each replica shows it) of each version."""
    found: list[Versions] = [[] for _ in range(n_data)]
    for change in history:
        is_put = isinstance(change, PutRecord)
        at_once = (change.t_us,) * n_replicas
        for position, i in enumerate(change.objects):
            if i < n_data:
                first = position * n_replicas
                row = change.get[first : first + n_replicas] if change.get else at_once
                found[i].append((is_put, row))
    return list(enumerate(found))


def hidden_spans(versions: Sequence[tuple[bool, int]]) -> list[tuple[int, int]]:
    """When a replica does not show the object: the newest version shown counts (S3)."""
    spans: list[tuple[int, int]] = []
    shown_from_us = 0
    until_us = NEVER
    shown: list[tuple[int, int]] = []
    for is_put, seen_us in reversed(versions):
        if is_put and seen_us < until_us:
            shown.append((seen_us, until_us))
        until_us = min(until_us, seen_us)
    for start_us, end_us in reversed(shown):
        if start_us > shown_from_us:
            spans.append((shown_from_us, start_us))
        shown_from_us = end_us
    if shown_from_us < NEVER:
        spans.append((shown_from_us, NEVER))
    return spans
