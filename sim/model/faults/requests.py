"""What the requests of one actor meet (``SEMANTICS.md`` S7, F2, F3)."""

from bisect import bisect_right
from collections.abc import Sequence

from sim.model.faults.effect import Effect, Request


class Crashed(Exception):
    """An actor crashes at a request; ``args`` is for how long it is down, in µs."""


class Disturbances:
    """The effects that the requests of one actor meet.

    Parameters
    ----------
    actor : str
        What the store knows it by.
    base : tuple of float
        The store's own rates of errors and of lost answers; faults add to them by the larger of
        the two, never by their sum.

    Attributes
    ----------
    are_none : bool
        Whether no request of the actor ever needs to be asked about.
    hide : bool
        Whether something that is there may ever not be found.
    tell_blocks_apart : bool
        Whether it matters who made a block.
    """

    def __init__(self, actor: str, effects: Sequence[Effect], *, base: tuple[float, float]) -> None:
        self._actor = actor
        self._effects = tuple(effects)
        self._base = base
        self._turns_us = sorted(t_us for effect in effects for t_us in effect.turns_us())
        self.hide = bool(self._turns_us)
        self.are_none = not effects and base == (0.0, 0.0)
        self.tell_blocks_apart = any(effect.tells_blocks_apart for effect in effects)

    def error_rates(self, request: Request, t_us: int) -> tuple[float, float]:
        """(P(failing without effect), P(being applied with the answer lost)) at an instant."""
        failing, lost = self._base
        for effect in self._effects:
            if effect.holds(t_us):
                error_rate, lost_answer_rate = effect.error_rates(request)
                failing = max(failing, error_rate)
                lost = max(lost, lost_answer_rate)
        return failing, lost

    def failing(self, request: Request, t_us: int) -> float:
        """P(a read is answered with an error) at an instant."""
        return min(1.0, sum(self.error_rates(request, t_us)))

    def deny(self, request: Request, t_us: int) -> bool:
        """Whether a read at ``t_us`` finds nothing, whatever is there."""
        return any(effect.holds(t_us) and effect.denies(request) for effect in self._effects)

    def truncate(self, request: Request, t_us: int) -> bool:
        """Whether what a GET at ``t_us`` gives is cut short."""
        return any(effect.holds(t_us) and effect.truncates(request) for effect in self._effects)

    def strike(self, request: Request, t_us: int, *, is_over: bool) -> None:
        """Raise :class:`Crashed` if the actor crashes before a request, or when it is over."""
        for effect in self._effects:
            down_us = effect.down_us(self._actor, request, t_us, is_over=is_over)
            if down_us is not None:
                raise Crashed(down_us)

    def turn(self, after_us: int, until_us: int) -> bool:
        """Whether reads begin to be answered otherwise in (after_us, until_us]."""
        turns = self._turns_us
        return bisect_right(turns, after_us) < bisect_right(turns, until_us)
