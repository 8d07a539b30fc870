"""The product-limit estimator: a law of durations of which some were only seen in part.

E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958).
Whoever stops watching before a duration is over has learnt that it is longer, and no more. To leave
such durations out, or to take them for over, makes all of them look shorter than they are.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

__all__ = ["ProductLimit", "QuantileBand", "product_limit"]

# The 0.975 quantile of the normal distribution: two-sided intervals of 95 %.
_Z: Final = 1.959963984540054


class QuantileBand(NamedTuple):
    """A quantile and its interval of 95 %, µs; None: beyond anything that was seen to end."""

    value_us: int | None
    low_us: int | None
    high_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLimit:
    """The estimate: where the durations ended that were seen to end, and how probably.

    Attributes
    ----------
    values_us : tuple of int
        Rising.
    weights : tuple of float
        The probability of each, > 0.
    beyond : float
        The probability of what is longer than anything that is known: 0 if the longest duration
        was seen to end. With the weights it makes 1.
    greenwood : tuple of float
        By Greenwood's formula, the variance of the logarithm of what is left beyond each value;
        infinite where nothing is.
    """

    values_us: tuple[int, ...]
    weights: tuple[float, ...]
    beyond: float
    greenwood: tuple[float, ...]

    def quantile(self, share: float) -> QuantileBand:
        """Say below which duration a share of all is, and how sure that is.

        The interval has every duration beyond which 1 - `share` may be left: pointwise bounds by
        Greenwood's variance on the scale log(-log), turned round (R. Brookmeyer and J. Crowley, "A
        confidence interval for the median survival time", Biometrics 38, 1982).

        Parameters
        ----------
        share : float
            In (0, 1).

        Returns
        -------
        QuantileBand
        """
        left = 1.0 - share
        value_us = low_us = high_us = None
        # Added up from the smallest, so that what is left is never 0 before the end.
        more = [*accumulate(reversed(self.weights), initial=self.beyond)][-2::-1]
        for duration_us, survival, variance in zip(
            self.values_us, more, self.greenwood, strict=True
        ):
            # Sums of weights are off by some bits.
            is_less = survival <= left + 1e-12
            low, high = _bounds(survival, variance)
            if value_us is None and is_less:
                value_us = duration_us
            if low_us is None and low <= left:
                low_us = duration_us
            if high_us is None and high <= left:
                high_us = duration_us
        return QuantileBand(value_us, low_us, high_us)


def product_limit(durations_us: Sequence[int], is_censored: Sequence[bool]) -> ProductLimit:
    """Estimate a law from durations, some of them right-censored.

    Parameters
    ----------
    durations_us : sequence of int
        How long each was watched, µs, >= 0; in any order.
    is_censored : sequence of bool, equally long
        Whether it was not over by then. At equal times what ended is counted first, as usual: what
        was still being watched then lasted longer.

    Returns
    -------
    ProductLimit
        Without durations nothing is known: no values, and ``beyond`` is 1.

    Examples
    --------
    Of five durations the third was watched for 3 µs only. The 3/5 that the first two leave are
    shared by the last two.

    >>> found = product_limit([1, 2, 3, 4, 5], [False, False, True, False, False])
    >>> found.values_us, [round(weight, 3) for weight in found.weights], found.beyond
    ((1, 2, 4, 5), [0.2, 0.2, 0.3, 0.3], 0.0)
    """
    pairs = list(zip(durations_us, is_censored, strict=True))
    ended = Counter(duration_us for duration_us, censored in pairs if not censored)
    left = Counter(duration_us for duration_us, _ in pairs)
    values_us, weights, greenwood = [], [], []
    survival, watched, variance = 1.0, len(pairs), 0.0
    for duration_us in sorted(left):
        if ended[duration_us]:
            # A difference of survivals would lose digits where few are left.
            values_us.append(duration_us)
            weights.append(survival * ended[duration_us] / watched)
            survival *= (watched - ended[duration_us]) / watched
            rest = watched * (watched - ended[duration_us])
            variance += ended[duration_us] / rest if rest else math.inf
            greenwood.append(variance)
        watched -= left[duration_us]
    return ProductLimit(
        values_us=tuple(values_us),
        weights=tuple(weights),
        beyond=survival,
        greenwood=tuple(greenwood),
    )


def _bounds(survival: float, variance: float) -> tuple[float, float]:
    """The interval of 95 % of a survival, by the variance of its logarithm."""
    if math.isinf(variance):
        return 0.0, 1.0
    # Its logarithm is below 0: a share has ended, and another has not.
    spread = math.exp(_Z * math.sqrt(variance) / -math.log(survival))
    return survival**spread, survival ** (1.0 / spread)
