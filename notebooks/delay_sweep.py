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
# # How long must a delete delay be?
#
# Blocks reach the end of their retention, are marked, hidden by readers once the mark is older than
# `ignore_deletion_marks_delay` (I), and deleted once it is older than `delete_delay` (D). Nothing
# replaces them, so only the mark can make a reader let go in time. Readers look every 15 minutes,
# a look takes 1 minute, a query reads for 2: a reader may use a block for I + 18m after its mark.

# %%
from IPython.display import Image

from sim.analysis.results import estimate
from sim.core.units import parse_duration
from sim.report.style import PALETTE, legend_below, new_figure, to_png
from sim.scenario.load import build
from sim.study.run import run_scenario

DELAYS_M = (0, 10, 20, 26, 30, 34, 38, 60)


def hide_delays_m(delay_m):
    """The three ways to choose I that are compared."""
    return {"I = D/2": delay_m / 2, "I = 10m": 10, "I = 24h, forgotten": 24 * 60}


environment = {
    "schema": 1,
    "name": "delay-sweep",
    "horizon": "6d",
    "warmup": "3d",
    "trials": 4,
    "producers": {"local_retention": "6h"},
    "compactor": {
        "ranges": ["2h", "8h"],
        "downsampling": False,
        "retention": {"raw": "2d"},
    },
    "gateways": {"sync_interval": "15m", "sync_takes": "1m"},
    "queries": [{"name": "three-days", "rate": "1/s", "range": "3d", "takes": "2m"}],
}
schemes = [
    {
        "name": f"{family}, D {delay_m}m",
        "kind": "deletion-mark",
        "delete_delay": f"{delay_m}m",
        "ignore_deletion_marks_delay": f"{round(hide_m * 60)}s",
    }
    for delay_m in DELAYS_M
    for family, hide_m in hide_delays_m(delay_m).items()
]
scenario = build({**environment, "schemes": schemes})

# %% [markdown]
# All schemes of a trial meet the same uploads, phases and arrivals: what differs is the scheme.

# %%
result = run_scenario(scenario, workers=1)
found = {s.name: estimate(s, ("query-error",)) for s in result.schemes}


LOWEST = 1e-8  # what is rarer is drawn there


def draw(ax):
    for family, colour, size in zip(hide_delays_m(0), PALETTE, (8, 5, 5), strict=False):
        points = [(d, found[f"{family}, D {d}m"].interval) for d in DELAYS_M]
        ax.plot(
            [d for d, i in points if i.fraction > 0],
            [i.fraction for _, i in points if i.fraction > 0],
            marker="o",
            markersize=size,
            color=colour,
            label=family,
        )
        for delay_m, interval in points:
            if interval.fraction > 0:
                ax.vlines(delay_m, max(interval.low, LOWEST), interval.high, color=colour)
            elif interval.high > 0:
                most = max(interval.high, LOWEST)
                ax.plot(delay_m, most, "v", ms=size, fillstyle="none", color=colour)
    ax.plot([], [], "v", fillstyle="none", color="black", label="none failed: at most this")
    ax.set_yscale("log")
    ax.set_xlabel("delete delay D (min)")
    ax.set_ylabel("queries that fail (95 % interval)")
    ax.set_title("How often does a query fail, by delete delay?", loc="left")
    legend_below(ax, ax.get_legend_handles_labels()[0], columns=2)


Image(to_png(new_figure(draw, height=4.4)), width=720)

# %% [markdown]
# The rule D > I + P + s + Q, with P the period, s the sync and Q the query, says where each curve
# must have ended: at 28m for I = 10m, at 36m for I = D/2, never for I = 24h.
#
# A curve may end earlier. The rule is for the worst phase between compactor and reader. All else is
# constant here, so a trial has one phase, and four trials have four. An open triangle says how
# many queries were looked at, not that no phase fails.

# %%
for name, one in found.items():
    if "I = D/2" in name:
        delay_us = parse_duration(name.rpartition(" ")[2])
        seen = f"{one.seen_in_trials} of {scenario.trials} trials"
        print(f"D {delay_us // 60_000_000:>2}m  failed in {seen}")

# %% [markdown]
# Waiting is paid in bytes: retired data that is still stored, as a mean over time.

# %%
for scheme in result.schemes:
    if "I = D/2" in scheme.name:
        mean_bytes = sum(t.counts["garbage-bytes"] for t in scheme.trials) / len(scheme.trials)
        print(f"{scheme.name:>16}  {mean_bytes / 2**20:6.1f} MiB")
