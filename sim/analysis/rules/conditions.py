"""Which rules one scheme of one scenario has, and which of them prove what; see ``safety.py``."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sim.analysis.rules.gaps import (
    compactor_sees,
    handed_over,
    replacement_shows,
    sources_outlast,
)
from sim.analysis.rules.passes import downsampled_in_time, in_order, synced_in_time
from sim.analysis.rules.reads import (
    at_half,
    blocks_hidden_by_mark,
    blocks_hidden_by_wrong_clocks,
    blocks_replaced,
    files_shown,
)
from sim.analysis.rules.rule import Rule
from sim.analysis.rules.terms import Terms
from sim.analysis.rules.uploads import partial_uploads

if TYPE_CHECKING:
    from sim.scenario.schema import QueryClass, Scenario

__all__ = ["Conditions"]


class Conditions:
    """The rules of one scheme."""

    def __init__(
        self,
        scenario: "Scenario",
        scheme_index: int,
        classes: "Sequence[QueryClass] | None",
    ) -> None:
        self._terms = Terms(scenario, scheme_index, classes)

    def rules(self) -> Iterator[Rule]:
        """All that say something about the scheme."""
        of = self._terms
        if of.hide_us is not None:
            yield blocks_hidden_by_mark(of)
        yield blocks_replaced(of)
        if of.hide_us is not None:
            hiding = replacement_shows(of)
            yield hiding
            if 2 * of.hide_us == of.delete_us:
                yield at_half(of, hiding)
        yield compactor_sees(of)
        yield files_shown(of)
        yield partial_uploads(of)
        yield handed_over(of)
        yield from downsampled_in_time(of)
        yield in_order(of)
        if of.has_wrong_clocks and of.hide_us is not None:
            yield blocks_hidden_by_wrong_clocks(of)
        yield from synced_in_time(of)

    def reads(self) -> tuple[Rule, ...]:
        """The rules that together prove that no read fails."""
        of = self._terms
        by_mark = blocks_hidden_by_wrong_clocks if of.has_wrong_clocks else blocks_hidden_by_mark
        marked = (by_mark(of),) if of.hide_us is not None else ()
        return (*marked, blocks_replaced(of), files_shown(of))

    def gaps(self) -> tuple[Rule, ...]:
        """The rules that together prove that no data is missing without a failing read."""
        of = self._terms
        marked = (replacement_shows(of), compactor_sees(of)) if of.hide_us is not None else ()
        return (sources_outlast(of), *marked, handed_over(of))
