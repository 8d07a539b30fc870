"""Syncs of a reader that must all fail for it to meet the deletion of a block, and their chances.

Whether a request fails is yes or no, so that nothing leads step by step to many that fail one
after the other. Here one such streak is chosen, in proportion to how likely it is, and its syncs
are made to fail; how much likelier that made what happened is the weight of it.

Source
------
One of many rare events is chosen by its chance, and made to happen: D. Q. Naiman, C. E. Priebe,
"Computing scan statistic p values using importance sampling, with applications to genetics and
medical image analysis", Journal of Computational and Graphical Statistics 10, 2001. Some trials
to which nothing is done beside it: T. Hesterberg, "Weighted average importance sampling and
defensive mixture distributions", Technometrics 37, 1995.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.core.draws import draw_us
from sim.core.forced import Request
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.trace.passes import Syncs
from sim.trace.timelines import Ints

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.scenario.schema import Scenario

__all__ = ["Forcing", "Reader", "Streaks"]

Floats = npt.NDArray[np.float64]

_UNTOUCHED: Final = 0.1
"""Share of the trials in which nothing is made to fail."""
_SURE: Final = 0.99
"""A sync that is made to fail does so with this chance; a request may come that nobody foresaw."""
_LAST_UNIFORM: Final = 1.0 - 2.0**-53
_LONGER: Final = (0.0, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
"""Shares of queries that are shorter than those that a streak is to befall."""
_KINDS: Final = ("list", "head", "meta", "mark")
"""What a sync asks for, in this order; if one request fails, nothing is dropped."""
_META: Final = 2


class Reader(NamedTuple):
    """The syncs of one gateway that succeed in a trial in which no reader fails.

    ``spared`` has a row for each kind of request, and a column for each sync: the logarithm of the
    chance that none of them fails.
    """

    client: str
    start_us: Ints
    end_us: Ints
    spared: Floats


@dataclass(frozen=True, slots=True)
class Streaks:
    """All streaks of a trial in which no reader fails.

    Attributes
    ----------
    readers : tuple
        Gateways whose requests may fail.
    reader, first, stop : int64 arrays of shape (n_streaks,)
        Whose each is, and which of its syncs, [first, stop).
    share : float64 array of shape (n_streaks,)
        How likely each is among them, about.
    """

    readers: tuple[Reader, ...]
    reader: Ints
    first: Ints
    stop: Ints
    share: Floats

    @classmethod
    def of(
        cls,
        scenario: "Scenario",
        streams: Streams,
        syncs: Syncs,
        requests: Mapping[str, Sequence[Request]],
        exposed: Sequence["Exposure"],
        first_absent_us: Ints,
    ) -> "Streaks":
        """Find those of a trial.

        Parameters
        ----------
        scenario : Scenario
        streams : Streams
            Draws of the trial.
        syncs : Syncs
        requests : mapping of str to sequence of Request
            By client, those that might have failed.
        exposed : sequence of Exposure
        first_absent_us : int64 array of shape (n_blocks,)
            Since when some replica does not show what was deleted of a block; NEVER if none.
        """
        readers: list[Reader] = []
        rows: list[tuple[int, int, int]] = []
        logs: list[float] = []
        for client, asked in requests.items():
            reader = _reader(scenario, streams, syncs, client, asked)
            found = _found(reader, exposed, first_absent_us)
            _wait_for_metas(reader.spared, found)
            with np.errstate(divide="ignore"):
                fails = np.log(-np.expm1(reader.spared.sum(axis=0)))
            for (first, stop), queries in found.items():
                log = float(fails[first:stop].sum()) + math.log(queries)
                if log > -math.inf:
                    rows.append((len(readers), first, stop))
                    logs.append(log)
            readers.append(reader)
        if not rows:
            return cls.none()
        which = np.array(rows, np.int64)
        shares = np.exp(np.array(logs) - np.logaddexp.reduce(logs))
        return cls(tuple(readers), which[:, 0], which[:, 1], which[:, 2], shares)

    @classmethod
    def none(cls) -> "Streaks":
        """No streaks at all."""
        nobody = np.zeros(0, np.int64)
        return cls((), nobody, nobody, nobody, np.zeros(0))

    def chosen(self, uniform: float) -> int | None:
        """The number of a streak for a uniform in [0, 1), or None: nothing is made to fail."""
        if not self.share.size or uniform < _UNTOUCHED:
            return None
        above = (uniform - _UNTOUCHED) / (1.0 - _UNTOUCHED)
        return min(int(np.searchsorted(np.cumsum(self.share), above)), self.share.size - 1)


def _reader(
    scenario: "Scenario", streams: Streams, syncs: Syncs, client: str, asked: Sequence[Request]
) -> Reader:
    """When a gateway synced, and how likely its requests were to fail."""
    spec, gateway = scenario.gateways, int(client.removeprefix("gateway/"))
    rows = np.flatnonzero(syncs.who == syncs.actors.index(client))
    start_us = syncs.at_us[rows]
    takes_us = [
        draw_us(spec.sync_takes, streams, "gateway", gateway, "sync-takes", at_us)
        for at_us in start_us.tolist()
    ]
    takes_us += syncs.blocks[rows] * spec.sync_takes_per_block_us
    spared = np.zeros((len(_KINDS), start_us.size))
    kinds = [_kind(request) for request in asked]
    at = np.searchsorted(start_us, [request.t_us for request in asked], side="right") - 1
    for kind, sync, request in zip(kinds, at.tolist(), asked, strict=True):
        if kind is not None and sync >= 0:
            spared[kind, sync] += math.log1p(-request.chance)
    return Reader(client, start_us, start_us + takes_us, spared)


def _kind(request: Request) -> int | None:
    """Which kind of request it is; None for one without which a sync goes on."""
    about = request.decides[2:-1]
    if len(about) == 1:
        return _KINDS.index(str(about[0])) if about[0] in _KINDS else None
    return _META if str(about[1]).endswith("/meta.json") else None


def _found(
    reader: Reader, exposed: Sequence["Exposure"], first_absent_us: Ints
) -> dict[tuple[int, int], float]:
    """Streaks of a reader, and the largest share of queries that meet the deletion after each."""
    found: dict[tuple[int, int], float] = {}
    gateway = int(reader.client.removeprefix("gateway/"))
    for exposure in exposed:
        loads, blocks = exposure.timelines.loads, exposure.timelines.blocks
        rows = np.flatnonzero((loads.gateway == gateway) & (first_absent_us[loads.block] < NEVER))
        # A gateway may have had a block several times: the last of them decides.
        rows = rows[np.lexsort((loads.load_us[rows], loads.block[rows]))]
        rows = rows[np.append(loads.block[rows][1:] != loads.block[rows][:-1], True)]
        rows = rows[~loads.crashed[rows] & exposure.may_use(blocks.resolution[loads.block[rows]])]
        asked_us, until_us = exposure.asks(loads.block[rows])
        dropping = np.searchsorted(reader.end_us, loads.drop_us[rows], side="left")
        law = exposure.query_class.takes
        for shorter in (0.0,) if law.is_constant else _LONGER:
            takes_us = law.draw_us(0.5) if law.is_constant else law.draw_us(shorter)
            last_us = np.maximum(first_absent_us[loads.block[rows]] - takes_us, asked_us)
            stop = np.searchsorted(reader.end_us, last_us, side="right")
            fits = (last_us < until_us) & (stop > dropping)
            for key in zip(dropping[fits].tolist(), stop[fits].tolist(), strict=True):
                found[key] = max(found.get(key, 0.0), 1.0 - shorter)
    return found


def _wait_for_metas(spared: Floats, found: Mapping[tuple[int, int], float]) -> None:
    """Count what no sync has read as asked for again by the next one."""
    since = np.arange(spared.shape[1])
    for first, stop in found:
        np.minimum(since[first:stop], first, out=since[first:stop])
    total = np.append(0.0, np.cumsum(spared[_META]))
    spared[_META] = total[1:] - total[since]


class Forcing:
    """One trial in which the syncs of a streak are made to fail, and what that is worth.

    Parameters
    ----------
    streaks : Streaks
    chosen : int or None
        The streak, as :meth:`Streaks.chosen` gave it.
    """

    def __init__(self, streaks: Streaks, chosen: int | None) -> None:
        self._streaks = streaks
        self._chosen = chosen
        self._place = {reader.client: i for i, reader in enumerate(streaks.readers)}
        self._likelier = [np.zeros(reader.start_us.size) for reader in streaks.readers]
        self._over: set[tuple[int, int]] = set()
        self._metas_read: dict[tuple[int, int], float] = {}

    def value(self, request: Request, uniform: float) -> float:
        """Make a uniform in [0, 1) that decides about a request one of the law that it has here."""
        place, kind = self._place.get(request.client), _kind(request)
        if place is None or kind is None:
            return uniform
        reader = self._streaks.readers[place]
        sync = int(np.searchsorted(reader.start_us, request.t_us, side="right")) - 1
        if sync < 0 or (place, sync) in self._over:
            return uniform
        chance = request.chance
        wanted = max(chance, min(_SURE, self._wanted(chance, kind, place, sync)))
        value = uniform
        if self._is_made_to_fail(place, sync):
            value = _moved(uniform, wanted, chance)
        if value < chance:
            self._over.add((place, sync))
            self._likelier[place][sync] += math.log(wanted / chance)
        else:
            self._likelier[place][sync] += math.log((1.0 - wanted) / (1.0 - chance))
        return value

    def _wanted(self, chance: float, kind: int, place: int, sync: int) -> float:
        """Chance that a request fails if it or a later one of its sync does."""
        spared = self._streaks.readers[place].spared[:, sync]
        later = float(spared[kind + 1 :].sum())
        if kind == _META:
            read = self._metas_read.get((place, sync), 0.0) + math.log1p(-chance)
            self._metas_read[place, sync] = read
            later += min(0.0, float(spared[_META]) - read)
        return chance / (chance - (1.0 - chance) * math.expm1(later))

    def _is_made_to_fail(self, place: int, sync: int) -> bool:
        i, streaks = self._chosen, self._streaks
        if i is None or streaks.reader[i] != place:
            return False
        return bool(streaks.first[i] <= sync < streaks.stop[i])

    @property
    def weight(self) -> float:
        """How likely what happened would have been, relative to how likely it was made."""
        streaks = self._streaks
        if not streaks.share.size:
            return 1.0
        # Streaks are of any length, and some so unlikely that no float says how much.
        with np.errstate(divide="ignore"):
            logs = np.log(streaks.share)
        for place, likelier in enumerate(self._likelier):
            mine = np.flatnonzero(streaks.reader == place)
            total = np.append(0.0, np.cumsum(likelier))
            logs[mine] += total[streaks.stop[mine]] - total[streaks.first[mine]]
        made = math.log1p(-_UNTOUCHED) + float(np.logaddexp.reduce(logs))
        return math.exp(-float(np.logaddexp(made, math.log(_UNTOUCHED))))


def _moved(uniform: float, wanted: float, chance: float) -> float:
    """A value below a chance for a share `wanted` of all uniforms, and evenly on either side."""
    if uniform < wanted:
        return min(uniform / wanted * chance, math.nextafter(chance, 0.0))
    above = (uniform - wanted) / (1.0 - wanted)
    return min(chance + above * (1.0 - chance), _LAST_UNIFORM)
