"""Whether a delete delay reaches more than deletions: what settings prove, what runs must share."""

from typing import TYPE_CHECKING

from sim.trace.recorded import Records
from sim.trace.records import DeleteRecord, RequestsRecord, SyncsRecord, UnloadedRecord
from sim.trace.tables import Ragged, Table

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.trace.recorder import Trace

__all__ = ["could_not_load", "deletions_aside", "entanglement", "feedback", "with_delay"]


def with_delay(scenario: "Scenario", scheme_index: int, delay_us: int) -> "Scenario":
    """The scenario with another delete delay in one scheme.

    Raises
    ------
    ValueError
        If the scheme has none.
    """
    scheme = scenario.schemes[scheme_index]
    if scheme.kind != "deletion-mark":
        raise ValueError(f"scheme {scheme.name!r} ({scheme.kind}) has no delete delay")
    changed = scheme.model_copy(update={"delete_delay_us": delay_us})
    schemes = (*scenario.schemes[:scheme_index], changed, *scenario.schemes[scheme_index + 1 :])
    return scenario.model_copy(update={"schemes": schemes})


def feedback(scenario: "Scenario") -> tuple[str, ...]:
    """How a delete delay may reach the control plane; nothing if settings prove that it cannot.

    On a store that shows every change at once a block is marked only after what replaces it is
    there, and no sync that begins later uses it: whether it is still stored, or hidden, changes
    no view. What breaks that is named here.
    """
    store, compactor, gateways = scenario.store, scenario.compactor, scenario.gateways
    looks_twice = any(
        reader.sync_stages.marks > 0 and reader.sync_takes.longest_us > 0
        for reader in (gateways, compactor)
    )
    reasons = {
        "the store shows changes late": not store.shows_at_once
        or any(fault.lags for fault in scenario.faults),
        "retention retires blocks that nothing replaces": any(compactor.retention_us),
        "a block and its replacement are on different gateways": gateways.splits_streams,
        "a sync looks at the bucket more than once": looks_twice,
        "a block may count as contained in one that has nothing of it": scenario.producers.names
        == "nothing",
        "blocks may go while they are downloaded": compactor.download_takes.longest_us > 0
        and any(scenario.cleanup(i).when == "every" for i in range(len(scenario.schemes))),
    }
    return (*entanglement(scenario), *(reason for reason, holds in reasons.items() if holds))


def entanglement(scenario: "Scenario") -> tuple[str, ...]:
    """What makes every delay a world of its own, so that comparing two says nothing of a third.

    Chance is then decided by the instant at which something is deleted, or the deletion by what
    else happens at that time.
    """
    store = scenario.store
    reasons = {
        "the front end remembers what was not there": store.negative_cache_us > 0,
        "a sync takes longer for what is stored": scenario.gateways.sync_takes_per_block_us > 0,
        "gateways remember what the store answered": scenario.gateways.cache is not None,
        "requests fail": store.error_rate > 0 or store.lost_answer_rate > 0,
        **{fault.entangles: True for fault in scenario.faults if fault.entangles},
        "a producer forgets what it has uploaded": scenario.producers.memory == "lost",
        "people act on the bucket": bool(scenario.interventions),
        "somebody else deletes as well": any(
            scheme.composed.beside is not None for scheme in scenario.schemes
        ),
        "sessions reference what they find": scenario.referrers is not None,
        "several compactors look for what is due": len(scenario.compactor.names) > 1,
        "deletions take time": scenario.compactor.delete_takes.longest_us > 0,
        "replicas show changes in order": store.order == "log",
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def could_not_load(trace: "Trace") -> bool:
    """Whether a gateway failed to load a block, which it may find with a longer delay."""
    return len(trace.records.table(UnloadedRecord)) > 0


def deletions_aside(trace: "Trace") -> Records:
    """What the control plane did but for deletions: runs that share it differ in them alone.

    How many blocks a sync finds depends on deletions, and is left out; when it is must not.
    """
    rest = trace.records.without(DeleteRecord, RequestsRecord)
    syncs = rest.table(SyncsRecord)
    columns = {**syncs.columns, "blocks": Ragged.empty(len(syncs))}
    return rest.with_table(Table(SyncsRecord, columns))
