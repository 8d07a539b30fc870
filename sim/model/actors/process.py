"""A compactor's process: jobs that begin and end together (``SEMANTICS.md`` C2, C13, C15, C16)."""

from collections.abc import Callable, Iterator
from functools import partial

from sim.core.draws import draw_us
from sim.core.kernel import Kernel
from sim.core.streams import Streams
from sim.model.actors.compactor import Compactor
from sim.model.actors.janitor import Cleaner, Exited, Janitor, Sweeper
from sim.model.actors.merger import Halted
from sim.model.actors.progress import Progress
from sim.model.actors.syncer import Syncer
from sim.model.faults.lives import End, Watch
from sim.model.faults.requests import Crashed
from sim.model.rests import Rests
from sim.model.schemes import Scheme, StandsInMemory
from sim.model.store.client import Client
from sim.model.store.transfer import Steps
from sim.scenario.schema import Compactor as CompactorSpec
from sim.trace.recorder import Recorder
from sim.trace.records import HaltRecord, ResumeRecord


class CompactorProcess:
    """A compactor of the bucket, over all its lives; a new life knows nothing.

    Parameters
    ----------
    scheme : Scheme
        With a record of its own: what it remembers is no other's.
    client : callable
        Makes the access to the store of a new life.
    number : int or None
        Which one it is, where there are several.
    reads_no_compact : bool
        Whether there may be marks against compaction.

    Attributes
    ----------
    has_halted : bool
        Whether the passes of its last life came to an end; its other jobs went on.
    syncer : Syncer
        What the present life knows.
    """

    syncer: Syncer

    def __init__(
        self,
        spec: CompactorSpec,
        scheme: Scheme,
        *,
        kernel: Kernel,
        client: Callable[[], Client],
        streams: Streams,
        recorder: Recorder,
        rests: Rests,
        number: int | None = None,
        reads_no_compact: bool = False,
    ) -> None:
        self.has_halted = False
        self._spec = spec
        self._scheme = scheme
        self._kernel = kernel
        self._client = client
        self._streams = streams
        self._recorder = recorder
        self._rests = rests
        self._number = number
        self._reads_no_compact = reads_no_compact
        self._stops: list[Callable[[], None]] = []

    def begin(self, at_us: int, watch: Watch) -> End:
        """Begin a life at ``at_us``; what is returned ends it."""
        self._watch = watch
        if isinstance(self._scheme.hold, StandsInMemory):
            self._scheme.hold.began(at_us)
        self.syncer = Syncer(
            self._spec,
            self._scheme,
            kernel=self._kernel,
            client=self._client(),
            streams=self._streams,
            rests=self._rests,
            number=self._number,
            reads_no_compact=self._reads_no_compact,
        )
        self._stops = []
        for number, job in enumerate(self._jobs()):
            steps = self._supervise(number, job)
            process = self._kernel.spawn(watch(steps), at_us=at_us, phase=job.phase)
            self._stops.append(partial(self._kernel.stop, process))
        return self.end

    def dissolve(self) -> None:
        """Let go of its jobs and of whoever keeps it alive, who hold it as well."""
        self._stops.clear()
        del self._watch

    def end(self) -> None:
        """End the present life now."""
        for stop in self._stops:
            stop()
        self._scheme.record.forget()

    def _jobs(self) -> Iterator[Janitor]:
        spec = self._spec
        is_cleaned = self._scheme.cleanup.when == "every"
        kinds: tuple[tuple[type[Janitor], bool], ...] = (
            (Compactor, True),
            (Progress, spec.progress_interval_us > 0),
            (Cleaner, is_cleaned),
            (Sweeper, spec.cleanup_interval_us > 0 and not is_cleaned),
        )
        for kind, is_there in kinds:
            if is_there:
                yield kind(
                    spec,
                    self._scheme,
                    syncer=self.syncer,
                    kernel=self._kernel,
                    streams=self._streams,
                    recorder=self._recorder,
                    number=self._number,
                )

    def _supervise(self, number: int, job: Janitor) -> Steps:
        if self.has_halted and isinstance(job, Compactor):
            self.has_halted = False
            self._recorder.record(ResumeRecord(self._kernel.now_us, job.owner))
        try:
            yield from job.run()
        except Halted as halt:
            self.has_halted = True
            who = "" if self._number is None else f"{job.owner}: "
            self._recorder.record(HaltRecord(self._kernel.now_us, f"{who}{halt.args[0]}"))
        except Exited as end:
            job.record_error("exit", *end.args)
            self._end_with(number)
            now_us = self._kernel.now_us
            identity = (job.owner, "restart-after", now_us)
            restart_us = draw_us(self._spec.restart_after, self._streams, *identity)
            self.begin(now_us + restart_us, self._watch)
        except Crashed:
            self._end_with(number)
            raise

    def _end_with(self, number: int) -> None:
        """End the other jobs with one, which cannot stop itself, and has come to its end anyway."""
        del self._stops[number]
        self.end()
