"""A broken rule at a place of a scenario, as every check of one says it."""

from typing import Any, NamedTuple

from sim.scenario.language.values import Path

__all__ = ["Finding"]


class Finding(NamedTuple):
    """A broken rule, at a place of the scenario.

    Attributes
    ----------
    at : Path
    rule : str
        Completes "<path>=<value> must …".
    others : tuple of Path
        Places that take part, to be shown with their values.
    hint : str
        What the writer probably meant.
    silent : tuple of Path
        Places that take part, not to be shown.
    values : tuple
        The resolved values at `at` and `others`, as a file says them; empty where the text has
        them.
    """

    at: Path
    rule: str
    others: tuple[Path, ...] = ()
    hint: str = ""
    silent: tuple[Path, ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def claim(self) -> "Finding":
        """The finding without its values, which may be of any kind: a key in tables."""
        return self._replace(values=())
