"""What "delete" means: a scheme is composed from a few primitives.

=========  =====================================================================================
primitive  question it answers
=========  =====================================================================================
record     how is it recorded that a block is retired? :class:`NoRecord`, :class:`DeletionMark`
hide       how long after that does a component stop using the block? :class:`Hide`
delete     when do its objects go, by which clock? :class:`AtOnce`, :class:`AfterMark`
=========  =====================================================================================

:func:`compose` is the only place that knows the kinds of the scenario language. Sources: Thanos
pull request 2136 (marks), releases up to 0.10 (deletion at once); ``SEMANTICS.md`` C4, C9, G4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.core.units import US_PER_S
from sim.model.catalog import Block
from sim.model.view import View
from sim.scenario.schema import DeletionMark as MarkSpec
from sim.scenario.schema import Immediate, SchemeSpec


@dataclass(frozen=True, slots=True)
class NoRecord:
    """Retirement leaves no trace of its own in the store."""

    def write(self, block: Block, view: View, t_us: int) -> None:
        """Do nothing."""

    def is_written(self, block: Block, view: View) -> bool:
        """Whether the block counts as retired: it does as soon as somebody says so."""
        return True


@dataclass(frozen=True, slots=True)
class DeletionMark:
    """A deletion-mark.json inside the block, written once, stamped in whole seconds."""

    def write(self, block: Block, view: View, t_us: int) -> None:
        """Put the mark unless a HEAD finds one; raises RequestFailed as the client does."""
        client = view.client
        client.tally.count("head", t_us)
        if not view.source.finds_mark(block, t_us):
            stamp_us = t_us - t_us % US_PER_S
            client.put(block, client.store.catalog.mark_object, t_us, stamp_us=stamp_us)

    def is_written(self, block: Block, view: View) -> bool:
        """Whether the block counts as retired: it does once its mark is in the store."""
        store = view.client.store
        return store.holds(block, store.catalog.mark_object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hide:
    """Age of a mark (exclusive) from which gateways and the compactor ignore a block.

    ``None``: marks are not looked at.
    """

    gateways_us: int | None
    compactor_us: int | None


@dataclass(frozen=True, slots=True)
class AtOnce:
    """The objects go as soon as the block is retired."""

    is_immediate = True

    def due(self, view: View, now_us: int) -> list[Block]:
        """Nothing is ever left to delete later."""
        return []


@dataclass(frozen=True, slots=True)
class AfterMark:
    """The objects go once the block's mark, as the deleter knows it, is older than ``delay_us``."""

    delay_us: int
    is_immediate = False

    def due(self, view: View, now_us: int) -> list[Block]:
        """Blocks to delete at ``now_us``, oldest first."""
        return view.due(now_us - self.delay_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A way to delete."""

    name: str
    record: NoRecord | DeletionMark
    hide: Hide
    delete: AtOnce | AfterMark


def compose(spec: SchemeSpec) -> Scheme:
    """The scheme that a ``[[schemes]]`` table names."""
    return _KINDS[spec.kind](spec)


def _immediate(spec: Immediate) -> Scheme:
    return Scheme(
        name=spec.name,
        record=NoRecord(),
        hide=Hide(gateways_us=None, compactor_us=None),
        delete=AtOnce(),
    )


def _deletion_mark(spec: MarkSpec) -> Scheme:
    return Scheme(
        name=spec.name,
        record=DeletionMark(),
        hide=Hide(
            gateways_us=spec.ignore_deletion_marks_delay_us,
            compactor_us=spec.delete_delay_us // 2,
        ),
        delete=AfterMark(spec.delete_delay_us),
    )


_KINDS: Final[dict[str, Callable[..., Scheme]]] = {
    "immediate": _immediate,
    "deletion-mark": _deletion_mark,
}
