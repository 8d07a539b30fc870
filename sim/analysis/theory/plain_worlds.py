"""Worlds in which little is left to chance, so that closed forms apply."""

from sim.core.laws import Law
from sim.scenario.schema import Scenario

__all__ = ["is_one_draw", "is_plain"]


def is_plain(scenario: Scenario) -> bool:
    """Whether the readers' phases are the one thing that chance decides about their syncs.

    So it is for gateways with a constant interval and duration, a uniform phase and no outage, on
    a store that shows every change at once and answers every request, with no cache between, that
    have a block together with what replaces it, and that nobody else touches, where blocks name
    their sources and come once, and no draw is pinned.
    """
    store, gateways = scenario.store, scenario.gateways
    writers = {"producer-crash", "compactor-crash"}
    stages = gateways.sync_stages
    return (
        store.shows_at_once
        and store.error_rate == store.lost_answer_rate == 0
        and store.negative_cache_us == 0
        and gateways.cache is None
        and not gateways.splits_streams
        and gateways.phase == "uniform"
        and gateways.sync_interval.is_constant
        and gateways.sync_takes.is_constant
        and gateways.sync_takes_per_block_us == 0
        and gateways.sync_takes.mean <= gateways.sync_interval.mean
        and stages.check == stages.marks == 0
        and all(fault.kind in writers for fault in scenario.faults)
        and not scenario.interventions
        and scenario.referrers is None
        and all(scheme.composed.beside is None for scheme in scenario.schemes)
        and not scenario.draws
        and scenario.producers.names != "nothing"
        and scenario.producers.memory != "lost"
    )


def is_one_draw(scenario: Scenario) -> bool:
    """Whether, in a plain world, the phases of the readers are all that chance decides."""
    producers, compactor = scenario.producers, scenario.compactor
    laws: tuple[Law, ...] = (
        producers.upload_after,
        producers.upload_takes,
        compactor.wait_interval,
        compactor.sync_takes,
        compactor.download_takes,
        compactor.compaction_takes,
        compactor.upload_takes,
        compactor.delete_takes,
        compactor.downsampling_takes,
    )
    return is_plain(scenario) and not scenario.faults and all(law.is_constant for law in laws)
