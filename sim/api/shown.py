"""Results as Python users look at them: a line of text, a data frame, a picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sim.analysis.compare import Comparison
from sim.analysis.results import Result
from sim.analysis.sweep import Sweep, origin_of

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

    from sim.report.style import Axes

__all__ = ["ComparisonResult", "CurveResult", "RunResult", "SweepResult"]

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Shown(Generic[V]):
    """What a study found, to look at."""

    value: V

    def __repr__(self) -> str:
        return repr(self.value)


class RunResult(_Shown[Result]):
    """Schemes over trials, see :func:`run`."""

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

    def to_frame(self) -> "DataFrame":
        """One number a row, with the columns of the CSV that ``sim sweep --csv`` writes."""
        from sim.report.sweepdocument import sweep_rows

        return _frame(sweep_rows(self.value))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw failing fractions over the first key, a line for each scheme and other value."""
        from sim.report.sweepfigures import failure_lines

        return failure_lines(self.value, _axes(ax))


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
