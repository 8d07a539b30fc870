"""WARS: a sampler of the staleness of partial quorums, and what others found with it.

For each of N replicas four delays are drawn: W (write request), A (its acknowledgement), R (read
request), S (its response). The write commits at the Wq-th smallest W + A. A read that starts t
later takes the first Rq responses by R + S and is stale iff all of them left their replica
before the write came. So there is a threshold, and the read is fresh iff t reaches it: one
sample serves every t, without the bias of sweeping t until the first success.

Source
------
P. Bailis, S. Venkataraman, M. J. Franklin, J. M. Hellerstein, I. Stoica, "Probabilistically
Bounded Staleness for Practical Partial Quorums", VLDB 2012: section 5.1 (model), table 3
(latency fits), table 4 (results).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from sim.core.laws import Exponential, Floats, Law, Mixture, Pareto
from sim.core.streams import Stream

__all__ = [
    "EXACT",
    "LNKD_DISK",
    "LNKD_SSD",
    "PUBLISHED",
    "PUBLISHED_FRESH",
    "Exact",
    "Fit",
    "Published",
    "WarsDraws",
    "wars_draws",
]

_LEG_DISTANCE: Final = 2**60
_BELOW_1: Final = 1.0 - 2.0**-53


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The four delay laws of a deployment, µs."""

    name: str
    write: Law
    ack: Law
    read: Law
    response: Law


def _fit_ms(weight: float, minimum_ms: float, alpha: float, rate_per_ms: float) -> Law:
    """Return the mixture of a Pareto body and an exponential tail that the paper fits."""
    body = Pareto(minimum_us=minimum_ms * 1e3, alpha=alpha)
    tail = Exponential(mean_us=1e3 / rate_per_ms)
    return Mixture(weights=(weight, 1.0 - weight), parts=(body, tail))


_SSD: Final = _fit_ms(0.9122, 0.235, 10.0, 1.66)
_DISK: Final = _fit_ms(0.38, 1.05, 1.51, 0.183)

LNKD_SSD: Final = Fit(name="LNKD-SSD", write=_SSD, ack=_SSD, read=_SSD, response=_SSD)
LNKD_DISK: Final = Fit(name="LNKD-DISK", write=_DISK, ack=_SSD, read=_SSD, response=_SSD)
"""The tail of the write has index 1.51: its variance is infinite, use quantiles."""


class Published(NamedTuple):
    """A cell of table 4 (N = 3), all in ms: 99.9th percentiles, and t for 99.9 % fresh reads.

    The t are a little below the exact quantiles, as the first crossing of a noisy sweep is.
    """

    read_ms: float
    write_ms: float
    t_ms: float


class Exact(NamedTuple):
    """The same model without the bias: 20 million samples of an independent implementation.

    `fresh_at_once` is P(fresh) for a read right after the commit; `t_ms` the time for 99.9 %
    fresh reads with its 95 % interval [`low_ms`, `high_ms`].
    """

    fresh_at_once: float
    t_ms: float
    low_ms: float
    high_ms: float


PUBLISHED: Final[Mapping[tuple[str, int, int], Published]] = MappingProxyType(
    {
        ("LNKD-SSD", 1, 1): Published(0.66, 0.66, 1.85),
        ("LNKD-SSD", 1, 2): Published(0.66, 1.63, 1.79),
        ("LNKD-SSD", 2, 1): Published(1.63, 0.65, 0.0),
        ("LNKD-SSD", 2, 2): Published(1.62, 1.64, 0.0),
        ("LNKD-SSD", 3, 1): Published(4.14, 0.65, 0.0),
        ("LNKD-SSD", 1, 3): Published(0.65, 4.09, 0.0),
        ("LNKD-DISK", 1, 1): Published(0.66, 10.99, 45.5),
        ("LNKD-DISK", 1, 2): Published(0.65, 20.97, 43.3),
        ("LNKD-DISK", 2, 1): Published(1.63, 10.9, 13.6),
        ("LNKD-DISK", 2, 2): Published(1.64, 20.96, 0.0),
        ("LNKD-DISK", 3, 1): Published(4.12, 10.89, 0.0),
        ("LNKD-DISK", 1, 3): Published(0.65, 112.65, 0.0),
    }
)
"""By (fit, R, W)."""

PUBLISHED_FRESH: Final[Mapping[tuple[str, float], float]] = MappingProxyType(
    {("LNKD-SSD", 0.0): 0.974, ("LNKD-DISK", 0.0): 0.439, ("LNKD-DISK", 10.0): 0.925}
)
"""P(fresh) by (fit, ms after the commit), R = W = 1, from the text of the paper."""

