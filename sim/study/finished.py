"""Finished trials on disk, so that an interrupted run goes on where it was.

Each trial's result is a file of its own, written whole as soon as it is there::

    FOLDER/KEY/scheme-1.trial-12.json

``KEY`` is a digest of everything a result depends on beside its two ordinals: the scenario, the
mode, whether it was checked, and the program itself. So a folder may hold results of several
scenarios, and none is taken for another's. A file says its key and the digest of its content; one
that is damaged is left unused, told of, and written anew.

>>> from sim.analysis.queries.outcomes import ClassOutcome
>>> outcome = ClassOutcome(name="day", queries=2.0, fractions={"ok": 1.0})
>>> decoded(encoded(outcome)) == outcome
True
"""

import dataclasses
import functools
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim import __version__, atomic
from sim.analysis.results import TrialResult
from sim.core.streams import STREAM_VERSION
from sim.study.authors import authors_digest
from sim.trace.recorder import TRACE_VERSION

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["FinishedTrials", "TrialFiles", "decoded", "encoded", "key_of", "program_digest"]

Say = Callable[[str], None]

_NAME: Final = re.compile(r"scheme-(?P<scheme>\d+)\.trial-(?P<trial>\d+)\.json")


class FinishedTrials:
    """A folder of finished trials of any scenarios, for ``run_scenario(…, finished=…)``.

    Parameters
    ----------
    folder : Path
        Made when the first result is kept.
    say : callable
        Called with a sentence about what was found: how many trials were there already, and
        which files could not be used.
    """

    def __init__(self, folder: Path, *, say: Say = lambda _: None) -> None:
        self.folder = Path(folder)
        self.say = say

    def of(self, scenario: "Scenario", *, mode: str, check: bool) -> "TrialFiles":
        """Give the finished trials of one scenario in one mode."""
        return TrialFiles(self.folder, key_of(scenario, mode=mode, check=check), self.say)


class TrialFiles(MutableMapping[tuple[int, int], TrialResult]):
    """Results by (scheme, trial), each a file; a result is on disk when setting it returns.

    Looking up one whose file is damaged says so and raises KeyError, as if it was not there.
    """

    def __init__(self, folder: Path, key: str, say: Say) -> None:
        self.key = key
        self.say = say
        self._folder = folder / key
        if self._folder.is_dir():
            atomic.remove_leftovers(self._folder)

    def __getitem__(self, ordinals: tuple[int, int]) -> TrialResult:
        path = self._path(ordinals)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise KeyError(ordinals) from None
        except (OSError, UnicodeDecodeError):
            self._refuse(path, "cannot be read")
            raise KeyError(ordinals) from None
        try:
            result = _result_of(text, self.key)
        except (ValueError, TypeError, LookupError, AttributeError, ImportError, RecursionError):
            result = None
        if result is None or (result.scheme, result.trial) != ordinals:
            self._refuse(path, "is damaged")
            raise KeyError(ordinals)
        return result

    def __setitem__(self, ordinals: tuple[int, int], result: TrialResult) -> None:
        content = encoded(result)
        document = {"key": self.key, "sha256": _digest(content), "result": content}
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic.whole_file(self._path(ordinals)) as stream:
            stream.write(json.dumps(document) + "\n")

    def __delitem__(self, ordinals: tuple[int, int]) -> None:
        try:
            self._path(ordinals).unlink()
        except FileNotFoundError:
            raise KeyError(ordinals) from None

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self._folder.is_dir():
            for path in sorted(self._folder.iterdir()):
                match = _NAME.fullmatch(path.name)
                if match:
                    yield int(match["scheme"]), int(match["trial"])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _path(self, ordinals: tuple[int, int]) -> Path:
        scheme, trial = ordinals
        return self._folder / f"scheme-{scheme}.trial-{trial}.json"

    def _refuse(self, path: Path, reason: str) -> None:
        self.say(f"{path}: {reason}; this trial runs again")


def key_of(scenario: "Scenario", *, mode: str, check: bool) -> str:
    """Digest (SHA-256, hexadecimal) of everything that the result of a trial depends on.

    The scenario's digest leaves out its name, which stands in the header of every trace and so in
    a trial's digest: here it counts. The program is its version and the text of its modules, as
    people change one without the other, and the modules of others that schemes name; NumPy does the
    arithmetic.
    """
    parts = {
        "scenario": scenario.digest,
        "name": scenario.name,
        "mode": mode,
        "check": check,
        "version": __version__,
        "program": program_digest(),
        "stream": STREAM_VERSION,
        "trace": TRACE_VERSION,
        "numpy": np.__version__,
    }
    if authors := authors_digest(scenario):
        parts["authors"] = authors
    return _digest(parts)


@functools.cache
def program_digest() -> str:
    """SHA-256 over the modules of this package, in order of their paths."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def _result_of(text: str, key: str) -> TrialResult | None:
    """Read a file's text; None if it is another's or its content was changed."""
    document = json.loads(text)
    content = document["result"]
    if document["key"] != key or document["sha256"] != _digest(content):
        return None
    result = decoded(content)
    return result if isinstance(result, TrialResult) else None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def encoded(value: Any) -> Any:
    """Give a value as what JSON can hold, such that :func:`decoded` gives an equal one.

    Parameters
    ----------
    value : object
        None, bool, int, float (also nan and infinities), str, a NumPy scalar, or a tuple, list,
        dict, named tuple or dataclass of this package made of such.

    Returns
    -------
    object
        A tuple is an array; everything else that has parts is a table whose only key says what
        it is.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(value, np.generic):
        return encoded(value.item())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {_name_of(value): {name: encoded(part) for name, part in fields.items()}}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {_name_of(value): {name: encoded(part) for name, part in value._asdict().items()}}
    if type(value) is tuple:
        return [encoded(part) for part in value]
    if type(value) is list:
        return {"list": [encoded(part) for part in value]}
    if type(value) is dict:
        return {"dict": [[encoded(key), encoded(part)] for key, part in value.items()]}
    raise TypeError(f"{type(value).__name__} cannot be kept in a file of finished trials")


def decoded(content: Any) -> Any:
    """Give the value that :func:`encoded` made `content` of.

    Raises
    ------
    ValueError, TypeError, AttributeError, ImportError
        If it made it of nothing.
    """
    if isinstance(content, list):
        return tuple(decoded(part) for part in content)
    if not isinstance(content, dict):
        return content
    ((name, parts),) = content.items()
    if name == "list":
        return [decoded(part) for part in parts]
    if name == "dict":
        return {decoded(key): decoded(part) for key, part in parts}
    return _class_of(name)(**{field: decoded(part) for field, part in parts.items()})


def _name_of(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}:{kind.__qualname__}"


def _class_of(name: str) -> type:
    """Find a class of this package that holds values; a file can make nothing else run."""
    module, _, qualified = name.partition(":")
    if not module.startswith("sim."):
        raise ValueError(f"{name} is not of this package")
    found = getattr(importlib.import_module(module), qualified)
    if not (isinstance(found, type) and (dataclasses.is_dataclass(found) or _is_named(found))):
        raise ValueError(f"{name} holds no values")
    return found


def _is_named(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")
