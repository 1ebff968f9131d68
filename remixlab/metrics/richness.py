"""How much there is to see in a background, which is what a high outline_fidelity costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation
from skimage.color import rgb2gray, rgb2lab
from skimage.filters import sobel

from remixlab import images
from remixlab.metrics.metric import Metric, Picture

_SIDE = 256
_EDGE = 0.02  # Sobel magnitude of luminance in 0..1 from which a pixel counts as an edge
_CELL = 8.0  # Delta E: the side of a cell in the histogram of colours


class EdgeDensity(Metric):
    """Share of background pixels that lie on an edge, clear of the product's own."""

    name, unit, better = "edge_density", "share", "neither"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        edges = sobel(rgb2gray(_pixels(picture.background)))
        around = picture.around(_SIDE)
        clear = ~_grown(~around, 3)
        return float((edges[clear if clear.any() else around] > _EDGE).mean())


class ColourEntropy(Metric):
    """Shannon entropy of the background's colours, in bits, over cells of 8 Delta E in CIELAB."""

    name, unit, better = "colour_entropy", "bit", "neither"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        colours = rgb2lab(_pixels(picture.background))[picture.around(_SIDE)]
        cells = np.floor(colours / _CELL).astype(int)
        counts = np.unique(cells, axis=0, return_counts=True)[1]
        shares = counts / counts.sum()
        return float(-(shares * np.log2(shares)).sum())


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(images.resize(picture, (_SIDE, _SIDE)))


def _grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    return np.asarray(binary_dilation(mask, iterations=pixels)).astype(bool)
