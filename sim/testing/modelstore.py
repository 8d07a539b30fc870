"""The model store, driven step by step: for readers and writers of one's own.

A store of the scenario language with a clock that stands still unless it is told to go on. Clients
put, get, list and delete texts or bytes under keys, and see what the store's lags, replicas and
front ends let them see (``SEMANTICS.md`` S1-S7). No request fails, and none takes time.

Which lags a change has is said with it, so that a test chooses them: ``late=0.0`` is the shortest
of its law, and ``late`` just below 1 the longest. Three ways in: call :class:`ModelStore`; let
:func:`store_scripts` draw what is done to it; or add rules for the code under test to a
:class:`StoreMachine`, of which the store's own rules are those of all others who use it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from hypothesis.strategies import SearchStrategy

from sim.core.kernel import Kernel
from sim.core.streams import Streams
from sim.core.units import format_duration, parse_duration
from sim.model.blocks.catalog import Block, Catalog
from sim.model.faults.happening import Faults
from sim.model.store.client import Client
from sim.model.store.versions import Store
from sim.model.tally import Tally
from sim.scenario.schema import Store as StoreSpec
from sim.trace.recorder import Header, Recorder

__all__ = ["KEYS", "ModelStore", "Step", "StoreClient", "StoreMachine", "store_scripts"]

KEYS = ("a", "b", "c")
"""The keys that scripts and machines use."""

LATE = (0.0, 0.5, 0.999999)
"""Where in their laws the lags of a change may be, the simplest first."""

_OBJECT = 0
_TIMES = ("1s", "1m", "10m", "1h")


class _Said(Streams):
    """Draws that are said with what needs them."""

    __slots__ = ("late", "replica")

    def __init__(self) -> None:
        super().__init__(0)
        self.late = 0.0
        self.replica = 0.0

    def uniform(self, *identity: str | int) -> float:
        """Return what was said last."""
        return self.replica if identity[0] == "replica" else self.late


class ModelStore:
    """A store with keys, whose clock goes on only when it is told to.

    Parameters
    ----------
    store : mapping or None
        Table ``[store]`` as a scenario file says it; None is a store without any lag.

    Raises
    ------
    pydantic.ValidationError
        If it is no such table.
    """

    def __init__(self, store: Mapping[str, Any] | None = None) -> None:
        self._spec = StoreSpec.model_validate(store or {})
        self._kernel = Kernel()
        self._said = _Said()
        self._catalog = Catalog(chunk_files=1)
        self._faults = Faults((), error_rate=0.0, lost_answer_rate=0.0)
        self._tally = Tally(warmup_us=0)
        header = Header(
            scenario="model store",
            scenario_digest="",
            scheme="",
            trial=0,
            seed=0,
            chunk_files=1,
            gateways=0,
            replicas=self._spec.replicas,
            warmup_us=0,
            horizon_us=0,
        )
        self._store = Store(
            self._spec,
            kernel=self._kernel,
            catalog=self._catalog,
            streams=self._said,
            recorder=Recorder(header),
            lags=self._faults.lags(),
        )
        self._keys: dict[str, Block] = {}
        self._values: list[str | bytes] = []

    @property
    def now_us(self) -> int:
        """The time, in µs since the store was made."""
        return self._kernel.now_us

    def advance(self, span: str) -> None:
        """Let time pass: ``"5m"``. Changes that show by then are seen from then on."""
        span_us = parse_duration(span)
        if span_us:
            self._kernel.run(self.now_us + span_us)

    def client(self, gateway: int | None = 0) -> "StoreClient":
        """Somebody who uses the store: reader ``gateway``, or None for a writer (S4)."""
        name = "producer/0" if gateway is None else f"gateway/{gateway}"
        client = Client(
            name,
            gateway=gateway,
            store=self._store,
            streams=self._said,
            faults=self._faults,
            tally=self._tally,
        )
        return StoreClient(self, client)

    def holds(self, key: str) -> bool:
        """Whether the last change of a key that was acknowledged is a put, whoever sees it."""
        return key in self._keys and self._store.holds(self._keys[key], _OBJECT)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that hold something, whoever sees it, sorted."""
        return tuple(sorted(filter(self.holds, self._keys)))

    def _block(self, key: str) -> Block:
        if key not in self._keys:
            self._keys[key] = self._catalog.create(
                stream=len(self._keys),
                resolution=0,
                min_us=0,
                max_us=1,
                level=1,
                sources=(0,),
                created_us=0,
                size_bytes=1,
            )
        return self._keys[key]


