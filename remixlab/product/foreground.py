"""The product's own colour at its soft edge, and spreading colours into empty areas."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from remixlab.caches import settle_caches

Floats = NDArray[np.float32]
_MARGIN = 16  # pixels of context around the pixels whose foreground is estimated
_SLACK = 8  # of 255: noise and compression in a background that was kept


def estimate_foreground(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) straight alpha -> (H, W, 3), freed of the background it was cut from.

    The given colour where alpha is 255 (or 0, where it means nothing), an estimate where
    0 < alpha < 255: Germer et al., "Fast Multi-Level Foreground Estimation" (2020), as
    pymatting implements it, on the smallest crop that holds those pixels. Where the file has
    lost the old background, only edges between product and nothing are estimated: a wide
    half-transparent area, such as glass, keeps its colour.
    """
    result = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), np.uint8)
    coverage = np.asarray(cv2.extractChannel(rgba, 3), np.uint8)
    soft = np.asarray(cv2.inRange(coverage, 1, 254), np.uint8)
    crop = bounds(soft, _MARGIN)
    partial = soft[crop] > 0
    if partial.any() and soft.size > 1:  # a single pixel has nothing to learn from
        settle_caches()
        from pymatting import estimate_foreground_ml  # compiles with numba: only when needed

        colour, alpha = (np.divide(a[crop], 255, dtype=np.float32) for a in (result, coverage))
        if _background_is_lost(colour, alpha):
            guess = _guess_background(colour, alpha)
            colour = cv2.copyTo(colour, np.ascontiguousarray(coverage[crop]), guess)
            partial &= _near(alpha == 0) & _near(alpha == 1)
        estimate = np.asarray(estimate_foreground_ml(colour, alpha))[partial].clip(0, 1) * 255
        result[crop][partial] = estimate.round().astype(np.uint8)
    return result


def push_pull(level: Floats, base: Floats) -> Floats:
    """(H, W, 4), colour times weight and weight in [0, 1] -> (H, W, 3) with every gap filled.

    Gaps take the colours around them and fade with distance to `base`, (1, 1, 3). Gortler et
    al., "The Lumigraph" (1996), section 3.4, with weights that saturate more slowly than
    theirs, which is what makes the colours fade.
    """
    height, width = level.shape[:2]
    behind = base
    if min(height, width) > 4:  # a quarter of the picture away, nothing is left of a colour
        half = ((width + 1) // 2, (height + 1) // 2)
        coarse = cv2.resize(level, half, interpolation=cv2.INTER_AREA)
        coarse *= _spread(2 - cv2.extractChannel(coarse, 3), 4)  # w becomes 1 - (1 - w)^2
        filled = push_pull(coarse, base)
        behind = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    gaps = _spread(1 - cv2.extractChannel(level, 3), 3)
    return np.asarray(cv2.cvtColor(level, cv2.COLOR_RGBA2RGB) + gaps * behind, np.float32)


def weighted(colour: NDArray[Any], weight: Floats) -> tuple[Floats, Floats]:
    """(H, W, 3) colours and (H, W) weights -> what `push_pull` takes: level and mean colour."""
    level = cv2.cvtColor(colour * _spread(weight, 3), cv2.COLOR_RGB2RGBA)
    level = np.asarray(cv2.insertChannel(weight, level, 3), np.float32)
    *colours, total = cv2.sumElems(level)  # in float64
    return level, (np.array(colours, np.float32) / max(total, 1e-6)).reshape(1, 1, 3)


def _spread(plane: Any, channels: int) -> Floats:
    """(H, W) -> (H, W, channels): NumPy would go through the channels of each pixel in turn."""
    return np.asarray(cv2.merge([plane] * channels), np.float32)


def bounds(plane: NDArray[np.uint8], margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around what is not 0, grown by `margin` pixels.

    Clipped to the (H, W) plane, and one pixel where all of it is 0.
    """
    left, top, width, height = cv2.boundingRect(plane)
    starts, sizes = (top, left), (max(height, 1), max(width, 1))
    rows, columns = (
        slice(max(start - margin, 0), min(start + size + margin, whole))
        for start, size, whole in zip(starts, sizes, plane.shape, strict=True)
    )
    return rows, columns


def _near(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels within `_MARGIN` of `where`."""
    kernel = np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)
    return np.asarray(cv2.dilate(where.astype(np.uint8), kernel)) > 0


def _background_is_lost(colour: Floats, alpha: Floats) -> bool:
    """Whether the colours under alpha 0 cannot be the background that the product had.

    Many tools overwrite them with black or white, and taking that for the background would
    repaint a product of glass. A pixel c = a F + (1 - a) B lies within a of B in each channel,
    so edge pixels farther from their transparent neighbours give it away.
    """
    empty = (alpha == 0).astype(np.float32)
    near = cv2.blur(empty, (3, 3))
    edge = (alpha > 0) & (alpha < 1) & (near > 1e-6)
    beside = np.asarray(cv2.blur(colour * _spread(empty, 3), (3, 3)))[edge] / near[edge][:, None]
    distance = np.abs(colour[edge] - beside).max(axis=1, initial=0)
    impossible = distance > alpha[edge] + _SLACK / 255
    return bool(impossible.mean() > 0.1) if edge.any() else False


def _guess_background(colour: Floats, alpha: Floats) -> Floats:
    """Spread the colours of the faintest pixels, which are nearly pure background."""
    clear = np.where(alpha > 0, 1 - alpha, 0)
    return push_pull(*weighted(colour, np.square(np.square(clear))))
