"""The tool that cleans up (``SEMANTICS.md`` O7): what a pass begins with, in its own process."""

from sim.core.kernel import Phase
from sim.model.actors.janitor import Janitor
from sim.model.actors.syncer import Syncer
from sim.model.parts import Parts
from sim.model.rests import Rests
from sim.model.schemes import Scheme
from sim.model.store.transfer import Steps
from sim.scenario.schema import Compactor as CompactorSpec
from sim.trace.records import ErrorRecord

__all__ = ["clean_up", "record_failure"]


def clean_up(
    spec: CompactorSpec, scheme: Scheme, parts: Parts, *, rests: Rests, phase: int
) -> Steps:
    """Sync once, then delete old partial uploads and what was marked long ago.

    Raises
    ------
    SyncAborted, RequestFailed, Exited
        If a request failed.
    """
    kernel, streams = parts["kernel"], parts["streams"]
    syncer = Syncer(
        spec, scheme, kernel=kernel, client=parts["client"], streams=streams, rests=rests
    )
    tool = _CleanUp(
        spec,
        scheme,
        syncer=syncer,
        kernel=kernel,
        streams=streams,
        recorder=parts["recorder"],
    )
    tool.phase = phase
    yield from tool.run()


def record_failure(failure: Exception, parts: Parts) -> None:
    """Record that the work of a tool ended early, and on what."""
    what = " ".join(str(part) for part in failure.args)
    record = ErrorRecord(parts["kernel"].now_us, parts["client"].name, what)
    parts["recorder"].record(record)


class _CleanUp(Janitor):
    """One run of the tool."""

    name = "operator"
    phase: int = Phase.OPERATOR

    def run(self) -> Steps:
        """Sync, clean, delete."""
        yield from self.sync()
        yield from self.clean_partial()
        yield from self.delete_due()
