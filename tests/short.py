"""A scenario that runs in a fraction of a second: three days, two schemes, two trials."""

SHORT = """
schema = 1
name = "short"
horizon = "3d"
warmup = "1d"
trials = 2

[compactor]
ranges = ["2h", "8h"]
downsampling = false

[producers]
local_retention = "2h"

[gateways]
sync_interval = "3m"

[[queries]]
name = "day"
rate = "1/m"
range = "1d"

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "later"
kind = "deletion-mark"
delete_delay = "6h"
ignore_deletion_marks_delay = "3h"
"""
