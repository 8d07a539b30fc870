"""Exact expectation for queries that differ by chance: some of the streams, a replica per read.

At one instant the streams differ in which gateways would fail them, with what probability, and in
whether their data is missing. The expectation over *k* of *n* streams of a product of one factor
per chosen stream is an elementary symmetric polynomial of the factors over C(n, k); sets of
failing gateways come by inclusion and exclusion.
"""

from itertools import combinations, pairwise
from math import comb

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import merge_groups, steps, subtract_groups
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.outcomes import CODE, NOBODY, SOMEBODY
from sim.errors import Problem, ScenarioError
from sim.scenario.schema import OUTCOMES

Floats = npt.NDArray[np.float64]
MOST_FAILING = 10
"""Gateways that may fail at one instant before the sets of them are too many to go through."""


def some_streams_fractions(exposure: Exposure, takes_us: int) -> Floats:
    """Fractions, shape (6,) in the order of OUTCOMES."""
    length_us = exposure.timelines.horizon_us - exposure.timelines.warmup_us
    lottery = _Lottery(exposure, takes_us)
    totals = np.zeros(len(OUTCOMES))
    for span_us, fractions in lottery.pieces():
        totals += span_us * fractions
    totals[CODE["ok"]] = 0.0
    totals /= max(length_us, 1)
    totals[CODE["ok"]] = max(0.0, 1.0 - totals.sum())
    return totals


