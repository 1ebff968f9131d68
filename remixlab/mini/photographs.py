"""Real photographs that packages carry: textures, backdrops and references of the mini world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Crop:
    """A square of a photograph: its corner and side as shares of the shorter side, its channels."""

    photograph: int
    left: float
    top: float
    side: float
    channels: tuple[int, int, int]

    def pixels(self, size: tuple[int, int]) -> Tensor:
        """The crop at `size` (width, height), (3, H, W) in 0..1."""
        photo = photographs()[self.photograph][list(self.channels)]
        short = min(photo.shape[-2:])
        side = max(8, int(self.side * short))
        top = int(self.top * (photo.shape[1] - side))
        left = int(self.left * (photo.shape[2] - side))
        crop = photo[None, :, top : top + side, left : left + side]
        return F.interpolate(crop, size[::-1], mode="bilinear", antialias=True)[0]

    def moved(self, random: Random) -> Crop:
        """Another crop of the same photograph, in the same colours."""
        return Crop(self.photograph, random.random(), random.random(), self.side, self.channels)


def draw_crop(random: Random) -> Crop:
    """A random crop; half have their channels exchanged, which makes other palettes of it."""
    red, green, blue = random.sample(range(3), 3) if random.random() < 0.5 else range(3)
    return Crop(
        random.randrange(len(photographs())),
        random.random(),
        random.random(),
        random.uniform(0.35, 0.95),
        (red, green, blue),
    )


@cache
def photographs() -> tuple[Tensor, ...]:
    """Colour photographs of scikit-image and scikit-learn, (3, H, W) in 0..1."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    pictures: Iterable[np.ndarray] = [
        data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.hubble_deep_field(),
        data.retina(), *load_sample_images().images,
    ]  # fmt: skip
    return tuple(torch.from_numpy(p.copy()).permute(2, 0, 1).float() / 255 for p in pictures)
