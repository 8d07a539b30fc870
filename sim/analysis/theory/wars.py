"""WARS: a sampler of the staleness of partial quorums; `sim.analysis.theory.pbs` has its answers.

For each of N replicas four delays are drawn: W (write request), A (its acknowledgement), R (read
request), S (its response). The write commits at the Wq-th smallest W + A. A read that starts t
later takes the first Rq responses by R + S and is stale iff all of them left their replica
before the write came. So there is a threshold, and the read is fresh iff t reaches it: one
sample serves every t, without the bias of sweeping t until the first success.

Source
------
P. Bailis, S. Venkataraman, M. J. Franklin, J. M. Hellerstein, I. Stoica, "Probabilistically
Bounded Staleness for Practical Partial Quorums", VLDB 2012: section 5.1.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.core.laws import Floats, Law, Mixture
from sim.core.streams import Stream

__all__ = ["Fit", "WarsDraws", "wars_draws"]

_LEG_DISTANCE: Final = 2**60
_BELOW_1: Final = 1.0 - 2.0**-53


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The four delay laws of a deployment, µs.

    With `remote_us`, one replica is near whoever writes and one near whoever reads, drawn for
    each write and each read; every message to or from another takes that much longer.
    """

    name: str
    write: Law
    ack: Law
    read: Law
    response: Law
    remote_us: float = 0.0


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
    if fit.remote_us:
        for end in (0, 1):
            uniforms = stream.run((4 + end) * _LEG_DISTANCE + start, count)
            is_far = np.arange(replicas) != (uniforms * replicas).astype(np.int64)[:, None]
            for leg in (2 * end, 2 * end + 1):
                legs[leg] += fit.remote_us * is_far
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
