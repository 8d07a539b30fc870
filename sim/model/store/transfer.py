"""Uploading and deleting the objects of a block, one after the other (``SEMANTICS.md`` B2, B4)."""

from collections.abc import Generator
from itertools import groupby
from typing import Any

from sim.core.kernel import Kernel, Phase
from sim.model.blocks.catalog import Block
from sim.model.store.client import Client

Steps = Generator[Any, Any, Any]


def upload(block: Block, client: Client, kernel: Kernel, phase: Phase, takes_us: int) -> Steps:
    """Put chunks, index and meta.json over ``takes_us`` from now.

    Raises
    ------
    RequestFailed
        If a request is answered with an error; what was put before stays.
    """
    meta = client.store.catalog.meta_object
    stamp_us = client.clock_us(kernel.now_us + meta * takes_us // (meta + 1))
    uploaded = client.store.catalog.uploaded_objects
    for instant_us, objects in _timetable(uploaded, kernel.now_us, takes_us):
        if instant_us > kernel.now_us:
            yield kernel.sleep(instant_us - kernel.now_us, phase)
        if client.faults.fail_requests:
            for i in objects:
                client.put(block, i, instant_us, stamp_us=stamp_us)
        else:
            client.tally.count("put", instant_us, len(objects))
            client.store.put(block, objects, stamp_us=stamp_us)


def delete(block: Block, client: Client, kernel: Kernel, phase: Phase, takes_us: int) -> Steps:
    """Delete what is there of the block over ``takes_us`` from now: meta.json first, mark last.

    A block of which nothing is left takes no time. Raises as :func:`upload`.
    """
    there = client.store.held_objects(block)
    for instant_us, objects in _timetable(there, kernel.now_us, takes_us):
        if instant_us > kernel.now_us:
            yield kernel.sleep(instant_us - kernel.now_us, phase)
        # Somebody else may have deleted some of them meanwhile.
        held = tuple(i for i in objects if client.store.holds(block, i))
        if client.faults.fail_requests:
            for i in held:
                client.delete(block, i, instant_us)
        elif held:
            client.tally.count("delete", instant_us, len(held))
            client.store.delete(block, held)


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
