"""A store that tests drive: what clients see, and that wrong readers are found in two steps."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from sim.testing import ModelStore, Step, StoreMachine, store_scripts

LATE = {"lag": {"create": {"get": "1m", "list": {"law": "uniform", "low": "0s", "high": "10m"}}}}
fixed = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    stateful_step_count=10,
    phases=(Phase.generate, Phase.shrink),
)


def test_a_store_without_lags_shows_everything_at_once() -> None:
    store = ModelStore()
    writer, reader = store.client(None), store.client(0)
    writer.put("a", "one")
    assert (reader.get("a"), reader.head("a"), reader.list()) == ("one", True, ("a",))
    writer.put("a", b"two")
    assert reader.get("a") == b"two"
    writer.delete("a")
    writer.delete("b")
    assert (reader.get("a"), reader.head("a"), reader.list()) == (None, False, ())
    assert store.keys == ()


def test_each_plane_shows_a_change_after_its_own_lag() -> None:
    store = ModelStore(LATE)
    writer, reader = store.client(None), store.client(0)
    writer.put("a", "one", late=0.5)
    assert store.keys == ("a",)
    assert (reader.get("a"), reader.list()) == (None, ())
    store.advance("1m")
    assert (reader.get("a"), reader.list()) == ("one", ())
    store.advance("3m59s")
    assert reader.list() == ()
    store.advance("1s")
    assert reader.list() == ("a",)
    assert store.now_us == 300_000_000


def test_replicas_show_changes_each_in_its_time() -> None:
    lag = {"delete": {"get": {"law": "uniform", "low": "0s", "high": "10m"}}}
    store = ModelStore({"replicas": 2, "primary": True, "lag": lag})
    writer, reader = store.client(None), store.client(0)
    writer.put("a", "one")
    writer.delete("a", late=0.5)
    assert writer.get("a") is None
    assert reader.get("a", replica=0.9) == "one"
    store.advance("5m")
    assert reader.get("a", replica=0.9) is None


def test_a_wrong_claim_about_a_store_shrinks_to_two_steps() -> None:
    def is_listed_late(script: list[Step]) -> bool:
        store = ModelStore(LATE)
        for step in script:
            step.do(store, value="x")
        return bool(set(store.keys) - set(store.client(0).list())) and store.now_us > 0

    found = find(store_scripts(), is_listed_late, settings=fixed)
    assert found == [Step("put", "a", 0.5), Step("advance", "1s")] or found == [
        Step("advance", "1s"),
        Step("put", "a", 0.5),
    ]


@settings(max_examples=20)
@given(script=store_scripts())
def test_what_is_acknowledged_is_seen_in_the_end(script: list[Step]) -> None:
    store = ModelStore(LATE)
    for step in script:
        step.do(store)
    store.advance("10m")
    assert store.client(0).list() == store.keys


class Cached(StoreMachine):
    """A reader that keeps what it has read, and looks again only when that is old."""

    table: ClassVar[dict[str, Any]] = LATE
    checks_for_deletion: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.client = self.store.client(0)
        self.kept: dict[str, str | bytes] = {}

    @rule()
    def sync(self) -> None:
        """Read all that is listed."""
        if self.checks_for_deletion:
            self.kept.clear()
        for key in self.client.list():
            value = self.client.get(key)
            if value is not None:
                self.kept[key] = value
        self.synced_us = self.store.now_us
        assert self.kept.keys() <= set(self.client.list()), "it keeps what is gone"

    @invariant()
    def has_only_what_was_written(self) -> None:
        """It makes nothing up."""
        assert all(value in self.written[key] for key, value in self.kept.items())


class Forgetful(Cached):
    """It never lets go of anything."""

    table: ClassVar[dict[str, Any]] = {}
    checks_for_deletion = False


def test_a_right_reader_passes() -> None:
    run_state_machine_as_test(Cached, settings=settings(fixed, max_examples=10))


def test_a_reader_that_keeps_what_is_gone_is_found() -> None:
    with pytest.raises(AssertionError, match="it keeps what is gone") as caught:
        run_state_machine_as_test(Forgetful, settings=fixed)
    told = "\n".join(caught.value.__notes__)
    steps = [line for line in told.splitlines() if line.startswith("state.")]
    done = [step for step in steps if "has_only" not in step and "teardown" not in step]
    assert done == [
        "state.put(key='a', late=0.0)",
        "state.sync()",
        "state.delete(key='a', late=0.0)",
        "state.sync()",
    ]
