"""When replicas show a change (``SEMANTICS.md`` S2, S8, S10, F7, F8).

A change is acknowledged once; each replica shows it in its GET and in its LIST plane after a lag
that depends on the change alone (key, version, replica, plane), never on when or by whom it is
asked. So the store can be asked about any instant, and all schemes of a trial meet the same lags.
"""

from collections.abc import Sequence
from operator import add

from sim.core.draws import Inverses, Row, draw_us
from sim.core.identities import Endings
from sim.core.kernel import Kernel
from sim.core.laws import Law
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.faults.lags import Lags
from sim.model.store.copying import Copying
from sim.scenario.schema import Quorum
from sim.scenario.schema import Store as StoreSpec

GET, LIST = 0, 1
_PLANES = ("get", "list")

Columns = tuple[tuple[int, ...], tuple[int, ...]]
"""Per replica, when it shows a change in its GET and in its LIST plane; empty: at once."""


class Visibility:
    """When the replicas of a store show what it acknowledges.

    Parameters
    ----------
    lags : Lags
        What faults do to it.

    Attributes
    ----------
    is_instant : bool
        Whether every replica shows every change as it is acknowledged.
    """

    def __init__(self, spec: StoreSpec, *, kernel: Kernel, streams: Streams, lags: Lags) -> None:
        self._spec = spec
        self._kernel = kernel
        self._streams = streams
        self._faults = lags
        self._log = _Log(spec.replicas)
        self._of_key: dict[tuple[int, str], tuple[int, ...]] = {}
        self._copying = None if spec.replication is None else Copying(spec.replication)
        lag = spec.lag
        self._laws: dict[str, tuple[Law, Law]] = {
            "create": (lag.create.get, lag.create.list),
            "overwrite": (lag.overwrite.get, lag.overwrite.list),
            "delete": (lag.delete.get, lag.delete.list),
        }
        # A log shows changes at once as well where none lags, but says so of every replica.
        self.is_instant = lags.are_none and spec.shows_at_once and spec.order != "log"
        self._replicas = Endings((r,) for r in range(spec.replicas))
        self._lags = {kind: _lags(laws, spec.replicas) for kind, laws in self._laws.items()}
        inverses = Inverses()
        self._both = {k: _both(laws, spec.replicas, inverses) for k, laws in self._laws.items()}
        is_bare = not (spec.primary or spec.acks or spec.order != "independent")
        self._has_lags_only = is_bare and lags.are_none
        self._messages = _messages(spec.quorum)

    def of(self, key: str, version: int, kind: str, *, stream: int) -> Columns:
        """When a version of a key shows that is acknowledged now; as `of_each`."""
        return self.of_each([(key, version)], kind, stream=stream)[0]

    def of_each(
        self,
        changes: Sequence[tuple[str, int]],
        kind: str,
        *,
        stream: int,
        chunk_bytes: int = 0,
        is_copied: bool = True,
    ) -> list[Columns]:
        """When versions of keys show that are acknowledged now.

        Parameters
        ----------
        changes : sequence of (str, int)
            Key and version of each.
        kind : str
            "create", "overwrite" or "delete".
        stream : int
            Whose change it is, for the order of the log.
        chunk_bytes : int
            Size of each that is a chunk.
        is_copied : bool
            Whether copies of the bucket, if there are any, are told of it.
        """
        if self.is_instant:
            return [((), ()) for _ in changes]
        now_us, n = self._kernel.now_us, self._spec.replicas
        if self._spec.quorum is not None:
            named = [("wars", *change) for change in changes]
            delays_us = self._messages.draw_each_us(self._streams, named)
            return [self._of_quorum(self._spec.quorum, row_us) for row_us in delays_us]
        if self._has_lags_only:
            named = [("lag", *change) for change in changes]
            seen = [
                [now_us + lag_us for lag_us in row_us]
                for row_us in self._both[kind].draw_each_us(self._streams, named)
            ]
            return [(tuple(row_us[:n]), tuple(row_us[n:])) for row_us in seen]
        if self._copying is not None and not is_copied:
            seen_us = self._source_only_us
            return [(seen_us, seen_us) for _ in changes]
        if self._copying is not None:
            copied = [self._copied_us(c, kind, stream=stream, size=chunk_bytes) for c in changes]
            return [(seen_us, seen_us) for seen_us in copied]
        return [
            (
                self._shown_us(key, version, kind, GET, stream=stream),
                self._shown_us(key, version, kind, LIST, stream=stream),
            )
            for key, version in changes
        ]

    def _copied_us(
        self, change: tuple[str, int], kind: str, *, stream: int, size: int
    ) -> tuple[int, ...]:
        """When the source and the copies of it show, in both planes, what is acknowledged now."""
        assert self._copying is not None
        now_us, (key, version) = self._kernel.now_us, change
        if self._copying.omits(key, kind):
            return self._source_only_us
        wait_us = self._copying.wait_us(key, kind, stream=stream, now_us=now_us, chunk_bytes=size)
        return self._shown_us(key, version, kind, GET, stream=stream, wait_us=wait_us)

    @property
    def _source_only_us(self) -> tuple[int, ...]:
        """When the source and its copies show a change now that is never copied."""
        return (self._kernel.now_us, *[NEVER] * (self._spec.replicas - 1))

    def _shown_us(
        self, key: str, version: int, kind: str, plane: int, *, stream: int, wait_us: int = 0
    ) -> tuple[int, ...]:
        """When each replica shows, in a plane, a version of a key that is acknowledged now."""
        now_us = self._kernel.now_us
        lags = self._lags[kind][plane].draw_us(self._streams, "lag", key, version)
        faults, name = self._faults, _PLANES[plane]
        if not faults.are_none:
            for r in range(self._spec.replicas):
                if others := faults.laws(now_us, kind, name, r):
                    identity = ("lag", key, version, r, name)
                    lags[r] = max(draw_us(other, self._streams, *identity) for other in others)
        for replica in self._current_at_ack(key, version):
            lags[replica] = 0
        if wait_us:
            lags[1:] = [wait_us + lag for lag in lags[1:]]
        seen = [now_us + lag for lag in lags]
        if not faults.are_none:
            seen = [faults.arrives_us(t_us, r) for r, t_us in enumerate(seen)]
        if self._spec.order == "log":
            return self._log.append(plane, stream, now_us, seen)
        if self._spec.order == "key":
            before = self._of_key.get((plane, key), ())
            shown = tuple(map(max, seen, before)) if before else tuple(seen)
            self._of_key[plane, key] = shown
            return shown
        return tuple(seen)

    def _current_at_ack(self, key: str, version: int) -> list[int]:
        """Replicas that applied the change before it was acknowledged."""
        current = [0] if self._spec.primary else []
        if self._spec.acks:
            uniforms = self._streams.uniforms(("ack", key, version), self._replicas)
            now_us, cut_off = self._kernel.now_us, self._faults.cut_off
            draws = [(cut_off(now_us, r), uniform, r) for r, uniform in enumerate(uniforms)]
            current += [r for *_, r in sorted(draws)[: self._spec.acks]]
        return current

    def _of_quorum(self, quorum: Quorum, delays_us: list[int]) -> Columns:
        now_us, half = self._kernel.now_us, len(delays_us) // 2
        return (
            (now_us + self._quorum_lag_us(quorum, delays_us[:half]),),
            (now_us + self._quorum_lag_us(quorum, delays_us[half:]),),
        )

    def _quorum_lag_us(self, quorum: Quorum, delays_us: list[int]) -> int:
        """The age from which a read of this version finds it: the one-pass form of WARS."""
        n = quorum.n
        write, ack = delays_us[:n], delays_us[n : 2 * n]
        commit: int = sorted(map(add, write, ack))[quorum.w - 1]
        if max(write) <= commit:
            return 0
        read, response = delays_us[2 * n : 3 * n], delays_us[3 * n :]
        answers = sorted(zip(map(add, read, response), range(n), strict=True))
        first = min([write[i] - read[i] for _, i in answers[: quorum.r]])
        return max(0, first - commit)


