"""From what is found in a bucket to the keys of a scenario.

Nothing is guessed that the bucket does not say; each key goes with the numbers that it comes from.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sim.core.units import US_PER_S, format_duration
from sim.errors import printable, shortened
from sim.intake.ages import add_ages
from sim.intake.facts import Facts, size_words
from sim.intake.found import Bucket, FoundBlock, FoundMeta, created_us
from sim.intake.sizes import add_sizes
from sim.intake.spans import SeenRange, seen_ranges

__all__ = ["survey"]

_DAY_US: Final = 86_400 * US_PER_S
_SHOWN: Final = 5
_N_SAMPLES: Final = 10
_UNKNOWN: Final = "no meta.json was read, which alone says it"


@dataclass(frozen=True, slots=True)
class _Streams:
    """Blocks by their external labels; ``alive`` are those of streams that still upload."""

    all: dict[tuple[tuple[str, str], ...], list[FoundBlock]]
    alive: list[FoundBlock]
    n_alive: int


def survey(bucket: Bucket) -> Facts:
    """Say what is known of each key.

    Parameters
    ----------
    bucket : Bucket
        With at least one block.

    Returns
    -------
    Facts
    """
    facts = Facts()
    blocks = list(bucket.blocks.values())
    metas = [block.meta for block in blocks if block.meta is not None]
    if metas:
        ranges = seen_ranges(metas)
        streams = _add_streams(facts, blocks, ranges[0].range_us)
        _add_ranges(facts, ranges, metas)
        add_sizes(facts, streams.alive)
        _add_uploads(facts, streams.alive)
        add_ages(facts, blocks, ranges[-1].range_us)
        _add_overlaps(facts, streams)
    else:
        for key in ("producers.count", "producers.block_length", "compactor.ranges"):
            facts.leave(key, _UNKNOWN)
        facts.leave("producers.block_bytes", f"{_all_sizes(blocks)}; {_UNKNOWN}")
        chunks = Counter(block.object_chunks for block in blocks if block.object_chunks)
        if chunks:
            most, n = chunks.most_common(1)[0]
            facts.add("producers.chunk_files", most, f"as {n} of {chunks.total()} blocks have")
        add_ages(facts, blocks, 0)
    _add_left_out(facts, bucket)
    return facts


def _add_streams(facts: Facts, blocks: list[FoundBlock], length_us: int) -> _Streams:
    """How many producers there are: streams that do not lag a day behind the newest."""
    streams: dict[tuple[tuple[str, str], ...], list[FoundBlock]] = defaultdict(list)
    newest_us: dict[tuple[tuple[str, str], ...], int] = defaultdict(int)
    for block in blocks:
        if block.meta is not None:
            streams[block.meta.labels].append(block)
            newest_us[block.meta.labels] = max(newest_us[block.meta.labels], block.meta.max_us)
    quiet_us = max(_DAY_US, 2 * length_us)
    last_us = max(newest_us.values())
    alive = [labels for labels in streams if newest_us[labels] > last_us - quiet_us]
    n_ended = len(streams) - len(alive)
    why = f"{len(streams)} sets of external labels"
    if n_ended:
        why += (
            f", of which {n_ended} are left out: their newest data are "
            f"{format_duration(quiet_us)} older than the newest of all, or more"
        )
    facts.add("producers.count", len(alive), f"{why}: {_names(alive)}")
    still = [block for labels in alive for block in streams[labels]]
    return _Streams(streams, still, len(alive))


def _names(streams: list[tuple[tuple[str, str], ...]]) -> str:
    shown = [
        shortened(printable("{" + ", ".join(f"{k}={v}" for k, v in labels) + "}"), 70)
        for labels in sorted(streams)[:_SHOWN]
    ]
    more = len(streams) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _add_ranges(facts: Facts, ranges: list[SeenRange], metas: list[FoundMeta]) -> None:
    first = ranges[0]
    length = format_duration(first.range_us)
    if first.n_blocks:
        why = f"the span of {first.n_fitting} of {first.n_blocks} blocks of level {first.level}"
        why += ", to a minute" if first.n_fitting else ""
    else:
        why = "no block of level 1 is left: by what compacted ones name as their sources"
    facts.add("producers.block_length", length, why)
    levels = Counter(meta.level for meta in metas)
    said = ", ".join(f"{n} of level {level}" for level, n in sorted(levels.items()))
    fits = ", ".join(
        f"{seen.n_fitting} of {seen.n_blocks} of level {seen.level} in one slot of "
        f"{format_duration(seen.range_us)}"
        for seen in ranges[1:]
    )
    why = f"blocks: {said}" + (f"; {fits}" if fits else "")
    why += "; longer ranges than that of the longest block would not show"
    facts.add("compactor.ranges", [format_duration(seen.range_us) for seen in ranges], why)


def _add_uploads(facts: Facts, blocks: list[FoundBlock]) -> None:
    """From the end of a block's data until it was uploaded, or at least made."""
    key = "producers.upload_after"
    lags_us: list[int] = []
    n_negative = n_uploaded = 0
    for block in blocks:
        if block.meta is None or block.meta.level > 1 or block.meta.resolution > 0:
            continue
        told_us = block.uploaded_us
        n_uploaded += told_us is not None
        lag_us = (created_us(block.id) if told_us is None else told_us) - block.meta.max_us
        lags_us += [lag_us] if lag_us >= 0 else []
        n_negative += lag_us < 0
    if not lags_us:
        facts.leave(key, "no block of level 1 says when it was made")
        return
    lags_us.sort()
    n = len(lags_us)
    why = f"{n} blocks of level 1, from the end of their data until "
    why += f"they were uploaded ({n_uploaded} say so), or else made, by their ULID"
    why += f"; at most {format_duration(lags_us[-1])}"
    why += f"; {n_negative} are left out that were so before it" if n_negative else ""
    if lags_us[-1] - lags_us[0] < US_PER_S:
        facts.add(key, format_duration(lags_us[n // 2]), why)
        return
    picked = [lags_us[(2 * i + 1) * n // (2 * _N_SAMPLES)] for i in range(_N_SAMPLES)]
    samples = [format_duration(lag_us // 1_000 * 1_000) for lag_us in picked]
    why += "; these are the 5 %, 15 %, … 95 % of them, and what is longer is not carried over"
    facts.add(key, {"law": "empirical", "samples": samples}, why)


def _add_overlaps(facts: Facts, streams: _Streams) -> None:
    n_overlaps = 0
    for blocks in streams.all.values():
        times = sorted(
            (b.meta.min_us, b.meta.max_us)
            for b in blocks
            if b.meta is not None and b.meta.level == 1 and b.marked_us is None
        )
        n_overlaps += sum(later[0] < this[1] for this, later in pairwise(times))
    if n_overlaps:
        facts.left_out.append(
            f"{n_overlaps} blocks of level 1 overlap the one before them in their stream; the "
            "simulated streams do not, see compactor.vertical_compaction"
        )


def _all_sizes(blocks: list[FoundBlock]) -> str:
    sizes = sorted(block.object_bytes for block in blocks if block.object_bytes)
    if not sizes:
        return "no sizes were read"
    return (
        f"{len(sizes)} blocks have {size_words(sum(sizes))}, half of them up to "
        f"{size_words(sizes[len(sizes) // 2])}, of whatever level"
    )


def _add_left_out(facts: Facts, bucket: Bucket) -> None:
    """What is in the bucket, and cannot be in the one of a scenario, which begins empty."""
    blocks = bucket.blocks.values()
    partial = sum(not block.has_meta for block in blocks)
    marked = [block.marked_us for block in blocks if block.marked_us is not None]
    excluded = sum(block.is_excluded for block in blocks)
    facts.left_out.append(f"{len(blocks)} blocks are there; a run begins with none")
    if marked:
        span = format_duration((max(marked) - min(marked)) // US_PER_S * US_PER_S)
        facts.left_out.append(
            f"{len(marked)} of them have a deletion mark, the oldest {span} before the newest; "
            "those of a run are its scheme's"
        )
    elif not bucket.shows_marks:
        facts.left_out.append("marks are not in what was read")
    for n, what in (
        (partial, "have no meta.json (partial uploads or deletions)"),
        (excluded, "are kept from compaction by a mark, see interventions of kind no-compact"),
    ):
        if n:
            facts.left_out.append(f"{n} of them {what}")
    if bucket.n_others:
        facts.left_out.append(f"{bucket.n_others} names that belong to no block are left alone")
