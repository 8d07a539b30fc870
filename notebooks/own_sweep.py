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
# %% [markdown]
# # A sweep of your own
#
# Which of two settings hurts more when blocks are deleted at once: how often readers look, or how
# long their queries read? Any key of a scenario can be varied; the numbers come as a data frame, to
# be drawn as one likes.

# %%
from IPython.display import Image

import sim
from sim.report.style import PALETTE, legend_below, new_figure, to_png

scenario = sim.load(
    {
        "schema": 1,
        "name": "own-sweep",
        "horizon": "8d",
        "warmup": "3d",
        "trials": 2,
        "producers": {"local_retention": "6h"},
        "compactor": {
            "ranges": ["2h", "8h", "2d"],
            "downsampling": False,
            "compaction_takes": {"law": "uniform", "low": "30s", "high": "4m"},
        },
        "queries": [{"name": "three-days", "rate": "1/s", "range": "3d"}],
        "schemes": [{"name": "at once", "kind": "immediate"}],
    }
)
swept = sim.sweep(
    scenario,
    {
        "gateways.sync_interval": ["1m", "3m", "5m", "10m", "15m"],
        "queries.0.takes": ["0s", "2m", "10m"],
    },
)
frame = swept.to_frame()
failing = frame[(frame["metric"] == "query-error") & (frame["query"] == "*")]
table = failing.pivot(index="queries.0.takes_s", columns="gateways.sync_interval_s", values="value")
(table * 100).round(3)

# %% [markdown]
# In percent of the queries. A minute more of reading costs more than a minute more between two
# looks, of which a deletion meets half on average:


# %%
def draw(ax):
    for (takes_s, row), colour in zip(table.iterrows(), PALETTE, strict=False):
        ax.plot(
            row.index / 60,
            row * 100,
            marker="o",
            color=colour,
            label=f"reads for {takes_s / 60:g} min",
        )
    ax.set_xlabel("sync interval (min)")
    ax.set_ylabel("queries that fail (%)")
    ax.set_ylim(bottom=0)
    ax.set_title("Does it matter more how often readers look, or how long they read?", loc="left")
    legend_below(ax, ax.get_lines())


Image(to_png(new_figure(draw)))
