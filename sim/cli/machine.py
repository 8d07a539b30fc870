"""How much memory this process may still take, as the system says."""

import contextlib
import os
from pathlib import Path
from typing import Final

__all__ = ["available_bytes"]

_PROC: Final = Path("/proc")
_CGROUP: Final = Path("/sys/fs/cgroup")


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
