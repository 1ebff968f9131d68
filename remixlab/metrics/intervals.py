"""Means with their uncertainty, over seeds, references and products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3g} ({self.low:.3g} to {self.high:.3g})"


def bootstrap(values: Sequence[float], *, resamples: int = 2000) -> Interval:
    """Mean of `values` with the percentile bootstrap's 95 % interval (Efron 1979), fixed seed.

    Raises ValueError on no values.
    """
    if not len(values):
        raise ValueError("no values to take the mean of")
    random = np.random.default_rng(0)
    means = random.choice(np.asarray(values, float), (resamples, len(values))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(np.mean(values)), float(low), float(high))


def bootstrap_ratio(
    numerators: Sequence[float], denominators: Sequence[float], *, resamples: int = 2000
) -> Interval:
    """Ratio of the means of paired values, with its 95 % interval as in `bootstrap`.

    Raises ValueError on no values, or on a different number of them.
    """
    pairs = np.array([numerators, denominators], float)
    if not pairs.shape[1]:
        raise ValueError("no values to take the ratio of")
    picks = np.random.default_rng(0).integers(0, pairs.shape[1], (resamples, pairs.shape[1]))
    above, below = pairs[:, picks].mean(2)
    low, high = np.percentile(above / below, [2.5, 97.5])
    return Interval(float(pairs[0].mean() / pairs[1].mean()), float(low), float(high))
