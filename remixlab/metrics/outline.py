"""What grows out of a product's outline, or is lost of it, before the composite hides it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt
from skimage.color import rgb2gray
from skimage.filters import sobel
from skimage.measure import label

from remixlab import images
from remixlab.metrics.metric import FILLED, DoesNotApply, Metric, Picture

_SIDE = 256  # pixels, the longer side at which GrabCut runs
_REACH = 0.25  # of the shorter side: how far from the outline growth is looked for
_NEAR = 1 / 24  # of the shorter side: the band in which growth is a halo
_EMPTY = "the mask is empty: no pixel of the product covers enough to have an outline"
_Mask = NDArray[np.bool_]


class BandEnergy(Metric):
    """Mean edge strength in a band just outside the outline, x 1000: 0 is flat.

    Sobel magnitude of the luminance (scikit-image `filters.sobel`). The product's own edge, which
    every suite paints and a small one paints softly, is left out by a gap: four pixels of the mini
    suite's 256. `near` (the band's width) and `gap` are shares of the shorter side.
    """

    name, unit, better = "band_energy", "x 1000", "lower"

    def __init__(self, *, near: float = 1 / 12, gap: float = 1 / 64) -> None:
        self.near, self.gap = near, gap

    def of(self, picture: Picture) -> float:
        """See `Metric`; DoesNotApply where the product leaves no such band."""
        return 1000 * float(_edges(picture)[self._band(picture, self.gap)].mean())

    def _band(self, picture: Picture, start: float) -> _Mask:
        side = min(picture.mask.size)
        free = np.asarray(picture.mask) < 8
        if free.all():  # a distance to nothing is none
            raise DoesNotApply(_EMPTY)
        distance = np.asarray(distance_transform_edt(free))
        band = (distance > start * side) & (distance <= (start + self.near) * side)
        if not band.any():
            raise DoesNotApply("the product leaves no band around itself to score")
        return band


class BandRatio(BandEnergy):
    """Edge strength in the band around the outline over that of the next band farther out.

    1 is a background that is as busy near the product as farther away.
    """

    name, unit, better = "band_ratio", "ratio", "lower"

    def of(self, picture: Picture) -> float:
        """See `BandEnergy`."""
        edges = _edges(picture)
        near = edges[self._band(picture, self.gap)].mean()
        far = edges[self._band(picture, self.gap + self.near)].mean()
        return float(near / max(float(far), 1e-6))


@dataclass(frozen=True)
class Segmented:
    """Areas as shares of the true mask.

    `growth` is what was found outside it, `near` that of it within a band along the outline, and
    `loss` what of the mask was not found.
    """

    growth: float
    near: float
    loss: float


class _Difference(Metric):
    """A share of `Segmented` on the background, less that on the product over a plain ground.

    The second is the segmenter's own bias: what it gets wrong even where nothing has grown.
    Growth and loss are scored apart, for as a sum of signed areas they would cancel.
    """

    unit, better = "share of the product's area", "lower"
    share: Literal["growth", "near", "loss"]

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        found, plain = _segmented(picture)
        return getattr(found, self.share) - getattr(plain, self.share)


class Growth(_Difference):
    """Area that GrabCut takes for product outside the true mask, less its bias."""

    name, share = "outline_growth", "growth"


class NearGrowth(_Difference):
    """The part of the growth in a band along the outline: halos and swollen edges, not limbs."""

    name, share = "outline_near_growth", "near"


class Loss(_Difference):
    """Area of the true mask that GrabCut takes for background, less its bias."""

    name, share = "outline_loss", "loss"


@lru_cache(maxsize=32)  # three scores ask for it
def _segmented(picture: Picture) -> tuple[Segmented, Segmented]:
    """As it is, and the product over a plain ground."""
    mask = _small(picture.mask)
    return segment(_small(picture.background), mask), segment(_small(_over_plain(picture)), mask)


def segment(picture: Image.Image, mask: Image.Image) -> Segmented:
    """GrabCut (Rother, Kolmogorov and Blake 2004) started from the true mask.

    The product's core is certain, what is farther than a quarter of the shorter side is certainly
    background; only what hangs together with the product counts as grown.

    Raises DoesNotApply where the mask is empty, or leaves nothing free.
    """
    inside = np.asarray(mask) > 127
    if not inside.any():
        raise DoesNotApply(_EMPTY)
    if inside.all():  # GrabCut has no colours of a background to start from
        raise DoesNotApply(FILLED)
    depth = np.asarray(distance_transform_edt(inside))
    away = np.asarray(distance_transform_edt(~inside)) / min(mask.size)
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[depth > 0.25 * depth.max()] = cv2.GC_FGD
    labels[away > _REACH] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # the mixture models start from k-means
    models = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR)
    cv2.grabCut(bgr, labels, (0, 0, 1, 1), *models, 4, cv2.GC_INIT_WITH_MASK)
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    parts = np.asarray(label(found | inside))
    attached = found & np.isin(parts, np.unique(parts[inside]))
    areas = attached & ~inside, attached & ~inside & (away <= _NEAR), inside & ~found
    return Segmented(*(float(area.sum() / inside.sum()) for area in areas))


def _edges(picture: Picture) -> NDArray[np.float64]:
    return np.asarray(sobel(rgb2gray(np.asarray(picture.background))))


def _small(picture: Image.Image) -> Image.Image:
    return images.resize(picture, images.reduced(picture.size, _SIDE))


def _over_plain(picture: Picture) -> Image.Image:
    """The product on the background's mean colour: where nothing has grown and nothing is lost."""
    pixels = np.asarray(picture.background)
    around = np.asarray(picture.mask) < 8
    colour = pixels[around].mean(0) if around.any() else pixels.mean((0, 1))
    plain = Image.new("RGB", picture.mask.size, tuple(int(c) for c in colour))
    return Image.composite(picture.needed("product").convert("RGB"), plain, picture.mask)
