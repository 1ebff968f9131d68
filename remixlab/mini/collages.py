"""Dead leaves: pictures of things that cover each other, which stand in for photographs.

What such pictures share with photographs is sharp occlusion at every size (Lee, Mumford and Huang
2001, "Occlusion Models for Natural Images"), and networks trained on them carry over to real ones
(Achddou, Gousseau and Ladjal 2021, "Synthetic Images as a Regularity Prior for Image Restoration
Neural Networks"). There are as many as one likes, each with colours and grain of its own, where
packages carry eight photographs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_Floats = NDArray[np.float32]
_SUBPIXELS = 4  # bits, in which OpenCV takes places


@dataclass(frozen=True)
class Collage:
    """One picture: `look` numbers its colours, grain and sizes, `seed` what lies where."""

    look: int
    seed: int

    def pixels(self, size: tuple[int, int]) -> Tensor:
        """The collage at `size` (width, height), (3, H, W) in 0..1."""
        width, height = size
        random = Random(self.seed)
        below = (*map(float, self._palette.colours[0]), self._palette.grains[0])
        leaves = np.full((height, width, 4), below, np.float32)  # colours, and the grain's strength
        for _ in range(self._palette.count):
            self._leaf(leaves, random)
        grain = _noise((height, width), self._palette.cells, np.random.default_rng(self.seed))
        picture = leaves[..., :3] * (1 + leaves[..., 3:] * grain[..., None])
        if self._palette.blur:
            sigma = self._palette.blur * min(size)
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
        return torch.from_numpy(picture.transpose(2, 0, 1).copy()).clamp(0, 1)

    def moved(self, random: Random) -> Collage:
        """Another collage of the same look."""
        return replace(self, seed=random.getrandbits(31))

    @cached_property
    def _palette(self) -> _Palette:
        return _Palette.draw(Random(self.look))

    def _leaf(self, leaves: _Floats, random: Random) -> None:
        """Lay one leaf over the others, where `leaves` (H, W, 4) are colours and grain."""
        height, width = leaves.shape[:2]
        palette, short = self._palette, min(height, width)
        radius = short * palette.radius(random)
        centre = random.uniform(0, width), random.uniform(0, height)
        colour, grain = palette.colour(random, centre[1] / height)
        points = palette.outline(random) * radius + np.array(centre)
        fixed = np.round(points * 2**_SUBPIXELS).astype(np.int32)
        cv2.fillPoly(leaves, [fixed], (*colour, grain), cv2.LINE_AA, _SUBPIXELS)


@dataclass(frozen=True)
class _Palette:
    """Colours (N, 3) in 0..1, of which the lower ones lie lower, and what leaves look like."""

    colours: _Floats
    grains: tuple[float, ...]
    layered: float
    count: int
    smallest: float
    corners: tuple[int, ...]
    stretch: tuple[float, float]
    cells: tuple[int, int]
    blur: float

    @classmethod
    def draw(cls, random: Random) -> _Palette:
        count = random.randint(3, 8)
        hue, spread = random.uniform(0, math.tau), random.choice((0.3, 0.8, 3.0))
        chroma = random.choice((6, 14, 26, 42))
        mean, contrast = random.uniform(35, 75), random.uniform(6, 26)
        lab: list[list[float]] = []
        for _ in range(count):
            angle, strength = hue + random.gauss(0, spread), chroma * random.uniform(0.4, 1.4)
            lightness = min(97.0, max(4.0, random.gauss(mean, contrast)))
            lab.append([lightness, strength * math.cos(angle), strength * math.sin(angle)])
        across = random.choice((8, 20, 60, 120))
        return cls(
            _rgb(lab),
            tuple(random.choice((0.02, 0.15, 0.4)) * random.random() for _ in range(count)),
            layered=random.choice((0.0, 0.5, 0.9)),
            count=random.choice((60, 200, 500)),
            smallest=random.choice((0.01, 0.03, 0.08)),
            corners=random.choice(((16,), (3, 4, 5, 16), (4,), (3, 5, 7))),
            stretch=random.choice(((0.9, 1.1), (1.0, 3.0), (2.5, 6.0))),
            cells=(across, random.choice((across, 6 * across))),
            blur=random.choice((0.0, 0.0, 0.003, 0.012)),
        )

    def radius(self, random: Random) -> float:
        """Share of the shorter side, of density r^-3: all sizes cover about as much."""
        low, high = self.smallest**-2, 0.4**-2
        return (low + (high - low) * random.random()) ** -0.5

    def outline(self, random: Random) -> NDArray[np.float64]:
        """(corners, 2): a polygon about as large as the unit circle, stretched and turned."""
        corners = random.choice(self.corners)
        angles = [(i + random.uniform(-0.3, 0.3)) * math.tau / corners for i in range(corners)]
        turn, stretch = random.uniform(0, math.tau), random.uniform(*self.stretch)
        outline = np.array([[math.cos(a) * stretch, math.sin(a)] for a in angles])
        rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        return outline @ rotation.T

    def colour(self, random: Random, depth: float) -> tuple[tuple[float, float, float], float]:
        """A leaf's colour and grain; `depth` is 0 at the upper edge and 1 at the lower."""
        place = depth if random.random() < self.layered else random.random()
        number = min(len(self.grains) - 1, int(place * len(self.grains)))
        gain = random.uniform(0.8, 1.2)
        red, green, blue = (float(c) * gain for c in self.colours[number])
        return (red, green, blue), self.grains[number]


def draw_collage(random: Random) -> Collage:
    """A random look and layout."""
    return Collage(random.getrandbits(31), random.getrandbits(31))


def _rgb(lab: list[list[float]]) -> _Floats:
    """(N, 3) sRGB in 0..1, clipped to what there is."""
    colours = cv2.cvtColor(np.array([lab], np.float32), cv2.COLOR_LAB2RGB)[0]
    return np.clip(colours, 0.01, 0.99).astype(np.float32)


def _noise(
    size: tuple[int, int], cells: tuple[int, int], generator: np.random.Generator
) -> _Floats:
    """(H, W) value noise of mean 0: `cells` down and across, and two finer octaves."""
    total = np.zeros(size, np.float32)
    for octave in range(3):
        rows, columns = (min(side, n * 2**octave) for side, n in zip(size, cells, strict=True))
        values = generator.standard_normal((rows, columns), np.float32)
        total += np.asarray(cv2.resize(values, size[::-1]), np.float32) * 0.6**octave
    return total
