"""Finding what a scenario must never do, and the smallest schedule in which it does it.

A schedule is a scenario, a seed, and the draws that are not what the seed makes of them. All that
the world draws may be chosen: lags, phases, durations, intervals, times of faults that are laws;
constant times only where ``moves`` says how far.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from sim.analysis.evidence.counterexample import Deviation, Moved, Worst
from sim.core.streams import Identity
from sim.model.world import asked
from sim.report.counterexample import counterexample_lines
from sim.scenario.schema import Scenario
from sim.study.attack import TRIES, Attack
from sim.study.steering import Course
from sim.study.worst import find_worst, span_of
from sim.testing.labels import labelled

__all__ = ["Counterexample", "find_counterexample", "schedules"]

_TARGETED_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest story of a violation that was found.

    ``str`` tells it: how it deviates from the default schedule, then what happens.

    Attributes
    ----------
    worst : Worst
        All that the search says; ``worst.found`` is not None.
    """

    worst: Worst

    @property
    def scenario(self) -> Scenario:
        """One scheme, one trial, draws pinned: ``sim run`` repeats the violation."""
        assert self.worst.found is not None
        return self.worst.found.scenario

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Draws that are not those of the default schedule, and what they would have been."""
        assert self.worst.found is not None
        return self.worst.found.deviations

    @property
    def moved(self) -> tuple[Moved, ...]:
        """Constant times that had to be moved."""
        assert self.worst.found is not None
        return self.worst.found.moved

    def save(self, path: Path | str) -> Path:
        """Write the scenario as a file, which expects that the outcome never happens.

        ``sim run`` on it exits with 1, and shows the same witness.
        """
        assert self.worst.found is not None
        target_path = Path(path)
        target_path.write_text(self.worst.found.toml(), encoding="utf-8")
        return target_path

    def __str__(self) -> str:
        assert self.worst.found is not None
        head = f"{self.worst.scheme}: {self.worst.outcome}"
        return "\n".join([head, *counterexample_lines(self.worst.found)])


def find_counterexample(
    scenario: Scenario,
    outcome: str,
    *,
    scheme: str | None = None,
    trial: int = 0,
    moves: Mapping[str, tuple[str, str]] | None = None,
    tries: int = TRIES,
) -> Counterexample | None:
    """Choose draws against a scenario, until something happens that must not, and shrink that.

    The same call finds the same: nothing is left to chance, and no database is kept.

    Parameters
    ----------
    scenario : Scenario
        Draws that it pins stay as they are.
    outcome : str
        What must not happen: an outcome of queries (``"query-error"``, ``"silent-gap"``, …) or one
        of what is counted beside them (``"lost-block"``, ``"compactor-halt"``, …).
    scheme : str or None
        Name of a scheme; None is the first.
    trial : int
        Whose seed makes the draws that are not chosen.
    moves : mapping of str to (str, str) or None
        Constant times that may be moved, and how far: ``{"faults.0.at": ("1h", "6h")}``.
    tries : int
        How many schedules to try at most, before one is found; at least 1.

    Returns
    -------
    Counterexample or None
        None if nothing was found, which proves nothing.

    Raises
    ------
    ValueError
        If there is no such outcome or scheme.
    ScenarioError
        If a time that may be moved is none.
    """
    worst = find_worst(
        scenario,
        outcome,
        scheme_index=0 if scheme is None else scenario.scheme_index(scheme),
        trial=trial,
        spans=[span_of(scenario, key, *ends) for key, ends in (moves or {}).items()],
        tries=tries,
        before=targeted,
    )
    return None if worst.found is None else Counterexample(worst)


def targeted(attack: Attack) -> None:
    """Let Hypothesis search, with the slack that queries have as what to make small."""
    nearest = attack.nearest
    names = list(nearest.played.asked) if nearest is not None else []
    count = min(_TARGETED_MAX, (attack.tries - attack.tried) // 2)
    if not names or count < 1:
        return

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=count,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
    )
    @given(_draws(names))
    def play(draws: dict[Identity, float]) -> None:
        if attack.is_over:
            return
        played = attack.attempt(Course(draws=draws))
        if played is not None and played.slack_us < float("inf"):
            target(-played.slack_us, label="slack, negated")

    play()


def schedules(
    scenario: Scenario, *, scheme: str | None = None, trial: int = 0
) -> SearchStrategy[Scenario]:
    """The scenario with some of the draws of its world pinned; with none of them, to shrink to.

    Parameters
    ----------
    scenario : Scenario
        Draws that it pins stay as they are.
    scheme : str or None
        Name of the scheme whose draws they are; None is the first.
    trial : int
        The trial whose draws they are.
    """
    index = 0 if scheme is None else scenario.scheme_index(scheme)
    own = scenario.pins
    names = [name for name in asked(scenario, index, trial) if name not in own]
    if not names:
        return st.just(scenario)
    return _draws(names).map(lambda draws: labelled(scenario.with_pins(own | draws)))


def _draws(names: list[Identity]) -> SearchStrategy[dict[Identity, float]]:
    """Values for a few draws: the ends of laws often, and any other."""
    uniforms = st.one_of(
        st.sampled_from([0.0, 0.5, 0.999999]), st.floats(0.0, 1.0, exclude_max=True)
    )
    pairs = st.lists(st.tuples(st.sampled_from(names), uniforms), max_size=8)
    return pairs.map(dict)
