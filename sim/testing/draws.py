"""A Hypothesis strategy for draws that are pinned."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["pinned_draws"]


def pinned_draws(n_gateways: int, n_faults: int) -> SearchStrategy[list[dict[str, Any]]]:
    """``[[draws]]`` tables: one or two phases of gateways or times of faults."""
    places = [["gateway", g, "phase"] for g in range(n_gateways)]
    places += [["fault", i, what] for i in range(n_faults) for what in ("at", "lasts")]
    pin = st.fixed_dictionaries(
        {"decides": st.sampled_from(places), "uniform": st.sampled_from([0.0, 0.5, 0.9375])}
    )
    return st.lists(pin, min_size=1, max_size=2, unique_by=lambda table: tuple(table["decides"]))
