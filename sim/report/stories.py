"""The deletion that a reader outlasted for longest, in words: what the timeline figure draws."""

from collections.abc import Iterator
from typing import NamedTuple

from sim.analysis.evidence.deletion_story import Story
from sim.analysis.results import SchemeResult
from sim.report.formats import format_span
from sim.report.names import block_name
from sim.report.tale import relative
from sim.trace.records import RETIRE_REASONS

__all__ = ["Moment", "longest_story", "story_moments", "story_title"]


class Moment(NamedTuple):
    """One line of a story: time from the retirement, time of the run, and what happened."""

    after: str
    at: str
    words: str


def longest_story(scheme: SchemeResult) -> Story | None:
    """The story of the longest error window over all trials; None if no trial has one."""
    stories = [trial.story for trial in scheme.trials if trial.story is not None]
    return max(stories, key=lambda story: story.error_us, default=None)


def story_title(story: Story) -> str:
    """Say which block it is about, and for how long reads of it could fail."""
    what = f"trial {story.trial} (seed {story.seed}), the block of {block_name(story.block)}"
    if story.error_us <= 0:
        return f"{what}: every reader had let go of it in time"
    return f"{what}: reads of it could fail for {format_span(story.error_us)}"


def story_moments(story: Story) -> Iterator[Moment]:
    """Give what happened within the story's span, in the order of time."""
    zero_us = story.retired_us
    for t_us, words in sorted(_moments(story), key=lambda moment: moment[0]):
        if story.start_us <= t_us < story.end_us:
            yield Moment(relative(t_us, zero_us), format_span(t_us), words)


def _moments(story: Story) -> Iterator[tuple[int, str]]:
    why = RETIRE_REASONS[story.retired_why]
    who = {"by-hand": "somebody", "lifecycle": "the store"}.get(why, "the compactor")
    yield story.retired_us, f"{who} retires the block: {why}"
    yield story.marked_us, "its deletion mark is written"
    yield story.hidden_us, "the mark is old enough: gateways that look hide the block"
    yield story.absent_us, "its deletion begins"
    for absence in story.absences:
        where = "the store" if story.n_replicas == 1 else f"replica {absence.replica}"
        yield absence.start_us, f"{where} no longer shows all of it"
        yield absence.end_us, f"{where} shows all of it again"
    for load in story.replacement_loads:
        yield load.start_us, f"gateway {load.gateway} loads its replacement"
    for load in story.loads:
        end = "goes down, and forgets it" if load.crashed else "drops it"
        yield load.start_us, f"gateway {load.gateway} loads it"
        yield load.end_us, f"gateway {load.gateway} {end}"
    for hazard in story.hazards:
        lasts = format_span(hazard.end_us - hazard.start_us)
        words = f"queries of {hazard.query} that arrive from now on, for {lasts}, end in"
        yield hazard.start_us, f"{words} {hazard.outcome}"
