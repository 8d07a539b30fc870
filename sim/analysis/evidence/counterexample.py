"""What a search for the worst finds: the smallest story of a kind, and how it deviates.

Data only: ``sim.study.worst`` makes it, ``sim.report.counterexample`` words it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.analysis.evidence.tale import Explained
from sim.analysis.expect import Judgement
from sim.core.units import US_PER_S
from sim.scenario.dump import brief_toml

if TYPE_CHECKING:
    from sim.core.streams import Identity
    from sim.scenario.schema import Scenario

__all__ = ["Counterexample", "Deviation", "Moved", "Shrunk", "Span", "Worst"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A time of a scenario that was moved, within what its span allows; in µs."""

    key: str
    before_us: int
    after_us: int
    low_us: int
    high_us: int

    def at(self, t_us: int) -> "Moved":
        """The same, moved elsewhere."""
        return replace(self, after_us=t_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time of the scenario that may be moved: the path of its key, and from when until when.

    Attributes
    ----------
    key : str
        ``"faults.0.at"``.
    before_us : int
        When it is.
    low_us, high_us : int
        The earliest and the latest, both allowed.
    """

    key: str
    before_us: int
    low_us: int
    high_us: int

    def moved(self, share: float) -> Moved:
        """The time at a share in [0, 1) of the span, in whole seconds if there are any."""
        t_us = self.low_us + int(share * (self.high_us - self.low_us + 1))
        whole_us = t_us // US_PER_S * US_PER_S
        return Moved(
            key=self.key,
            before_us=self.before_us,
            after_us=whole_us if whole_us >= self.low_us else t_us,
            low_us=self.low_us,
            high_us=self.high_us,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A draw that is not what the seed makes of it.

    Attributes
    ----------
    decides : tuple of (str or int)
        Its name.
    uniform, default : float
        What it is, and what it would have been; in [0, 1).
    value_us, default_us : int or None
        The durations that are made of them; None where that is no duration of one law.
    """

    decides: "Identity"
    uniform: float
    default: float
    value_us: int | None
    default_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest story that was found, as a scenario that repeats it.

    Attributes
    ----------
    scenario : Scenario
        One scheme, one trial, draws pinned; it expects that the outcome never happens.
    amount : float
        The largest share of the queries of a class that has the outcome, or how often something is
        counted.
    deviations : tuple of Deviation
        Draws that differ from the default schedule, in the order in which they are asked for.
    moved : tuple of Moved
        Times of the scenario that differ from it.
    left_out : tuple of str
        What the story does not need.
    drawn : int
        How many draws the world asks for.
    steps : int
        How many schedules were tried to make it smaller.
    """

    scenario: "Scenario"
    amount: float
    deviations: tuple[Deviation, ...]
    moved: tuple[Moved, ...]
    left_out: tuple[str, ...]
    drawn: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample(Shrunk):
    """Such a story as it was judged, and told.

    Attributes
    ----------
    outcome : str
    explained : Explained or None
        The first query that has the outcome, as a tale; None for what is counted, and where no
        query can be told alone.
    judgement : Judgement
        That its scenario breaks what it expects, and what shows it.
    """

    outcome: str
    explained: Explained | None
    judgement: Judgement

    def toml(self) -> str:
        """The text of a scenario file that repeats it, without what is as by default."""
        return brief_toml(self.scenario)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """What came of a search.

    Attributes
    ----------
    scheme, outcome : str
        What was attacked.
    tried : int
        How many schedules were played.
    drawn : int
        How many draws the world asks for, at least.
    slack_us : float
        How much longer the delete delay is than any query needed it to be in the schedule that came
        nearest; inf where that is not known. Below 0 where something was found.
    proof : str
        Names of the rules that exclude the outcome; empty if none do.
    found : Counterexample or None
    """

    scheme: str
    outcome: str
    tried: int
    drawn: int
    slack_us: float
    proof: str
    found: Counterexample | None
