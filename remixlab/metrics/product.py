"""Whether the product came through: exactly after the composite, and how closely before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from remixlab.metrics.metric import DoesNotApply, Metric, Picture

_Pixels = NDArray[np.uint8]


class ProductDifference(Metric):
    """Largest difference of any channel where the product's alpha is 255: other than 0 is a bug."""

    name, unit, better = "product_difference", "of 255", "lower"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        product, opaque = _product(picture)
        image = np.asarray(picture.needed("image").convert("RGB"))
        return float(np.abs(image.astype(int) - product)[opaque].max(initial=0))


_HIGHEST = (
    100.0  # dB: far above what a rounding to 8 bits leaves, and a number that can be averaged
)


class ProductPSNR(Metric):
    """Peak signal-to-noise ratio of the opaque product before the composite; 100 where equal."""

    name, unit, better = "product_psnr", "dB", "higher"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        product, opaque = _product(picture)
        painted = np.asarray(picture.background)
        if np.array_equal(product[opaque], painted[opaque]):
            return _HIGHEST
        found = peak_signal_noise_ratio(product[opaque], painted[opaque], data_range=255)
        return min(_HIGHEST, float(found))


class ProductSSIM(Metric):
    """Structural similarity (Wang et al. 2004) of the opaque product before the composite."""

    name, unit, better = "product_ssim", "", "higher"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        product, opaque = _product(picture)
        painted = np.where(opaque[..., None], np.asarray(picture.background), product)
        scored = structural_similarity(product, painted, channel_axis=2, full=True)
        return float(np.asarray(scored[1])[opaque].mean())


def _product(picture: Picture) -> tuple[_Pixels, NDArray[np.bool_]]:
    """(H, W, 3) colours and (H, W) where they must be kept; DoesNotApply where that is nowhere."""
    product: Image.Image = picture.needed("product")
    rgba = np.asarray(product.convert("RGBA"))
    opaque = rgba[..., 3] == 255
    if not opaque.any():
        raise DoesNotApply("no pixel of the product is opaque: nothing of it has to be kept")
    return rgba[..., :3], opaque
