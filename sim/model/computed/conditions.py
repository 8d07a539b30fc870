"""Whether a world can be computed: nothing lags, fails or waits for somebody else."""

from dataclasses import dataclass

from sim.scenario.language.outside import is_outside
from sim.scenario.schema import Cleanup, Scenario

__all__ = ["NotComputableError", "Rules", "is_computable", "rules"]


class NotComputableError(Exception):
    """Something happens that only actors can do; ``args``: what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A scheme as numbers.

    Attributes
    ----------
    marks : bool
        Whether what is retired is marked, and the compactor reads marks.
    deletes_at_once : bool
        Whether it goes in the step that retires it.
    delay_us : int
        Age of a mark (exclusive) from which the block goes, else; NEVER: it does not.
    hide_us : int or None
        Age of a mark (exclusive) from which gateways do not use the block; None: at no age.
    compactor_us : int or None
        And from which the compactor does not.
    cleanup : Cleanup
        When somebody looks for what is due.
    """

    marks: bool
    deletes_at_once: bool
    delay_us: int
    hide_us: int | None
    compactor_us: int | None
    cleanup: Cleanup


def rules(scenario: Scenario, scheme_index: int) -> Rules:
    """What the arrays need to know of a scheme."""
    composed = scenario.schemes[scheme_index].composed
    hide = composed.hide.made(scenario)
    return Rules(
        marks=composed.record.kind != "nothing",
        deletes_at_once=composed.delete.is_immediate,
        delay_us=composed.delete_delay_us,
        hide_us=hide.gateways_us,
        compactor_us=hide.compactor_us,
        cleanup=scenario.cleanup(scheme_index),
    )


def is_computable(scenario: Scenario, scheme_index: int) -> bool:
    """Whether arrays are enough for a scheme of a scenario, as far as settings say.

    What settings do not say (blocks that overlap, uploads that overtake each other) is met on the
    way, and raises :class:`NotComputableError` there.
    """
    return (
        not scenario.faults
        and not scenario.interventions
        and scenario.referrers is None
        and _has_computable_store(scenario)
        and _has_computable_writers(scenario)
        and _has_computable_readers(scenario)
        and _is_computable_scheme(scenario, scheme_index)
    )


def _has_computable_store(scenario: Scenario) -> bool:
    store = scenario.store
    return (
        store.shows_at_once
        and store.order != "log"
        and store.error_rate == store.lost_answer_rate == 0.0
        and store.negative_cache_us == 0
    )


def _has_computable_writers(scenario: Scenario) -> bool:
    producers, compactor = scenario.producers, scenario.compactor
    instant = (
        producers.upload_takes,
        compactor.sync_takes,
        compactor.download_takes,
        compactor.upload_takes,
        compactor.delete_takes,
    )
    return (
        all(law.longest_us == 0 for law in instant)
        and compactor.clock_guard_us is None
        and compactor.n_shards == len(compactor.names)
        and producers.names != "nothing"
        and producers.memory != "lost"
        and producers.unuploaded != "dropped"
    )


def _has_computable_readers(scenario: Scenario) -> bool:
    gateways = scenario.gateways
    stages = gateways.sync_stages
    looks_once = stages.check == stages.marks == 0.0 or gateways.sync_takes.longest_us == 0
    return (
        looks_once
        and gateways.cache is None
        and not gateways.splits_streams
        and gateways.sync_takes_per_block_us == 0
    )


def _is_computable_scheme(scenario: Scenario, scheme_index: int) -> bool:
    composed = scenario.schemes[scheme_index].composed
    parts = composed.primitives.values()
    # What is marked and goes at once is never known to be marked.
    is_mixed = composed.record.kind != "nothing" and composed.delete.is_immediate
    if is_mixed or not all(part.is_computable and not is_outside(type(part)) for part in parts):
        return False
    # What expires must have left the view of the compactor before it goes.
    own = rules(scenario, scheme_index)
    hides_in_time = own.compactor_us is None or own.compactor_us <= own.delay_us
    return hides_in_time or not any(scenario.compactor.retention_us)
