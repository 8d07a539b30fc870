"""The product-limit estimator: a law of durations of which some were only seen in part.

E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958).
Whoever stops watching before a duration is over has learnt that it is longer, and no more. To leave
such durations out, or to take them for over, makes all of them look shorter than they are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ProductLimit", "product_limit"]


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
    """

    values_us: tuple[int, ...]
    weights: tuple[float, ...]
    beyond: float


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
    values_us, weights = [], []
    survival, watched = 1.0, len(pairs)
    for duration_us in sorted(left):
        if ended[duration_us]:
            # A difference of survivals would lose digits where few are left.
            values_us.append(duration_us)
            weights.append(survival * ended[duration_us] / watched)
            survival *= (watched - ended[duration_us]) / watched
        watched -= left[duration_us]
    return ProductLimit(values_us=tuple(values_us), weights=tuple(weights), beyond=survival)
