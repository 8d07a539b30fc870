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
# # A first question: is a delay of ten minutes enough?
#
# One Prometheus, its blocks compacted as usual; a store gateway that looks every 5 minutes; queries
# over three days that read for half a minute.

# %%
from IPython.display import Image

import sim
from sim.report.style import new_figure, to_png

scenario = sim.load(
    {
        "schema": 1,
        "name": "first-question",
        "horizon": "8d",
        "warmup": "3d",
        "trials": 4,
        "producers": {"local_retention": "6h", "upload_after": "20s"},
        "compactor": {
            "ranges": ["2h", "8h", "2d"],
            "downsampling": False,
            "compaction_takes": {"law": "uniform", "low": "30s", "high": "4m"},
        },
        "gateways": {"sync_interval": "5m", "sync_takes": "20s"},
        "queries": [{"name": "three-days", "rate": "1/s", "range": "3d", "takes": "30s"}],
        "schemes": [
            {"name": "at once", "kind": "immediate"},
            {"name": "marked", "kind": "deletion-mark", "delete_delay": "10m"},
        ],
    }
)
found = sim.run(scenario)
found

# %% [markdown]
# Ten minutes are enough: no query failed, and rules prove that none can. How much less would do?
# One trace of each trial answers every delay.

# %%
curve = sim.curve(scenario, delays="0s..7m/29")
print({origin: curve.origins.count(origin) for origin in curve.origins})
print({query: f"{us / 1e6:g} s" for query, us in curve.critical_us.items()})
Image(to_png(new_figure(curve.plot, height=4.4)))

# %% [markdown]
# The dashed line is where the rule begins to prove it, the worst case; the trials themselves would
# have been fine a little earlier. What is advised, and what does it save?

# %%
advice = sim.advise(scenario, {"query-error": 1e-6})
for choice in advice.choices:
    gib = choice.scheme.trials[0].counts["garbage-bytes"] / 2**30
    print(f"{choice!r}: {gib:.2f} GiB of garbage")
print(advice.dominant.key, f"saves {advice.dominant.saved_us / 1e6:g} s if it is halved")

# %% [markdown]
# And below that? The query that fails a second earlier has a story.

# %%
below_s = advice.below.delete_delay_us // 10**6
told = sim.explain(
    sim.load(scenario, {"schemes.marked.delete_delay": f"{below_s}s"}), "marked", "query-error"
)
for saved in told.saved:
    if saved.needed_us is not None:
        print(f"{saved.key}: {saved.needed_us / 1e6:g} s would have saved it")
