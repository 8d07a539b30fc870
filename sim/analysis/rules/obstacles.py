"""What makes a worst case unbounded or unknown, so that no delay is long enough for certain."""

from collections.abc import Iterator

from sim.analysis.rules.rule import Status
from sim.analysis.rules.terms import Terms
from sim.analysis.rules.uploads import partial_uploads

__all__ = ["gap_obstacles", "read_obstacles", "trouble"]


def trouble(of: Terms, *harmless: str) -> Iterator[str]:
    """What makes every worst case unbounded, but for kinds of faults of which a rule speaks."""
    store = of.scenario.store
    yield from (*of.scheme.obstacles(of.scenario), *of.rivalry)
    uploads = partial_uploads(of)
    if uploads.is_met and uploads.status is not Status.HOLDS:
        yield "an upload may be taken for abandoned (R7: partial_age, upload_takes, store.lag)"
    if of.scenario.compactor.deletion_order == "as-listed":
        yield "a block loses its mark and its files before its meta.json (deletion_order)"
    if of.scenario.producers.names == "nothing":
        yield "any block is taken for one that contains the others (producers.names)"
    if of.scenario.compactor.without_meta == "fails":
        yield "an unfinished upload keeps the compactor from syncing (without_meta)"
    if of.scenario.compactor.marked_are_partial:
        yield "whole blocks are taken for partial (marked_are_partial)"
    if store.replication is not None:
        if "marks" in store.replication.leaves_out and not of.all_stays:
            yield "deletions reach the bucket that is read without their marks (omits)"
        if store.replication.bandwidth_bytes is not None:
            yield "copies may wait for any time behind others (store.replication.bandwidth)"
    if of.scenario.compactor.clock_guard_us is not None and (of.lags_at_all or of.has_wrong_clocks):
        yield "passes may be refused for any time (clock_guard)"
    if of.scenario.referrers is not None:
        yield "what is referenced again may stay, or not (referrers)"
    if store.error_rate or store.lost_answer_rate:
        yield "requests fail, so syncs may fail any number of times (store)"
    for i, fault in enumerate(of.scenario.faults):
        if fault.kind not in ("compactor-crash", *harmless):
            yield f"{fault.kind} (faults[{i}])"


def by_hand(of: Terms, *harmless: str) -> Iterator[str]:
    """What people do to the bucket, but for kinds of which rules speak."""
    for i, intervention in enumerate(of.scenario.interventions or ()):
        if intervention.kind not in harmless:
            yield f"{intervention.kind} by hand (interventions[{i}])"


def read_obstacles(of: Terms, *harmless: str) -> tuple[str, ...]:
    """What may fail a read although the delays are long enough; as :func:`trouble`."""
    obstacles = [*trouble(of, *harmless), *by_hand(of, "mark", "no-compact")]
    stages = of.scenario.gateways.sync_stages
    if of.parts and of.hide_us is None:
        obstacles.append("nothing hides a block whose replacement another gateway has (shard_by)")
    if of.keeps and of.hide_us is None:
        obstacles.append("nothing hides a block that is replaced before it is gone (hide)")
    if of.is_uneven("delete"):
        obstacles.append(
            "a mark may vanish before its block, which is then loaded again (store.lag.delete)"
        )
    if of.lags_at_all and stages.check < stages.marks:
        obstacles.append("marks are read later than metas on a store that lags (sync_stages)")
    return tuple(obstacles)


def gap_obstacles(of: Terms) -> tuple[str, ...]:
    """What may leave data out of an answer although the delays are long enough."""
    scenario = of.scenario
    obstacles = [*trouble(of), *by_hand(of, "no-compact")]
    is_raw = all(query.max_resolution == "raw" for query in of.classes)
    if scenario.compactor.downsampling and not is_raw:
        obstacles.append("data may expire before it is downsampled (max_resolution)")
        obstacles.append("a coarse block stands for data that it lacks (max_resolution)")
    if of.compacts and of.is_uneven("create"):
        obstacles.append("a replacement may show before its index (store.lag.create.get)")
    if scenario.gateways.phase == "uniform":
        first_us = scenario.gateways.sync_interval.mean
    else:
        first_us = scenario.gateways.phase.longest_us
    if first_us + of.sync.span_us > scenario.warmup_us:
        obstacles.append("gateways may not have synced when the warm-up ends (warmup)")
    return tuple(obstacles)
