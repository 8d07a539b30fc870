"""Results as Python users look at them: a line of text, a data frame, a picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sim.analysis.comparison.compare import Comparison
from sim.analysis.effects import KnobEffects
from sim.analysis.matrix import Cell
from sim.analysis.results import Result
from sim.analysis.sweep import Sweep, origin_of
from sim.core.units import parse_duration
from sim.study.delays import Delays, fraction_of, least_delay_us

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

    from sim.analysis.results import SchemeResult
    from sim.report.style import Axes

__all__ = [
    "ComparisonResult",
    "CurveResult",
    "KnobsResult",
    "MatrixResult",
    "RunResult",
    "SweepResult",
]

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Shown(Generic[V]):
    """What a study found, to look at."""

    value: V

    def __repr__(self) -> str:
        return repr(self.value)


class RunResult(_Shown[Result]):
    """Schemes over trials, see :func:`run`."""

    def _repr_html_(self) -> str:
        """The table of schemes, as a notebook shows it."""
        from sim.report.page import tables_html
        from sim.report.tables import caption, scheme_table

        result = self.value
        return tables_html([(result.scenario.name, scheme_table(result))], caption(result))

    def to_frame(self) -> "DataFrame":
        """One number a row, with the columns of the CSV that ``sim run --csv`` writes."""
        from sim.report.csvtable import csv_rows

        result = self.value
        return _frame(
            {"scheme": scheme.name, **row}
            for scheme in result.schemes
            for row in csv_rows(result, scheme)
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how often queries of each scheme get no complete answer; give the axes."""
        from sim.report.bundle import outcome_rows
        from sim.report.figures import outcome_fractions

        return outcome_fractions(outcome_rows(self.value), _axes(ax))


class SweepResult(_Shown[Sweep]):
    """One scenario at many settings, see :func:`sweep`."""

    def _repr_html_(self) -> str:
        """A table for each scheme, its rows being settings, as a notebook shows it."""
        from sim.report.page import tables_html
        from sim.report.sweeptable import sweep_caption, sweep_tables

        return tables_html(sweep_tables(self.value), sweep_caption(self.value))

    def to_frame(self) -> "DataFrame":
        """One number a row, with the columns of the CSV that ``sim sweep --csv`` writes."""
        from sim.report.sweepdocument import sweep_rows

        return _frame(sweep_rows(self.value))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw failing fractions over the first key, a line for each scheme and other value."""
        from sim.report.sweepfigures import failure_lines

        return failure_lines(self.value, _axes(ax))


class KnobsResult(_Shown[KnobEffects]):
    """Effects of knobs, see :func:`sim.api.knobs.knobs`."""

    def __str__(self) -> str:
        """What ``sim knobs`` shows."""
        from sim.report.effects import effect_lines

        return "\n".join(effect_lines(self.value))

    def to_frame(self) -> "DataFrame":
        """One knob a row, with the columns of the CSV that ``sim knobs --out`` writes."""
        from sim.report.effects import effect_rows

        return _frame(effect_rows(self.value))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw first-order and total effects with their intervals; give the axes."""
        from sim.report.effects import effect_bars

        return effect_bars(self.value, _axes(ax))


