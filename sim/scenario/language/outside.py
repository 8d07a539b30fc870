"""Ways to delete in the code of somebody else: ``kind = "module:Name"``, or an entry point's name.

A scenario names a class, and Python imports its module, which runs it. So nothing is imported but
what a scenario asks for by such a name, and it is looked for where Python looks for any module: in
what is installed and in ``PYTHONPATH``, and last in the current folder. The folder of the scenario
is not looked in, so that a file from elsewhere brings no code along.
"""

import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationInfo

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.values import UNKNOWN_KEY, Frozen, Path, refusal

__all__ = [
    "ENTRY_POINTS",
    "OUTSIDE",
    "Installed",
    "from_table",
    "installed",
    "is_outside",
    "outside_files",
    "place_of",
]

ENTRY_POINTS: Final = "consistency_sim.schemes"
"""Group of entry points by which an installed package gives its classes short names."""

OUTSIDE: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^[^:]+:[^:]+$"}
"""JSON Schema of the name of a class."""

# What may go wrong while a module is imported.
_WRONG: Final = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
_PACKAGE: Final = __name__.partition(".")[0]
_RULE: Final = 'name a class that can be imported, as "module:Name"'

Table = TypeVar("Table", bound=Frozen)


class Installed(NamedTuple):
    """A class to which an installed package gives a short name; nothing of it is imported.

    Attributes
    ----------
    name : str
        The kind in a scenario.
    place : str
        ``"module:Name"``, which is the same.
    package : str
        Name and version of the package.
    """

    name: str
    place: str
    package: str

    @property
    def summary(self) -> str:
        """Where it is from, on a line."""
        return f"{self.place}, of the installed package {self.package}"


def installed() -> dict[str, Installed]:
    """What installed packages give short names, by name."""
    from importlib import metadata

    found = {}
    for point in sorted(metadata.entry_points(group=ENTRY_POINTS)):
        package = "" if point.dist is None else f"{point.dist.name} {point.dist.version}"
        found[point.name] = Installed(point.name, point.value, package)
    return found


def is_outside(table: type) -> bool:
    """Whether a class stands in the code of somebody else."""
    return table.__module__.partition(".")[0] != _PACKAGE


def place_of(table: type) -> str:
    """The name of a class as a scenario says it."""
    return f"{table.__module__}:{table.__qualname__}"


def outside_files() -> list[str]:
    """Files of the classes of somebody else that have been imported as part of a scheme."""
    found, waiting = dict[str, None](), [Frozen]
    while waiting:
        for table in waiting.pop().__subclasses__():
            waiting.append(table)
            if is_outside(table):
                found[getattr(sys.modules.get(table.__module__), "__file__", None) or ""] = None
    return [path for path in found if path]


def from_table(
    raw: Mapping[str, Any],
    base: type[Table],
    known: Iterable[str],
    info: ValidationInfo,
    *,
    at: Path = ("kind",),
) -> Table:
    """Make the value that a table names the class of.

    Parameters
    ----------
    raw : Mapping
        A table with a ``kind`` that is none of this program's.
    base : type
        What the class must be derived from.
    known : iterable of str
        The kinds of this program, to guess from.
    at : Path
        Where the kind stands, below the table.
    """
    kind = raw.get("kind")
    short = {name: one.place for name, one in installed().items()}
    valid = [*known, *short]
    if not isinstance(kind, str) or (":" not in kind and kind not in short):
        hint = did_you_mean(kind, valid)
        if not hint and isinstance(kind, str) and "." in kind:
            hint = f'a class is named with a colon: "{":".join(kind.rsplit(".", 1))}"'
        raise refusal(one_of(valid), hint=hint, at=at)
    table = _imported(short.get(kind, kind), at)
    if not (isinstance(table, type) and issubclass(table, base)):
        rule = f"name a class derived from {base.__module__}.{base.__qualname__}"
        raise refusal(rule, at=at)
    if table.model_fields["kind"].annotation is not str:
        rule = "name a class without a field kind of its own"
        raise refusal(rule, hint="what the scenario says is its kind", at=at)
    keys = [field.alias or name for name, field in table.model_fields.items()]
    for key in raw:
        if key not in keys:
            raise refusal(UNKNOWN_KEY, hint=did_you_mean(key, keys), at=(key,))
    return table.model_validate(raw, context=info.context)


def _imported(kind: str, at: Path) -> object:
    """Import what ``module:Name`` says."""
    module, _, name = kind.partition(":")
    here = os.getcwd()
    if not {"", here} & set(sys.path):
        sys.path.append(here)
    try:
        found: object = import_module(module)
    except ModuleNotFoundError as error:
        is_there = error.name is not None and not f"{module}.".startswith(f"{error.name}.")
        where = "looked for in what is installed, in PYTHONPATH and in the current folder"
        hint = f"{module} imports {error.name}, which is not there" if is_there else where
        raise refusal(_RULE, hint=hint, at=at) from None
    except _WRONG as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        is_told = isinstance(error, SyntaxError | ImportError)
        place = "" if is_told else f" ({last.filename}, line {last.lineno})"
        hint = f"{type(error).__name__}: {error}{place}"
        raise refusal(_RULE, hint=hint, at=at) from None
    for part in name.split("."):
        if not hasattr(found, part):
            names = [n for n, value in vars(found).items() if isinstance(value, type)]
            hint = did_you_mean(part, names) or f"{module} has no {name or 'empty name'}"
            raise refusal(_RULE, hint=hint, at=at)
        found = getattr(found, part)
    return found
