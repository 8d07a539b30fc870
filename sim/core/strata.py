"""Draws spread evenly over trials: a Latin hypercube of named draws.

Trials fall into `GROUPS` groups, trial k into group k mod `GROUPS`. In each group of n trials every
draw falls once into each nth of [0, 1), in an order of its own. So groups are independent of each
other, and a mean over one varies less than over n independent trials, the more so the more a
result is a sum of what single draws do.

Source
------
M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting values of
input variables in the analysis of output from a computer code", Technometrics 21, 1979. That
several such samples give an error, and one does not: A. B. Owen, "A central limit theorem for
Latin hypercube sampling", Journal of the Royal Statistical Society B 54, 1992.
"""

from typing import Final

from sim.core.streams import Identity, Streams

__all__ = ["GROUPS", "is_spread", "spread_uniform"]

GROUPS: Final = 8
_LAST: Final = 1.0 - 2.0**-53


def is_spread(trials: int) -> bool:
    """Whether so many trials can be: at least two in each group, and as many in all."""
    return trials >= 2 * GROUPS and trials % GROUPS == 0


def spread_uniform(seed: int, trial: int, trials: int, identity: Identity) -> float:
    """Return a draw of one trial, spread over all of them.

    Parameters
    ----------
    seed : int
        Of trial 0; trial k has seed + k.
    trial, trials : int
        Which, in [0, trials), of a number of trials that `is_spread`.
    identity : Identity
        What the draw decides.

    Returns
    -------
    float
        In [0, 1). Where in its stratum it lies is what the trial would draw anyway.
    """
    streams, group, member = Streams(seed), trial % GROUPS, trial // GROUPS
    size = trials // GROUPS
    lots = [streams.uniform("stratum", group, j, *identity) for j in range(size)]
    stratum = sorted(range(size), key=lots.__getitem__).index(member)
    within = Streams(seed + trial).uniform(*identity)
    return min((stratum + within) / size, _LAST)
