"""The figure of one deletion: what the store showed, who still read, and which queries failed.

The same figure, with the query marked in it, is that of a tale.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from sim.analysis.evidence.deletion_story import Failures, Story, Tick
from sim.analysis.evidence.tale import Tale
from sim.core.units import US_PER_S
from sim.report.formats import format_span
from sim.report.names import block_name
from sim.report.style import (
    GREY,
    OUTCOME_COLOURS,
    escaped,
    folded,
    legend_below,
    new_figure,
    time_unit,
)

__all__ = ["story_height", "story_lanes", "story_timeline", "tale_figure"]

_EXISTS: Final = "#92dadd"
_LOADED: Final = "#3f90da"
_REPLACED: Final = "#ffa90e"
_GONE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "facecolor": "white",
        "edgecolor": GREY,
        "hatch": "////",
        "linewidth": 0,
    }
)
_MOMENTS: Final = (
    ("retired_us", "-", "retired"),
    ("marked_us", ":", "marked"),
    ("hidden_us", "-.", "gateways may hide it"),
    ("absent_us", "--", "deletion begins"),
)
_GATEWAYS_MAX: Final = 12
# Letters of a title that fit above the axes.
_TITLE_LETTERS: Final = 72


def story_lanes(story: Story) -> int:
    """Number of lanes that :func:`story_timeline` draws, for the height of its figure."""
    gateways = {load.gateway for load in story.loads}
    replacement = 1 if story.replacement else 0
    gateway_lanes = min(_GATEWAYS_MAX, len(gateways))
    return story.n_replicas + replacement + gateway_lanes + len(story.failures)


def story_height(story: Story) -> float:
    """Height in inches of the figure that :func:`story_timeline` draws."""
    return 2.4 + 0.36 * story_lanes(story)


def tale_figure(tale: Tale) -> Figure:
    """Draw a tale: what became of the first block that the query met, and the query in it."""
    story = tale.deletion
    return new_figure(lambda ax: story_timeline(story, ax, tale), height=story_height(story))


def story_timeline(story: Story, ax: Axes, tale: Tale | None = None) -> Axes:
    """Draw one deletion: what the store showed, who still answered from it, which queries failed.

    Lanes from the top: every replica of the store, the block that replaces this one, every gateway
    that had the block, with its syncs, and every query class. Time counts from the block's
    retirement. The query of ``tale`` is marked, and asked about.
    """
    zero_us = _zero_us(story)
    unit, unit_s = time_unit(story.end_us - story.start_us)

    def x(t_us: int) -> float:
        return (min(max(t_us, story.start_us), story.end_us) - zero_us) / US_PER_S / unit_s

    def bar(lane: int, start_us: int, end_us: int, **style: Any) -> None:
        ax.barh(lane, x(end_us) - x(start_us), left=x(start_us), height=0.62, **style)

    labels: list[str] = []
    for replica in range(story.n_replicas):
        bar(len(labels), story.start_us, story.end_us, color=_EXISTS)
        for absence in (a for a in story.absences if a.replica == replica):
            bar(len(labels), absence.start_us, absence.end_us, **_GONE)
        labels.append("store" if story.n_replicas == 1 else f"replica {replica}")
    if story.replacement:
        bar(len(labels), story.start_us, story.end_us, color=_EXISTS)
        for absence in story.replacement_absences:
            bar(len(labels), absence.start_us, absence.end_us, **_GONE)
        labels.append("its replacement")
    gateways = sorted({load.gateway for load in story.loads})
    for gateway in gateways[:_GATEWAYS_MAX]:
        lane = len(labels)
        for load in (load for load in story.loads if load.gateway == gateway):
            bar(lane, load.start_us, load.end_us, color=_LOADED)
            if load.crashed:
                ax.plot([x(load.end_us)], [lane], marker="x", color="black")
        for load in (load for load in story.replacement_loads if load.gateway == gateway):
            begin, end = x(load.start_us), x(load.end_us)
            ax.barh(lane + 0.21, end - begin, left=begin, height=0.2, color=_REPLACED)
        ends = [x(s.end_us) for s in story.syncs if s.gateway == gateway and _shows(story, s)]
        ax.vlines(ends, lane - 0.44, lane - 0.2, color="black", linewidth=0.8)
        labels.append(f"gateway {gateway}")
    for failures in story.failures:
        for hazard in (h for h in story.hazards if h.query == failures.query):
            colour = OUTCOME_COLOURS[hazard.outcome]
            bar(len(labels), hazard.start_us, hazard.end_us, color=colour, alpha=0.45)
        # In the lower half only, so that many ticks leave the band to be seen.
        ticks = [x(t_us) for t_us in failures.t_us or ()]
        ax.vlines(ticks, len(labels), len(labels) + 0.31, color="black", linewidth=0.5)
        if tale is not None and tale.asked.query == failures.query:
            ax.plot([x(tale.asked.at_us)], [len(labels) - 0.4], marker="v", color="black", zorder=5)
        labels.append(_query_label(story, failures))
    for t_us, style, _ in _moments(story):
        ax.axvline(x(t_us), color="black", linestyle=style, linewidth=1.1)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlim(x(story.start_us), x(story.end_us))
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    is_retired = zero_us == story.retired_us
    since = f"the block was retired, {format_span(zero_us)} into the run"
    since = since if is_retired else f"{format_span(zero_us)} into the run"
    ax.set_xlabel(f"time since {since} ({unit})")
    title = _story_title(story) if tale is None else _tale_title(tale)
    ax.set_title(title + _left_out(len(gateways)), loc="left")
    legend_below(ax, _story_legend(story, tale))
    return ax


def _zero_us(story: Story) -> int:
    """Where time counts from."""
    is_shown = story.start_us <= story.retired_us < story.end_us
    return story.retired_us if is_shown else story.start_us


def _shows(story: Story, sync: Tick) -> bool:
    """Whether a sync ends within the picture."""
    return story.start_us <= sync.end_us < story.end_us


def _query_label(story: Story, failures: Failures) -> str:
    """Name of a query class and what happened to its queries."""
    if failures.t_us is None:
        note = "too many to draw"
    elif any(hazard.query == failures.query for hazard in story.hazards):
        note = f"{len(failures.t_us)} hit"
    else:
        note = "no hazard"
    return f"{escaped(failures.query)}\n({note})"


def _moments(story: Story) -> list[tuple[int, Any, str]]:
    """Instants within the story: time, line style and name."""
    known: dict[int, tuple[Any, str]] = {}
    for name, style, label in _MOMENTS:
        t_us = getattr(story, name)
        if t_us in known:
            known[t_us] = known[t_us][0], f"{known[t_us][1]}, {label}"
        elif story.start_us <= t_us < story.end_us:
            known[t_us] = style, label
    return [(t_us, style, label) for t_us, (style, label) in known.items()]


def _story_legend(story: Story, tale: Tale | None) -> list[Any]:
    handles: list[Any] = [
        Patch(color=_EXISTS, label="all objects exist"),
        Patch(**_GONE, label="some object is not there"),
        Patch(color=_LOADED, label="gateway answers from it"),
    ]
    if any(load.start_us < story.end_us for load in story.replacement_loads):
        handles.append(Patch(color=_REPLACED, label="gateway answers from its replacement"))
    if any(_shows(story, sync) for sync in story.syncs):
        tick = Line2D(
            [], [], color="black", marker="|", linestyle="", markersize=6, label="a sync ends"
        )
        handles.append(tick)
    for outcome in dict.fromkeys(hazard.outcome for hazard in story.hazards):
        label = f"{outcome}, if asked"
        handles.append(Patch(color=OUTCOME_COLOURS[outcome], alpha=0.45, label=label))
    if any(failures.t_us for failures in story.failures):
        handles.append(Line2D([], [], color="black", linewidth=0.5, label="a query that was hit"))
    if tale is not None:
        mark = Line2D([], [], color="black", marker="v", linestyle="", label="this query")
        handles.append(mark)
    if any(load.crashed for load in story.loads):
        cross = Line2D([], [], color="black", marker="x", linestyle="", label="gateway went down")
        handles.append(cross)
    for _, style, label in _moments(story):
        handles.append(Line2D([], [], color="black", linestyle=style, label=label))
    return handles


def _story_title(story: Story) -> str:
    if story.error_us > 0:
        answer = f"yes, for {format_span(story.error_us)}"
    else:
        answer = "no, readers let go first"
    return f"Was a deleted block still read? {answer}\n{_where(story, '')}"


def _tale_title(tale: Tale) -> str:
    asks = f"Why did this query of {tale.asked.query} end in {tale.outcome}?"
    at = f"at {format_span(tale.asked.at_us)}, "
    return f"{folded(asks, _TITLE_LETTERS)}\n{_where(tale.deletion, at)}"


def _where(story: Story, at: str) -> str:
    """Scheme, trial and block, in lines that fit above the axes."""
    block = f"block of {block_name(story.block)}"
    return folded(f"{story.scheme}, trial {story.trial}, {at}{block}", _TITLE_LETTERS)


def _left_out(n_gateways: int) -> str:
    """How many gateways have no lane."""
    hidden = n_gateways - _GATEWAYS_MAX
    return f"\n({hidden} more gateways not shown)" if hidden > 0 else ""
