"""What grows out of a product's outline, without any weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt
from skimage.color import rgb2gray
from skimage.filters import sobel


def band_energy(
    background: Image.Image, mask: Image.Image, *, near: float = 1 / 12, gap: float = 1 / 128
) -> float:
    """Mean edge strength in a band just outside the product's outline, 0 to 1.

    Scored before the composite: the product would hide what grew under it. What the outline itself
    draws is left out by a gap.

    Args:
        background: RGB, the picture before the composite.
        mask: L, 255 where the product is.
        near: width of the band, as a share of the shorter side.
        gap: how far from the outline it begins, likewise.

    Source:
        Sobel magnitude of the luminance, scikit-image `filters.sobel`.
    """
    band = _outside(mask, gap, near)
    if not band.any():
        raise ValueError("the product leaves no band around itself to score")
    return float(sobel(rgb2gray(np.asarray(background)))[band].mean())


def _outside(mask: Image.Image, gap: float, near: float) -> NDArray[np.bool_]:
    side = min(mask.size)
    distance = np.asarray(distance_transform_edt(np.asarray(mask) < 8))
    return (distance > gap * side) & (distance <= (gap + near) * side)
