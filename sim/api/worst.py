"""What chance may do to a scenario."""

from collections.abc import Mapping

from sim.analysis.evidence.counterexample import Worst
from sim.api.sources import Source, load
from sim.study.attack import TRIES
from sim.study.worst import find_worst, span_of

__all__ = ["worst"]


def worst(
    source: Source,
    outcome: str,
    scheme: str | None = None,
    *,
    moves: Mapping[str, tuple[str, str]] | None = None,
    tries: int = TRIES,
    trial: int = 0,
) -> Worst:
    """Choose phases, lags and times of faults against a scheme, and find the smallest story.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    outcome : str
        What must not happen: an outcome of queries, or one of what is counted beside them.
    scheme : str or None
        Name of a scheme; None is the first.
    moves : Mapping or None
        Constant times that may be moved, and how far: ``{"faults.0.at": ("1h", "6h")}``.
    tries : int
        How many schedules to try at most, before one is found; at least 1.
    trial : int
        Whose seed makes the draws that are not chosen.

    Returns
    -------
    Worst
        ``found`` is None if nothing was found, which proves nothing; else its ``toml()`` is the
        text of a scenario that repeats it.

    Raises
    ------
    ScenarioError, OSError, ValueError
        As :func:`run`.
    """
    scenario = load(source)
    return find_worst(
        scenario,
        outcome,
        scheme_index=0 if scheme is None else scenario.scheme_index(scheme),
        trial=trial,
        spans=[span_of(scenario, key, *ends) for key, ends in (moves or {}).items()],
        tries=tries,
    )
