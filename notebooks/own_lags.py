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
# # Bring your own lags
#
# You have measured how long a gateway takes to look at the bucket: so long its view lags at least.
# Some measurements ended before the gateway was through: it was restarted, or somebody stopped it.
# Such a row says that it takes longer than that, and no more. `own_lags.csv` has them with `>` or
# with `yes` in the column `censored`. Its numbers are made up. A law of any other lag, such as that
# of a listing (`store.lag.create.list`), is read from a file in the same way.

# %%
from pathlib import Path

from IPython.display import Image

import sim
from sim.report.style import PALETTE, legend_below, new_figure, to_png

rows = [line for line in Path("own_lags.csv").read_text().splitlines() if line[0] != "#"]
print(len(rows) - 1, "measurements,", sum("yes" in row or ">" in row for row in rows), "not over")

# %% [markdown]
# Nobody knows how long the longest were. The program asks instead of guessing:

# %%
environment = {
    "schema": 1,
    "name": "own-lags",
    "horizon": "6d",
    "warmup": "2d",
    "trials": 3,
    "producers": {"local_retention": "6h"},
    "compactor": {"ranges": ["2h", "8h"], "downsampling": False},
    "gateways": {"sync_interval": "5m"},
    "queries": [{"name": "day", "rate": "1/s", "range": "1d", "takes": "20s"}],
    "schemes": [
        {
            "name": "marked",
            "kind": "deletion-mark",
            "delete_delay": "2h",
            "ignore_deletion_marks_delay": "1h",
        }
    ],
}
LAG = "gateways.sync_takes"
measured = {"law": "empirical", "file": "own_lags.csv"}
try:
    sim.load(environment, {LAG: measured})
except ValueError as error:
    print(error)

# %% [markdown]
# So we decide, and say so: nothing takes longer than 30 minutes. All that is not known to be over
# sooner is taken to last that long, which is the safe side. The rows that ended early are used by
# the product-limit estimator. Two wrong ways to treat them are beside it.


# %%
def durations(*, is_kept):
    """Rows as if they were over, or without those that were not."""
    cells = [row.split(",") for row in rows[1:]]
    return [
        lag.removeprefix(">")
        for lag, censored in cells
        if is_kept or not (censored or lag.startswith(">"))
    ]


laws = {
    "as measured": {**measured, "at_most": "30m"},
    "taken for over": {"law": "empirical", "samples": durations(is_kept=True)},
    "left out": {"law": "empirical", "samples": durations(is_kept=False)},
}
scenarios = {name: sim.load(environment, {LAG: law}) for name, law in laws.items()}


def draw(ax):
    lags_s = [10 ** (i / 50) for i in range(165)]
    for (name, scenario), colour in zip(scenarios.items(), PALETTE, strict=False):
        law = scenario.gateways.sync_takes
        beyond = [1 - law.cdf(lag_s * 1e6) for lag_s in lags_s]
        ax.step(lags_s, beyond, where="post", color=colour, label=name)
    ax.set_xscale("log")
    ax.set_xlabel("duration (s)")
    ax.set_ylabel("share that lasts longer")
    ax.set_ylim(bottom=0)
    ax.set_title("How long does a look at the bucket take?", loc="left")
    legend_below(ax, ax.get_lines())


for name, scenario in scenarios.items():
    law = scenario.gateways.sync_takes
    late = 100 * (1 - law.cdf(240e6))
    print(f"{name:>15}: mean {law.mean / 1e6:4.0f} s, {late:4.1f} % later than 4 min")
Image(to_png(new_figure(draw)))

# %% [markdown]
# What delete delay would these trials have needed, and what do rules prove for the worst case?

# %%
for name, scenario in scenarios.items():
    curve = sim.curve(scenario, delays="0s..1h/7")
    advice = sim.advise(scenario, {"query-error": 1e-5})
    need_s = curve.delay_for(1e-5) / 1e6
    proven_s = advice.proven.delete_delay_us / 1e6
    print(
        f"{name:>15}: {need_s:5.0f} s for one failure in 100,000, proven from {proven_s:.0f} s on"
    )

# %% [markdown]
# Rows that were not over are few, and they decide: without them the delay that looks safe is a
# fraction of what it has to be. The worst case rests on the 30 minutes that we assumed, and on
# nothing that was measured: a longer watch would be worth more than more rows.
