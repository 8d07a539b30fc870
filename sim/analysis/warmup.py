"""Is the warm-up long enough? What the world takes to settle, and whether its garbage had.

Statistics leave out what comes before [warm-up, horizon). If the first marks, merges or expiries
only happen in there, what is measured is a world that is still filling up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.core.arrays import Floats, Ints, np
from sim.core.units import NEVER, format_duration

if TYPE_CHECKING:
    from sim.analysis.results import SchemeResult
    from sim.scenario.schema import Scenario
    from sim.trace.timelines import Timelines

__all__ = ["Needed", "Unsettled", "garbage_parts", "needed_warmup", "unsettled"]

_PARTS: Final = 60
_FIRST: Final = 0.1
"""Share of the interval that may be unlike the rest."""
_DRIFT: Final = 0.05
"""How much that may change the mean."""


@dataclass(frozen=True, slots=True)
class Needed:
    """How long a scheme takes to do everything once that it does again and again.

    Attributes
    ----------
    span_us : int
    because : str
        Its terms.
    """

    span_us: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Garbage that was still changing after the warm-up.

    Attributes
    ----------
    metric : str
    mean : float
        Over [warm-up, horizon), in bytes, over all trials.
    settled_us : int
        From when on it no longer changes much; half of the interval has to be left.
    settled_mean : float
        From then on, in bytes.
    needed_us : int
        A warm-up that would be long enough.
    because : str
        What needs so long.
    """

    metric: str
    mean: float
    settled_us: int
    settled_mean: float
    needed_us: int
    because: str


def needed_warmup(scenario: "Scenario", scheme_index: int) -> Needed:
    """Say which warm-up has everything in it that happens again and again.

    The first block of each range that the horizon lets come into being must have been made and its
    sources deleted, and the first block that expires must have been deleted; if nothing ever is,
    they must have been made, and have expired.
    """
    delay_us = scenario.schemes[scheme_index].delete_delay_us
    delay_us = 0 if delay_us >= NEVER else delay_us
    after = f" + delete delay {format_duration(delay_us)}" if delay_us else ""
    span_us, because = max(_cycles(scenario), default=(0, ""))
    return Needed(span_us + delay_us, because + after) if span_us else Needed(0, "")


def _cycles(scenario: "Scenario") -> Iterator[tuple[int, str]]:
    compactor = scenario.compactor
    for range_us in compactor.ranges_us[1:]:
        if range_us < scenario.horizon_us:
            yield range_us, f"range {format_duration(range_us)}"
    for kept_us in compactor.retention_us:
        if kept_us < scenario.horizon_us:
            yield kept_us, f"retention {format_duration(kept_us)}"


def garbage_parts(timelines: "Timelines") -> tuple[float, ...]:
    """Mean of the bytes that are retired and still stored, in each 60th of [warm-up, horizon)."""
    blocks = timelines.blocks
    length_us = timelines.horizon_us - timelines.warmup_us
    if length_us < _PARTS:
        return ()
    edges_us = np.linspace(timelines.warmup_us, timelines.horizon_us, _PARTS + 1)
    size = blocks.bytes.astype(np.float64)
    retired = _integral(blocks.retired_us, size, edges_us)
    gone_us = np.maximum(blocks.retired_us, blocks.deleted_us)
    deleted = _integral(gone_us, size, edges_us)
    means = np.diff(retired - deleted) / np.diff(edges_us)
    return tuple(np.maximum(means, 0.0).tolist())


def _integral(since_us: Ints, size: Floats, until_us: Floats) -> Floats:
    """Integrate sizes, each from its instant on, until each of some instants."""
    order = np.argsort(since_us, kind="stable")
    since = np.minimum(since_us[order].astype(np.float64), 2.0 * until_us[-1] + 1.0)
    sizes = size[order]
    count = np.searchsorted(since, until_us)
    total = np.concatenate(([0.0], np.cumsum(sizes)))
    moment = np.concatenate(([0.0], np.cumsum(sizes * since)))
    found: Floats = total[count] * until_us - moment[count]
    return found


def unsettled(scenario: "Scenario", scheme: "SchemeResult") -> Unsettled | None:
    """Find out whether garbage was still changing after a warm-up that is too short.

    Returns
    -------
    Unsettled or None
        None where the warm-up is as long as `needed_warmup`; where nothing is ever deleted, so that
        garbage grows for ever; or where the mean over trials of the garbage is about the same from
        the beginning, but for a tenth of the interval.

    Source
    ------
    Where it begins to be: K. P. White, "An effective truncation heuristic for bias reduction in
    simulation output", Simulation 69, 1997 (MSER): leave out what makes the standard error of the
    rest smallest.
    """
    needed = needed_warmup(scenario, scheme.index)
    trials = [trial.garbage_parts for trial in scheme.trials if trial.garbage_parts]
    grows = scenario.schemes[scheme.index].delete_delay_us >= NEVER
    if needed.span_us <= scenario.warmup_us or grows or not trials:
        return None
    parts = np.mean(np.array(trials), axis=0)
    first = _truncation(parts)
    mean, rest = float(parts.mean()), float(parts[first:].mean())
    if first < _FIRST * parts.size or abs(rest - mean) <= _DRIFT * rest:
        return None
    length_us = scenario.horizon_us - scenario.warmup_us
    return Unsettled(
        metric="garbage-bytes",
        mean=mean,
        settled_us=scenario.warmup_us + first * length_us // parts.size,
        settled_mean=rest,
        needed_us=needed.span_us,
        because=needed.because,
    )


def _truncation(parts: Floats) -> int:
    """How many parts to leave out, at most half of them."""
    n = parts.size
    errors = [float(np.var(parts[d:])) / (n - d) for d in range(n // 2 + 1)]
    return int(np.argmin(errors))
