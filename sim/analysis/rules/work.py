"""How long the compactor is at it: the parts of a pass, and the age of what it goes by."""

from itertools import pairwise
from math import ceil

from sim.analysis.rules.rule import Span, fixed, longest_of
from sim.analysis.rules.terms import Terms
from sim.core.objects import RESOLUTIONS
from sim.scenario.language.tables import DOWNSAMPLED_SPANS_US

__all__ = ["listing_age", "longest_pass", "rest_of_pass"]


def rest_of_pass(of: Terms) -> Span:
    """From a pass's last sync that merges to its last, of retention: downsampling, and deletions.

    Of each stream at most one window of a range is closed in one pass.
    """
    compactor, streams = of.scenario.compactor, of.scenario.producers.count
    reached = [least_us for least_us in DOWNSAMPLED_SPANS_US if least_us <= compactor.ranges_us[-1]]
    # What the pass did not see yet is not among what it downsamples.
    n_jobs = max(0, streams * len(reached) - 1) if compactor.downsampling else 0
    work = _job(of, longest_of(compactor.downsampling_takes)).times(n_jobs)
    n_parents = sum(ceil(next_us / us) for us, next_us in pairwise(compactor.ranges_us))
    n_deletions = streams * len(RESOLUTIONS) * (1 + n_parents)
    deletions = longest_of(compactor.delete_takes).times(n_deletions)
    n_syncs = 2 + (len(DOWNSAMPLED_SPANS_US) if compactor.downsampling else 0)
    return work.plus(deletions, longest_of(compactor.sync_takes).times(n_syncs))


def longest_pass(of: Terms) -> Span:
    """A pass that closes a window of every range, at every resolution and stream."""
    compactor = of.scenario.compactor
    n_resolutions = len(RESOLUTIONS) if compactor.downsampling else 1
    n_iterations = (len(compactor.ranges_us) - 1) * n_resolutions
    job = _job(of, longest_of(compactor.compaction_takes))
    merges = job.times(n_iterations * of.scenario.producers.count)
    return rest_of_pass(of).plus(merges, longest_of(compactor.sync_takes).times(n_iterations))


def listing_age(of: Terms) -> Span:
    """How old a listing can be when the last that it says is to be deleted has been.

    It is that of a pass, of a cleaner that syncs itself, or, with an interval of its own, whatever
    the last sync found.
    """
    compactor, scenario = of.scenario.compactor, of.scenario
    per_stream = ceil(scenario.horizon_us / scenario.producers.block_length_us)
    # Merging two or more into one makes at most as many again, at each resolution.
    n_blocks = scenario.producers.count * per_stream * 2 * len(RESOLUTIONS)
    sync = longest_of(compactor.sync_takes)
    worked_off = sync.plus(longest_of(compactor.delete_takes).times(n_blocks))
    if not compactor.cleanup_interval_us:
        return worked_off
    if compactor.progress_interval_us:
        return worked_off.plus(fixed(compactor.progress_interval_us), sync)
    return worked_off.plus(longest_of(compactor.wait_interval), longest_pass(of))


def _job(of: Terms, takes: Span) -> Span:
    """One job of the compactor, from the download to the end of the upload."""
    compactor = of.scenario.compactor
    return takes.plus(longest_of(compactor.download_takes), longest_of(compactor.upload_takes))
