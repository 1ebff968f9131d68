"""The map from `style_fidelity` to an IP-Adapter's scale that makes a suite's dial like others'.

Agreement is what is compared among suites: the share of backgrounds that are closest to their own
reference. It is 1 where every one is, and by chance 1 of as many as there are references.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from remixlab.metrics.intervals import Interval, bootstrap

TOP = 0.95  # the agreement at a style_fidelity of 1; all of a few dozen pictures would be luck
FIDELITIES = 0.25, 0.5, 0.7, 1.0


@dataclass(frozen=True)
class Calibration:
    """A fitted map, and the sweep that it comes from.

    Attributes:
        scales: the scales that were swept, rising from 0.
        agreement: the agreement at each, with its 95 % interval.
        fitted: the same, made to rise (isotonic regression).
        points: pairs of style_fidelity and scale, for a suite's `style_calibration`.
        unreached: the fidelities whose agreement no scale up to the end gives.
    """

    scales: tuple[float, ...]
    agreement: tuple[Interval, ...]
    fitted: tuple[float, ...]
    points: tuple[tuple[float, float], ...]
    unreached: tuple[float, ...]


def wanted_agreement(style_fidelity: float, among: int) -> float:
    """What every suite should show at a `style_fidelity` of 0 to 1: a line from chance to 0.95."""
    return 1 / among + (TOP - 1 / among) * style_fidelity


def fit(scales: Sequence[float], ranks: Sequence[float], among: int, end: float) -> Calibration:
    """The smallest scale that gives each fidelity the agreement that is wanted of it.

    Agreement over scale is noisy and flattens: it is made to rise by isotonic regression (Barlow
    and Brunk 1972, by the pool of adjacent violators), weighted by how many pictures there are.
    A fidelity that is reached by no scale up to `end` takes `end`: more would only be more.

    Args:
        scales: of each picture, from 0.
        ranks: of each picture, its own reference's among all, see `ReferenceRank`.
        among: how many references there are.
        end: the scale beyond which nothing is nearer, see `remixlab.sweep.nearness`.

    Raises:
        ValueError: no pictures, none at scale 0, or fewer than two references or scales.
    """
    levels, which = np.unique(np.asarray(scales, float), return_inverse=True)
    if among < 2 or len(levels) < 2 or levels[0] != 0:
        raise ValueError("a calibration needs two references, and two scales with 0 among them")
    values = (np.asarray(ranks) == 1).astype(float)
    groups = [values[which == place] for place in range(len(levels))]
    means = [bootstrap(list(group)) for group in groups]
    counts = np.array([len(group) for group in groups], float)
    fitted = isotonic_regression([m.mean for m in means], weights=counts).x.round(9)
    rises, first = np.unique(fitted, return_index=True)  # a plateau is reached where it begins
    asked = {fidelity: wanted_agreement(fidelity, among) for fidelity in FIDELITIES}
    unreached = tuple(f for f, w in asked.items() if w > np.interp(end, levels, fitted))
    inverse = np.interp(list(asked.values()), rises, levels[first])
    chosen = [end if f in unreached else s for f, s in zip(asked, inverse, strict=True)]
    points = list(zip(asked, np.round(chosen, 3).tolist(), strict=True))
    if points[-1][1] < levels[-1]:  # above 1 the dial goes on to the largest scale swept
        points.append((2.0, float(levels[-1])))
    return Calibration(
        tuple(map(float, levels)),
        tuple(means),
        tuple(map(float, fitted)),
        tuple(points),
        unreached,
    )
