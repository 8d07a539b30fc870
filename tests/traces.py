"""Traces in the words of block ids: what two runs have in common although they number differently.

Records name blocks by their ordinal in the run, which shifts as soon as another actor makes a
block. Here a record is a tuple of its kind and its fields, with ids in place of ordinals; where a
record lists several blocks, in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from sim.scenario.schema import Scenario
from sim.trace.recorder import Trace
from sim.trace.records import (
    KIND_OF,
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    DropRecord,
    LoadRecord,
    NamesRecord,
    PassesRecord,
    PutRecord,
    Record,
    ReferenceRecord,
    RequestsRecord,
    RetireRecord,
    SyncsRecord,
    UnloadedRecord,
)

Line = tuple[Any, ...]
_OF_GATEWAYS = (LoadRecord, DropRecord, UnloadedRecord)
_OF_BLOCKS = (
    NamesRecord,
    PutRecord,
    DeleteRecord,
    RetireRecord,
    CompactRecord,
    ReferenceRecord,
)


def lines(trace: Trace, keep: Callable[[Record], bool] = lambda _: True) -> list[Line]:
    """Every record that ``keep`` accepts, in order, in the words of ids.

    A change of several objects becomes one line for each: where requests may fail they are put
    one by one, and it does not matter to anybody whether they were.
    """
    ids = [record.id for record in trace.records if isinstance(record, BlockRecord)]
    kept = [record for record in trace.records if keep(record)]
    return [_line(one, ids) for record in kept for one in _singles(record, trace.header.replicas)]


def unordered(found: Iterable[Line]) -> list[Line]:
    """Lines in an order that does not depend on who came first at one instant."""
    return sorted(found, key=lambda line: (line[1], line[0], repr(line)))


def is_work(record: Record) -> bool:
    """Whether the record is no sum of requests, syncs or passes, which everybody adds to."""
    return not isinstance(record, RequestsRecord | SyncsRecord | PassesRecord)


def is_of_gateway(number: int) -> Callable[[Record], bool]:
    """Whether a record is about one gateway."""
    return lambda record: getattr(record, "gateway", None) == number


def is_not_of_gateways(record: Record) -> bool:
    """Whether a record is about producers, compactor and cleaner: the world that gateways see."""
    return is_work(record) and not hasattr(record, "gateway")


def is_upload(trace: Trace) -> Callable[[Record], bool]:
    """Whether a record is about the making or the putting of a level-1 block, marks left out."""
    level = [record.level for record in trace.records if isinstance(record, BlockRecord)]
    mark = trace.header.chunk_files + 2

    def keep(record: Record) -> bool:
        if isinstance(record, BlockRecord):
            return record.level == 1
        return (
            isinstance(record, PutRecord)
            and level[record.block] == 1
            and (mark not in record.objects)
        )

    return keep


def changed(scenario: Scenario, **values: Any) -> Scenario:
    """The scenario with tables of its file replaced or, where both are tables, laid over.

    ``changed(s, store={"replicas": 2}, seed=4)``.
    """
    return Scenario.model_validate(_over(scenario.raw(), values))


def sparse(scenario: Scenario) -> Scenario:
    """The scenario with a query a minute in each class: the reference takes most time for them."""
    queries = [{**query, "rate": "1/m"} for query in scenario.raw()["queries"]]
    return changed(scenario, queries=queries)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        is_table = isinstance(value, dict) and "law" not in value and isinstance(under, dict)
        merged[key] = _over(under, value) if is_table and under is not None else value
    return merged


def _singles(record: Record, n_replicas: int) -> list[Record]:
    """A change of several objects as changes of one each; other records as they are."""
    if not isinstance(record, PutRecord | DeleteRecord):
        return [record]
    singles: list[Record] = []
    for position, i in enumerate(record.objects):
        cells = slice(position * n_replicas, (position + 1) * n_replicas)
        get, listed = record.get[cells], record.list[cells]
        singles.append(record._replace(objects=(i,), get=get, list=listed))
    return singles


def _line(record: Record, ids: list[str]) -> Line:
    fields = record._asdict()
    if isinstance(record, _OF_GATEWAYS):
        fields["blocks"] = tuple(sorted(ids[i] for i in record.blocks))
    elif isinstance(record, BlockRecord):
        fields["block"], fields["serial"] = "", record.id
    elif isinstance(record, PassesRecord):
        known = pairwise((0, *record.known))
        named = [(ids[i], t) for i, t in zip(record.learnt, record.stamps_us, strict=True)]
        fields["learnt"] = tuple(sorted(named[a:b]) for a, b in known)
        del fields["stamps_us"]
    elif isinstance(record, _OF_BLOCKS):
        fields["block"] = ids[record.block]
        if isinstance(record, CompactRecord):
            fields["parents"] = tuple(ids[i] for i in record.parents)
    return (KIND_OF[type(record)], *fields.values())