class _Lottery:
    """The pieces of time on which nothing changes, and what may happen on each."""

    def __init__(self, exposure: Exposure, takes_us: int) -> None:
        self._exposure = exposure
        self._n = exposure.n_streams
        self._k = exposure.n_drawn
        self._rule = exposure.rule
        self._takes_us = takes_us
        rows = exposure.failures
        start, end = rows.during(takes_us)
        # One row per unit and replica: overlapping absences of one thing are one absence.
        n_replicas = exposure.timelines.n_replicas + 1
        merged = merge_groups(rows.unit * n_replicas + rows.replica + 1, start, end)
        unit, replica = np.divmod(merged.group, n_replicas)
        order = np.argsort(rows.unit, kind="stable")
        known = order[np.searchsorted(rows.unit[order], unit)]
        self._unit, self._is_sure = unit, replica == 0
        self._stream, self._gateway = rows.stream[known], rows.lost[known]
        self._start, self._end = merged.start, merged.end

    def pieces(self) -> list[tuple[int, Floats]]:
        """(length in µs, fractions) of all time in which something may go wrong."""
        if self._rule.failing_decides and bool(self._is_sure.all()):
            return self._counted()
        return self._cut()

    def _counted(self) -> list[tuple[int, Floats]]:
        """Where any failure decides, and is certain, streams need only be counted."""
        failed = self._rule.code(SOMEBODY, is_missing=False)
        gap = self._rule.code(NOBODY, is_missing=True)
        failing = merge_groups(self._stream, self._start, self._end)
        lacking = subtract_groups(self._exposure.missing(self._takes_us), failing)
        weight = np.repeat(np.array([1, 1 << 32]), (failing.start.size, lacking.start.size))
        spans, count = steps(
            np.concatenate([failing.start, lacking.start]),
            np.concatenate([failing.end, lacking.end]),
            weight,
        )
        kinds, position = np.unique(count, return_inverse=True)
        length_us = np.zeros(kinds.size, np.int64)
        np.add.at(length_us, position, spans.end - spans.start)
        found = []
        for kind, total_us in zip(kinds.tolist(), length_us.tolist(), strict=True):
            n_failing, n_lacking = kind & 0xFFFFFFFF, kind >> 32
            unharmed = self._none_of(n_failing)
            fractions = np.zeros(len(OUTCOMES))
            fractions[failed] = 1.0 - unharmed
            fractions[gap] = unharmed - self._none_of(n_failing + n_lacking)
            found.append((total_us, fractions))
        return found

    def _cut(self) -> list[tuple[int, Floats]]:
        """The pieces of time on which nothing changes, one by one."""
        missing = self._exposure.missing(self._takes_us)
        gap = self._rule.code(NOBODY, is_missing=True)
        starts = np.concatenate([self._start, missing.start])
        ends = np.concatenate([self._end, missing.end])
        # Failures count in the low word, missing data in the high one.
        weight = np.repeat(np.array([1, 1 << 32]), (self._start.size, missing.start.size))
        spans, count = steps(starts, ends, weight)
        failing, lacking = count & 0xFFFFFFFF, count >> 32
        found: list[tuple[int, Floats]] = []
        quiet = (failing == 0) & (lacking > 0)
        for n_lacking in np.unique(lacking[quiet]).tolist():
            here = quiet & (lacking == n_lacking)
            length_us = int((spans.end - spans.start)[here].sum())
            fractions = np.zeros(len(OUTCOMES))
            fractions[gap] = 1.0 - self._none_of(n_lacking)
            found.append((length_us, fractions))
        where = failing > 0
        pieces = zip(spans.start[where].tolist(), spans.end[where].tolist(), strict=True)
        troubled = [(span, *_told_apart(self._chances(span[0]))) for span in pieces]
        if not self._rule.failing_decides:
            # Each set of them counts, so those that are too many are refused before any is counted.
            most = max((len(alike) for *_, alike in troubled), default=0)
            if most > MOST_FAILING:
                raise _too_many(self._exposure, most)
        for piece in troubled:
            found += self._troubled(*piece)
        return found

    def _none_of(self, n_bad: int) -> float:
        """Probability that none of ``n_bad`` streams is drawn."""
        return comb(self._n - n_bad, self._k) / comb(self._n, self._k)

    def _troubled(
        self,
        span: tuple[int, int],
        chances: dict[int, dict[int, float]],
        alike: dict[int, frozenset[int]],
    ) -> list[tuple[int, Floats]]:
        """A piece on which reads fail, cut where data goes missing without the failing ones."""
        edges = set(span)
        if not self._rule.failing_decides:
            for left_out in _subsets(sorted(alike)):
                missing = self._exposure.missing(self._takes_us, _all_of(left_out, alike))
                for column in (missing.start, missing.end):
                    inside = column[(column > span[0]) & (column < span[1])]
                    edges.update(inside.tolist())
        cuts = sorted(edges)
        return [(b - a, self._fractions(a, chances, alike)) for a, b in pairwise(cuts)]

    def _chances(self, at_us: int) -> dict[int, dict[int, float]]:
        """Probability of failing, by stream and gateway, at one instant."""
        rows = np.flatnonzero((self._start <= at_us) & (at_us < self._end))
        n_replicas = len(self._exposure.readable)
        bad: dict[int, list[int]] = {}
        for row in rows.tolist():
            bad.setdefault(int(self._unit[row]), []).append(row)
        chances: dict[int, dict[int, float]] = {}
        for members in bad.values():
            stream, gateway = int(self._stream[members[0]]), int(self._gateway[members[0]])
            sure = bool(self._is_sure[members].any())
            fails = 1.0 if sure else len(members) / n_replicas
            by_gateway = chances.setdefault(stream, {})
            by_gateway[gateway] = 1.0 - (1.0 - by_gateway.get(gateway, 0.0)) * (1.0 - fails)
        return chances

    def _fractions(
        self,
        at_us: int,
        chances: dict[int, dict[int, float]],
        alike: dict[int, frozenset[int]],
    ) -> Floats:
        fractions = np.zeros(len(OUTCOMES))
        rule, gateways = self._rule, sorted(alike)
        sets = [NOBODY] if rule.failing_decides else _subsets(gateways)
        for failing in sets:
            left_out = _all_of(failing, alike)
            lacking = self._lacking(at_us, left_out)
            happens = self._exactly(chances, gateways, failing, frozenset())
            complete = self._exactly(chances, gateways, failing, lacking)
            incomplete = max(0.0, happens - complete)
            fractions[rule.code(left_out, is_missing=True)] += incomplete
            fractions[rule.code(left_out, is_missing=False)] += complete
        if rule.failing_decides:
            failed = rule.code(SOMEBODY, is_missing=False)
            fractions[failed] = max(0.0, 1.0 - fractions.sum())
        return fractions

    def _exactly(
        self,
        chances: dict[int, dict[int, float]],
        gateways: list[int],
        failing: frozenset[int],
        avoided: frozenset[int],
    ) -> float:
        """Probability that just these gateways fail and no ``avoided`` stream is drawn."""
        total = 0.0
        streams = sorted(avoided.union(chances))
        for inner in _subsets(sorted(failing)):
            factors = []
            for stream in streams:
                factor = 0.0 if stream in avoided else 1.0
                for gateway, chance in chances.get(stream, {}).items():
                    if gateway not in inner:
                        factor *= 1.0 - chance
                factors.append(factor)
            sign = -1.0 if (len(failing) - len(inner)) % 2 else 1.0
            total += sign * self._expected_product(factors)
        return max(0.0, total)

    def _expected_product(self, factors: list[float]) -> float:
        """Mean over all draws of the product of the factors drawn; streams not listed have 1."""
        coefficients = np.ones(1)
        for factor in factors:
            coefficients = np.convolve(coefficients, (1.0, factor))
        rest, all_draws = self._n - len(factors), comb(self._n, self._k)
        # The numbers of draws may be beyond what a float holds; their ratio is not.
        return sum(
            comb(rest, self._k - j) / all_draws * float(c)
            for j, c in enumerate(coefficients)
            if 0 <= self._k - j <= rest
        )

    def _lacking(self, at_us: int, left_out: frozenset[int]) -> frozenset[int]:
        """Streams whose data is missing at an instant without some gateways."""
        missing = self._exposure.missing(self._takes_us, left_out)
        here = (missing.start <= at_us) & (at_us < missing.end)
        return frozenset(missing.group[here].tolist())


