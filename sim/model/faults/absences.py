"""Actors that are down for a while: outages and crashes (``SEMANTICS.md`` P3, G7, C13)."""

from sim.model.faults.effect import Effect


class Absence(Effect):
    """Those it befalls stop, and start again when it is over."""

    def absence_us(self) -> tuple[int, int]:
        """All its time. An empty span is a restart."""
        return self.start_us, self.end_us
