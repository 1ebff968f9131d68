"""How close a background is to its reference, without any weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab

from remixlab import images


def lab_distance(
    background: Image.Image, mask: Image.Image, reference: Image.Image, *, side: int = 128
) -> float:
    """Distance between the mean colours of a background and of its reference.

    The Euclidean distance in CIELAB (CIE 1976 Delta E); 0 is the same mean colour, about 2 can
    just be seen. The product's region does not count.

    Args:
        background: RGB, the picture before the composite.
        mask: L, 255 where the product is, as large as `background`.
        reference: RGB, any size.
        side: pictures are reduced to this many pixels a side first.
    """
    around = np.asarray(mask.resize((side, side))) < 8
    if not around.any():
        raise ValueError("the product fills the whole picture: there is no background to score")
    return float(np.linalg.norm(_lab(background, side)[around].mean(0) - _mean(reference, side)))


def _mean(picture: Image.Image, side: int) -> NDArray[np.float64]:
    return _lab(picture, side).mean((0, 1))


def _lab(picture: Image.Image, side: int) -> NDArray[np.float64]:
    return rgb2lab(np.asarray(images.resize(picture, (side, side))))
