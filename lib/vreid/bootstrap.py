"""Confidence intervals of gains: the paired bootstrap over queries.

Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979, percentiles;
paired as in Smucker et al., "A comparison of statistical significance tests for information
retrieval evaluation", CIKM 2007: a draw takes the same queries of both systems, so that hard
queries, which are hard for both, do not widen the interval. Queries of one vehicle count as
independent here, which they are not quite: the true interval is somewhat wider.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.errors import DataError

Values = npt.NDArray[np.float32] | npt.NDArray[np.float64]

LEVEL = 0.95  # share of the draws inside the interval
DRAWS = 10_000  # the ends of the interval move by about a hundredth of its length from seed to seed
_DRAWN = 1 << 20  # queries drawn at a time: 8 MiB of indices


@dataclass(frozen=True)
class Gain:
    """How far one system is above another, as fractions in [-1, 1].

    Attributes:
        mean: Mean difference over the queries.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``helps`` or ``hurts`` where the interval leaves 0 out, else ``no clear change``."""
        if self.low > 0:
            return "helps"
        return "hurts" if self.high < 0 else "no clear change"

    def __str__(self) -> str:
        """The gain in per cent points with its interval.

        >>> print(Gain(0.021, -0.004, 0.046))
        +2.10 [-0.40, +4.60]
        """
        return f"{100 * self.mean:+.2f} [{100 * self.low:+.2f}, {100 * self.high:+.2f}]"


def paired_gain(ours: Values, base: Values, *, draws: int = DRAWS, seed: int = 0) -> Gain:
    """The mean difference of two systems on the same queries, with its interval.

    Args:
        ours: (Q,) a score of each query, such as its AP; NaN for queries without a match.
        base: (Q,) the score of the same queries by the system compared with.
        draws: Samples of Q queries, with replacement; at least 1.
        seed: The same seed gives the same interval.

    Raises:
        DataError: When the queries are not the same: other numbers, or a match for one only. Also
            when none has a match.

    Corner cases:
        - A single query, or equal values: the interval is the mean.

    >>> import numpy as np
    >>> paired_gain(np.array([1.0, 0.5, np.nan]), np.array([0.5, 0.0, np.nan]), draws=10, seed=0)
    Gain(mean=0.5, low=0.5, high=0.5)
    """
    if ours.shape != base.shape or ours.ndim != 1:
        raise DataError(f"scores of {ours.shape} and {base.shape} queries are not paired")
    missing = np.isnan(ours)
    unlike = missing != np.isnan(base)
    if unlike.any():
        raise DataError(
            f"query {int(np.argmax(unlike))} has a match by one of the two scores only; are both of"
            " the same gallery and protocol?"
        )
    gains = (ours.astype(np.float64) - base)[~missing]  # (Q',)
    if not len(gains):
        raise DataError(f"none of the {len(ours)} queries has a match; there is nothing to compare")
    low, high = np.quantile(_means(gains, draws, seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Gain(float(gains.mean()), float(low), float(high))


def _means(values: npt.NDArray[np.float64], draws: int, seed: int) -> npt.NDArray[np.float64]:
    """(draws,) means of as many values as there are, drawn with replacement."""
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    step = max(1, _DRAWN // len(values))
    for start in range(0, draws, step):
        part = means[start : start + step]
        drawn = generator.integers(len(values), size=(len(part), len(values)))
        values[drawn].mean(axis=1, out=part)
    return means
