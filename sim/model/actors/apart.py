"""Whether gateways never act at one instant, so that nobody can tell when one went to sleep."""

from sim.core.streams import Streams
from sim.model.actors.gateway import first_sync_us
from sim.model.faults.happening import Faults
from sim.model.schemes import HearsOfSyncs, Scheme
from sim.scenario.schema import Gateways

__all__ = ["act_apart"]


def act_apart(spec: Gateways, scheme: Scheme, faults: Faults, streams: Streams) -> bool:
    """Whether the steps of each gateway are on a grid that no other one meets.

    Those that act at one instant do so in the order in which they went to sleep, which a rest
    would change (`sim.model.rests`).
    """
    names = [f"gateway/{number}" for number in range(spec.count)]
    is_regular = (
        scheme.lists
        and scheme.querier is None
        and not isinstance(scheme.hold, HearsOfSyncs)
        and scheme.miss is None
        and spec.sync_interval.is_constant
        and spec.sync_takes.is_constant
        and spec.sync_takes_per_block_us == 0
        and not any(faults.absences_us(name) or not faults.pace(name).is_steady for name in names)
    )
    if not is_regular:
        return False
    period_us, takes_us = spec.sync_interval.draw_us(0.5), spec.sync_takes.draw_us(0.5)
    load_us = int(takes_us * spec.sync_stages.load)
    # A sync that overruns is followed at once by the next, wherever the ticks are.
    if takes_us >= period_us or int(takes_us * spec.sync_stages.marks) > 0:
        return False
    met: set[int] = set()
    for number in range(spec.count):
        begin_us = first_sync_us(number, spec, streams)
        # The first sync, and those of the grid that begins at its end.
        starts = (begin_us, begin_us + takes_us)
        own = {(t + d) % period_us for t in starts for d in (0, load_us, takes_us)}
        if met & own:
            return False
        met |= own
    return True
