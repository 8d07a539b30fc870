"""Figures of the verification: simulated values and laws beside those that others found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.analysis.theory.oracle import Finding
from sim.core.laws import Floats
from sim.report.style import GREY, MARKERS, PALETTE, escaped, legend_below, new_figure, new_panels

__all__ = ["FreshReads", "Quantiles", "agreement", "fresh_reads", "quantile_panels"]

_FRESH_T_MS = np.geomspace(0.1, 3_000.0, 200)


def agreement(findings: Sequence[Finding]) -> Figure:
    """Draw each found value relative to its oracle's, with as many errors as are allowed.

    A bar that reaches 1 agrees; one that reaches neither dashed line refuses a formula that is
    10 % wrong.
    """
    return new_figure(lambda ax: _agreement(findings, ax), height=1.1 + 0.2 * len(findings))


def _agreement(findings: Sequence[Finding], ax: Axes) -> None:
    for row, finding in enumerate(findings):
        value, sample = finding.oracle.value, finding.sample
        colour = PALETTE[0] if finding.passes else PALETTE[2]
        reach = (sample.limit * sample.error + finding.oracle.rounding) / value
        ax.errorbar(
            sample.found / value, row, xerr=reach, fmt="o", ms=3, color=colour, lw=1.2, capsize=2
        )
    names = [f"{one.oracle.quantity}: {_short(one.oracle.setting)}" for one in findings]
    ax.set_yticks(range(len(findings)), [escaped(name) for name in names], fontsize=6.5)
    ax.set_ylim(len(findings) - 0.4, -0.6)
    ax.axvline(1.0, color=GREY, lw=0.8)
    for wrong in (0.9, 1.1):
        ax.axvline(wrong, color=GREY, lw=0.8, ls="--")
    ax.set_xlabel("simulated / oracle, with the errors that are allowed")


def _short(setting: str) -> str:
    return setting if len(setting) <= 48 else f"{setting[:47]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Quantiles of a sample and of the law that it should have, both ascending, min."""

    title: str
    simulated: Floats
    expected: Floats


def quantile_panels(
    laws: Sequence[Quantiles], counts: Mapping[str, Floats], expected: Floats
) -> Figure:
    """Draw quantiles against quantiles, and shares of counts against those of one law.

    Parameters
    ----------
    laws : sequence of Quantiles
        A panel each.
    counts : mapping
        Name of a lag to the counts of many reads.
    expected : array of float64
        Share of reads with 0, 1, … versions in flight.
    """

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(laws) + 1)
        for law, ax in zip(laws, panels, strict=False):
            _quantiles(law, ax)
        _counts(counts, expected, panels[-1])

    return new_panels(draw, width=9.6, height=3.6)


def _quantiles(law: Quantiles, ax: Axes) -> None:
    high = max(float(law.simulated[-1]), float(law.expected[-1]))
    ax.plot([0.0, high], [0.0, high], color=GREY, lw=0.8)
    ax.plot(law.expected, law.simulated, ".", ms=2, color=PALETTE[0])
    ax.set_title(law.title)
    ax.set_xlabel("quantile of the law, min")
    ax.set_ylabel("simulated, min")
    ax.set_aspect("equal")


def _counts(counts: Mapping[str, Floats], expected: Floats, ax: Axes) -> None:
    numbers = np.arange(expected.size)
    ax.bar(numbers, expected, color="#dfe5e8", label="Poisson")
    for place, (name, seen) in enumerate(counts.items()):
        share = np.array([(seen == number).mean() for number in numbers])
        error = 4.0 * np.sqrt(share * (1.0 - share) / seen.size)
        ax.errorbar(
            numbers + 0.2 * (place - 1),
            share,
            yerr=error,
            fmt=MARKERS[place],
            ms=3,
            lw=1.0,
            color=PALETTE[place],
            label=name,
        )
    ax.set_title("versions in flight")
    ax.set_xlabel("number; 4 standard errors")
    ax.set_ylabel("share of reads")
    ax.legend(fontsize=7, frameon=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshReads:
    """A fit: from which t on each read is fresh, ms, and what was published of (t, share)."""

    name: str
    fresh_from_ms: Floats
    published: Sequence[tuple[float, float]]


def fresh_reads(fits: Sequence[FreshReads]) -> Figure:
    """Draw the share of stale reads by the time since the commit, and the published points."""

    def draw(ax: Axes) -> None:
        for place, fit in enumerate(fits):
            known = np.sort(fit.fresh_from_ms)
            stale = 1.0 - np.searchsorted(known, _FRESH_T_MS, side="right") / known.size
            colour = PALETTE[place]
            ax.plot(_FRESH_T_MS, np.where(stale > 0.0, stale, np.nan), color=colour)
            t_ms = [max(t, float(_FRESH_T_MS[0])) for t, _ in fit.published]
            share = [1.0 - fresh for _, fresh in fit.published]
            ax.plot(t_ms, share, MARKERS[place], color=colour, ls="none", label=fit.name)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(5e-5, 1.2)
        ax.set_xlabel("ms after the commit (at once: left edge)")
        ax.set_ylabel("share of stale reads, R = W = 1")
        legend_below(ax, ax.get_legend_handles_labels()[0], columns=4)

    return new_figure(draw)
