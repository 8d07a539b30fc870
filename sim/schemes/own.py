"""What the author of a scheme imports: bases, and the types that their methods speak of.

A scenario names a class, anywhere Python can import it from. A primitive is one slot of a scheme::

    from sim.schemes.own import US_PER_S, Deletes, Duration, Field

    class AtNight(Deletes):
        '''What was retired for longer than a delay goes in the first hour of a day.'''

        delay: Duration = Field("2h", description="How long a retired block is kept.")

        @property
        def delay_us(self):
            return self.delay

        def made(self, scenario):
            return self

        def due(self, record, view, now_us):
            is_night = now_us // US_PER_S % 86_400 < 3_600
            return record.due(view, now_us - self.delay) if is_night else []

It stands in a scenario as ``delete = { kind = "night:AtNight", delay = "4h" }``. A whole scheme has
keys of its own, and says what stands in its slots (``said`` has them as a scenario does)::

    class Nightly(OwnScheme):
        '''The compactor remembers what it retired, which goes at night.'''

        delete_delay: Duration = Field("2h", description="How long a retired block is kept.")

        @property
        def composed(self):
            night = AtNight(delay=self.said["delete_delay"])
            return self.slots(record="memory", delete=night)

It stands there as ``[[schemes]]`` with ``kind = "night:Nightly"``. An entry point of the group
``consistency_sim.schemes`` gives either a short name. What acts in each slot must fulfil a protocol
of `sim.model.schemes`: ``Record``, ``Delete``, ``Hold``, ``Learn``, ``Miss``, ``Querier`` or
``Beside``, or be a ``Hide``.

A value of the class serves every trial, so what is remembered belongs to what ``made`` returns.
Chance comes from named draws alone, time is that of the arguments, and sets are not walked through:
one seed must give one digest. Rules prove nothing of a primitive whose ``obstacles`` they do not
know; one that returns none says that delays alone decide.
"""

from pydantic import Field

from sim.core.units import NEVER, US_PER_S
from sim.model.blocks.catalog import Block
from sim.model.schemes import Hide, Holder, Record
from sim.model.views.view import View
from sim.scenario.language.ownscheme import OwnScheme
from sim.scenario.language.primitives import Besides, Checks, Deletes, Hides, Misses, Primitive
from sim.scenario.language.schemes import Composed
from sim.scenario.language.values import Bytes, Count, Duration, Fraction
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

__all__ = [
    "NEVER",
    "US_PER_S",
    "Besides",
    "Block",
    "Bytes",
    "Checks",
    "Composed",
    "Count",
    "Deletes",
    "Duration",
    "Field",
    "Fraction",
    "Hide",
    "Hides",
    "Holder",
    "Misses",
    "NoHold",
    "OwnScheme",
    "Primitive",
    "Record",
    "Scenario",
    "View",
]
