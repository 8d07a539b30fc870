"""Small worlds and the parts of one, for tests that say in hours what happens.

`world` makes a scenario from the few values that matter, `run` simulates it, `story` tells a trace
line by line. A `Rig` is a store with a clock and nobody in it: a test puts blocks into it and lets
one component look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sim.core.kernel import Kernel, Phase
from sim.core.streams import Streams
from sim.core.units import NEVER, parse_duration
from sim.model import world as model_world
from sim.model.actors.process import CompactorProcess
from sim.model.blocks.catalog import Block, Catalog
from sim.model.faults.happening import Faults, draw_faults
from sim.model.rests import Rests
from sim.model.schemes import compose
from sim.model.store.client import Client
from sim.model.store.transfer import Steps
from sim.model.store.versions import Store
from sim.model.tally import Tally
from sim.model.views.listing import Bucket, Instants
from sim.model.views.view import Filters, View
from sim.scenario.schema import Compactor as CompactorSpec
from sim.scenario.schema import Scenario
from sim.scenario.schema import Store as StoreSpec
from sim.trace.columns import build
from sim.trace.recorder import Header, Recorder, Trace
from sim.trace.records import (
    RETIRE_REASONS,
    AbortRecord,
    BlockRecord,
    BucketPutRecord,
    CompactRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    ErrorRecord,
    HaltRecord,
    LoadRecord,
    NamesRecord,
    PassesRecord,
    PutRecord,
    Record,
    RequestsRecord,
    ResumeRecord,
    RetireRecord,
    RetryRecord,
    SyncsRecord,
    UnloadedRecord,
    UpRecord,
)
from sim.trace.timelines import Timelines

AT_ONCE = {"name": "at once", "kind": "immediate"}

BASE: dict[str, Any] = {
    "schema": 1,
    "name": "tiny",
    "horizon": "14h",
    "seed": 7,
    "store": {"profile": "strong"},
    "producers": {"block_length": "2h", "local_retention": "0s", "block_bytes": "100B"},
    "compactor": {
        "wait_interval": "5m",
        "ranges": ["2h", "8h"],
        "compaction_takes": "1m",
        "consistency_delay": "0s",
        "delete_workers": 1,
        "downsampling": False,
    },
    "gateways": {"sync_interval": "1h", "phase": "30m", "unhealthy_after": "5m"},
    "queries": [{"name": "day", "rate": "2/m", "range": "1d"}],
    "schemes": [AT_ONCE],
}


def us(text: str) -> int:
    """A duration in microseconds."""
    return parse_duration(text)


def marks(delete_delay: str, hide_delay: str) -> dict[str, Any]:
    """A deletion-mark scheme."""
    return {
        "name": "mark",
        "kind": "deletion-mark",
        "delete_delay": delete_delay,
        "ignore_deletion_marks_delay": hide_delay,
    }


def lag(**laws: Any) -> dict[str, Any]:
    """The lag table: ``create_list="30m"`` and so on, 0s where nothing is said."""
    return {
        kind: {plane: laws.get(f"{kind}_{plane}", "0s") for plane in ("get", "list")}
        for kind in ("create", "overwrite", "delete")
    }


def world(**overrides: Any) -> Scenario:
    """The base world; tables are laid over tables, anything else replaces its value."""
    raw = dict(BASE)
    for key, value in overrides.items():
        under = raw.get(key)
        is_table = isinstance(value, Mapping) and isinstance(under, Mapping)
        raw[key] = {**under, **value} if is_table and under is not None else value
    return Scenario.model_validate(raw)


def faults_of(*tables: Mapping[str, Any], seed: int = 7, **rates: float) -> Faults:
    """What goes wrong in a run of some ``[[faults]]`` on a store with some rates of errors."""
    scenario = world(faults=list(tables), gateways={"count": 2}, store={"replicas": 3})
    drawn = draw_faults(scenario, Streams(seed))
    return Faults(drawn.effects, **rates)


def run(scenario: Scenario, scheme: int = 0, trial: int = 0) -> tuple[Trace, Timelines]:
    """Simulate one trial, actor by actor; its trace and its timelines."""
    trace = model_world.simulate(scenario, scheme, trial, step_by_step=True)
    return trace, build(trace)


SUMS = (SyncsRecord, PassesRecord, RequestsRecord)


def story(records: Iterable[Record], *, chunk_files: int = 1) -> list[str]:
    """One line per record, with times as durations; sums at the end are left out."""
    names = _object_names(chunk_files)
    return [
        f"{clock(record.t_us)} {_told(record, names)}"
        for record in records
        if not isinstance(record, SUMS)
    ]


def _object_names(chunk_files: int) -> list[str]:
    chunks = [f"chunk{i + 1}" for i in range(chunk_files)] if chunk_files > 1 else ["chunk"]
    return [*chunks, "index", "meta", "mark", "no-compact"]


def _told(record: Record, names: list[str]) -> str:
    match record:
        case BlockRecord():
            low, high = clock(record.min_us), clock(record.max_us)
            kind = ("raw", "5m", "1h")[record.resolution]
            return f"block {record.block} {record.stream}.{kind} {low}-{high} level {record.level}"
        case NamesRecord():
            return f"names {record.block} {list(record.sources)}" + " by hand" * record.by_hand
        case PutRecord() | DeleteRecord():
            what = "put" if isinstance(record, PutRecord) else "delete"
            objects = " ".join(names[i] for i in record.objects)
            planes = [_shown(n, c) for n, c in (("get", record.get), ("list", record.list)) if c]
            return " ".join([f"{what} {record.block}: {objects}", *planes])
        case BucketPutRecord():
            return f"put {record.key}"
        case RetireRecord():
            return f"retire {record.block} {RETIRE_REASONS[record.why]}"
        case CompactRecord():
            parents = " ".join(map(str, record.parents))
            return f"compact {parents} to {record.block}" + " again" * record.duplicate
        case LoadRecord() | DropRecord() | UnloadedRecord():
            what = type(record).__name__.removesuffix("Record").lower()
            return f"{what} {record.gateway}: {' '.join(map(str, record.blocks))}"
        case RetryRecord():
            return f"retry {record.gateway}"
        case AbortRecord():
            return f"abort {record.gateway} {record.kind}"
        case DownRecord():
            return f"down {record.gateway} until {clock(record.unhealthy_us)}"
        case UpRecord():
            return f"up {record.gateway}"
        case HaltRecord():
            return f"halt {record.reason}"
        case ResumeRecord():
            return "resume"
        case ErrorRecord():
            return f"error {record.actor} {record.what}"
        case _:
            return "requests"


def _shown(plane: str, column: tuple[int, ...]) -> str:
    return f"{plane}@{','.join(clock(t) for t in column)}"


class Rig:
    """A store, a clock, and blocks that a test makes by hand; hours are the unit of data."""

    def __init__(
        self,
        *,
        chunk_files: int = 1,
        seed: int = 7,
        faults: Iterable[Mapping[str, Any]] = (),
        deletion_order: str | None = None,
        **store: Any,
    ) -> None:
        self.kernel = Kernel()
        self.streams = Streams(seed)
        self.catalog = Catalog(chunk_files=chunk_files)
        self.records: list[Record] = []
        self.recorder = Recorder(header(chunk_files=chunk_files, replicas=store.get("replicas", 1)))
        self.spec = StoreSpec.model_validate(store)
        self.faults = faults_of(
            *faults, error_rate=self.spec.error_rate, lost_answer_rate=self.spec.lost_answer_rate
        )
        self.store = Store(
            self.spec,
            kernel=self.kernel,
            catalog=self.catalog,
            streams=self.streams,
            recorder=self.recorder,
            lags=self.faults.lags(),
            deletion_order=deletion_order,
        )
        self.tally = Tally(warmup_us=0)

    def block(
        self, low_h: int, high_h: int, *, level: int = 1, created: str = "", **more: int
    ) -> Block:
        """A block of [low, high) hours that nobody has stored yet; level-1 blocks span 2h."""
        return self.catalog.create(
            stream=more.get("stream", 0),
            resolution=more.get("resolution", 0),
            min_us=low_h * us("1h"),
            max_us=high_h * us("1h"),
            level=level,
            sources=range(low_h // 2, high_h // 2),
            created_us=us(created) if created else high_h * us("1h"),
            size_bytes=100,
        )

    def whole(self) -> tuple[int, ...]:
        """The objects of a whole block."""
        return tuple(range(self.catalog.mark_object))

    def put(self, *blocks: Block) -> None:
        """Store whole blocks now."""
        for block in blocks:
            self.store.put(block, self.whole(), stamp_us=self.kernel.now_us)

    def mark(self, block: Block, stamp: str = "") -> None:
        """Put a mark now, stamped with ``stamp`` or the present second."""
        now_us = self.kernel.now_us
        stamp_us = us(stamp) if stamp else now_us - now_us % us("1s")
        self.store.put(block, (self.catalog.mark_object,), stamp_us=stamp_us)

    def client(self, name: str = "gateway/0", gateway: int | None = 0) -> Client:
        """One component's access to the store."""
        return Client(
            name,
            gateway=gateway,
            store=self.store,
            streams=self.streams,
            faults=self.faults,
            tally=self.tally,
        )

    def view(
        self, *, consistency_delay: str = "0s", mark_delay: str = "", gateway: int | None = 0
    ) -> View:
        """A view with the two filters; without ``mark_delay`` marks are not looked at."""
        name = "compactor" if gateway is None else f"gateway/{gateway}"
        filters = Filters(
            consistency_delay_us=us(consistency_delay),
            mark_delay_us=us(mark_delay) if mark_delay else None,
        )
        return View(Bucket(self.client(name, gateway)), filters)

    def sync(self, view: View) -> list[Block]:
        """Sync now; the blocks of the view in order of creation."""
        now_us = self.kernel.now_us
        view.sync(Instants(list_us=now_us, check_us=now_us, marks_us=now_us))
        return sorted(view.wanted.values(), key=lambda block: block.index)

    def go(self, text: str) -> None:
        """Let time pass until ``text``; what happens at that instant has not happened."""
        if us(text) > self.kernel.now_us:
            self.kernel.run(us(text))

    def at(self, text: str, action: Callable[[], None], phase: Phase = Phase.PRODUCER) -> None:
        """Do something at an instant to come."""

        def actor() -> Steps:
            action()
            yield from ()

        self.kernel.spawn(actor(), at_us=us(text), phase=phase)

    def compactor(self, scheme: Mapping[str, Any] = AT_ONCE, **spec: Any) -> CompactorProcess:
        """A compactor that starts now."""
        compactor = CompactorSpec.model_validate({**BASE["compactor"], **spec})
        scenario = world(schemes=[scheme]).model_copy(update={"compactor": compactor})
        process = CompactorProcess(
            compactor,
            compose(scenario, 0),
            kernel=self.kernel,
            client=lambda: self.client("compactor", None),
            streams=self.streams,
            recorder=self.recorder,
            rests=Rests(self.kernel, are_allowed=False, in_order=True),
        )
        process.begin(self.kernel.now_us, lambda steps: steps)
        return process

    def trace(self) -> Trace:
        """What was recorded so far."""
        return self.recorder.finish()

    def story(self) -> list[str]:
        """What was recorded so far, as `story` tells it."""
        return story(self.trace().records, chunk_files=self.catalog.index_object)


