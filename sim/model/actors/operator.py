"""Whoever acts on the bucket with tools: mark, delete, clean up, rewrite (``SEMANTICS.md`` O)."""

from collections.abc import Iterator

from sim.core.draws import draw_us
from sim.core.kernel import Phase
from sim.core.objects import RESOLUTIONS
from sim.model.actors.copyist import Copyist
from sim.model.actors.janitor import Exited
from sim.model.actors.tool import clean_up, record_failure
from sim.model.blocks.catalog import Block, by_creation
from sim.model.parts import Parts
from sim.model.rests import Rests
from sim.model.schemes import acting
from sim.model.store.client import RequestFailed
from sim.model.store.transfer import Steps, delete, until
from sim.model.views.listing import Bucket, Instants, SyncAborted
from sim.scenario.language.interventions import (
    BreakMark,
    Choice,
    CleanUp,
    DeleteBlocks,
    ExcludeBlocks,
    MarkBlocks,
    RewriteBlocks,
    UnmarkBlocks,
    UploadBlocks,
)
from sim.scenario.schema import Scenario
from sim.trace.records import RETIRE_REASONS, UNREADABLE_US, RetireRecord

_BY_HAND = RETIRE_REASONS.index("by-hand")


class Operator:
    """Does what the scenario says, one thing after the other.

    Parameters
    ----------
    scenario : Scenario
        What is to be done, and how long it takes: tools share the settings of the compactor.
    """

    def __init__(
        self,
        scenario: Scenario,
        parts: Parts,
        *,
        rests: Rests,
    ) -> None:
        self._scenario = scenario
        self._spec = scenario.compactor
        self._parts = parts
        self._kernel = parts["kernel"]
        self._client = parts["client"]
        self._streams = streams = parts["streams"]
        self._recorder = parts["recorder"]
        self._rests = rests
        self._mark_object = self._client.store.catalog.mark_object
        self._copyist = Copyist(scenario, **parts)
        interventions = scenario.interventions or ()
        at_us = [
            draw_us(one.at, streams, "intervention", i, "at") for i, one in enumerate(interventions)
        ]
        self._plan = sorted(
            zip(at_us, range(len(at_us)), interventions, strict=True), key=lambda row: row[:2]
        )

    def run(self) -> Steps:
        """Everything there is to do; what a failed request ends is not done again."""
        for at_us, _, intervention in self._plan:
            yield from until(at_us, self._kernel, Phase.OPERATOR)
            try:
                match intervention:
                    case CleanUp():
                        yield from self._clean_up(intervention)
                    case UploadBlocks():
                        yield from self._copyist.upload(intervention)
                    case _:
                        yield from self._act(intervention)
            except (RequestFailed, SyncAborted, Exited) as failure:
                record_failure(failure, self._parts)

    def _act(self, choice: Choice) -> Steps:
        """Take the chosen blocks in turn; those of which nothing is to be done do not count."""
        for block in self._candidates(choice):
            match choice:
                case MarkBlocks():
                    is_done = self._mark(block)
                case UnmarkBlocks():
                    is_done = self._unmark(block)
                case BreakMark():
                    self._put_mark(block, UNREADABLE_US)
                    is_done = True
                case ExcludeBlocks():
                    is_done = self._exclude(block)
                case RewriteBlocks():
                    yield from self._copyist.rewrite(block)
                    if choice.marks_old:
                        self._mark(block)
                    is_done = True
                case _:
                    assert isinstance(choice, DeleteBlocks)
                    yield from self._delete(block, leaves_mark=choice.leaves_mark)
                    is_done = True
            if is_done and choice.which != "all":
                return

    def _candidates(self, choice: Choice) -> Iterator[Block]:
        """Blocks that the bucket shows now and the choice names, in the order it says.

        Raises
        ------
        SyncAborted
            If LIST or a HEAD failed.
        """
        now_us = self._kernel.now_us
        at = Instants(list_us=now_us, check_us=now_us, marks_us=now_us)
        bucket = Bucket(self._client)
        touched = list(dict.fromkeys(bucket.changed(at)))
        uploaded_us = bucket.look(touched, at)
        ends_us = self._client.clock_us(now_us) - choice.older_than_us
        named = [
            block
            for block, since_us in zip(touched, uploaded_us, strict=True)
            if since_us is not None
            and choice.stream in ("all", block.stream)
            and choice.level in ("any", block.level)
            and choice.resolution in ("any", RESOLUTIONS[block.resolution])
            and block.max_us <= ends_us
        ]
        named.sort(key=lambda block: (block.min_us, *by_creation(block)))
        return reversed(named) if choice.which == "newest" else iter(named)

    def _mark(self, block: Block) -> bool:
        """Mark the block unless a HEAD finds a mark; whether it was put."""
        if self._finds(block, self._mark_object):
            return False
        self._put_mark(block, self._client.stamp_us(self._kernel.now_us))
        return True

    def _exclude(self, block: Block) -> bool:
        """Mark the block against compaction unless a HEAD finds a mark; whether it was put."""
        no_compact, now_us = self._client.store.catalog.no_compact_object, self._kernel.now_us
        if self._finds(block, no_compact):
            return False
        self._client.put(block, no_compact, now_us, stamp_us=self._client.stamp_us(now_us))
        return True

    def _unmark(self, block: Block) -> bool:
        """Delete the mark that a HEAD finds; whether there was one."""
        if not self._finds(block, self._mark_object):
            return False
        if self._client.store.holds(block, self._mark_object):
            self._client.delete(block, self._mark_object, self._kernel.now_us)
        return True

    def _finds(self, block: Block, mark: int) -> bool:
        now_us = self._kernel.now_us
        self._client.tally.count("head", now_us)
        self._client.raise_if_failing("head", block, mark, now_us)
        return self._client.head(block, mark, now_us)

    def _put_mark(self, block: Block, stamp_us: int) -> None:
        try:
            self._client.put(block, self._mark_object, self._kernel.now_us, stamp_us=stamp_us)
        finally:
            if self._client.store.holds(block, self._mark_object):
                self._note_retired(block)

    def _note_retired(self, block: Block) -> None:
        now_us = self._kernel.now_us
        if block.retired_us > now_us:
            block.retired_us = now_us
            self._recorder.record(RetireRecord(now_us, block.index, _BY_HAND))

    def _delete(self, block: Block, *, leaves_mark: bool) -> Steps:
        self._note_retired(block)
        yield from self._remove(block)
        if leaves_mark:
            self._mark(block)

    def _remove(self, block: Block) -> Steps:
        takes_us = draw_us(
            self._spec.delete_takes, self._streams, "compactor", "delete-takes", block.id
        )
        yield from delete(block, self._client, self._kernel, Phase.OPERATOR, takes_us)

    def _clean_up(self, tool: CleanUp) -> Steps:
        """Do what a pass of the compactor begins with, in a process of its own."""
        scheme = acting(tool.scheme, self._scenario)
        parts = self._parts
        yield from clean_up(self._spec, scheme, parts, rests=self._rests, phase=Phase.OPERATOR)
