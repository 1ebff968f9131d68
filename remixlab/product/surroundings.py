"""What fades out around a product and is not the product: soft shadows, glows, steam."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Where = NDArray[np.bool_]
_UNITS = 256  # units on the shorter side: sharpness is judged at one scale, whatever the size
_FINE, _COARSE = 0.8, 2.0  # units: the scales at which slopes are compared
_STEEP = 2.0  # units, the sigma of the widest blur that still is an edge
_FAINTEST = 0.015  # a unit: a lesser slope is noise
_GAPS = 8, 4, 2  # units on either side
_WIDE = 2  # units from where it fades to its middle, of the narrowest surrounding
_CLEAR, _SOLID = 0.02, 0.9  # nothing, and all there is


def find_surroundings(alpha: NDArray[np.uint8]) -> Where:
    """(H, W) alpha -> where it covers, but only as a soft surrounding of the product.

    A product ends in a step, be it of glass; a shadow or a glow fades out. See `climb`. Shadows
    with a hard edge all around cannot be told from glass, and count as product, as do rims that
    are soft but narrow. Where what is left does not end in steps either, softness says nothing,
    and all of it is product.
    """
    level = np.divide(alpha, max(int(alpha.max()), 1), dtype=np.float32)
    clear, depth = level < _CLEAR, _WIDE * _unit(level)
    if not (_distance(clear | (level >= _SOLID)) > depth).any():  # edges alone
        return np.zeros(alpha.shape, np.bool_)
    soft = climb(level, clear) & (alpha > 0)
    _, parts = cv2.connectedComponents(soft.astype(np.uint8))
    return soft & np.isin(parts, np.unique(parts[_distance(~soft) > depth]))


def climb(level: Floats, start: Where) -> Where:
    """What can be reached from `start` over gentle slopes of `level`, (H, W) in 0..1.

    The flood stops at steps, which are what a Gaussian of 1/128 of the shorter side, or a
    narrower one, could have blurred, and at what is nearly 1. It enters nothing by a gap between
    steps that is narrower than what lies behind, as where two edges cross. Nothing is reached
    where most of what remains dry has no step around it.
    """
    unit = _unit(level)
    steps, near = find_steps(level), disc(2 * unit)
    wet = _flood(level < _SOLID, start, steps, [gap * unit for gap in _GAPS])
    # On the step itself what is less than a quarter of the way up is still at its foot.
    foot = np.asarray(cv2.erode(level, near))
    low = level < foot + (np.asarray(cv2.dilate(level, near)) - foot) / 4
    wet |= low & _within(2 * unit, wet)
    rim = ~wet & (level > 0.25) & _within(1, wet)
    on_steps = rim & _within(unit, steps)
    return wet if 2 * on_steps.sum() >= rim.sum() > 0 else np.zeros_like(wet)


def _unit(level: Floats) -> float:
    """Pixels a unit, at least one."""
    return max(1.0, min(level.shape) / _UNITS)


def find_steps(level: Floats) -> Where:
    """Where `level`, (H, W) in 0..1, rises at once: there the slope falls most when it is blurred.

    The slope of an edge with a blur s goes with (s^2 + scale^2) to the power of -1/2, however high
    the edge is: Elder and Zucker, "Local Scale Control for Edge Detection and Blur Estimation"
    (1998). Where the slopes of two edges cancel, those beside count.
    """
    unit = _unit(level)
    fine, coarse = (_slope(level, scale * unit) * unit for scale in (_FINE, _COARSE))
    coarse = np.asarray(cv2.dilate(coarse, disc(unit)))
    limit = np.sqrt((_STEEP**2 + _COARSE**2) / (_STEEP**2 + _FINE**2))
    return (fine > limit * coarse) & (fine > _FAINTEST)


def _slope(level: Floats, sigma: float) -> Floats:
    """How much `level` changes from pixel to pixel at a scale of `sigma` pixels."""
    soft = cv2.GaussianBlur(level, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    across, down = (
        cv2.Sobel(soft, cv2.CV_32F, dx, dy, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
        for dx, dy in ((1, 0), (0, 1))
    )
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _flood(passable: Where, start: Where, steps: Where, gaps: list[float]) -> Where:
    """From `start` through gaps of these radii, in pixels and from wide to narrow."""
    clearance, dry = _distance(steps), passable.copy()
    wet = np.zeros_like(start)
    for gap in gaps:
        free = dry & (clearance > gap)
        count, parts = cv2.connectedComponents(free.astype(np.uint8), connectivity=4)
        reached = np.zeros(count, np.bool_)
        reached[parts[start & free]] = True
        wet |= _within(gap, free & reached[parts])
        dry &= wet | ~_within(gap, free & ~reached[parts])  # it is wide, and its gap is not
    return wet & passable & ~steps


def _within(radius: float, where: Where) -> Where:
    return _distance(where) <= radius


def _distance(where: Where) -> Floats:
    """(H, W): pixels from the nearest of `where`; far where there is none."""
    others = np.where(where, 0, 255).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(others, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def disc(radius: float) -> NDArray[np.uint8]:
    """0/1, a disc of that many pixels around its middle, for OpenCV's morphology."""
    side = 2 * round(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
