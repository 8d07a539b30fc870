"""Knobs that are drawn from a range: ``PATH=LOW..HIGH``, or ``PATH=log:LOW..HIGH``."""

from sim.scenario.knobs import Knob, parse_knob

__all__ = ["parse_range"]


def parse_range(text: str) -> Knob:
    """Read ``PATH=LOW..HIGH``, whose ends are numbers of one kind; gives the knob at its ends.

    Raises
    ------
    ValueError
        If it is not of that form; the message says what is wrong.

    Examples
    --------
    >>> parse_range("gateways.sync_interval=1m..15m").texts
    ('1m', '15m')
    """
    path, equals, listed = text.partition("=")
    # A range of two points has nothing but its ends.
    knob = parse_knob(f"{text}/2") if ".." in listed or not equals else None
    if knob is None or knob.numbers is None or len(knob) != 2:
        raise ValueError(f"{path.strip()}: a range is LOW..HIGH, such as 0s..48h, not {listed!r}")
    return knob
