"""The product's own colour at its soft edge."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from remixlab.caches import settle_caches
from remixlab.product.evidence import is_premultiplied, share_of_mixture, shows_background
from remixlab.product.spread import Floats, planes, push_pull, weighted

_MARGIN = 16  # pixels of context around the pixels whose foreground is estimated


def estimate_foreground(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) straight alpha -> (H, W, 3), freed of the background it was cut from.

    The given colour, which straight alpha needs no estimate of, but where 0 < alpha < 255 and
    the colours around show that they still hold the old background (`share_of_mixture`). There
    an estimate: Germer et al., "Fast Multi-Level Foreground Estimation" (2020), as pymatting
    implements it, on the smallest crop that holds those pixels.
    """
    result = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), np.uint8)
    coverage = np.asarray(cv2.extractChannel(rgba, 3), np.uint8)
    crop = bounds(np.asarray(cv2.inRange(coverage, 1, 254), np.uint8), _MARGIN)
    colour, alpha = (np.divide(a[crop], 255, dtype=np.float32) for a in (result, coverage))
    freed = _freed(colour, alpha)
    changed = (alpha > 0) & (alpha < 1) & (freed != colour).any(axis=2)
    result[crop][changed] = (freed[changed] * 255).round().astype(np.uint8)
    return result


def _freed(colour: Floats, alpha: Floats) -> Floats:
    """The given colours, an estimate, or in between, by what they show of a background."""
    if shows_background(colour, alpha):
        if is_premultiplied(colour, alpha):
            return (colour / np.maximum(planes(alpha), 1e-6)).clip(0, 1)
        return _estimate(colour, alpha)
    share = share_of_mixture(colour, alpha)
    freed = colour.copy()
    if share.any():
        hidden = np.where(planes(alpha) > 0, colour, _guess_background(colour, alpha))
        crop = bounds((share > 0).astype(np.uint8), _MARGIN)
        given = freed[crop]
        given += (_estimate(hidden[crop], alpha[crop]) - given) * planes(share[crop])
    return freed


def _estimate(colour: Floats, alpha: Floats) -> Floats:
    return np.asarray(_estimator()(colour, alpha), np.float32).clip(0, 1)


@cache
def _estimator() -> Callable[[Floats, Floats], Any]:
    """Pymatting's, which numba compiles when it is imported: only when needed."""
    settle_caches()
    from pymatting import estimate_foreground_ml

    return estimate_foreground_ml


def _guess_background(colour: Floats, alpha: Floats) -> Floats:
    """Spread the colours of the faintest pixels, which are nearly pure background."""
    clear = np.where(alpha > 0, 1 - alpha, 0)
    return push_pull(*weighted(colour, np.square(np.square(clear))))


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
