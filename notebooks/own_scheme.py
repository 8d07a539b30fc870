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
# # A scheme of your own
#
# What if retired blocks stayed until there are too many of them, rather than for a time? Nobody
# built that into the program: here is such a scheme, in a module of its own, and what becomes of
# queries under it. A notebook may define it in a cell, which is the module `__main__`.

# %%
import sim
from sim.schemes.own import NEVER, Bytes, Deletes, Duration, Field, OwnScheme
from sim.testing import failing_reads, simulate_small


class UpTo(Deletes):
    """So many bytes of retired blocks stay; of more, the oldest go."""

    most: Bytes = Field("2GiB", description="How much garbage is kept.")

    @property
    def delay_us(self):
        return 0

    def made(self, scenario):
        return self

    def due(self, record, view, now_us):
        waiting = record.due(view, NEVER)
        excess, going = sum(block.bytes for block in waiting) - self.most, []
        for block in waiting:
            if excess > 0:
                going.append(block)
                excess -= block.bytes
        return going


class Quota(OwnScheme):
    """Blocks are marked, and the oldest of them go when there are too many."""

    most: Bytes = Field("2GiB", description="How much garbage is kept.")
    hide: Duration = Field("30m", description="Age of a mark that readers heed.")

    @property
    def composed(self):
        hide = {"kind": "mark-age", "after": self.said["hide"]}
        return self.slots(record="mark", hide=hide, delete=UpTo(most=self.said["most"]))


# %% [markdown]
# A scenario names the class. Beside it: the same marks with a delay.

# %%
scenario = sim.load(
    {
        "schema": 1,
        "name": "quota",
        "horizon": "6d",
        "warmup": "2d",
        "trials": 2,
        "producers": {"local_retention": "4h"},
        "compactor": {"ranges": ["2h", "8h", "2d"], "downsampling": False},
        "gateways": {"sync_interval": "15m"},
        "queries": [{"name": "two-days", "rate": "1/s", "range": "2d"}],
        "schemes": [
            {"name": "quota", "kind": "__main__:Quota", "most": "1GiB"},
            {
                "name": "delay",
                "kind": "deletion-mark",
                "delete_delay": "1h",
                "ignore_deletion_marks_delay": "30m",
            },
        ],
    }
)
sim.run(scenario)

# %% [markdown]
# Rules prove that a delay of an hour fails no query. They prove nothing of a scheme that they do
# not know, and its queries do fail. Is the quota too small?

# %%
sim.sweep(scenario, {"schemes.quota.most": ["0B", "1GiB", "4GiB", "16GiB"]}, schemes=["quota"])

# %% [markdown]
# No quota is large enough. What fails then, and when?

# %%
large = sim.load(scenario, {"schemes.quota.most": "16GiB"})
failing_reads(simulate_small(large))

# %% [markdown]
# Twice, for as long as readers take to look again: when a block of two days replaces six others.
# The first of these are the oldest blocks that there are, though nobody knew that they would go
# until a moment ago, and the quota takes the oldest. A delay counts from that moment, and this is
# what it is for.
#
# Failure modes of Thanos that the shipped scenarios show, asked of this scheme: `F-a1` is deleting
# at once, `F-b1` a replacement that readers cannot load.

# %%
sim.matrix({"quota": {"kind": "__main__:Quota", "most": "1GiB"}}, ["F-a1", "F-b1"], trials=1)
