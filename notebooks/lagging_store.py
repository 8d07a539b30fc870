# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What a store that lags does to readers
#
# New keys are readable at once but appear late in listings, as many stores had it before they
# became strongly consistent. A compacted block then replaces its sources before readers can see it.
# If the sources are deleted at once, a query finds neither: not an error, but an answer from which
# data is missing and nobody says so.

# %%
from pathlib import Path

from IPython.display import Image

from sim.analysis.results import estimate
from sim.report.style import OUTCOME_COLOURS, OUTCOME_MARKERS, legend_below, new_figure, to_png
from sim.scenario.load import load
from sim.study.run import run_scenario

FILE = Path("../scenarios/lagging-store.toml")
MEANS_S = (10, 30, 60, 180, 600)
OUTCOMES = ("query-error", "silent-gap")


def lagging(mean_s):
    """The scenario with another mean of the listing lag, and a shorter run."""
    law = {"law": "exponential", "mean": f"{mean_s}s", "at_most": "25m"}
    return load(FILE, {"store.lag.create.list": law, "horizon": "10d", "trials": 2})


results = {mean_s: run_scenario(lagging(mean_s), workers=1) for mean_s in MEANS_S}

# %%
schemes = [scheme.name for scheme in results[MEANS_S[0]].schemes]


def draw(ax):
    styles = dict(zip(schemes, ("-", "--"), strict=True))
    for index, scheme in enumerate(schemes):
        for outcome in OUTCOMES:
            points = [
                (mean_s, estimate(result.schemes[index], (outcome,)).interval)
                for mean_s, result in results.items()
            ]
            seen = [(mean_s, i.fraction) for mean_s, i in points if i.fraction > 0]
            none = [(mean_s, i.high) for mean_s, i in points if i.fraction == 0]
            colour, marker = OUTCOME_COLOURS[outcome], OUTCOME_MARKERS[outcome]
            label = f"{scheme}: {outcome}"
            if not any(i.high for _, i in points):
                label += ", proven never"
            ax.plot(
                *zip(*seen, strict=True) if seen else ((), ()),
                color=colour,
                linestyle=styles[scheme],
                marker=marker,
                label=label,
            )
            bounds = [(mean_s, high) for mean_s, high in none if high > 0]
            if bounds:
                ax.plot(
                    *zip(*bounds, strict=True),
                    "v",
                    color=colour,
                    markerfacecolor="none",
                    label=f"{scheme}: no {outcome} seen, at most this",
                )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("mean lag of listings (s)")
    ax.set_ylabel("fraction of queries")
    ax.set_title("What does a late listing cost?", loc="left")
    legend_below(ax, ax.get_legend_handles_labels()[0], columns=2)


Image(to_png(new_figure(draw, height=4.4)), width=720)

# %% [markdown]
# Triangles are upper bounds: no query of that kind was among those asked. Errors hardly depend
# on the lag; they last from the deletion to the next sync. Gaps grow with it: they last from the
# sync that drops the sources to the first one that sees the replacement.
#
# A delay of 48 hours covers any lag here. It has a side effect: until the compactor itself
# sees what it has made, it compacts the same blocks again.

# %%
for mean_s, result in results.items():
    marked = result.schemes[1]
    again = sum(trial.counts["duplicate-compaction"] for trial in marked.trials)
    made = sum(trial.counts["compactions"] for trial in marked.trials)
    print(f"listings {mean_s:>3} s late: {again:>3} of {made} compactions were done before")
