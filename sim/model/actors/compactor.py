"""The compactor: the pass of the real one, in its order (``SEMANTICS.md`` C1-C13)."""

from bisect import insort
from functools import partial

from sim.core.kernel import Kernel, WokenKernel
from sim.core.streams import Streams
from sim.model.actors import downsampling, planner
from sim.model.actors.janitor import Exited, fatal
from sim.model.actors.merger import Halted, Merger
from sim.model.actors.retention import Expiry
from sim.model.actors.syncer import Syncer
from sim.model.actors.workers import Worker, work_off
from sim.model.blocks.catalog import Block
from sim.model.rests import Account
from sim.model.schemes import Scheme
from sim.model.store.references import committed
from sim.model.store.transfer import Steps
from sim.model.views.reader import Reader
from sim.scenario.schema import Compactor as CompactorSpec
from sim.trace.recorder import Recorder

Group = tuple[int, int]


class Compactor(Merger):
    """The passes of the compactor's process."""

    def __init__(
        self,
        spec: CompactorSpec,
        scheme: Scheme,
        *,
        syncer: Syncer,
        kernel: Kernel,
        streams: Streams,
        recorder: Recorder,
        number: int | None = None,
    ) -> None:
        super().__init__(
            spec,
            scheme,
            syncer=syncer,
            kernel=kernel,
            streams=streams,
            recorder=recorder,
            number=number,
        )
        self._reader = Reader(syncer.view)
        self._groups: dict[Group, list[Block]] = {}
        self._members: set[int] = set()
        self._excluded: frozenset[int] = frozenset()
        self._dirty: set[Group] = set()
        self._expiry = Expiry(spec.retention_us)
        self._backlog = downsampling.Backlog()
        self._done_at_us = -1
        self._done: set[tuple[int, ...]] = set()
        self._workers = [
            Worker(
                spec,
                scheme,
                syncer=syncer,
                kernel=WokenKernel(kernel),
                streams=streams,
                recorder=recorder,
                number=number,
            )
            for _ in range(spec.n_workers if spec.n_workers > 1 else 0)
        ]

    def run(self) -> Steps:
        """Pass after pass; raises Halted or Exited."""
        yield from self.repeat(self._pass, self.spec.wait_interval)

    def rests_until_us(self) -> int:
        """Until something shows, expires or may be deleted, if there is no work left."""
        has_work = self._dirty or self.view.garbage or not self._reader.has_read_all
        if has_work or (self.spec.downsampling and not self._backlog.is_done):
            return 0
        times_us = [
            self.syncer.stays_until_us(),
            self._cleans_from_us(),
            self._expiry.next_us(self.view.marks),
        ]
        # Who deletes at once may still tell readers what is there, pass by pass.
        if self._looks or self.scheme.due_after_us is None:
            times_us.append(self._deletes_from_us())
        return min(times_us)

    def finds_nothing(self) -> Account:
        """An iteration, both downsamplings and retention, each with a sync."""
        return self.syncer.repeats(times=4 if self.spec.downsampling else 2, looks=self._looks)

    @property
    def _looks(self) -> bool:
        """Whether a pass looks for marked blocks that are due."""
        is_early = self.scheme.delete.is_immediate
        return not is_early and self.scheme.cleanup.when != "every"

    def _absorb(self) -> None:
        """Bring groups and queues of work up to date with the view."""
        self._excluded = frozenset(self.view.no_compact)
        for block in self._reader.changes():
            group = self._groups.setdefault(block.group, [])
            self._dirty.add(block.group)
            is_wanted, is_member = block.index in self.view.wanted, block.index in self._members
            if is_wanted:
                self._expiry.add(block)
            else:
                self._expiry.discard(block)
            if is_wanted and not is_member:
                insort(group, block, key=planner.by_time)
                self._members.add(block.index)
            elif is_member and not is_wanted:
                group.remove(block)
                self._members.discard(block.index)
            if self.spec.downsampling:
                self._backlog.touch(block.stream)

    def _pass(self) -> Steps:
        while (yield from self._iteration()):
            pass
        if self.spec.downsampling:
            for resolution in (0, 1):
                yield from self.sync()
                self._absorb()
                yield from self._downsample(resolution)
        yield from self.sync()
        self._absorb()
        expired = self._expiry.due(self.view.client.clock_us(self.kernel.now_us))
        unmarked = [block for block in expired if block.index not in self.view.marks]
        if unmarked and self.scheme.n_referrers:
            now_us = self.kernel.now_us
            told = committed(self.view.client, self.scheme.n_referrers, now_us)
            referenced = {index for one in told.values() for index in one.blocks}
            unmarked = [block for block in unmarked if block.index not in referenced]
        if unmarked:
            with fatal():
                yield from self.retire(unmarked, "retention")
        yield from self.clean_partial()

    def _iteration(self) -> Steps:
        """Sync, clean, collect garbage, compact each group once; whether anything was compacted."""
        yield from self.sync()
        deleted: set[int] = set()
        if self.scheme.cleanup.when == "in-pass":
            deleted = yield from self.delete_marked()
        garbage = [b for b in self.view.garbage.values() if b.index not in deleted]
        yield from self.retire(garbage, "garbage")
        self._absorb()
        has_worked = False
        if self._workers:
            jobs = (partial(self._work_on, group) for group in sorted(self._dirty))
            has_worked = yield from work_off(jobs, self._workers, self.kernel, self.phase)
        else:
            for group in sorted(self._dirty):
                if (yield from self._work_on(group, self)):
                    has_worked = True
        if self.scheme.cleanup.when == "end-of-pass":
            yield from self.delete_marked()
        return has_worked

    def _work_on(self, group: Group, merger: Merger) -> Steps:
        """Compact a group once, if something in it is due; whether it was."""
        plan = self._plan(group)
        if not plan or not self._is_news(plan):
            return False
        yield from merger.compact(plan)
        return True

    def _is_news(self, plan: list[Block]) -> bool:
        """Whether the plan has not been carried out at this very instant already.

        No real compaction takes no time; one that does, on a store that lags, would otherwise be
        planned again for ever.
        """
        if self._done_at_us != self.kernel.now_us:
            self._done_at_us = self.kernel.now_us
            self._done.clear()
        parents = tuple(block.index for block in plan)
        if parents in self._done:
            return False
        self._done.add(parents)
        return True

    def _plan(self, group: Group) -> list[Block]:
        blocks, excluded = self._groups[group], self._excluded
        plan: list[Block] = []
        if len(blocks) > 1:
            merges = excluded and self.spec.vertical_compaction and group[1] == 0
            free = [b for b in blocks if b.index not in excluded] if merges else blocks
            plan = planner.overlapping(free)
            if plan:
                self._halt_unless_mergeable(plan)
            else:
                plan = planner.plan(blocks, self.spec.ranges_us, excluded)
        if not plan:
            self._dirty.discard(group)
        return plan

    def _halt_unless_mergeable(self, overlapping: list[Block]) -> None:
        """Halt at blocks that overlap, unless they may be merged and have no data in common."""
        first, second = overlapping[:2]
        if not self.spec.vertical_compaction or first.resolution > 0:
            raise Halted(f"overlap {first.id} {second.id}")
        sources = [source for block in overlapping for source in block.sources]
        if len(set(sources)) < len(sources):
            raise Halted(f"overlap of sources {first.id} {second.id}")

    def _downsample(self, resolution: int) -> Steps:
        for parent in self._backlog.due(self._groups, resolution):
            lacking = yield from self.download([parent])
            if lacking:
                raise Exited(lacking)
            yield from self.make([parent], resolution + 1, self.spec.downsampling_takes)
