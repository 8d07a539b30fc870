"""Queries judged one at a time from the timelines, in plain loops, by rules Q2-Q6.

What the fast judges in `sim.analysis` say of a whole class is compared with this: every draw of
streams, and every set of gateways that the draws of replicas may make fail, gone through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise, product
from math import comb, prod

import numpy as np

from sim.conventions.placement import candidates, fixed_replica
from sim.core.objects import RESOLUTIONS
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.scenario.schema import OUTCOMES, QueryClass, Scenario
from sim.trace.timelines import Timelines

Fractions = dict[str, float]


class Judge:
    """Outcomes of one class on one run."""

    def __init__(self, scenario: Scenario, timelines: Timelines, query: QueryClass) -> None:
        self.scenario, self.timelines, self.query = scenario, timelines, query
        self.n_streams = scenario.producers.count
        scheme = scenario.schemes[scenario.scheme_index(timelines.scheme)]
        self.miss = scheme.composed.misses.kind
        self.k = self.n_streams if query.streams == "all" else int(query.streams)
        self.finest = range(RESOLUTIONS.index(query.max_resolution) + 1)
        blocks, loads = timelines.blocks, timelines.loads
        absences = timelines.absences.each(np.arange(timelines.absences.block.size))
        self.blocks = list(
            zip(
                blocks.stream.tolist(),
                blocks.resolution.tolist(),
                blocks.min_us.tolist(),
                blocks.max_us.tolist(),
                blocks.level.tolist(),
                blocks.committed_us.tolist(),
                blocks.by_hand.tolist(),
                strict=True,
            )
        )
        ptr = blocks.data_ptr.tolist()
        ordinals = blocks.data_ordinal.tolist()
        self.data = [frozenset(ordinals[a:b]) for a, b in pairwise(ptr)]
        self.loads = list(
            zip(
                loads.gateway.tolist(),
                loads.block.tolist(),
                loads.load_us.tolist(),
                loads.drop_us.tolist(),
                loads.crashed.tolist(),
                strict=True,
            )
        )
        self.absences: dict[int, list[tuple[int, int, int, int]]] = {}
        for block, index, replica, start, end in zip(
            absences.block.tolist(),
            absences.object.tolist(),
            absences.replica.tolist(),
            absences.start_us.tolist(),
            absences.end_us.tolist(),
            strict=True,
        ):
            self.absences.setdefault(block, []).append((index, replica, start, end))
        streams = Streams(timelines.seed)
        self.fixed = [
            fixed_replica(scenario.store, f"gateway/{g}", streams, gateway=g)
            for g in range(timelines.n_gateways)
        ]

    def overlaps(self, block: int, t_us: int) -> bool:
        """Whether a query at t asks for data of the block."""
        high_us = t_us - self.query.offset_us
        low_us = high_us - self.query.range_us
        _, _, min_us, max_us, *_ = self.blocks[block]
        return bool(min_us < high_us and max_us > low_us)

    def used(self, loaded: Iterable[int], t_us: int, streams: Iterable[int]) -> Iterator[int]:
        """Of the blocks loaded at one gateway, those that a query of these streams uses."""
        high_us = t_us - self.query.offset_us
        low_us = high_us - self.query.range_us
        ordered = sorted(loaded, key=lambda b: self.blocks[b][2:4])
        for stream in streams:
            mine = [b for b in ordered if self.blocks[b][0] == stream]
            yield from self.coarsest(mine, low_us, high_us, self.finest[-1])

    def coarsest(self, ordered: list[int], low: int, high: int, resolution: int) -> Iterator[int]:
        """Blocks of a resolution in [low, high), and finer ones for what they leave (Q2)."""
        if low >= high or resolution < 0:
            return
        end = low
        for block in ordered:
            _, own, min_us, max_us, *_ = self.blocks[block]
            if own == resolution and max_us > low and min_us < high:
                yield from self.coarsest(ordered, end, min_us, resolution - 1)
                yield block
                end = max_us
        yield from self.coarsest(ordered, end, high, resolution - 1)

    def chance(self, gateway: int, t_us: int, takes_us: int, streams: frozenset[int]) -> float:
        """Probability that a gateway fails a query."""
        mine = [row[1:] for row in self.loads if row[0] == gateway]
        here = {b: (drop, crashed) for b, load, drop, crashed in mine if load <= t_us < drop}
        lost = [
            block
            for block, _, drop_us, crashed in mine
            if crashed and drop_us <= t_us and self.is_counted_on(gateway, drop_us, t_us)
        ]
        if list(self.used(lost, t_us, streams)):
            return 1.0
        fine = 1.0
        for block in self.used(here, t_us, streams):
            drop_us, crashed = here[block]
            if crashed and drop_us <= t_us + takes_us:
                return 1.0
            if self.miss != "fail":
                continue
            fine *= prod(
                1.0 - self.object_chance(gateway, block, i, t_us, takes_us)
                for i in range(self.timelines.objects.meta)
            )
        return 1.0 - fine

    def is_counted_on(self, gateway: int, down_us: int, t_us: int) -> bool:
        """Whether queriers still count on a gateway that went down."""
        downs = self.timelines.downs
        return any(
            g == gateway and start == down_us and t_us < min(unhealthy, end)
            for g, start, unhealthy, end in zip(
                downs.gateway.tolist(),
                downs.start_us.tolist(),
                downs.unhealthy_until_us.tolist(),
                downs.end_us.tolist(),
                strict=True,
            )
        )

    def object_chance(
        self, gateway: int, block: int, index: int, t_us: int, takes_us: int
    ) -> float:
        """Probability that the replica read does not have the object all the time."""
        bad = {
            replica
            for i, replica, start, end in self.absences.get(block, [])
            if i == index and start <= t_us + takes_us and t_us < end
        }
        fixed = self.fixed[gateway]
        if fixed is not None:
            return float(fixed in bad)
        readable = candidates(self.scenario.store, gateway=gateway)
        return len(bad.intersection(readable)) / len(readable)

    def is_whole(self, gateway: int, block: int, t_us: int, takes_us: int) -> bool:
        """Whether all objects of a block stay there while a gateway of one replica reads it."""
        objects = range(self.timelines.objects.meta)
        return not any(self.object_chance(gateway, block, i, t_us, takes_us) for i in objects)

    def is_warned(self, t_us: int, takes_us: int, streams: frozenset[int]) -> bool:
        """Whether some gateway answers without a block, and says so."""
        return self.miss == "warn" and not all(
            self.is_whole(gateway, block, t_us, takes_us)
            for gateway in range(self.timelines.n_gateways)
            for block in self.used(self.loaded(gateway, t_us), t_us, streams)
        )

    def loaded(self, gateway: int, t_us: int) -> list[int]:
        """Blocks that a gateway answers from."""
        return [b for g, b, load, drop, _ in self.loads if g == gateway and load <= t_us < drop]

    def is_missing(
        self, t_us: int, takes_us: int, streams: frozenset[int], failing: frozenset[int]
    ) -> bool:
        """Whether needed data is in no block used at a gateway that did not fail."""
        there: dict[int, set[int]] = {stream: set() for stream in streams}
        for gateway in set(range(self.timelines.n_gateways)) - failing:
            for block in self.used(self.loaded(gateway, t_us), t_us, streams):
                if self.miss != "fail" and not self.is_whole(gateway, block, t_us, takes_us):
                    continue
                there[self.blocks[block][0]] |= self.data[block]
        kept = [self.scenario.compactor.retention_us[r] for r in self.finest]
        if not self.scenario.compactor.downsampling:
            kept = kept[:1]
        for block, row in enumerate(self.blocks):
            stream, _, _, max_us, level, committed_us, by_hand = row
            if level > 1 or by_hand or stream not in streams or not self.overlaps(block, t_us):
                continue
            local_us = max_us + self.scenario.producers.local_retention_us
            is_kept = any(keep_us == 0 or t_us < max_us + keep_us for keep_us in kept)
            if t_us >= local_us and t_us >= committed_us and is_kept:
                (ordinal,) = self.data[block]
                if ordinal not in there[stream]:
                    return True
        return False

    def at(self, t_us: int, takes_us: int) -> Fractions:
        """Probabilities of the outcomes of a query that arrives at t."""
        found = dict.fromkeys(OUTCOMES, 0.0)
        subsets = list(combinations(range(self.n_streams), self.k))
        gateways = range(self.timelines.n_gateways)
        for chosen in subsets:
            streams = frozenset(chosen)
            chances = [self.chance(g, t_us, takes_us, streams) for g in gateways]
            for failing, likely in _sets(chances):
                found[self.outcome(t_us, takes_us, streams, failing)] += likely / len(subsets)
        assert len(subsets) == comb(self.n_streams, self.k)
        return found

    def outcome(
        self, t_us: int, takes_us: int, streams: frozenset[int], failing: frozenset[int]
    ) -> str:
        """The first that applies (Q6)."""
        if failing and self.scenario.gateways.partial_response == "abort":
            return "query-error"
        is_told = bool(failing) or self.is_warned(t_us, takes_us, streams)
        if self.is_missing(t_us, takes_us, streams, failing):
            return "partial-response" if is_told else "silent-gap"
        return "warned" if is_told else "ok"

    def fractions(self, takes_us: int) -> Fractions:
        """The mean over all arrivals of the window, piece by piece."""
        low, high = self.timelines.warmup_us, self.timelines.horizon_us
        edges = sorted({low, high, *(t for t in self.instants(takes_us) if low < t < high)})
        total = dict.fromkeys(OUTCOMES, 0.0)
        for start, end in pairwise(edges):
            for outcome, likely in self.at(start, takes_us).items():
                total[outcome] += likely * (end - start) / (high - low)
        return total

    def instants(self, takes_us: int) -> Iterator[int]:
        """Every arrival time at which an outcome may change."""
        spec = self.query
        for _, _, load_us, drop_us, crashed in self.loads:
            yield from (load_us, drop_us)
            if crashed:
                yield drop_us - takes_us
        for rows in self.absences.values():
            for _, _, start, end in rows:
                yield from (start - takes_us, end)
        for block in self.blocks:
            _, _, min_us, max_us, _, committed_us, _ = block
            yield from (min_us + spec.offset_us + 1, max_us + spec.offset_us + spec.range_us)
            # Between blocks that overlap, a gap may begin only where a range does (Q2).
            yield max_us + spec.offset_us
            yield min_us + spec.offset_us + spec.range_us
            yield from (committed_us, max_us + self.scenario.producers.local_retention_us)
            yield from (max_us + kept for kept in self.scenario.compactor.retention_us)
        downs = self.timelines.downs
        for column in (downs.start_us, downs.unhealthy_until_us, downs.end_us):
            yield from (t for t in column.tolist() if t < NEVER)


def _sets(chances: Iterable[float]) -> Iterator[tuple[frozenset[int], float]]:
    """Every set of gateways that may fail together, with its probability."""
    options = [
        [(bad, p) for bad, p in ((True, chance), (False, 1.0 - chance)) if p > 0.0]
        for chance in chances
    ]
    for draw in product(*options):
        failing = frozenset(g for g, (bad, _) in enumerate(draw) if bad)
        yield failing, prod(p for _, p in draw)
