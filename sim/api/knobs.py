"""Which knobs of a scenario matter most."""

from collections.abc import Mapping

from sim.api.shown import KnobsResult
from sim.api.sources import Source, load
from sim.scenario.dump import to_toml
from sim.scenario.load import load as load_file
from sim.scenario.ranges import parse_range
from sim.study.effects import SAMPLES, draw_settings, knob_effects, scheme_of

__all__ = ["knobs"]


def knobs(
    source: Source,
    vary: Mapping[str, str],
    scheme: str | None = None,
    outcome: str = "query-error",
    *,
    samples: int = SAMPLES,
    workers: int | None = 1,
) -> KnobsResult:
    """Say which knobs matter most to a number of a scheme (extra ``search``).

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    vary : Mapping
        Ranges by key path, ``"1m..15m"`` or ``"log:1m..48h"``.
    scheme : str or None
        Name; None takes the first that a knob is of, or else the first.
    outcome : str
        An outcome, whose fraction it is, or "garbage-bytes".
    samples : int
        A power of two; each takes a setting for every knob, and two more.
    workers
        As for :func:`run`.

    Raises
    ------
    ScenarioError, OSError
        As :func:`load`, with the problems of all settings.
    ImportError
        Names the extra that brings SALib.
    ValueError
        If a range cannot be read, or there is no scheme or outcome of a name.
    """
    scenario = load(source)
    ranges = [parse_range(f"{path}={span}") for path, span in vary.items()]
    chosen = None if scheme is None else scenario.scheme_index(scheme)
    text = to_toml(scenario)
    settings = draw_settings(
        lambda values: load_file(text, values), ranges, samples=samples, seed=scenario.seed
    )
    index = scheme_of(settings) if chosen is None else chosen
    return KnobsResult(
        knob_effects(settings, ranges, index, outcome, samples=samples, workers=workers)
    )
