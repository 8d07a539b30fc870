"""Hypothesis strategies for what people do to the bucket."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from sim.scenario.schema import INTERVENTION_KINDS
from sim.testing.durations import HOUR_M, minutes

__all__ = ["interventions"]


@composite
def interventions(draw: DrawFn, *, n_producers: int, horizon_m: int) -> dict[str, Any]:
    """One ``[[interventions]]`` table; it may be after the horizon, or find nothing to do."""
    kind = draw(st.sampled_from(INTERVENTION_KINDS))
    at = {"kind": kind, "at": draw(minutes(0, horizon_m + HOUR_M))}
    if kind == "cleanup":
        return {**at, "delete_delay": draw(minutes(0, 6 * HOUR_M))}
    if kind == "upload":
        return {
            **at,
            "stream": draw(st.integers(0, n_producers - 1)),
            "older_than": draw(minutes(0, 6 * HOUR_M)),
            "which": draw(st.sampled_from(["all", "oldest", "newest"])),
            "names": draw(st.sampled_from(["itself", "nothing"])),
        }
    table: dict[str, Any] = {
        **at,
        "stream": draw(st.one_of(st.just("all"), st.integers(0, n_producers - 1))),
        "level": draw(st.sampled_from(["any", "any", 1, 2])),
        "resolution": draw(st.sampled_from(["any", "any", "raw"])),
        "older_than": draw(minutes(0, 6 * HOUR_M)),
        "which": draw(st.sampled_from(["all", "oldest", "newest"])),
    }
    if kind == "delete":
        table["leaves_mark"] = draw(st.booleans())
    if kind == "rewrite":
        table["marks_old"] = draw(st.booleans())
    return table
