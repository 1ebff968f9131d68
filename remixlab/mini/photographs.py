"""Real photographs that packages carry: textures, backdrops and references of the mini world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from remixlab.mini.collages import Collage


@dataclass(frozen=True)
class Crop:
    """A square of a photograph: its corner and side as shares of the shorter side, its colours.

    `channels` are exchanged and each is raised to its power in `gammas`, which makes many palettes
    of few photographs.
    """

    photograph: int
    left: float
    top: float
    side: float
    channels: tuple[int, int, int]
    gammas: tuple[float, float, float]

    def pixels(self, size: tuple[int, int]) -> Tensor:
        """The crop at `size` (width, height), (3, H, W) in 0..1."""
        photo = photographs()[self.photograph][list(self.channels)]
        short = min(photo.shape[-2:])
        side = max(8, int(self.side * short))
        top = int(self.top * (photo.shape[1] - side))
        left = int(self.left * (photo.shape[2] - side))
        crop = photo[None, :, top : top + side, left : left + side]
        resized = F.interpolate(crop, size[::-1], mode="bilinear", antialias=True)[0].clamp(0, 1)
        return resized ** torch.tensor(self.gammas)[:, None, None]

    def moved(self, random: Random) -> Crop:
        """Another crop of the same photograph, in the same colours."""
        return replace(self, left=random.random(), top=random.random())


def all_pixels(crops: Sequence[Crop | Collage], size: tuple[int, int]) -> list[Tensor]:
    """The pixels of each, in threads: drawn one after another they would keep a card waiting."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda crop: crop.pixels(size), crops))


def draw_crop(random: Random) -> Crop:
    """A random crop; half are in other colours than their photograph."""
    red, green, blue, gammas = 0, 1, 2, (1.0, 1.0, 1.0)
    if random.random() < 0.5:
        red, green, blue = random.sample(range(3), 3)
        gammas = (random.uniform(0.5, 1.8), random.uniform(0.5, 1.8), random.uniform(0.5, 1.8))
    return Crop(
        random.randrange(len(photographs())),
        random.random(),
        random.random(),
        random.uniform(0.35, 0.95),
        (red, green, blue),
        gammas,
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
