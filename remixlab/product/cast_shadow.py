"""Shadows that a photographed product casts on a plain background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from remixlab.product.surroundings import Floats, Where, climb, find_steps

_PLAIN = 0.04  # of 1: how far most of a plain background's rim is from a smooth surface, at most
_SAME = 0.05  # of the background's brightness: a change of colour that still is a shadow's
_CLEAR = 0.03  # darkening that is the background's own
_DARK = 0.1  # the least mean darkening of a shadow that was taken for product
_HARD = 0.15  # the largest share of steps in what bounds a shadow
_ROUNDS = 3  # of fitting the background without what did not fit


def find_cast_shadow(rgb: NDArray[np.uint8], rim: Where, found: Where) -> Where:
    """The soft shadows in what was `found` in a picture (H, W, 3) whose `rim` is background.

    A shadow is the background darkened in its own colour: Horprasert et al., "A Statistical
    Approach for Real-time Robust Background Subtraction and Shadow Detection" (1999). So is a
    grey product on white; but a soft shadow fades out where a product ends in a step, see `climb`.
    Nothing is taken for a shadow where the rim is not plain, nor what is as bright as the
    background, such as a white product on white, nor what has a hard edge around much of it.
    """
    colour = np.divide(rgb, 255, dtype=np.float32)
    background = _background(colour, rim)
    if background is None:
        return np.zeros(rim.shape, np.bool_)
    dark = _darkening(colour, background)
    clear = dark < _CLEAR
    _, parts = cv2.connectedComponents(clear.astype(np.uint8), connectivity=4)
    outside = clear & np.isin(parts, np.unique(parts[rim & clear]))
    taken = found & climb(dark, outside)
    parts = np.asarray(cv2.connectedComponents(taken.astype(np.uint8))[1], np.intp)
    mean = np.bincount(parts.ravel(), dark.ravel()) / np.bincount(parts.ravel())
    return taken & ((mean > _DARK) & (_bounded(parts, found, find_steps(dark)) < _HARD))[parts]


def _bounded(parts: NDArray[np.intp], found: Where, steps: Where) -> NDArray[np.float64]:
    """The share of steps in what bounds each part towards what was not found.

    Where a shadow is as dark as the product they are one part, which is not to be left out.
    """
    ring = np.ones((3, 3), np.uint8)
    rim = found & (cv2.erode(found.astype(np.uint8), ring) == 0)
    hard = cv2.dilate(steps.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    wide = cv2.dilate(parts.astype(np.float32), np.ones((9, 9), np.uint8)).astype(np.intp)
    count = int(parts.max()) + 1
    total = np.bincount(wide[rim], minlength=count)
    return np.bincount(wide[rim & hard], minlength=count) / np.maximum(total, 1)


def _background(colour: Floats, rim: Where) -> Floats | None:
    """The quadratic surface through the rim's colours, or None where they are not on one."""
    height, width = rim.shape
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j])
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
    edge, flat = terms[rim.ravel()], colour[rim]
    weights = np.zeros((terms.shape[1], 3))
    fits, off = np.ones(len(edge), np.bool_), np.zeros(len(edge))
    for _ in range(_ROUNDS):
        weights = np.linalg.lstsq(edge[fits], flat[fits], rcond=None)[0]
        off = np.abs(edge @ weights - flat).max(axis=1)
        fits = off <= max(2 * float(np.median(off)), 1 / 255)
    if not np.median(off) < _PLAIN:
        return None
    return (terms @ weights).reshape(colour.shape).clip(1 / 255, 1).astype(np.float32)


def _darkening(colour: Floats, background: Floats) -> Floats:
    """(H, W): 0 is the background, 1 is black or no shadow at all: another colour, or brighter."""
    share = (colour * background).sum(2) / np.square(background).sum(2)
    other = np.abs(colour - share[..., None] * background).max(2) > _SAME * background.max(2)
    return np.where(other | (share > 1 + 2 * _SAME), 1, (1 - share).clip(0, 1)).astype(np.float32)
