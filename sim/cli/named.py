"""Listing what is shipped under a name, and showing one of it: ``sim stores``, ``sim presets``."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import click

from sim.cli import common

__all__ = ["show"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...


_T = TypeVar("_T", bound=_Named)


def show(
    known: Mapping[str, _T],
    name: str | None,
    what: str,
    lines: Callable[[_T], Iterable[str]],
    as_data: Callable[[_T], Any] | None,
) -> None:
    """Print a line for each, or one of them in full; as JSON if `as_data` says how.

    Raises
    ------
    click.BadParameter
        If there is no `what` of that name.
    """
    if name is not None and name not in known:
        message = f"no {what} is called {name!r}; {common.guess_among(name, known)}"
        raise click.BadParameter(message, param_hint="NAME")
    shown = list(known.values()) if name is None else [known[name]]
    if as_data is not None:
        rows = [as_data(one) for one in shown]
        click.echo(json.dumps(rows if name is None else rows[0], indent=2, ensure_ascii=False))
    elif name is None:
        width = max(map(len, known))
        for one in shown:
            click.echo(f"{one.name:<{width}}  {one.summary}")
    else:
        for line in lines(shown[0]):
            click.echo(line)