def quarters(rig: Rig, *, more: int = 1, stream: int = 0) -> list[Block]:
    """Blocks of 2h: the first window of 8h and ``more`` behind it, all stored at 10h."""
    blocks = [rig.block(2 * j, 2 * j + 2, stream=stream) for j in range(4 + more)]
    rig.go("10h")
    rig.put(*blocks)
    return blocks


def told(rig: Rig, since: str) -> list[str]:
    """The story from an instant on."""
    lines, records = rig.story(), rig.trace().records
    return [line for line, record in zip(lines, records, strict=True) if record.t_us >= us(since)]


def header(**changes: Any) -> Header:
    """A header that stands for no scenario, under the scheme of `BASE`."""
    values: dict[str, Any] = {
        "scenario": "made",
        "scenario_digest": "",
        "scheme": AT_ONCE["name"],
        "trial": 0,
        "seed": 7,
        "chunk_files": 1,
        "gateways": 1,
        "replicas": 1,
        "warmup_us": 0,
        "horizon_us": us("14h"),
    }
    return Header(**{**values, **changes})


def timelines_of(*records: Record, **changes: Any) -> Timelines:
    """Timelines of records that are written by hand."""
    counts = RequestsRecord(us("14h"), (0, 0, 0, 0, 0))
    made = (*records, counts)
    return build(Trace.of(header(**changes), made))


def clock(t_us: int) -> str:
    """A time as hours, minutes, seconds and microseconds; ``never`` if it is not in the run."""
    if t_us >= NEVER:
        return "never"
    parts = []
    for unit in ("1h", "1m", "1s", "1us"):
        number, t_us = divmod(t_us, us(unit))
        parts += [f"{number}{unit[1:]}"] if number else []
    return "".join(parts) or "0h"
