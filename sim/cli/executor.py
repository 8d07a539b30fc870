"""The option ``--executor``: where trials run."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.study.cluster import Cluster

__all__ = ["check_executor", "executor_option", "workers_elsewhere"]

_PROCESSES: Final = "processes"
_DASK: Final = "dask:"


def _parsed(_: click.Context, __: click.Parameter, value: str) -> str:
    if value != _PROCESSES and (value == _DASK or not value.startswith(_DASK)):
        raise click.BadParameter(f"{value!r} is neither processes nor dask:ADDRESS")
    return value


executor_option: Final = click.option(
    "--executor",
    metavar="processes|dask:ADDRESS",
    default=_PROCESSES,
    show_default=True,
    callback=_parsed,
    help="Where trials run: on this machine, or in the workers of a scheduler of Dask (extra "
    '"cluster").',
)


def check_executor(executor: str, workers: int | None) -> None:
    """Refuse a number of processes where none are started."""
    if executor != _PROCESSES and workers is not None:
        raise click.UsageError("--workers counts processes here; a scheduler has its own workers")


@contextlib.contextmanager
def workers_elsewhere(executor: str, scenarios: "Iterable[Scenario]") -> "Iterator[Cluster | None]":
    """Hold the workers of a scheduler; None where none was named."""
    if executor == _PROCESSES:
        yield None
        return
    from sim.study.cluster import connected

    with connected(executor.removeprefix(_DASK), scenarios) as cluster:
        yield cluster
