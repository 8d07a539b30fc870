"""What each sync lists, and how many requests are sent (``SEMANTICS.md`` G3, C3, K1)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.core.objects import BlockObjects
from sim.core.units import NEVER
from sim.model.computed.conditions import Rules
from sim.model.computed.syncs import Reading, SyncTimes
from sim.model.computed.writers import Blocks, Writers
from sim.model.tally import pages
from sim.scenario.schema import Gateways, Scenario
from sim.trace.records import REQUEST_KINDS, PassesRecord, RequestsRecord, SyncsRecord
from sim.trace.tables import Coded, Ragged, Table
from sim.trace.timelines import Ints

__all__ = ["accounts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """Per sync: when it is, the blocks that it lists, the metas read, the marks asked for."""

    at_us: Ints
    blocks: Ints
    metas: Ints
    marks: Ints


def accounts(
    scenario: Scenario,
    rules: Rules,
    done: Writers,
    times: Sequence[SyncTimes],
    readings: Sequence[Reading],
) -> tuple[Table, Table, Table]:
    """The records of all syncs, all looks and all requests of a run, a table each."""
    compactors = _of_compactors(scenario, done)
    spec = scenario.gateways
    gateways = [_of_gateway(g, spec, done.blocks, own.at_us) for g, own in enumerate(times)]
    return (
        _syncs(scenario, done, compactors, gateways),
        _passes(scenario.horizon_us, done, rules, gateways),
        _requests(scenario, rules, done, compactors, gateways, times, readings),
    )


def _of_compactors(scenario: Scenario, done: Writers) -> _Listed:
    """What all processes list, each of which reads the marks of its own streams."""
    spec, blocks = scenario.compactor, done.blocks
    put, gone, at = _ranks(done)
    metas, marks = np.empty_like(at), np.empty_like(at)
    level_1 = blocks.level == 1
    of_age_us = blocks.put_us + np.where(level_1, spec.consistency_delay_us, 0)
    for number in range(len(spec.names)):
        own = np.flatnonzero(done.syncs.number == number)
        first, out = np.searchsorted(at[own], put), np.searchsorted(at[own], gone)
        metas[own] = _each(first[first < out], own.size)
        mine = blocks.of_shard(number, spec.n_shards)
        # What a process works on it has seen before it goes.
        young = np.searchsorted(done.syncs.at_us[own], of_age_us[mine & level_1])
        enter = np.concatenate([first[mine & ~level_1], young])
        marks[own] = np.cumsum(_each(enter, own.size) - _each(out[mine], own.size))
    return _Listed(at_us=done.syncs.at_us, blocks=_present(put, gone, at), metas=metas, marks=marks)


def _ranks(done: Writers) -> tuple[Ints, Ints, Ints]:
    """The place of each block's coming and going, and of each sync, among all of these."""
    goes = np.arange(done.retired_blocks.size)
    when = done.retired
    if done.looks.at_us.size:
        goes = np.flatnonzero(done.deleting < done.looks.at_us.size)
        when = done.looks.at(done.deleting[goes])
    order = done.syncs.then(done.puts, done.done, when).order
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    of_syncs, of_puts, of_done, of_gone = np.split(
        rank, np.cumsum([done.syncs.at_us.size, done.puts.at_us.size, done.done.at_us.size])
    )
    put, gone = np.full(done.blocks.level.size, NEVER), np.full(done.blocks.level.size, NEVER)
    put[done.uploaded], put[done.made[done.finished]] = of_puts, of_done
    gone[done.retired_blocks[goes]] = of_gone
    return put, gone, of_syncs


def _each(number: Ints, n: int) -> Ints:
    """How often each of the first ``n`` numbers occurs."""
    return np.bincount(number, minlength=n + 1)[:n]


def _of_gateway(number: int, spec: Gateways, blocks: Blocks, at_us: Ints) -> _Listed:
    own = blocks.of_shard(number % spec.shards, spec.shards)
    put_us, gone_us = blocks.put_us[own], blocks.deleted_us[own]
    of_age_us = np.where(blocks.level[own] > 1, put_us, put_us + spec.consistency_delay_us)
    first = np.searchsorted(at_us, put_us)
    is_read = np.append(at_us, NEVER)[first] < gone_us
    has_age = of_age_us < gone_us
    return _Listed(
        at_us=at_us,
        blocks=_present(put_us, gone_us, at_us),
        metas=_each(first[is_read], at_us.size),
        marks=_present(of_age_us[has_age], gone_us[has_age], at_us),
    )


