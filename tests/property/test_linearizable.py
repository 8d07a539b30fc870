"""A strong store is linearizable; a lagging one is refused exactly when a stale read was seen.

The verdict comes from a checker that somebody else wrote (detangle). What was stale comes from
the records of the trace alone, not from the code that answered the reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from detangle.lin import History, Register, check
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from sim.core.kernel import Kernel, Phase
from sim.core.streams import Streams
from sim.model import world as world_module
from sim.model.blocks.catalog import Block, Catalog, Version
from sim.model.store.client import Client
from sim.model.store.transfer import Steps
from sim.model.store.versions import Store
from sim.model.store.visibility import GET
from sim.model.world import simulate
from sim.scenario.dump import to_toml
from sim.scenario.schema import Scenario
from sim.scenario.schema import Store as StoreSpec
from sim.testing import scenarios, stores
from sim.trace.recorder import Header, Recorder, Trace
from sim.trace.records import DeleteRecord, PutRecord

few = settings(max_examples=max(10, settings().max_examples // 2))

Key = tuple[int, int]


@dataclass(frozen=True)
class Op:
    """An instantaneous operation on one key; a read that found nothing has the value None."""

    t_us: int
    is_read: bool
    value: int | None
    plane: int = GET
    replica: int = 0


def is_linearizable(ops: list[Op]) -> bool:
    """The verdict of the checker on the history of one register."""
    history = History()
    for op in ops:
        if op.is_read:
            history.ok(history.invoke(f"replica {op.replica}", "read"), op.value)
        else:
            history.ok(history.invoke("writer", "write", op.value))
    return check(history.operations, Register()).ok


def has_stale_read(ops: list[Op]) -> bool:
    """Whether a read found something else than the last write before it, as recorded."""
    newest: int | None = None
    for op in ops:
        if op.is_read and op.value != newest:
            return True
        newest = newest if op.is_read else op.value
    return False


def predicted(
    ops: list[Op], shown: list[tuple[int, int | None, dict[tuple[int, int], int]]]
) -> bool:
    """Whether the visibilities in the trace make one of the reads stale (S3)."""
    n_written = 0
    for op in ops:
        if not op.is_read:
            n_written += 1
            continue
        done = shown[:n_written]
        seen = [value for _, value, at in done if at[op.plane, op.replica] <= op.t_us]
        if (seen[-1] if seen else None) != (done[-1][1] if done else None):
            return True
    return False


# A store alone, under a script of writes and reads.

scripts = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["put", "delete", "read", "read"])),
    min_size=2,
    max_size=14,
)


def _play(spec: StoreSpec, script: list[tuple[int, str]], seed: int) -> tuple[list[Op], Trace]:
    """Act on one object at minutes ascending, reading every replica in both planes."""
    kernel = Kernel()
    catalog = Catalog(chunk_files=1)
    header = Header(
        scenario="store",
        scenario_digest="",
        scheme="",
        trial=0,
        seed=seed,
        chunk_files=1,
        gateways=0,
        replicas=spec.replicas,
        warmup_us=0,
        horizon_us=10**12,
    )
    recorder = Recorder(header)
    streams = Streams(seed)
    store = Store(spec, kernel=kernel, catalog=catalog, streams=streams, recorder=recorder)
    block = catalog.create(
        stream=0,
        resolution=0,
        min_us=0,
        max_us=1,
        level=1,
        sources=(0,),
        created_us=0,
        size_bytes=1,
    )
    ops: list[Op] = []

    def act() -> Steps:
        for minute, what in sorted(script, key=lambda step: step[0]):
            at_us = minute * 60_000_000
            if at_us > kernel.now_us:
                yield kernel.sleep(at_us - kernel.now_us, Phase.PRODUCER)
            if what == "read":
                for plane, replica in _copies(spec.replicas):
                    version = store.shown(block, 0, plane, replica, at_us)
                    value = None if version is None else version.stamp_us
                    ops.append(Op(at_us, True, value, plane, replica))
            elif what == "put":
                stamp = len(ops) + 1
                store.put(block, (0,), stamp_us=stamp)
                ops.append(Op(at_us, False, stamp))
            elif store.holds(block, 0):
                store.delete(block, (0,))
                ops.append(Op(at_us, False, None))

    kernel.spawn(act(), at_us=0, phase=Phase.PRODUCER)
    kernel.run(10**12)
    return ops, recorder.finish()


def _copies(replicas: int) -> list[tuple[int, int]]:
    return [(plane, replica) for plane in (0, 1) for replica in range(replicas)]


def _shown(trace: Trace, key: Key) -> list[tuple[int, int | None, dict[tuple[int, int], int]]]:
    """(acknowledged, value, when each replica shows it in each plane) of every change of a key."""
    replicas = trace.header.replicas
    rows = []
    for record in trace.records:
        if not isinstance(record, PutRecord | DeleteRecord) or record.block != key[0]:
            continue
        if key[1] not in record.objects:
            continue
        first = record.objects.index(key[1]) * replicas
        at = {
            (plane, r): (column[first + r] if column else record.t_us)
            for plane, column in enumerate((record.get, record.list))
            for r in range(replicas)
        }
        value = record.stamp_us if isinstance(record, PutRecord) else None
        rows.append((record.t_us, value, at))
    return rows


@given(stores(strong=True).map(StoreSpec.model_validate), scripts, st.integers(0, 99))
def test_a_strong_store_is_linearizable(
    spec: StoreSpec, script: list[tuple[int, str]], seed: int
) -> None:
    ops, _ = _play(spec, script, seed)
    assert is_linearizable(ops)
    assert not has_stale_read(ops)


@given(stores(errors=False).map(StoreSpec.model_validate), scripts, st.integers(0, 99))
def test_a_lagging_store_is_refused_exactly_when_a_read_was_stale(
    spec: StoreSpec, script: list[tuple[int, str]], seed: int
) -> None:
    ops, trace = _play(spec, script, seed)
    stale = predicted(ops, _shown(trace, (0, 0))) if trace.records else False
    event(f"stale: {stale}")
    assert is_linearizable(ops) == (not stale)
    assert has_stale_read(ops) == stale


def test_every_kind_of_lag_can_be_refused() -> None:
    script = [(0, "put"), (1, "read"), (5, "put"), (6, "read"), (9, "delete"), (10, "read")]
    for kind in ("create", "overwrite", "delete"):
        spec = StoreSpec.model_validate({"lag": {kind: {"get": "3m", "list": "3m"}}})
        assert not is_linearizable(_play(spec, script, 0)[0])
    current = StoreSpec.model_validate({"replicas": 2, "acks": 2, "lag": {"create": {"get": "3m"}}})
    assert is_linearizable(_play(current, script, 0)[0])


# The same of a whole simulation: every read that any component makes of any key.


class _Log:
    """Every write and read of a run, in the order in which they take effect."""

    def __init__(self) -> None:
        self.ops: dict[Key, list[Op]] = {}
        self.n = 0

    def add(self, block: Block, object_index: int, op: Op) -> None:
        """Note an operation on an object."""
        self.n += 1
        self.ops.setdefault((block.index, object_index), []).append(op)

    def ordered(self) -> dict[Key, list[Op]]:
        """A sync may ask about the instant at which it began; writes of that instant precede."""
        return {key: sorted(ops, key=lambda op: op.t_us) for key, ops in self.ops.items()}


@contextmanager
def _logged() -> Iterator[_Log]:
    log = _Log()

    class Logged(Store):
        """A store that is listened to."""

        def put(self, block: Block, objects: tuple[int, ...], *, stamp_us: int = 0) -> None:
            for i in objects:
                log.add(block, i, Op(self._kernel.now_us, False, stamp_us))
            super().put(block, objects, stamp_us=stamp_us)

        def delete(self, block: Block, objects: tuple[int, ...]) -> None:
            for i in objects:
                log.add(block, i, Op(self._kernel.now_us, False, None))
            super().delete(block, objects)

        def shown(
            self, block: Block, object_index: int, plane: int, replica: int, t_us: int
        ) -> Version | None:
            version = super().shown(block, object_index, plane, replica, t_us)
            value = None if version is None else version.stamp_us
            log.add(block, object_index, Op(t_us, True, value, plane, replica))
            return version

    class Listening(Client):
        """A client that notes the answers for which no replica had to be asked.

        Where all replicas show the newest version, which one is read does not matter.
        """

        def head(self, block: Block, object_index: int, t_us: int) -> bool:
            n = log.n
            found = super().head(block, object_index, t_us)
            puts = [v.stamp_us for v in block.history[object_index] or () if v.is_put]
            self._note(n, block, object_index, Op(t_us, True, puts[-1] if found else None))
            return found

        def get(self, block: Block, object_index: int, t_us: int) -> Version | None:
            n = log.n
            version = super().get(block, object_index, t_us)
            value = None if version is None else version.stamp_us
            self._note(n, block, object_index, Op(t_us, True, value))
            return version

        def _note(self, n: int, block: Block, object_index: int, op: Op) -> None:
            if log.n == n and not self.remembers_absence:
                log.add(block, object_index, op)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world_module, "Store", Logged)
        patch.setattr(world_module, "Client", Listening)
        yield log


def _histories(scenario: Scenario, index: int) -> tuple[dict[Key, list[Op]], Trace]:
    with _logged() as log:
        trace = simulate(scenario, index, 0, step_by_step=True)
    assert trace.digest == simulate(scenario, index, 0).digest
    return log.ordered(), trace


@few
@given(scenarios(strong=True), st.integers(0, 1))
def test_every_key_of_a_run_on_a_strong_store_is_linearizable(
    scenario: Scenario, index: int
) -> None:
    note(to_toml(scenario))
    histories, _ = _histories(scenario, index)
    # Nothing may be there to read where a block that is not uploaded in time is dropped.
    is_read = any(op.is_read for ops in histories.values() for op in ops)
    assert is_read or scenario.producers.unuploaded == "dropped"
    for ops in histories.values():
        assert is_linearizable(ops)


@few
@given(scenarios(), st.integers(0, 1))
def test_every_key_of_a_run_is_refused_exactly_when_a_read_of_it_was_stale(
    scenario: Scenario, index: int
) -> None:
    note(to_toml(scenario))
    histories, trace = _histories(scenario, index)
    stale = {key for key, ops in histories.items() if predicted(ops, _shown(trace, key))}
    event(f"stale keys: {min(len(stale), 3)}")
    refused = {key for key, ops in histories.items() if not is_linearizable(ops)}
    assert refused == stale
