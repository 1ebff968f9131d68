"""From which scale of the IP-Adapter on more is no nearer to the reference, only more.

Colours, textures and a CLIP are asked together, for each alone is fooled: colours and textures by a
contrast that burns out, a network by things that it knows. A scale that lets more grow out of the
product, or copies more from the reference, is too much as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

TOLERANCE = 0.02  # of a distance: a fiftieth nearer cannot be seen
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Nearness:
    """Where a calibration ends.

    Attributes:
        scales: the scales that were swept, rising from 0.
        distances: by eye and scale, the geometric mean of the distance as a share of that at 0;
            "jointly" is the geometric mean of the eyes.
        end: the last scale that still pays.
        limit: what ends it there: "jointly", an eye, or a guard.
    """

    scales: tuple[float, ...]
    distances: dict[str, tuple[float, ...]]
    end: float
    limit: str


def find_end(
    scales: Sequence[float],
    distances: Mapping[str, _Floats],
    guards: Mapping[str, _Floats],
) -> Nearness:
    """The smallest scale that is jointly as near as any, and that no eye and no guard forbids.

    As near means: farther by no more than `TOLERANCE` or one standard error of the paired
    difference, whichever is larger (the rule of Breiman et al. 1984 for the simplest of equal
    models). An eye forbids what lies past its own nearest scale and is farther by more than that.
    A guard forbids scales from where on it is above its value at the smallest scale over 0 by two
    standard errors: what it costs to follow a reference at all is no matter of more or less.

    Args:
        scales: (L,), rising from 0.
        distances: by eye, (P, L): of each picture at each scale, positive.
        guards: by name, (P, L), of which less is better.

    Raises:
        ValueError: fewer than two pictures or scales, or no distance.
    """
    levels = np.asarray(scales, float)
    logs = {eye: np.log(np.maximum(values, 1e-9)) for eye, values in distances.items()}
    if not logs or len(levels) < 2 or min(len(values) for values in logs.values()) < 2:
        raise ValueError("an end needs distances of two pictures at two scales")
    jointly = np.mean(list(logs.values()), axis=0)
    near = _as_near(jointly)
    limits = {"jointly": int(near.argmax())}
    for eye, values in logs.items():
        limits[eye] = _last(_as_near(values) | _before(int(values.mean(0).argmin()), len(levels)))
    for guard, values in guards.items():
        limits[guard] = _last(~_above_least(np.asarray(values, float)))
    limit = min(limits, key=lambda name: limits[name])
    shares = {"jointly": jointly, **logs}
    return Nearness(
        tuple(map(float, levels)),
        {
            name: tuple(np.exp((v - v[:, :1]).mean(0)).round(4).tolist())
            for name, v in shares.items()
        },
        float(levels[limits[limit]]),
        limit,
    )


def _as_near(logs: _Floats) -> NDArray[np.bool_]:
    """(P, L) log distances -> (L,): which scales are within tolerance of the nearest."""
    nearest = logs.mean(0).argmin()
    mean, error = _paired(logs, nearest)
    return mean <= np.maximum(np.log1p(TOLERANCE), error)


def _above_least(values: _Floats) -> NDArray[np.bool_]:
    """(P, L) -> (L,): where there is more than at the least scale over 0, by two errors.

    Made to rise first (isotonic regression): of many scales one is always above by chance.
    """
    mean, error = _paired(values, 1)
    mean[0] = 0
    return isotonic_regression(mean).x > 2 * error


def _paired(values: _Floats, against: int | np.intp) -> tuple[_Floats, _Floats]:
    """Mean difference of each column to one of them, over pictures, and its standard error."""
    difference = values - values[:, against][:, None]
    return difference.mean(0), difference.std(0, ddof=1) / np.sqrt(len(values))


def _before(place: int, count: int) -> NDArray[np.bool_]:
    return np.arange(count) <= place


def _last(allowed: NDArray[np.bool_]) -> int:
    """The place before the first that is forbidden."""
    return int(np.logical_and.accumulate(allowed).sum()) - 1
