"""When whoever deletes looks for what is due: ``compactor.cleanup``, or a scheme's own."""

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from sim.core.units import format_duration
from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.language.values import duration_us, refusal

__all__ = ["Cleanup", "WhenDeleted"]


class Cleanup(NamedTuple):
    """When marked blocks are deleted: `when`, and for ``every`` the interval."""

    when: Literal["in-pass", "end-of-pass", "every"]
    every_us: int = 0

    def __str__(self) -> str:
        """Return the text of the scenario file."""
        return f"every {format_duration(self.every_us)}" if self.when == "every" else self.when


_CLEANUP_RULE: Final = 'be "in-pass", "end-of-pass" or "every <duration>" such as "every 5m"'


def _cleanup(value: object) -> Cleanup:
    """Read when marked blocks are deleted."""
    if isinstance(value, Cleanup):
        return value
    word, _, interval = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if word == "every" and (every_us := duration_us(interval.strip(), _CLEANUP_RULE)):
        return Cleanup("every", every_us)
    if value == "in-pass":
        return Cleanup("in-pass")
    if value == "end-of-pass":
        return Cleanup("end-of-pass")
    names = [] if word == "every" else ["in-pass", "end-of-pass", "every"]
    raise refusal(_CLEANUP_RULE, hint=did_you_mean(value, names))


WhenDeleted = Annotated[
    Cleanup,
    BeforeValidator(_cleanup),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^(in-pass|end-of-pass|every .*)$"}),
]
"""``"in-pass"``, ``"end-of-pass"`` or ``"every 5m"``."""