def _told_apart(
    chances: dict[int, dict[int, float]],
) -> tuple[dict[int, dict[int, float]], dict[int, frozenset[int]]]:
    """Let one gateway stand for all that are certain to fail the same streams.

    They fail together or not at all. Returns the chances of those that stand, and whom each
    stands for.
    """
    fails: dict[int, list[tuple[int, float]]] = {}
    for stream, by_gateway in chances.items():
        for gateway, chance in by_gateway.items():
            fails.setdefault(gateway, []).append((stream, chance))
    groups: dict[object, list[int]] = {}
    for gateway in sorted(fails):
        is_sure = all(chance == 1.0 for _, chance in fails[gateway])
        groups.setdefault(tuple(sorted(fails[gateway])) if is_sure else gateway, []).append(gateway)
    alike = {group[0]: frozenset(group) for group in groups.values()}
    standing = {
        stream: {gateway: chance for gateway, chance in by_gateway.items() if gateway in alike}
        for stream, by_gateway in chances.items()
    }
    return standing, alike


def _all_of(gateways: frozenset[int], alike: dict[int, frozenset[int]]) -> frozenset[int]:
    """The gateways for which some of them stand."""
    return frozenset().union(*(alike[gateway] for gateway in sorted(gateways)))


def _too_many(exposure: Exposure, n_failing: int) -> ScenarioError:
    """The refusal of a class whose sets of failing gateways are too many to go through."""
    position = exposure.scenario.queries.index(exposure.query_class)
    rule = f'be "all" where more than {MOST_FAILING} gateways fail at once for different streams'
    hint = f'{n_failing} do, and partial_response is "warn"; --mode sampled can tell'
    streams = exposure.query_class.streams
    return ScenarioError([Problem(f"queries[{position}].streams", streams, rule, hint)])


def _subsets(members: list[int]) -> list[frozenset[int]]:
    """Every subset, smallest first."""
    return [
        frozenset(subset)
        for size in range(len(members) + 1)
        for subset in combinations(members, size)
    ]
