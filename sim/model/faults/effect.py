"""What a fault may do, door by door; a kind says what it does at its own."""

from collections.abc import Iterator
from typing import NamedTuple

from sim.core.laws import Law
from sim.scenario.language.faults import Fault


class Request(NamedTuple):
    """A request, as faults choose among them.

    Attributes
    ----------
    kind : str
        "get", "head", "list", "put" or "delete".
    about : str
        What is in the object: "chunks", "index", "meta.json" or "deletion-mark.json"; empty for
        a request that is about no object of a block, such as a LIST.
    is_compacted : bool
        Whether the block was made by the compactor.
    """

    kind: str
    about: str
    is_compacted: bool


class Effect:
    """One fault of a run, in force during [start_us, end_us).

    Parameters
    ----------
    spec : Fault
        Its table.
    """

    def __init__(self, spec: Fault, *, start_us: int, end_us: int) -> None:
        self.spec = spec
        self.start_us = start_us
        self.end_us = end_us

    def holds(self, t_us: int) -> bool:
        """Whether it is in force."""
        return self.start_us <= t_us < self.end_us

    @property
    def disturbs_requests(self) -> bool:
        """Whether requests of those it befalls must be asked about, one by one."""
        return False

    @property
    def tells_blocks_apart(self) -> bool:
        """Whether it matters to it who made a block."""
        return False

    def error_rates(self, request: Request) -> tuple[float, float]:
        """(P(failing without effect), P(being applied with the answer lost)) while it holds."""
        return 0.0, 0.0

    def denies(self, request: Request) -> bool:
        """Whether a read finds nothing while it holds, whatever is there."""
        return False

    def truncates(self, request: Request) -> bool:
        """Whether what a GET gives is cut short, without a word, while it holds."""
        return False

    def down_us(self, actor: str, request: Request, t_us: int, *, is_over: bool) -> int | None:
        """For how long an actor is down that crashes at a request; None if it does not.

        Asked twice of each put and delete: before the store has it, and (``is_over``) after the
        store has acknowledged it.
        """
        return None

    @property
    def clock_offset_us(self) -> int:
        """By how much clocks are ahead while it holds; negative if they are behind."""
        return 0

    @property
    def says_when_changes_show(self) -> bool:
        """Whether the store must ask it about each change."""
        return False

    def lag(self, change: str, plane: str, replica: int) -> Law | None:
        """The lag of changes acknowledged while it holds, where it is not the store's own.

        Parameters
        ----------
        change : str
            "create", "overwrite" or "delete".
        plane : str
            "get" or "list".
        """
        return None

    def cuts_off(self, replica: int) -> bool:
        """Whether no change reaches a replica while it holds."""
        return False

    @property
    def pauses(self) -> bool:
        """Whether those it befalls take no step while it holds."""
        return False

    @property
    def slowness(self) -> float:
        """How many times as long their work takes that begins while it holds."""
        return 1.0

    def turns_us(self) -> Iterator[int]:
        """Instants at which reads may be answered otherwise though nothing in the store changed."""
        yield from ()

    def absence_us(self) -> tuple[int, int] | None:
        """[start, end) during which those it befalls are down, if it takes them away."""
        return None
