"""A tale as swim lanes in a terminal: time goes down, each lane says which blocks it has."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sim.analysis.evidence.events import Event, What
from sim.analysis.evidence.tale import Tale
from sim.core.units import NEVER
from sim.report.tale import nicknames, relative

__all__ = ["lane_lines"]

_ROWS_MAX: Final = 40
_DID: Final = {
    What.COMPACTED: "+",
    What.RETIRED: "~",
    What.MARKED: "~",
    What.DELETING: "-",
    What.DELETED: "-",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """A column: two lines of heading, and what stands in it at an instant."""

    heading: tuple[str, str]
    cell: Callable[[int], str]


def lane_lines(tale: Tale, *, columns: int = 80, is_unicode: bool = True) -> Iterator[str]:
    """Draw the lanes of a tale, at most ``columns`` wide.

    Parameters
    ----------
    tale : Tale
    columns : int
        Gateways and replicas that do not fit are left out, and it is said how many; one of each
        stays.
    is_unicode : bool
        Without it every character is ASCII.

    Yields
    ------
    str
        A heading, and a row for every instant at which a lane changes.
    """
    empty, cross = ("·", "✗") if is_unicode else (".", "x")
    names = nicknames(tale)
    stores = list(_store_lanes(tale, names, empty))
    gateways = [
        _held(tale, names, f"gateway/{g}", ("gateway", str(g)), empty) for g in tale.gateways
    ]
    ends = [_compactor_lane(tale, names, empty), _query_lane(tale, empty, cross)]
    times = sorted({event.t_us for event in tale.events} | set(_edges(tale)))
    when = [relative(t_us, tale.asked.at_us) for t_us in times]
    lead = max(map(len, [*when, "time"]))
    # What fits: at least one replica and one gateway, gateways before replicas.
    room = columns - lead - _width(ends, times)
    choices = [
        (2 * replicas, count)
        for replicas in range(len(tale.replicas), 0, -1)
        for count in range(len(gateways), 0, -1)
        if count == 1 or replicas == len(tale.replicas)
    ] or [(len(stores), 0)]
    kept, shown = next(
        (
            (kept, shown)
            for kept, shown in choices
            if _width([*stores[:kept], *gateways[:shown]], times) <= room
        ),
        choices[-1],
    )
    lanes = [*stores[:kept], ends[0], *gateways[:shown], ends[1]]
    widths = [_lane_width(lane, times) for lane in lanes]
    for row in (0, 1):
        label = "time" if row else ""
        yield _row(f"{label:>{lead}}", [lane.heading[row] for lane in lanes], widths)
    previous: list[str] = []
    rows = []
    for t_us, label in zip(times, when, strict=True):
        cells = [lane.cell(t_us) for lane in lanes]
        if cells != previous:
            rows.append(_row(f"{label:>{lead}}", cells, widths))
        previous = cells
    yield from rows[-_ROWS_MAX:]
    yield ""
    yield "store and gateways: blocks that are there, or loaded; compactor: + uploads,"
    yield f"~ retires, - deletes; query: ? asks, {cross} meets what is not there"
    left_out = [
        f"{count} {what}"
        for count, what in (
            (len(tale.replicas) - kept // 2, "replicas"),
            (len(gateways) - shown, "gateways"),
        )
        if count
    ]
    if left_out:
        yield f"({' and '.join(left_out)} left out, as the lines would be too wide)"


def _edges(tale: Tale) -> Iterator[int]:
    """Instants at which a lane changes, between the first event and the last."""
    first, last = tale.events[0].t_us, tale.events[-1].t_us
    for span in tale.spans:
        yield from (t for t in (span.start_us, span.end_us) if first <= t <= last)


def _row(label: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    text = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{label}  {text}".rstrip()


def _lane_width(lane: _Lane, times: Sequence[int]) -> int:
    return max(len(text) for text in (*lane.heading, *(lane.cell(t) for t in times)))


def _width(lanes: Sequence[_Lane], times: Sequence[int]) -> int:
    return sum(2 + _lane_width(lane, times) for lane in lanes)


def _store_lanes(tale: Tale, names: dict[str, str], empty: str) -> Iterator[_Lane]:
    for replica in tale.replicas:
        for plane in ("list", "get"):
            title = "store" if tale.n_replicas == 1 else f"store {replica}"
            heading = title, plane.upper()
            yield _held(tale, names, f"{plane}/{replica}", heading, empty)


def _held(
    tale: Tale, names: dict[str, str], lane: str, heading: tuple[str, str], empty: str
) -> _Lane:
    spans = [span for span in tale.spans if span.lane == lane]

    def cell(t_us: int) -> str:
        there = [names[s.block] for s in spans if s.start_us <= t_us < min(s.end_us, NEVER)]
        return "".join(sorted(there)) or empty

    return _Lane(heading=heading, cell=cell)


def _compactor_lane(tale: Tale, names: dict[str, str], empty: str) -> _Lane:
    def cell(t_us: int) -> str:
        did: dict[str, list[str]] = {}
        for event in _at(tale, t_us):
            if event.what in _DID:
                # What a compaction is made of is not uploaded.
                blocks = event.blocks[:1] if event.what is What.COMPACTED else event.blocks
                letters = did.setdefault(_DID[event.what], [])
                letters += [names[b] for b in blocks if b in names and names[b] not in letters]
        return "".join(sign + "".join(letters) for sign, letters in did.items()) or empty

    return _Lane(heading=("", "compactor"), cell=cell)


def _query_lane(tale: Tale, empty: str, cross: str) -> _Lane:
    def cell(t_us: int) -> str:
        signs = {What.ASKED: "?", What.FAILED: cross, What.MISSED: cross}
        found = [signs[event.what] for event in _at(tale, t_us) if event.what in signs]
        return "".join(dict.fromkeys(found)) or empty

    return _Lane(heading=("", "query"), cell=cell)


def _at(tale: Tale, t_us: int) -> list[Event]:
    return [event for event in tale.events if event.t_us == t_us]
