"""Colour words: what they mean, and which of them a region of a picture deserves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from torch import Tensor

Rgb = tuple[float, float, float]

COLOURS: dict[str, Rgb] = {
    "white": (0.93, 0.92, 0.90), "grey": (0.55, 0.55, 0.56), "black": (0.09, 0.09, 0.10),
    "beige": (0.84, 0.76, 0.64), "brown": (0.42, 0.28, 0.18), "red": (0.72, 0.16, 0.15),
    "terracotta": (0.75, 0.42, 0.30), "orange": (0.92, 0.55, 0.20), "yellow": (0.94, 0.80, 0.36),
    "green": (0.30, 0.50, 0.27), "olive": (0.45, 0.45, 0.24), "mint": (0.66, 0.84, 0.74),
    "teal": (0.12, 0.46, 0.48), "blue": (0.25, 0.45, 0.75), "navy": (0.11, 0.16, 0.33),
    "purple": (0.45, 0.30, 0.58), "pink": (0.93, 0.70, 0.73),
}  # fmt: skip
ABOVE, BELOW = 0.3, 0.78
"""Backdrop and surface of every scene reach at least this far, in picture heights."""


def name_of(rgb: NDArray[np.float32], names: Iterable[str] = COLOURS) -> str:
    """The one of `names` nearest to an sRGB colour (3,) in 0..1, by CIE76 difference."""
    candidates = list(names)
    table = np.array([COLOURS[name] for name in candidates], np.float32)
    distances = np.linalg.norm(rgb2lab(table) - rgb2lab(rgb[None]), axis=1)
    return candidates[int(distances.argmin())]


def seen(picture: Tensor, product: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Median colours (3,) of surface and backdrop of a (3, H, W) picture in 0..1.

    `product` (H, W) in 0..1 is left out, unless nothing else is there.
    """
    height = picture.shape[-2]
    top, bottom = slice(0, round(ABOVE * height)), slice(round(BELOW * height), None)
    return _median(picture[:, bottom], product[bottom]), _median(picture[:, top], product[top])


def _median(picture: Tensor, product: Tensor) -> NDArray[np.float32]:
    free = product < 0.02
    pixels = picture[:, free] if bool(free.any()) else picture.flatten(1)
    return pixels.median(dim=1).values.cpu().numpy()
