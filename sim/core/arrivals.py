"""Poisson arrivals and choices without replacement, many millions per second.

Arrivals are built window by window: the number in a window is one draw from an exact table, the
places in it are uniforms, and sorting a stretch of windows puts them in order. No logarithm is
taken per arrival, so the times are the same on every machine.
"""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from functools import lru_cache
from math import isfinite
from typing import Final

from sim.core.arrays import Floats, Ints, Words, np
from sim.core.streams import Stream
from sim.core.units import NEVER

__all__ = [
    "RATE_MAX_PER_S",
    "WORD_BITS",
    "arrival_batches",
    "arrivals",
    "arrivals_within",
    "bits_of_one",
    "choose",
    "choose_bits",
]

RATE_MAX_PER_S: Final = 1e9
WORD_BITS: Final = 64
"""Numbers of which one word of a set says whether they are in it."""

_PER_WINDOW: Final = 16
_WINDOW_MAX_US: Final = 2**52
_WINDOWS_PER_BATCH: Final = 1_024
_BATCHES_PER_COUNT: Final = 16
_COUNTS_FROM: Final = 2**62
"""Ordinal of the count of window 0; places count from 0 and never get there."""


@lru_cache(maxsize=64)
def _table(window_us: int, rate_per_s: float) -> Floats:
    """Return P(count <= k), k = 0, 1, …, up to the first that rounds to 1.

    Computed in decimal arithmetic: one platform's exponential must not shift a count.
    """
    with localcontext() as context:
        context.prec = 40
        mean = Decimal(rate_per_s) * window_us / 1_000_000
        term = (-mean).exp()
        total = term
        column = [float(total)]
        while column[-1] < 1.0:
            term = term * mean / len(column)
            total += term
            column.append(float(total))
    table = np.array(column)
    table.flags.writeable = False
    return table


def _checked(rate_per_s: float, stop_us: int) -> None:
    """Raise ValueError for arguments outside their intervals."""
    if not (isfinite(rate_per_s) and 0 <= rate_per_s <= RATE_MAX_PER_S):
        raise ValueError(f"rate_per_s={rate_per_s!r} must be in [0, {RATE_MAX_PER_S:g}]")
    if not 0 <= stop_us <= NEVER:
        raise ValueError(f"stop_us={stop_us!r} must be in [0, 2^62]")