def _present(from_us: Ints, until_us: Ints, at_us: Ints) -> Ints:
    """How many of the spans [from, until) hold at each instant."""
    begun = np.searchsorted(np.sort(from_us), at_us, side="right")
    return begun - np.searchsorted(np.sort(until_us), at_us, side="right")


def _syncs(
    scenario: Scenario, done: Writers, compactors: _Listed, gateways: Sequence[_Listed]
) -> Table:
    every, names = (compactors, *gateways), scenario.compactor.names
    turn = np.repeat(np.arange(len(every)), [one.at_us.size for one in every])
    number = len(names) - 1 + turn
    number[: compactors.at_us.size] = done.syncs.number
    at_us = np.concatenate([one.at_us for one in every])
    blocks = np.concatenate([one.blocks for one in every])
    order = np.lexsort((turn, at_us))
    number = number[order]
    actors, first = np.unique(number, return_index=True)
    actors = actors[np.argsort(first)]
    position = np.empty(len(names) + len(gateways), np.int64)
    position[actors] = np.arange(actors.size)
    every_name = (*names, *(f"gateway/{g}" for g in range(len(gateways))))
    return Table.of_columns(
        SyncsRecord,
        t_us=np.array([scenario.horizon_us]),
        actors=Coded.alike(tuple(every_name[i] for i in actors.tolist()), 1),
        who=Ragged.single(position[number]),
        at_us=Ragged.single(at_us[order]),
        blocks=Ragged.single(blocks[order]),
    )


def _passes(horizon_us: int, done: Writers, rules: Rules, gateways: Sequence[_Listed]) -> Table:
    at_us = done.looks.at_us
    of_gateways = np.sort(np.concatenate([one.at_us for one in gateways]))
    before = done.n_syncs + np.searchsorted(of_gateways, at_us, side="left")
    known = done.known if rules.marks else np.zeros_like(done.known)
    learnt = done.learnt if rules.marks else done.learnt[:0]
    return Table.of_columns(
        PassesRecord,
        t_us=np.array([horizon_us]),
        at_us=Ragged.single(at_us),
        syncs=Ragged.single(before),
        known=Ragged.single(known),
        learnt=Ragged.single(learnt),
        stamps_us=Ragged.single(done.blocks.stamp_us[learnt]),
    )


def _requests(
    scenario: Scenario,
    rules: Rules,
    done: Writers,
    compactors: _Listed,
    gateways: Sequence[_Listed],
    times: Sequence[SyncTimes],
    readings: Sequence[Reading],
) -> Table:
    warmup_us = scenario.warmup_us
    counts: Counter[str] = Counter()

    def count(kind: str, at_us: Ints, each: Ints | int = 1) -> None:
        counts[kind] += int(np.sum((at_us >= warmup_us) * each))

    for listed, reads_marks in (
        (compactors, rules.marks),
        *((one, rules.hide_us is not None) for one in gateways),
    ):
        count("list", listed.at_us, pages(listed.blocks))
        count("head", listed.at_us, listed.blocks)
        count("get", listed.at_us, listed.metas)
        if reads_marks:
            count("get", listed.at_us, listed.marks)
    for own, one in zip(times, readings, strict=True):
        count("get", own.load_us[one.load])
    n_objects = BlockObjects(scenario.producers.chunk_files).mark
    n_parents = done.parents.size
    count("head", done.puts.at_us)
    count("put", done.puts.at_us, n_objects)
    count("list", done.begun.at_us, n_parents * pages(n_objects))
    count("get", done.begun.at_us, n_parents * n_objects)
    if scenario.compactor.asks_index_size:
        count("head", done.begun.at_us[done.is_compaction], n_parents[done.is_compaction])
    count("put", done.done.at_us, n_objects)
    if rules.marks:
        count("head", done.again_us)
        count("head", done.retired.at_us)
        count("put", done.retired.at_us)
    gone_us = done.blocks.deleted_us[done.blocks.deleted_us < NEVER]
    count("delete", gone_us, n_objects + rules.marks)
    total = Ragged.single(np.array([counts[kind] for kind in REQUEST_KINDS]))
    return Table.of_columns(RequestsRecord, t_us=np.array([scenario.horizon_us]), counts=total)
