"""How close a background is to its reference, without any weights.

Each is a distance between two sets of colours or textures wherever they lie in the picture: the
layout of a reference is not its style.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from skimage.color import rgb2lab

from remixlab import images
from remixlab.metrics.metric import Metric, Picture

_SIDE = 128
_DIRECTIONS, _QUANTILES = 64, 256
_SCALES = 1.0, 2.0, 4.0, 8.0
_SEEN = 0.5  # in units of CIELAB: what is weaker than that cannot be seen

_Floats = NDArray[np.float64]


class StyleDistance(Metric):
    """A distance between descriptions of a background and of a reference, its own by default."""

    better = "lower"

    def of(self, picture: Picture) -> float:
        """The distance to the picture's own reference."""
        return self.between(picture, picture.needed("reference"))

    def between(self, picture: Picture, reference: Image.Image) -> float:
        """The distance of the picture's background to `reference` (RGB, any size)."""
        return self.difference(self.of_background(picture), self.of_reference(reference))

    def of_background(self, picture: Picture) -> _Floats:
        """What describes the picture's background."""
        return self.describe(_lab(picture.background), picture.around(_SIDE))

    def of_reference(self, reference: Image.Image) -> _Floats:
        """What describes a reference."""
        return self.describe(_lab(reference), np.ones((_SIDE, _SIDE), bool))

    @abstractmethod
    def describe(self, lab: _Floats, around: NDArray[np.bool_]) -> _Floats:
        """The style of (S, S, 3) CIELAB colours where `around` (S, S) is true."""

    @abstractmethod
    def difference(self, found: _Floats, wanted: _Floats) -> float:
        """The distance of two descriptions."""


class LabDistance(StyleDistance):
    """Distance of the mean colours in CIELAB (CIE 1976 Delta E); 2 can just be seen."""

    name, unit = "lab_distance", "Delta E"

    def describe(self, lab: _Floats, around: NDArray[np.bool_]) -> _Floats:
        """The mean colour, (3,)."""
        return lab[around].mean(0)

    def difference(self, found: _Floats, wanted: _Floats) -> float:
        """See `StyleDistance`."""
        return float(np.linalg.norm(found - wanted))


class LabWasserstein(StyleDistance):
    """Sliced Wasserstein distance of the colours in CIELAB, in Delta E.

    The mean over fixed random directions of the one-dimensional distance, which compares sorted
    projections (Bonneel, Rabin, Peyre and Pfister 2015, "Sliced and Radon Wasserstein Barycenters
    of Measures").
    """

    name, unit = "lab_wasserstein", "Delta E"

    def describe(self, lab: _Floats, around: NDArray[np.bool_]) -> _Floats:
        """Quantiles of the projected colours, (Q, directions), however many there are."""
        levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        return np.quantile(lab[around] @ _directions().T, levels, axis=0)

    def difference(self, found: _Floats, wanted: _Floats) -> float:
        """See `StyleDistance`."""
        return float(np.abs(found - wanted).mean())


class TextureDistance(StyleDistance):
    """Distance of edge energies, in octaves: 1 is twice as strong, at a scale and direction.

    Standard deviations of Gaussian derivatives of each CIELAB channel, across and down at four
    scales, compared as logarithms: what the marginal statistics of a steerable pyramid measure
    (Portilla and Simoncelli 2000), without its joint ones. What a texture does to the colour tells
    more pictures apart than what it does to the lightness.
    """

    name, unit = "texture_distance", "octaves"

    def describe(self, lab: _Floats, around: NDArray[np.bool_]) -> _Floats:
        """Log2 energies, (3 x scales x 2,); what the product's edge reaches does not count."""
        return np.concatenate([_energies(lab[..., channel], around) for channel in range(3)])

    def difference(self, found: _Floats, wanted: _Floats) -> float:
        """See `StyleDistance`."""
        return float(np.sqrt(np.square(found - wanted).mean()))


class ReferenceRank(Metric):
    """Rank of the picture's own reference among all, 1 being closest; ties count half.

    Distances of several kinds are multiplied, so that proportions count and units do not. Report
    how often the rank is 1: raw distances tell little, because they depend on how alike the
    references are.
    """

    name, unit, better = "reference_rank", "", "lower"

    def __init__(
        self, references: Sequence[Image.Image], distances: Sequence[StyleDistance] | None = None
    ) -> None:
        self.references = list(references)
        self.distances = list(distances or (LabWasserstein(), TextureDistance()))
        self.described = [[d.of_reference(r) for r in self.references] for d in self.distances]

    def of(self, picture: Picture) -> float:
        """See `Metric`; ValueError where the picture's reference is not among them."""
        own = picture.needed("reference")
        place = next((i for i, other in enumerate(self.references) if other == own), None)
        if place is None:
            raise ValueError("the picture's reference is not among those to rank")
        pairs = zip(self.distances, self.described, strict=True)
        total = np.sum([self._logarithms(picture, *pair) for pair in pairs], axis=0)
        closer = (total < total[place]).sum()
        ties = (total == total[place]).sum() - 1
        return float(1 + closer + ties / 2)

    def _logarithms(
        self, picture: Picture, distance: StyleDistance, described: Sequence[_Floats]
    ) -> _Floats:
        found = distance.of_background(picture)
        values = np.array([distance.difference(found, wanted) for wanted in described])
        return np.log(np.maximum(values, 1e-9))


def _lab(picture: Image.Image) -> _Floats:
    return rgb2lab(np.asarray(images.resize(picture, (_SIDE, _SIDE))))


@cache
def _directions() -> _Floats:
    vectors = np.random.default_rng(0).standard_normal((_DIRECTIONS, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _energies(channel: _Floats, around: NDArray[np.bool_]) -> _Floats:
    """Log2 standard deviations of derivatives; what the product's edge reaches does not count."""
    filled = np.where(around, channel, channel[around].mean())
    found = []
    for scale in _SCALES:
        reached = gaussian_filter((~around).astype(float), scale) > 0.005
        clear = around if (~reached).sum() < 64 else ~reached
        for axis in (0, 1):
            smoothed = gaussian_filter1d(filled, scale, axis=1 - axis)
            response = gaussian_filter1d(smoothed, scale, axis=axis, order=1) * scale
            found.append(np.log2(response[clear].std() + _SEEN))
    return np.array(found)
