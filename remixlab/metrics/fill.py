"""Taking the product out of a picture, so that a score sees the background alone."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from remixlab import images
from remixlab.metrics.metric import FILLED, DoesNotApply


def without_product(picture: Image.Image, mask: Image.Image, side: int) -> Image.Image:
    """The picture at `side` x `side` with its product filled from what surrounds it.

    Raises DoesNotApply where nothing surrounds it.
    """
    pixels = images.to_tensor(images.resize(picture, (side, side)))
    coverage = torch.from_numpy(np.array(mask.resize((side, side))))[None, None] / 255
    touched = _touched(coverage, pixels)
    if touched.all():
        raise DoesNotApply(FILLED)
    return images.to_image(fill(pixels, touched))


def fill_products(pictures: Tensor, coverage: Tensor) -> Tensor:
    """Fill (B, C, H, W) wherever `coverage` (B, 1, H, W) says that there is any product."""
    return fill(pictures, _touched(coverage, pictures))


def _touched(coverage: Tensor, pictures: Tensor) -> Tensor:
    # Resampling spreads the product's colours by a pixel or two.
    return F.max_pool2d((coverage > 0).to(pictures), 5, stride=1, padding=2)


def fill(pictures: Tensor, masks: Tensor) -> Tensor:
    """Fill where `masks` (B, 1, H, W) is 1 from around it, smoothly; pictures are (B, C, H, W).

    Push-pull (Gortler, Grzeszczuk, Szeliski and Cohen 1996, "The Lumigraph", section 4.4): known
    colours are averaged down a pyramid, gaps filled from the coarser level on the way up.
    """
    return _push_pull(pictures * (1 - masks), 1 - masks)


def _push_pull(weighted: Tensor, weights: Tensor) -> Tensor:
    known = weighted / weights.clamp(min=1e-6)
    if min(weights.shape[-2:]) < 2:
        return known
    coarse = _push_pull(F.avg_pool2d(weighted, 2), F.avg_pool2d(weights, 2))
    around = F.interpolate(coarse, weights.shape[-2:], mode="bilinear")
    return around + (known - around) * weights.clamp(max=1)
