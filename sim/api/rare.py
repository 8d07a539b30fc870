"""How likely a failure is that hardly any trial has."""

from sim.analysis.rare import Rare
from sim.api.sources import Source, load
from sim.study.rare import REPEATS, SAMPLES
from sim.study.rare import rare as rare_of

__all__ = ["rare"]


def rare(
    source: Source,
    scheme: str | None = None,
    outcome: str = "query-error",
    *,
    samples: int = SAMPLES,
    repeats: int = REPEATS,
    workers: int | None = 1,
) -> Rare:
    """Estimate how likely a query is to have an outcome, down to 1e-9 and less.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    scheme : str or None
        Name; None takes the first with a delete delay.
    outcome : str
        "query-error", "partial-response" or "warned".
    samples, repeats : int
        Trials of each level, and independent repetitions, whose spread is the error.
    workers
        As for :func:`run`.

    Returns
    -------
    Rare
        ``estimate`` has the fraction, its interval and its relative error.

    Raises
    ------
    ScenarioError, OSError
        As :func:`load`, and if the scheme has no delete delay, or others cause the outcome.
    ValueError
        If there is no scheme of the name, or too few samples or repeats.
    """
    scenario = load(source)
    marked = [i for i, one in enumerate(scenario.schemes) if one.kind == "deletion-mark"]
    index = next(iter(marked), 0) if scheme is None else scenario.scheme_index(scheme)
    return rare_of(scenario, index, outcome, samples=samples, repeats=repeats, workers=workers)
