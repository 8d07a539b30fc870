"""The nearest valid name for one that is not valid."""

from collections.abc import Iterable

__all__ = ["did_you_mean", "one_of"]


def did_you_mean(wrong: object, valid: Iterable[str]) -> str:
    """Return ``did you mean "…"?`` for the valid name nearest to `wrong`, or nothing.

    >>> did_you_mean("sync-intervall", ["sync_interval", "sync_takes"])
    'did you mean "sync_interval"?'
    """
    if not isinstance(wrong, str):
        return ""
    from difflib import get_close_matches

    # Writers mix up capitals, underscores, hyphens and spaces before they mix up letters.
    plain = {_plain(name): name for name in reversed(list(valid))}
    near = get_close_matches(_plain(wrong), list(plain), n=1, cutoff=0.6)
    return f'did you mean "{plain[near[0]]}"?' if near else ""


def _plain(name: str) -> str:
    """Return a name without the differences that are easily overlooked."""
    return name.casefold().replace("_", "-").replace(" ", "-")


def one_of(valid: Iterable[str]) -> str:
    """Return ``be one of "a", "b"``, or ``be "a"`` for a single name."""
    names = [f'"{name}"' for name in valid]
    return f"be one of {', '.join(names)}" if len(names) > 1 else f"be {names[0]}"