class StoreClient:
    """One who uses a :class:`ModelStore`, and sees what its replica shows."""

    def __init__(self, store: ModelStore, client: Client) -> None:
        self._model = store
        self._client = client

    def put(self, key: str, value: str | bytes, *, late: float = 0.0) -> None:
        """Write a value; acknowledged now, seen after its lags.

        Parameters
        ----------
        key : str
        value : str or bytes
        late : float
            Where in their laws its lags are, in [0, 1).
        """
        model = self._model
        model._values.append(value)
        model._said.late = late
        block = model._block(key)
        self._client.put(block, _OBJECT, model.now_us, stamp_us=len(model._values))

    def delete(self, key: str, *, late: float = 0.0) -> None:
        """Delete a key; one that holds nothing stays as it is. ``late`` as for :meth:`put`."""
        model = self._model
        model._said.late = late
        if model.holds(key):
            self._client.delete(model._block(key), _OBJECT, model.now_us)

    def get(self, key: str, *, replica: float = 0.0) -> str | bytes | None:
        """Read a key; None if it is not there.

        Parameters
        ----------
        key : str
        replica : float
            Which of the replicas answers where one is drawn, in [0, 1).
        """
        model = self._model
        model._said.replica = replica
        found = self._client.get(model._block(key), _OBJECT, model.now_us)
        return None if found is None else model._values[found.stamp_us - 1]

    def head(self, key: str, *, replica: float = 0.0) -> bool:
        """Whether a key is there; ``replica`` as for :meth:`get`."""
        self._model._said.replica = replica
        return self._client.head(self._model._block(key), _OBJECT, self._model.now_us)

    def list(self, *, replica: float = 0.0) -> tuple[str, ...]:
        """Keys that a listing shows, sorted; ``replica`` as for :meth:`get`."""
        model, now_us = self._model, self._model.now_us
        model._said.replica = replica
        number, shows = self._client.list_replica(now_us), self._client.lists_object
        keys = model._keys.items()
        return tuple(sorted(key for key, b in keys if shows(b, _OBJECT, number, now_us)))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to a store.

    Attributes
    ----------
    kind : "put", "delete" or "advance"
    what : str
        The key, or how long.
    late : float
        Where in their laws the lags of a change are.
    """

    kind: Literal["put", "delete", "advance"]
    what: str
    late: float = 0.0

    def do(self, store: ModelStore, *, value: str | bytes = "") -> None:
        """Do it, as a writer; ``value`` is what a put writes."""
        if self.kind == "advance":
            store.advance(self.what)
        elif self.kind == "put":
            store.client(None).put(self.what, value, late=self.late)
        else:
            store.client(None).delete(self.what, late=self.late)


def store_scripts(keys: tuple[str, ...] = KEYS, *, most: int = 20) -> SearchStrategy[list[Step]]:
    """What is done to a store, step by step; shrinks to few steps, one key and no lag.

    Parameters
    ----------
    keys : tuple of str
        Keys that are written and deleted.
    most : int
        Most steps of a script.
    """
    changes = st.builds(
        Step, st.sampled_from(["put", "delete"]), st.sampled_from(keys), st.sampled_from(LATE)
    )
    waits = st.builds(Step, st.just("advance"), st.sampled_from(_TIMES))
    return st.lists(st.one_of(changes, waits), max_size=most)


class StoreMachine(RuleBasedStateMachine):
    """All that others do to a store; a subclass adds rules and invariants for its own code.

    ``self.store`` is the store, ``self.writer`` the client of those others, and ``self.written``
    has every value that was ever put under a key.

    Attributes
    ----------
    table : mapping
        Table ``[store]`` of the store; the subclass says another.
    """

    table: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.store = ModelStore(self.table)
        self.writer = self.store.client(None)
        self.written: dict[str, list[str]] = {}

    @rule(key=st.sampled_from(KEYS), late=st.sampled_from(LATE))
    def put(self, key: str, late: float) -> None:
        """Somebody writes a value that nobody has written before."""
        values = self.written.setdefault(key, [])
        values.append(f"{key}{len(values)}")
        self.writer.put(key, values[-1], late=late)

    @rule(key=st.sampled_from(KEYS), late=st.sampled_from(LATE))
    def delete(self, key: str, late: float) -> None:
        """Somebody deletes a key, which may hold nothing."""
        self.writer.delete(key, late=late)

    @rule(span=st.sampled_from(_TIMES))
    def advance(self, span: str) -> None:
        """Time passes."""
        self.store.advance(span)
        note(f"it is {format_duration(self.store.now_us)}")
