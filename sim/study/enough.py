"""Decides after which trial a run is precise enough: in the order of trials, not of their arrival.

So the number of trials is the same with any number of workers, and for a run that goes on where it
was interrupted. Trials that were under way when it was decided are left out.
"""

from collections.abc import Iterator, Sequence

from sim.analysis.queries.outcomes import Bound
from sim.analysis.results import TrialResult, bound_of, fraction_of_trial
from sim.analysis.sequences import Goal, Precision, sequence_interval

__all__ = ["Enough"]


class Enough:
    """Takes results in any order, and knows when there are enough of them.

    Parameters
    ----------
    precision : Precision
    schemes : sequence of int
        Ordinals of the schemes that run; each must reach every goal.
    """

    def __init__(self, precision: Precision, schemes: Sequence[int]) -> None:
        self._precision = precision
        self._schemes = tuple(schemes)
        self._ahead: dict[tuple[int, int], TrialResult] = {}
        self._open = [_Watched(i, g, precision) for i in schemes for g in precision.goals]
        self.trials = 0
        self.is_over = not schemes

    def add(self, result: TrialResult) -> None:
        """Take in a result; look at each trial once all schemes have run in it."""
        self._ahead[result.scheme, result.trial] = result
        while not self.is_over and all((i, self.trials) in self._ahead for i in self._schemes):
            trial = {i: self._ahead.pop((i, self.trials)) for i in self._schemes}
            for watched in self._open:
                watched.add(trial[watched.scheme])
            self.trials += 1
            is_reached = [watched.is_reached() for watched in self._open]
            self.is_over = all(is_reached) or self.trials == self._precision.trials_max

    def jobs(self, there: "set[tuple[int, int]]") -> Iterator[tuple[int, int]]:
        """Give the (scheme, trial) that are not there, until it is decided that there are enough.

        All schemes of a trial stand together.
        """
        for trial in range(self._precision.trials_max):
            for scheme in self._schemes:
                if self.is_over:
                    return
                if (scheme, trial) not in there:
                    yield scheme, trial


class _Watched:
    """One goal under one scheme, with what its trials so far have said."""

    def __init__(self, scheme: int, goal: Goal, precision: Precision) -> None:
        self.scheme = scheme
        self._goal = goal
        self._precision = precision
        self._fractions: list[float] = []
        self._queries: list[float] = []
        self._bounds: list[Bound] = []

    def add(self, trial: TrialResult) -> None:
        outcomes = (self._goal.outcome,)
        fraction, queries = fraction_of_trial(trial, outcomes, self._goal.query)
        self._fractions.append(fraction)
        self._queries.append(queries)
        self._bounds.append(bound_of(trial, outcomes, self._goal.query))

    def is_reached(self) -> bool:
        interval = sequence_interval(
            self._fractions, self._queries, self._bounds, self._precision, self._goal
        )
        return self._goal.is_reached(interval)
