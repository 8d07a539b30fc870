"""The smallest story of a kind: what can be left out of a course that was found, is left out.

First the scenario gets smaller, then fewer draws deviate from what the seed makes of them, then
those that still do get plain values. Every step is tried, and kept if what was found still is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sim.analysis.evidence.counterexample import Deviation, Shrunk
from sim.core.streams import Streams
from sim.core.units import US_PER_S, format_duration
from sim.study.attack import Attack, Found, changed, listed
from sim.study.drawn import drawn_us
from sim.study.lots import Lots, is_phase, phase_at
from sim.study.steering import Course, Group, Played, group_of, play

if TYPE_CHECKING:
    from sim.core.streams import Identity
    from sim.scenario.schema import Scenario

__all__ = ["shrink"]

_STEPS_MAX: Final = 400
_DIGITS_MAX: Final = 6
_KEPT: Final = 0.5
_CHAIN_MIN: Final = 3
_ALIGNED_MAX: Final = 12
_MINUTE_US: Final = 60 * US_PER_S
_ROUND_US: Final = (3600 * US_PER_S, 600 * US_PER_S, _MINUTE_US)


def shrink(attack: Attack) -> Shrunk:
    """Make what an attack found as small as it gets.

    Raises
    ------
    ValueError
        If it found nothing.
    """
    if attack.found is None:
        raise ValueError("an attack that found nothing has nothing to shrink")
    return _Shrinking(attack, attack.found).smallest()


class _Shrinking:
    """The smallest there is so far."""

    def __init__(self, attack: Attack, found: Found) -> None:
        self._attack = attack
        self._own = set(attack.scenario.pins)
        self._seed = Streams(attack.scenario.seed)
        self._scenario = found.scenario
        self._moved = {moved.key: moved for moved in found.moved}
        self._played = found.played
        self._draws = self._differing(found.played.asked)
        self._left_out: list[str] = []
        self._steps = 0

    def smallest(self) -> Shrunk:
        """Try every step, as long as there are some left."""
        self._sooner()
        self._less()
        self._fewer_draws()
        self._earlier_times()
        self._sooner()
        self._plainer_draws()
        self._fewer_draws()
        scenario = self._scenario.with_pins(self._pins())
        asked = self._played.asked
        here = [name for name in asked if name in self._draws]
        return Shrunk(
            scenario=scenario,
            amount=self._played.amount,
            deviations=tuple(self._deviation(name) for name in here),
            moved=tuple(self._moved.values()),
            left_out=tuple(self._left_out),
            drawn=len(asked),
            steps=self._steps,
        )

    def _pins(self) -> dict["Identity", float]:
        """Draws to pin: those that deviate, and those that were pinned before."""
        own = self._scenario.pins
        here = {name: value for name, value in self._draws.items() if name in self._played.asked}
        return own | here

    def _deviation(self, name: "Identity") -> Deviation:
        value, default = self._draws[name], self._seed.uniform(*name)
        return Deviation(
            decides=name,
            uniform=value,
            default=default,
            value_us=drawn_us(self._scenario, name, value),
            default_us=drawn_us(self._scenario, name, default),
        )

    def _differing(self, asked: Mapping["Identity", float]) -> dict["Identity", float]:
        """Draws that are not those of the seed, nor pinned by the scenario itself."""
        return {
            name: value
            for name, value in asked.items()
            if name not in self._own and value != self._seed.uniform(*name)
        }

    def _try(
        self,
        draws: Mapping["Identity", float],
        scenario: "Scenario | None" = None,
        *,
        keeps: float = 0.0,
    ) -> bool:
        """Whether it is still found so, and as often but for a factor; if it is, go on there."""
        if self._steps >= _STEPS_MAX:
            return False
        scenario = scenario or self._scenario
        played = self._play(draws, scenario)
        is_kept = played.is_found and played.amount >= keeps * self._played.amount
        if is_kept:
            self._keep(scenario, draws, played)
        return is_kept

    def _play(
        self, draws: Mapping["Identity", float], scenario: "Scenario | None" = None
    ) -> Played:
        self._steps += 1
        return play(
            scenario or self._scenario,
            self._attack.outcome,
            Course(draws=draws),
            extreme=0.0,
            has_slack=False,
        )

    def _keep(
        self, scenario: "Scenario", draws: Mapping["Identity", float], played: Played
    ) -> None:
        self._scenario, self._played = scenario, played
        self._draws = {name: value for name, value in draws.items() if name in played.asked}

    def _sooner(self) -> None:
        """End as soon as it has happened."""
        warmup_us, end_us = self._scenario.warmup_us, self._scenario.horizon_us
        ends = {-(-t // _MINUTE_US + -1) * _MINUTE_US for t in self._played.times_us}
        some = sorted(t for t in ends if warmup_us < t < end_us)
        low, high = 0, len(some)
        while low < high:
            middle = (low + high) // 2
            if self._with({"horizon": format_duration(some[middle])}):
                high = middle
            else:
                low = middle + 1

    def _with(self, values: Mapping[str, Any]) -> bool:
        scenario = changed(self._scenario, values)
        return scenario is not None and self._try(self._draws, scenario)

    def _less(self) -> None:
        """Leave out parts of the scenario."""
        for kind in ("faults", "interventions", "queries"):
            for i in reversed(range(len(getattr(self._scenario, kind) or ()))):
                parts = listed(self._scenario.raw())[kind]
                if self._with({kind: parts[:i] + parts[i + 1 :]}):
                    self._left_out.append(f"{kind}[{i}]")
        gateways = self._scenario.gateways
        for key, now, least in (
            ("gateways.count", gateways.count, gateways.shards or 1),
            ("producers.count", self._scenario.producers.count, 1),
        ):
            if now > least and self._with({key: least}):
                self._left_out.append(f"{key} {now} -> {least}")

    def _fewer_draws(self) -> None:
        """Leave draws to the seed: whole groups, halves, and ever smaller parts."""
        groups: dict[Group, list[Identity]] = {}
        for name in self._draws:
            groups.setdefault(group_of(name), []).append(name)
        if not self._draws or self._try({}):
            return
        for group, names in groups.items():
            if not self._without(names) and len(names) > _CHAIN_MIN:
                self._without_and_aligned(group)
        size = -(-len(self._draws) // 2)
        while size:
            names = list(self._draws)
            for start in range(0, len(names), size):
                self._without(names[start : start + size])
            size = min(size // 2, len(self._draws))

    def _without(self, names: Sequence["Identity"]) -> bool:
        gone = set(names)
        left = {n: value for n, value in self._draws.items() if n not in gone}
        return len(left) == len(self._draws) or self._try(left)

    def _without_and_aligned(self, group: Group) -> None:
        """Leave a group to the seed, and look for phases with which it is found again.

        Draws of one group may follow from each other, as intervals do: without some of them all
        later ones are others, and what happened happens at other times.
        """
        left = {n: value for n, value in self._draws.items() if group_of(n) != group}
        phases = [n for n in self._played.asked if is_phase(n) and n not in self._own]
        lots, played = Lots(), None
        for number in range(_ALIGNED_MAX if phases else 0):
            here = played or self._play(left)
            aligned = {n: phase_at(self._scenario, n, here, lots, number) for n in phases}
            played = self._play(left | aligned)
            if played.is_found:
                self._keep(self._scenario, left | aligned, played)
                return

    def _plainer_draws(self) -> None:
        for name in list(self._draws):
            value = self._draws.get(name)
            if value is None:
                continue
            end = 0.0 if is_phase(name) else self._attack.extreme
            for plain in _plainer(value, end):
                if self._try({**self._draws, name: plain}, keeps=_KEPT):
                    break

    def _earlier_times(self) -> None:
        """Move times back to where they were, or to full hours and minutes."""
        for key, moved in list(self._moved.items()):
            if self._with({key: format_duration(moved.before_us)}):
                del self._moved[key]
                continue
            for unit_us in _ROUND_US:
                t_us = round(moved.after_us / unit_us) * unit_us
                if moved.low_us <= t_us <= moved.high_us and self._with(
                    {key: format_duration(t_us)}
                ):
                    self._moved[key] = moved.at(t_us)
                    break


def _plainer(value: float, extreme: float) -> Iterator[float]:
    """Values that are easier to read than this one, the easiest first."""
    for plain in (0.0, 0.5, 1.0 - extreme):
        if plain == value:
            return
        if plain < 1.0:
            yield plain
    for digits in range(1, _DIGITS_MAX + 1):
        scale = 10**digits
        if round(value * scale) / scale == value:
            return
        for whole in (math.floor(value * scale), math.ceil(value * scale)):
            if whole < scale:
                yield whole / scale
