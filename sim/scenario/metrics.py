"""What is counted beside the queries: for each number its name, its unit, and how trials add up.

Judges compute them, ``[expect]`` may name some, reports show them; whoever needs to know what a
number is asks here. Names are dotted where several belong together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["MEASURES", "METRICS", "OBSERVATIONS", "Adding", "Metric"]


class Adding(StrEnum):
    """What the numbers of several trials are together."""

    SUM = "sum"
    MEAN = "mean over trials"
    WEIGHED = "mean over samples"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number that a trial gives.

    Attributes
    ----------
    name : str
        Dotted path in the counts of a trial.
    unit : str
        "count", "bytes" or "s".
    adding : Adding
        A mean over samples is weighed by the ``n`` beside it.
    is_expected : bool
        Whether ``[expect]`` may name it. It should be 0 then, and the screen shows it if it is not.
    """

    name: str
    unit: str = "count"
    adding: Adding = Adding.SUM
    is_expected: bool = False


def _sample(name: str) -> tuple[Metric, ...]:
    """The summary of a sample of durations."""
    return (
        Metric(name=f"{name}.n"),
        *(
            Metric(name=f"{name}.{key}", unit="s", adding=Adding.WEIGHED)
            for key in ("mean_s", "p50_s", "p99_s")
        ),
        Metric(name=f"{name}.max_s", unit="s", adding=Adding.LARGEST),
    )


def _queue(name: str) -> tuple[Metric, ...]:
    """How much of something is due and not done."""
    return (
        Metric(name=f"{name}.mean", adding=Adding.MEAN),
        Metric(name=f"{name}.most", adding=Adding.LARGEST),
        Metric(name=f"{name}.last", adding=Adding.MEAN),
        Metric(name=f"{name}.grows"),
    )


_ALL: Final = (
    Metric(name="duplicate-compaction", is_expected=True),
    Metric(name="compactor-halt", is_expected=True),
    Metric(name="compactor-error", is_expected=True),
    Metric(name="lost-block", is_expected=True),
    Metric(name="dangling-block", is_expected=True),
    Metric(name="leaked-block", is_expected=True),
    Metric(name="orphan-mark", is_expected=True),
    Metric(name="dangling-reference", is_expected=True),
    Metric(name="left-behind", is_expected=True),
    Metric(name="re-references"),
    Metric(name="compactions"),
    Metric(name="stored-bytes", unit="bytes", adding=Adding.MEAN),
    Metric(name="garbage-bytes", unit="bytes", adding=Adding.MEAN),
    Metric(name="left-behind-bytes", unit="bytes", adding=Adding.MEAN),
    *(Metric(name=f"requests.{kind}") for kind in ("get", "head", "list", "put", "delete")),
    *_sample("time-to-visible"),
    Metric(name="time-to-visible.never"),
    *_sample("retention-overshoot"),
    *_sample("damage-found"),
    Metric(name="damage-found.never"),
    *_queue("backlog"),
    *_sample("compaction-wait"),
    *_queue("sweep-backlog"),
    *_sample("deletion-wait"),
)

METRICS: Final[Mapping[str, Metric]] = MappingProxyType({metric.name: metric for metric in _ALL})
"""By name, in the order in which they are shown."""

OBSERVATIONS: Final = tuple(metric.name for metric in _ALL if metric.is_expected)
"""What is counted beside the queries and may be expected."""

MEASURES: Final = tuple(
    metric.name for metric in _ALL if not metric.is_expected and not metric.name.endswith(".n")
)
"""What ``[expect]`` may bound, and never say that it does not happen."""