EXACT: Final[Mapping[tuple[str, int, int], Exact]] = MappingProxyType(
    {
        ("LNKD-SSD", 1, 1): Exact(0.9736, 1.97, 1.96, 1.98),
        ("LNKD-SSD", 1, 2): Exact(0.9783, 1.85, 1.84, 1.86),
        ("LNKD-SSD", 2, 1): Exact(0.9994, 0.0, 0.0, 0.0),
        ("LNKD-DISK", 1, 1): Exact(0.4369, 51.94, 51.53, 52.31),
        ("LNKD-DISK", 1, 2): Exact(0.7130, 48.01, 47.59, 48.42),
        ("LNKD-DISK", 2, 1): Exact(0.7627, 14.14, 14.10, 14.18),
    }
)
"""By (fit, R, W), N = 3."""


@dataclass(frozen=True, slots=True)
class WarsDraws:
    """Delays of `m` independent writes followed by a read, on N replicas.

    Attributes
    ----------
    write, ack, read, response : array of float64, shape (m, N)
        In µs.
    """

    write: Floats
    ack: Floats
    read: Floats
    response: Floats

    def _quorum(self, name: str, size: int) -> int:
        """Return `size` if that many replicas can answer."""
        replicas = self.write.shape[1]
        if not 1 <= size <= replicas:
            raise ValueError(f"{name}={size!r} must be in [1, {replicas}]")
        return size

    def write_latency_us(self, write_quorum: int) -> Floats:
        """Return when each write commits, shape (m,), µs after its start."""
        k = self._quorum("write_quorum", write_quorum)
        done = self.write + self.ack
        done.sort(axis=1)
        return done[:, k - 1]

    def read_latency_us(self, read_quorum: int) -> Floats:
        """Return when each read has its answers, shape (m,), µs after its start."""
        k = self._quorum("read_quorum", read_quorum)
        done = self.read + self.response
        done.sort(axis=1)
        return done[:, k - 1]

    def thresholds_us(self, read_quorum: int, write_quorum: int) -> Floats:
        """Return from which t on each read is fresh.

        Parameters
        ----------
        read_quorum, write_quorum : int
            In [1, N].

        Returns
        -------
        array of float64, shape (m,)
            max(0, min over the first Rq responders of (W - R) - commit), µs after the commit.

        Raises
        ------
        ValueError
            If a quorum is not in [1, N].
        """
        k = self._quorum("read_quorum", read_quorum)
        first = np.argsort(self.read + self.response, axis=1, kind="stable")[:, :k]
        missing = np.take_along_axis(self.write - self.read, first, axis=1).min(axis=1)
        late: Floats = missing - self.write_latency_us(write_quorum)
        return np.maximum(late, 0.0, out=late)


def wars_draws(stream: Stream, start: int, count: int, replicas: int, fit: Fit) -> WarsDraws:
    """Draw the delays of the samples start, start + 1, … (`count` of them).

    Parameters
    ----------
    stream : Stream
        Used up entirely.
    start, count : int
        Both >= 0. Pieces drawn apart equal one piece drawn at once.
    replicas : int
        N >= 1.
    fit : Fit
        The four laws.

    Returns
    -------
    WarsDraws
        Independent of the model's own draws: mixtures are sampled by choosing a part, not by
        inverting their distribution function.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if replicas < 1 or start < 0 or count < 0 or (start + count) * replicas > _LEG_DISTANCE:
        raise ValueError(
            f"start={start!r}, count={count!r}, replicas={replicas!r} must be >= 0, >= 0, >= 1"
        )
    legs = []
    for leg, law in enumerate((fit.write, fit.ack, fit.read, fit.response)):
        uniforms = stream.run(leg * _LEG_DISTANCE + start * replicas, count * replicas)
        legs.append(_sampled(law, uniforms).reshape(count, replicas))
    return WarsDraws(*legs)


def _sampled(law: Law, uniforms: Floats) -> Floats:
    """Return a sample of `law`, one per uniform: by composition where it is a mixture."""
    if not isinstance(law, Mixture):
        return law.ppf_many(uniforms)
    values = np.empty_like(uniforms)
    begin = 0.0
    rest = np.ones(uniforms.shape, bool)
    for i, part in enumerate(law.parts):
        end = begin + law.weights[i] if i + 1 < len(law.parts) else 1.0
        here = rest & (uniforms < end)
        inside = (uniforms[here] - begin) / (end - begin)
        values[here] = _sampled(part, np.minimum(inside, _BELOW_1))
        rest &= ~here
        begin = end
    return values