def _lags(laws: tuple[Law, Law], replicas: int) -> tuple[Row, ...]:
    """The lags of a change at the replicas, by plane."""
    inverses = Inverses()
    return tuple(
        Row([law] * replicas, [(r, name) for r in range(replicas)], inverses)
        for law, name in zip(laws, _PLANES, strict=True)
    )


def _both(laws: tuple[Law, Law], replicas: int, inverses: Inverses) -> Row:
    """The lags of a change at the replicas, of both planes."""
    endings = [(r, name) for name in _PLANES for r in range(replicas)]
    return Row([law for law in laws for _ in range(replicas)], endings, inverses)


def _messages(quorum: Quorum | None) -> Row:
    """What the messages about a change take, plane by plane, and leg by leg in each."""
    if quorum is None:
        return Row((), (), Inverses())
    legs = {
        "write": quorum.write,
        "ack": quorum.ack,
        "read": quorum.read,
        "response": quorum.response,
    }
    laws = [law for law in legs.values() for _ in range(quorum.n)]
    endings = [(name, leg, i) for name in _PLANES for leg in legs for i in range(quorum.n)]
    return Row(laws * len(_PLANES), endings, Inverses())


class _Log:
    """Replicas that show changes in the order of acknowledgement (S2, ``order = "log"``).

    Changes of different streams acknowledged at one instant have no order.
    """

    def __init__(self, replicas: int) -> None:
        self._now_us = 0
        self._before = {plane: [0] * replicas for plane in (GET, LIST)}
        self._latest = {plane: [0] * replicas for plane in (GET, LIST)}
        self._of_stream: dict[tuple[int, int], list[int]] = {}

    def append(self, plane: int, stream: int, now_us: int, seen_us: list[int]) -> tuple[int, ...]:
        """When each replica shows a change acknowledged now that it could show at ``seen_us``."""
        if now_us > self._now_us:
            self._now_us = now_us
            self._before = {p: list(latest) for p, latest in self._latest.items()}
            self._of_stream.clear()
        earlier = self._of_stream.get((plane, stream), self._before[plane])
        shown = [max(pair) for pair in zip(seen_us, earlier, strict=True)]
        self._of_stream[plane, stream] = shown
        latest = self._latest[plane]
        for replica, t_us in enumerate(shown):
            latest[replica] = max(latest[replica], t_us)
        return tuple(shown)
