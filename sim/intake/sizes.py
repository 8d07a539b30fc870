"""How large blocks are, and how much larger or smaller compaction makes them."""

import math
from collections import Counter, defaultdict
from typing import Final

from sim.core.units import format_bytes
from sim.intake.facts import Facts, size_words
from sim.intake.found import FoundBlock, FoundMeta

__all__ = ["add_sizes"]

_RATIO_DIGITS: Final = 4
_RATIO_MAX: Final = 1_000.0


def add_sizes(facts: Facts, blocks: list[FoundBlock]) -> None:
    """Say what the sizes of raw blocks are, by level.

    Parameters
    ----------
    facts : Facts
        The keys go there.
    blocks : list of FoundBlock
        Of the streams that still upload.
    """
    raw = [(b, b.meta) for b in blocks if b.meta is not None and b.meta.resolution == 0]
    first = [block for block, meta in raw if meta.level == 1]
    chunks = Counter(b.chunk_files for b in first or [b for b, _ in raw] if b.chunk_files)
    if chunks:
        usual, n = chunks.most_common(1)[0]
        most = max(block.chunk_files or 0 for block, _ in raw)
        why = f"as {n} of {chunks.total()} blocks have; the most of any is {most}"
        facts.add("producers.chunk_files", usual, why)
    else:
        facts.leave("producers.chunk_files", "no meta.json names its files, give an inventory too")
    sizes = sorted(size for block in first if (size := block.size_bytes))
    if sizes:
        mean = round(sum(sizes) / len(sizes))
        why = (
            f"mean of {len(sizes)} raw blocks of level 1, which have {size_words(sizes[0])} to "
            f"{size_words(sizes[-1])}"
        )
    else:
        compacted = [(s, m.n_sources) for b, m in raw if (s := b.size_bytes) and m.n_sources]
        if not compacted:
            why = "no meta.json of a raw block names its files with sizes, give an inventory too"
            facts.leave("producers.block_bytes", why)
            return
        n = sum(n_sources for _, n_sources in compacted)
        mean = round(sum(size for size, _ in compacted) / n)
        why = f"{len(compacted)} raw blocks, by the {n} blocks of level 1 that they were made of"
    facts.add("producers.block_bytes", format_bytes(mean), f"{why}; {_by_level(raw)}")
    _add_ratio(facts, raw)


def _by_level(raw: list[tuple[FoundBlock, FoundMeta]]) -> str:
    """Mean sizes by level, in words."""
    sizes: dict[int, list[int]] = defaultdict(list)
    for block, meta in raw:
        if block.size_bytes:
            sizes[meta.level].append(block.size_bytes)
    return "means by level: " + ", ".join(
        f"{level}: {size_words(sum(found) / len(found))}" for level, found in sorted(sizes.items())
    )


def _add_ratio(facts: Facts, raw: list[tuple[FoundBlock, FoundMeta]]) -> None:
    """By which factor each compaction multiplies: log-linear in the level, by stream."""
    key = "compactor.size_ratio"
    first: dict[object, list[int]] = defaultdict(list)
    for block, meta in raw:
        if meta.level == 1 and block.size_bytes:
            first[meta.labels].append(block.size_bytes)
    n_blocks, above, below = 0, 0.0, 0.0
    for block, meta in raw:
        own = first.get(meta.labels)
        if meta.level == 1 or own is None or not block.size_bytes or not meta.n_sources:
            continue
        steps = meta.level - 1
        ratio = block.size_bytes / meta.n_sources / (sum(own) / len(own))
        above += steps * math.log(ratio)
        below += steps * steps
        n_blocks += 1
    if not n_blocks:
        facts.leave(key, "no stream has raw blocks of level 1 and compacted ones with sizes")
        return
    ratio = min(math.exp(above / below), _RATIO_MAX)
    value = max(float(f"{ratio:.{_RATIO_DIGITS}g}"), 10.0**-_RATIO_DIGITS)
    why = f"{n_blocks} compacted raw blocks, for each source beside those of level 1 of its stream"
    facts.add(key, value, f"{why}; streams that grow make it look smaller")
