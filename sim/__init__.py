"""Deterministic simulation of deletion schemes in an object store of immutable blocks.

``load`` reads a scenario; ``run``, ``sweep``, ``curve``, ``compare``, ``advise``, ``explain``,
``knobs``, ``matrix``, ``rare`` and ``worst`` ask it something (:mod:`sim.api`). They are imported
when first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.api import advise, compare, curve, explain, load, run, sweep
    from sim.api.knobs import knobs
    from sim.api.matrix import matrix
    from sim.api.rare import rare
    from sim.api.worst import worst

__version__ = "0.1.0"

__all__ = [
    "advise",
    "compare",
    "curve",
    "explain",
    "knobs",
    "load",
    "matrix",
    "rare",
    "run",
    "sweep",
    "worst",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sim import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
