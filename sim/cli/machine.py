"""What this machine can hold: how much memory is left, and which runs fit into it."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.cli import common

if TYPE_CHECKING:
    from sim.analysis.effort.limits import Limits
    from sim.errors import Problem
    from sim.scenario.schema import Scenario

__all__ = ["available_bytes", "fitting_workers", "limits", "refuse_too_much", "too_much"]

_PROC: Final = Path("/proc")
_CGROUP: Final = Path("/sys/fs/cgroup")


def limits(memory_bytes: float | None = None, events: float | None = None) -> "Limits":
    """Limits of a run; by default what memory is available, and `EVENTS_MAX`."""
    from sim.analysis.effort.limits import EVENTS_MAX, Limits

    return Limits(
        memory_bytes=available_bytes() if memory_bytes is None else memory_bytes,
        events=EVENTS_MAX if events is None else events,
    )


def refuse_too_much(
    path: str, scenario: "Scenario", *, mode: str, schemes: int, workers: int, limits: "Limits"
) -> None:
    """Refuse a run that exceeds its limits: say by which key, and exit with 2."""
    common.refuse(
        path, too_much(scenario, mode=mode, schemes=schemes, workers=workers, limits=limits)
    )


def too_much(
    scenario: "Scenario", *, mode: str, schemes: int, workers: int, limits: "Limits"
) -> "list[Problem]":
    """Say what of a run exceeds its limits, and how to run it all the same."""
    from sim.analysis.effort.limits import too_large

    problems = too_large(scenario, limits, mode=mode, schemes=schemes, workers=workers)
    hint = "--yes runs it all the same"
    return [replace(p, hint=f"{p.hint}; {hint}") for p in problems]


def fitting_workers(
    scenario: "Scenario", *, mode: str, schemes: int, limits: "Limits"
) -> int | None:
    """How many processes the memory holds; None where it holds as many as there are CPUs."""
    from sim.analysis.effort.estimate import effort
    from sim.study.executors import usable_cpus

    found = effort(scenario, mode=mode, schemes=schemes)
    most = (limits.memory_bytes - found.results_bytes) / found.memory_bytes
    return None if most >= usable_cpus() else max(1, int(most))


def available_bytes(*, proc: Path = _PROC, cgroup: Path = _CGROUP) -> float:
    """Return the least that the machine, the control group and the limit of the process leave.

    Parameters
    ----------
    proc, cgroup : Path
        Where the system shows processes, and the control group of this one.

    Returns
    -------
    float
        Bytes; inf where nothing says.
    """
    return max(0.0, min(_of_machine(proc), _of_group(cgroup), _of_process(proc)))


def _of_machine(proc: Path) -> float:
    """What can be had without swapping, by Linux's own estimate."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (proc / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024.0
    return float("inf")


def _of_group(cgroup: Path) -> float:
    """What the limit of the control group leaves, version 2 or 1; caches are given back."""
    names = (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    )
    for limit, usage, stat in names:
        with contextlib.suppress(OSError, ValueError):
            # "max" is no number, and no limit.
            most = float((cgroup / limit).read_text())
            used = float((cgroup / usage).read_text())
            counts = dict(line.split() for line in (cgroup / stat).read_text().splitlines())
            caches = float(counts.get("inactive_file", 0))
            return most - max(0.0, used - caches)
    return float("inf")


def _of_process(proc: Path) -> float:
    """What the limit of the address space leaves beside what is mapped already."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            pages = int((proc / "self/statm").read_text().split()[0])
            return float(soft - pages * os.sysconf("SC_PAGE_SIZE"))
    return float("inf")
