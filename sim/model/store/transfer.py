"""Moving the objects of blocks, one after the other (``SEMANTICS.md`` B2, B4, C8)."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import groupby
from typing import Any

from sim.core.kernel import Kernel
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.store.client import Client, RequestFailed
from sim.model.store.visibility import LIST

Steps = Generator[Any, Any, Any]


class IndexLacks(Exception):
    """A listing did not show the index of a block; ``args`` is its key."""


def until(t_us: int, kernel: Kernel, phase: int) -> Steps:
    """Sleep until ``t_us``; no later than now takes no step."""
    if t_us > kernel.now_us:
        yield kernel.sleep(t_us - kernel.now_us, phase)


def upload(
    block: Block,
    client: Client,
    kernel: Kernel,
    phase: int,
    takes_us: int,
    *,
    until_us: int = NEVER,
) -> Steps:
    """Put chunks, index and meta.json over ``takes_us`` from now; nothing from ``until_us`` on.

    Raises
    ------
    RequestFailed
        If a request is answered with an error; what was put before stays.
    """
    meta = client.store.catalog.meta_object
    last_us = kernel.due_us(kernel.now_us + meta * takes_us // (meta + 1))
    stamp_us = client.clock_us(last_us)
    uploaded = client.store.catalog.uploaded_objects
    for instant_us, objects in _timetable(uploaded, kernel.now_us, takes_us):
        if kernel.due_us(instant_us) >= until_us:
            yield from until(until_us, kernel, phase)
            return
        yield from until(instant_us, kernel, phase)
        now_us = kernel.now_us
        if client.is_undisturbed:
            client.tally.count("put", now_us, len(objects))
            client.store.put(block, objects, stamp_us=stamp_us)
        else:
            for i in objects:
                client.put(block, i, now_us, stamp_us=stamp_us)


def delete(block: Block, client: Client, kernel: Kernel, phase: int, takes_us: int) -> Steps:
    """Delete what is there of the block over ``takes_us`` from now, in the order of deletion.

    A block of which nothing is left takes no time. Raises as :func:`upload`.
    """
    for instant_us in _deletion(block, client, kernel, takes_us):
        yield from until(instant_us, kernel, phase)


def delete_all(
    blocks: Iterable[Block],
    client: Client,
    kernel: Kernel,
    phase: int,
    *,
    workers: int,
    takes_us: Callable[[Block], int],
) -> Steps:
    """Delete blocks in the order given, as many at a time as there are workers.

    Returns
    -------
    list of RequestFailed
        Why blocks were not deleted in full; a worker then goes on with the next one.
    """
    waiting = iter(enumerate(blocks))
    busy: list[tuple[int, int, Iterator[int]]] = []
    failures: list[RequestFailed] = []

    def go_on(number: int, deletion: Iterator[int]) -> None:
        try:
            instant_us = next(deletion, None)
        except RequestFailed as failure:
            failures.append(failure)
        else:
            if instant_us is not None:
                heappush(busy, (instant_us, number, deletion))

    while True:
        while len(busy) < workers and (nearest := next(waiting, None)):
            number, block = nearest
            go_on(number, _deletion(block, client, kernel, takes_us(block)))
        if not busy:
            return failures
        instant_us, number, deletion = heappop(busy)
        yield from until(instant_us, kernel, phase)
        go_on(number, deletion)


def _deletion(block: Block, client: Client, kernel: Kernel, takes_us: int) -> Iterator[int]:
    """When objects of the block go, from now on; each goes when the next instant is asked for."""
    there = client.store.held_objects(block)
    for instant_us, objects in _timetable(there, kernel.now_us, takes_us):
        yield instant_us
        # Somebody else may have deleted some of them meanwhile.
        held = tuple(i for i in objects if client.store.holds(block, i))
        sent = objects if client.store.spec.delete_absent == "error" else held
        if not client.is_undisturbed or sent != held:
            for i in sent:
                client.delete(block, i, kernel.now_us)
        elif held:
            client.tally.count("delete", kernel.now_us, len(held))
            client.store.delete(block, held)


def download(
    blocks: Sequence[Block], client: Client, kernel: Kernel, phase: int, takes_us: int
) -> Steps:
    """Read blocks over ``takes_us`` from now: meta.json, then what a LIST shows of the rest.

    Returns
    -------
    str
        What the copies lack without a word: the first chunk that a LIST did not show, or that is
        cut short; empty if they are whole.

    Raises
    ------
    IndexLacks
        If a LIST did not show an index, once the rest of its block is read.
    RequestFailed
        If a request fails, or a GET finds nothing.
    """
    start_us, n = kernel.now_us, len(blocks)
    lacking = ""
    for i, block in enumerate(blocks):
        begin_us, end_us = start_us + i * takes_us // n, start_us + (i + 1) * takes_us // n
        now_us = kernel.now_us
        if begin_us == end_us and client.is_sure_to_read(block, now_us):
            client.tally.list(now_us, client.store.catalog.mark_object)
            client.tally.count("get", now_us, client.store.catalog.mark_object)
        else:
            lacks = yield from _download(block, client, kernel, phase, begin_us, end_us)
            lacking = lacking or lacks
    return lacking


def _download(
    block: Block, client: Client, kernel: Kernel, phase: int, begin_us: int, end_us: int
) -> Steps:
    catalog, takes_us = client.store.catalog, end_us - begin_us
    index = catalog.index_object
    _read(block, catalog.meta_object, client, kernel.now_us)
    listed: set[int] = set()
    cut: set[int] = set()
    for i in range(index + 1):
        instant_us = begin_us + (i + 1) * takes_us // catalog.mark_object
        yield from until(instant_us, kernel, phase)
        if i == 0:
            listed = _list(block, client, kernel.now_us)
        if i in listed:
            _read(block, i, client, kernel.now_us)
            if i < index and client.is_cut_short(block, i, kernel.now_us):
                cut.add(i)
    yield from until(end_us, kernel, phase)
    if index not in listed:
        raise IndexLacks(catalog.key(block, index))
    for i in range(index):
        if i not in listed or i in cut:
            return f"{'cut short' if i in cut else 'listing lacks'} {catalog.key(block, i)}"
    return ""


def _list(block: Block, client: Client, t_us: int) -> set[int]:
    """Chunks and index of the block that a LIST at ``t_us`` shows; may raise RequestFailed."""
    client.tally.list(t_us, client.store.catalog.mark_object)
    if client.fails("list", t_us):
        raise RequestFailed("list", block.id)
    replica, files = client.list_replica(t_us), client.store.catalog.uploaded_objects[:-1]
    return {i for i in files if client.lists_object(block, i, replica, t_us)}


def last_listed_us(block: Block, client: Client, t_us: int) -> int:
    """When the newest object was put of those that a LIST of the block at ``t_us`` shows.

    An object of which the listing shows an older version has the time of that. NEVER if it shows
    none; may raise RequestFailed.
    """
    store = client.store
    client.tally.list(t_us, store.catalog.mark_object)
    if client.fails("list", t_us):
        raise RequestFailed("list", block.id)
    replica, objects = client.list_replica(t_us), range(len(block.history))
    shown = (store.shown(block, i, LIST, replica, t_us) for i in objects)
    return max((version.ack_us for version in shown if version is not None), default=NEVER)


def _read(block: Block, object_index: int, client: Client, t_us: int) -> None:
    if client.read_or_fail(block, object_index, t_us) is None:
        raise RequestFailed("not-found", client.store.catalog.key(block, object_index))


def _timetable(
    objects: tuple[int, ...], start_us: int, takes_us: int
) -> list[tuple[int, tuple[int, ...]]]:
    """(instant, objects acknowledged then): object *i* of *n* after (i + 1)/n of the time."""
    if takes_us == 0:
        return [(start_us, objects)] if objects else []
    n = len(objects)
    due = ((start_us + (i + 1) * takes_us // n, o) for i, o in enumerate(objects))
    return [
        (instant_us, tuple(o for _, o in group))
        for instant_us, group in groupby(due, key=lambda pair: pair[0])
    ]