def arrival_batches(stream: Stream, rate_per_s: float, stop_us: int) -> Iterator[Ints]:
    """Yield the arrivals of `arrivals` piece by piece, for horizons that do not fit memory.

    Parameters
    ----------
    stream : Stream
        Used up entirely: give it no other purpose.
    rate_per_s : float
        In [0, `RATE_MAX_PER_S`].
    stop_us : int
        In [0, 2^62].

    Yields
    ------
    array of int64, not empty
        Sorted; every time of one batch is before every time of the next.

    Raises
    ------
    ValueError
        If an argument is outside its interval.
    """
    _checked(rate_per_s, stop_us)
    if rate_per_s == 0 or stop_us == 0:
        return
    window_us = _window_us(rate_per_s)
    table = _table(window_us, float(rate_per_s))
    windows = -(-stop_us // window_us)
    place = 0
    stretch = _WINDOWS_PER_BATCH * _BATCHES_PER_COUNT
    for begin in range(0, windows, stretch):
        counts = _counts(stream, table, begin, min(stretch, windows - begin))
        for low in range(0, counts.size, _WINDOWS_PER_BATCH):
            here = counts[low : low + _WINDOWS_PER_BATCH]
            first = begin + low
            times = _times(stream, here, first, place, window_us)
            place += times.size
            if first + here.size == windows:
                times = times[: np.searchsorted(times, stop_us, side="left")]
            if times.size:
                yield times


def _window_us(rate_per_s: float) -> int:
    return max(1, round(min(_PER_WINDOW * 1e6 / rate_per_s, float(_WINDOW_MAX_US))))


def _counts(stream: Stream, table: Floats, first: int, n: int) -> Ints:
    """How many arrive in each of `n` windows from window `first` on."""
    return np.searchsorted(table, stream.run(_COUNTS_FROM + first, n), side="right")


def _times(stream: Stream, counts: Ints, first: int, place: int, window_us: int) -> Ints:
    """Arrivals of the windows from window `first` on, sorted; `place` arrive before them."""
    starts = np.arange(first, first + counts.size, dtype=np.int64) * window_us
    times: Ints = np.repeat(starts, counts)
    times += (stream.run(place, times.size) * window_us).astype(np.int64)
    times.sort()
    return times


def arrivals_within(
    stream: Stream, rate_per_s: float, stop_us: int, start_us: int, end_us: int
) -> tuple[int, Ints]:
    """Return those of `arrivals` that lie in [start_us, end_us), and the number of the first.

    Parameters
    ----------
    stream, rate_per_s, stop_us
        As for `arrivals`.
    start_us, end_us : int
        In [0, 2^62]; an empty or reversed interval has no arrivals.

    Returns
    -------
    first : int
        How many arrive before `start_us`.
    times : array of int64, shape (n,)

    Raises
    ------
    ValueError
        As `arrivals`.

    Notes
    -----
    What lies before is counted, not made: it costs a sixteenth of its arrivals.
    """
    _checked(rate_per_s, stop_us)
    end_us = min(end_us, stop_us)
    if rate_per_s == 0 or start_us >= end_us:
        return 0, np.zeros(0, np.int64)
    window_us = _window_us(rate_per_s)
    table = _table(window_us, float(rate_per_s))
    low, high = start_us // window_us, -(-end_us // window_us)
    stretch = _WINDOWS_PER_BATCH * _BATCHES_PER_COUNT
    place = sum(
        int(_counts(stream, table, begin, min(stretch, low - begin)).sum())
        for begin in range(0, low, stretch)
    )
    times = _times(stream, _counts(stream, table, low, high - low), low, place, window_us)
    before, until = np.searchsorted(times, (start_us, end_us), side="left").tolist()
    return place + before, times[before:until]


def arrivals(stream: Stream, rate_per_s: float, stop_us: int) -> Ints:
    """Return the Poisson arrivals in [0, stop_us).

    The first arrivals do not depend on `stop_us`: a longer run only adds to them.

    Parameters
    ----------
    stream : Stream
        Used up entirely: give it no other purpose.
    rate_per_s : float
        Mean arrivals per second, in [0, `RATE_MAX_PER_S`].
    stop_us : int
        End of the time that is covered, exclusive, in [0, 2^62].

    Returns
    -------
    array of int64, shape (n,)
        Times in µs, ascending, equal times possible; empty for a rate or a stop of 0.

    Raises
    ------
    ValueError
        If an argument is outside its interval.

    Notes
    -----
    Windows of max(1, round(16e6 / rate)) µs. Window w has the Poisson count whose table entry is
    the first above uniform 2^62 + w; arrival i, in the order of windows, lies at ⌊u · window⌋
    in its window, u being uniform i. Time is discrete: gaps are those of a Poisson process
    rounded down to whole µs.
    """
    batches = list(arrival_batches(stream, rate_per_s, stop_us))
    return np.concatenate(batches) if batches else np.zeros(0, np.int64)


def choose(stream: Stream, ordinals: Ints, n: int, k: int) -> Ints:
    """Choose `k` distinct numbers of range(n) for each ordinal.

    Parameters
    ----------
    stream : Stream
        Ordinal q uses the uniforms q·k … q·k + k - 1.
    ordinals : array of int, shape (m,)
        Each >= 0; any order.
    n, k : int
        0 <= k <= n.

    Returns
    -------
    array of int64, shape (m, k)
        Each row ascending; every k-subset equally likely.

    Raises
    ------
    ValueError
        If k is not in [0, n], or an ordinal is negative or too large.

    Source
    ------
    R. W. Floyd in J. Bentley, "Programming pearls: a sample of brilliance", CACM 30(9), 1987.
    """
    which = _checked_ordinals(ordinals, n, k)
    if which.size == 0 or k == 0:
        return np.zeros((which.size, k), np.int64)
    if k == n:
        return np.tile(np.arange(n, dtype=np.int64), (which.size, 1))
    chosen = np.empty((which.size, k), np.int64)
    for j in range(k):
        last = n - k + j
        pick = (stream.at_many(which * k + j) * (last + 1)).astype(np.int64)
        taken = (chosen[:, :j] == pick[:, None]).any(axis=1)
        chosen[:, j] = np.where(taken, last, pick)
    chosen.sort(axis=1)
    return chosen


def choose_bits(stream: Stream, ordinals: Ints, n: int, k: int) -> Words:
    """Choose as `choose` does, and return sets instead of lists.

    Parameters
    ----------
    stream, ordinals, n, k
        As for `choose`.

    Returns
    -------
    array of uint64, shape (m, ⌈n / 64⌉)
        Bit i % 64 of word i // 64 is 1 where i is chosen.

    Raises
    ------
    ValueError
        As `choose`.
    """
    which = _checked_ordinals(ordinals, n, k)
    n_words = -(-n // WORD_BITS)
    bits = np.zeros(which.size * n_words, np.uint64)
    row, one = np.arange(which.size) * n_words, np.uint64(1)
    for j in range(k):
        last = n - k + j
        pick = (stream.at_many(which * k + j) * (last + 1)).astype(np.int64)
        bit, last_bit = _bit(pick), one << np.uint64(last % WORD_BITS)
        if n_words == 1:
            bits |= np.where((bits & bit) != 0, last_bit, bit)
            continue
        word = row + pick // WORD_BITS
        taken = (bits[word] & bit) != 0
        word = np.where(taken, row + last // WORD_BITS, word)
        # No word comes twice, so that none of these is lost.
        bits[word] |= np.where(taken, last_bit, bit)
    return bits.reshape(which.size, n_words)


def bits_of_one(number: Ints, n: int) -> Words:
    """Return each number, in [0, n), as the set of it alone, as `choose_bits` returns sets."""
    bits = np.zeros((number.size, -(-n // WORD_BITS)), np.uint64)
    bits[np.arange(number.size), number // WORD_BITS] = _bit(number)
    return bits


def _bit(number: Ints) -> Words:
    """Return the word in which the bit of each number is set."""
    return np.uint64(1) << (number & (WORD_BITS - 1)).astype(np.uint64)


def _checked_ordinals(ordinals: Ints, n: int, k: int) -> Ints:
    """Return the ordinals of a choice as int64, or raise ValueError."""
    if not 0 <= k <= n:
        raise ValueError(f"k={k!r} must be in [0, n={n!r}]")
    which = np.asarray(ordinals)
    if which.ndim != 1:
        raise ValueError(f"ordinals={which.shape} array must have one dimension")
    if which.size and k and (int(which.min()) < 0 or (int(which.max()) + 1) * k > 2**63):
        raise ValueError(f"ordinals={which.min()}..{which.max()} must be in [0, 2^63 / k)")
    return which.astype(np.int64)
