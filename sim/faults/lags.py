"""Changes that show later or sooner than usual: ``store-lags``, ``cut-off`` (F7, F8)."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from sim.core.laws import Law
from sim.model.faults.effect import Effect
from sim.scenario.language.faultrules import target_rule
from sim.scenario.language.faults import Fault, one_or_many, register
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Path, Whole
from sim.scenario.laws.tables import ActivityLaw
from sim.scenario.schema import Scenario

__all__ = ["CutOff", "StoreLags"]

Change = Literal["create", "overwrite", "delete"]
Plane = Literal["get", "list"]

_CHANGES: Final[tuple[Change, ...]] = ("create", "overwrite", "delete")
_PLANES: Final[tuple[Plane, ...]] = ("get", "list")


Changes = Annotated[tuple[Change, ...], *one_or_many(type="string", enum=list(_CHANGES))]
Planes = Annotated[tuple[Plane, ...], *one_or_many(type="string", enum=list(_PLANES))]
Replicas = Annotated[tuple[Whole, ...], *one_or_many(type="integer", minimum=0)]


class _OfReplicas(Fault):
    """Base of faults of the store itself, which befall replicas and no actor."""

    lags: ClassVar[bool] = True

    @property
    def targets(self) -> tuple[str, ...]:
        """No actor."""
        return ()

    @property
    def entangles(self) -> str:
        """Whether a deletion shows late depends on when it is."""
        return "the store lags otherwise at times"

    @property
    def named(self) -> Sequence[int]:
        """Numbers of replicas that the table gives."""
        raise NotImplementedError

    def conflicts(self, scenario: Scenario, place: Path) -> Iterator[Finding]:
        """Replicas must be there and may lag, and lags must be what the store is made of."""
        store = scenario.store
        if store.quorum is not None:
            rule = "be another kind where messages decide when changes show"
            yield Finding((*place, "kind"), rule, (("store", "quorum", "n"),))
        for position, number in enumerate(self.named):
            at = (*place, "replicas", position) if len(self.named) > 1 else (*place, "replicas")
            if number >= store.replicas:
                rule = target_rule("replica", store.replicas)
                yield Finding(at, rule, (("store", "replicas"),))
            elif number == 0 and store.primary:
                yield Finding(at, "be no primary, which is current", (("store", "primary"),))


@register
class StoreLags(_OfReplicas):
    """Changes show after another lag than usual (F7)."""

    kind: Literal["store-lags"] = Field(description="Changes show after another lag.")
    lag: Annotated[Law, ActivityLaw] = Field(
        description="From an acknowledged change until a replica shows it, instead of store.lag."
    )
    changes: Changes = Field(_CHANGES, description="Kinds of changes that have it.")
    planes: Planes = Field(_PLANES, description="In which plane they have it.")
    replicas: Replicas | None = Field(
        None, description="Numbers of the replicas, from 0; all if left out."
    )

    @property
    def named(self) -> Sequence[int]:
        """Those of the table."""
        return self.replicas or ()

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """Other lags."""
        return _OtherLags(self, start_us=start_us, end_us=end_us)


@register
class CutOff(_OfReplicas):
    """No change reaches some replicas, which still answer (F8)."""

    kind: Literal["cut-off"] = Field(description="No change reaches some replicas.")
    replicas: Replicas = Field(description="Numbers of the replicas, from 0.")

    @property
    def named(self) -> Sequence[int]:
        """Those of the table."""
        return self.replicas

    def made(self, *, start_us: int, end_us: int) -> Effect:
        """A partition."""
        return _Partition(self, start_us=start_us, end_us=end_us)


class _OtherLags(Effect):
    """Changes that are acknowledged while it holds have its lag."""

    def __init__(self, spec: StoreLags, *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._table = spec

    @property
    def says_when_changes_show(self) -> bool:
        """It does."""
        return True

    def lag(self, change: str, plane: str, replica: int) -> Law | None:
        """That of the table, for what it names."""
        table = self._table
        is_named = change in table.changes and plane in table.planes
        is_there = table.replicas is None or replica in table.replicas
        return table.lag if is_named and is_there else None


class _Partition(Effect):
    """Changes wait for its end."""

    def __init__(self, spec: CutOff, *, start_us: int, end_us: int) -> None:
        super().__init__(spec, start_us=start_us, end_us=end_us)
        self._replicas = spec.replicas

    @property
    def says_when_changes_show(self) -> bool:
        """It does."""
        return True

    def cuts_off(self, replica: int) -> bool:
        """Whether the table names it."""
        return replica in self._replicas