class CurveResult(SweepResult):
    """One scheme over its delete delay, see :func:`curve`."""

    @property
    def critical_us(self) -> dict[str, int]:
        """Per query class, the smallest delay with which none would have met an absence, µs.

        Over all trials; without the classes of which no trace says it.
        """
        found: dict[str, int] = {}
        for trial in self.value.cells[0].result.schemes[0].trials:
            for sample in trial.critical:
                found[sample.query] = max(found.get(sample.query, 0), sample.largest_us)
        return found

    def fraction_at(
        self, delay: int | str, outcome: str = "query-error", query: str | None = None
    ) -> float:
        """Fraction of queries with an outcome at any delete delay, mean over trials.

        Parameters
        ----------
        delay : int or str
            µs, or text with a unit such as "15m". Between those of the curve every trial runs
            once more, the first time; where no run answers other delays it runs for each.
        outcome : str
            An outcome, or "failed" for all that are no complete answer.
        query : str or None
            Name of a query class; None takes all together.

        Returns
        -------
        float
            In [0, 1]; nan if nothing was asked.

        Raises
        ------
        ValueError
            If the delay is none or below 0, or there is no outcome or class of a name.
        """
        delay_us = parse_duration(delay) if isinstance(delay, str) else delay
        if delay_us < 0:
            raise ValueError(f"delay={delay!r} must be a number of µs >= 0, or a text like '15m'")
        known = dict(self._known)
        scheme = known[delay_us] if delay_us in known else self._between.scheme_at(delay_us)
        return fraction_of(scheme, outcome, query)

    def delay_for(
        self, fraction: float, outcome: str = "query-error", query: str | None = None
    ) -> int | None:
        """The shortest delete delay from which on an outcome is at most so frequent, µs.

        It says what these trials would have needed. What rules prove for the worst case is longer:
        see :func:`sim.advise`. See :func:`sim.study.delays.least_delay_us` for how exact it is,
        when it is None, and what it refuses.

        Examples
        --------
        >>> import sim
        >>> small = {"horizon": "6d", "warmup": "1d", "trials": 1}
        >>> scenario = sim.load("scenarios/thanos-2022.toml", small)
        >>> found = sim.curve(scenario, delays="0s,1m,1h")
        >>> found.delay_for(0.0) == found.critical_us["last-week"]
        True
        """
        return least_delay_us(self._known, lambda: self._between, fraction, outcome, query)

    @property
    def _known(self) -> "list[tuple[int, SchemeResult]]":
        """The delays of the curve, rising, with what came out there."""
        (knob,) = self.value.knobs
        assert knob.numbers is not None
        found = ((knob.numbers[c.setting[0]], c.result.schemes[0]) for c in self.value.cells)
        return sorted(((int(us), scheme) for us, scheme in found), key=lambda pair: pair[0])

    @cached_property
    def _between(self) -> Delays:
        """What answers delays that are not on the curve."""
        longest_us, scheme = self._known[-1]
        return Delays(self.value.cells[0].result.scenario, scheme.index, longest_us)

    @property
    def origins(self) -> tuple[str, ...]:
        """Per delay, "simulated" or "curve": read off the trace of another delay."""
        return tuple(origin_of(cell.result.schemes[0]) for cell in self.value.cells)


class ComparisonResult(_Shown[Comparison]):
    """B against A, see :func:`compare`."""

    def to_frame(self) -> "DataFrame":
        """One difference a row, with the columns of the CSV that ``sim compare --csv`` writes."""
        from sim.report.comparison import comparison_rows

        return _frame(comparison_rows(self.value))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the differences of outcomes with their intervals; give the axes."""
        from sim.report.forest import difference_groups, outcome_differences

        groups = difference_groups(self.value)
        return outcome_differences(groups, _axes(ax), comparison=self.value)


class MatrixResult(_Shown[tuple[Cell, ...]]):
    """What is seen of failure modes under schemes, see :func:`matrix`."""

    def __repr__(self) -> str:
        """Give a line for each cell."""
        from sim.report.matrix import cell_text

        return "\n".join(f"{c.row.path.stem}: {c.scheme} {cell_text(c)}" for c in self.value)

    def to_frame(self) -> "DataFrame":
        """A cell a row, with the columns of ``reports/thanos-matrix/matrix.csv``."""
        from sim.report.matrix import cell_row

        return _frame(map(cell_row, self.value))


def _axes(ax: "Axes | None") -> "Axes":
    """The axes to draw on; new ones of the caller's own style where there are none."""
    if ax is not None:
        return ax
    from sim.report.style import new_axes

    return new_axes()


def _frame(rows: Iterable[Mapping[str, Any]]) -> "DataFrame":
    """A data frame of rows.

    Raises
    ------
    ImportError
        Names the extra that brings pandas.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("data frames need pandas: install consistency-sim[data]") from None
    return pd.DataFrame(list(rows))
