"""Holding the product in place while the background around it is generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

NoiseLevel = tuple[float, float]
"""The shares of picture and of noise in noised latents."""


@dataclass(frozen=True)
class Keep:
    """The part of the latents that is given.

    Attributes:
        latents: (B, C, h, w) the encoded product.
        freedom: (B, 1, h, w) in 0..1: 0 is kept to the end, 1 is free from the start.
        noise: (B, C, h, w) the starting noise, which the product is noised with at every step.
    """

    latents: Tensor
    freedom: Tensor
    noise: Tensor

    def blend(self, latents: Tensor, level: NoiseLevel, progress: float) -> Tensor:
        """Put the product, noised to the current level, where it is not yet free.

        A place of freedom f is let go when the share 1 - f of the steps is done: differential
        diffusion (Levin and Fried 2023, arXiv:2306.00950), which seams less than a hard mask.
        """
        kept, noised = level
        known = self.latents * kept + self.noise * noised
        return torch.where(self.freedom > 1 - progress, latents, known)


def noise_levels(scheduler: Any) -> list[NoiseLevel]:
    """The level that each step of a diffusers scheduler reaches; the last one is (1, 0).

    `add_noise` is linear in both, so that numbers say it for every picture: asked for latents on
    a card it would look the step up there, and wait for it.
    """
    later = scheduler.timesteps[1:]
    one, none = torch.ones(len(later)), torch.zeros(len(later))
    kept, noised = scheduler.add_noise(one, none, later), scheduler.add_noise(none, one, later)
    return [*zip(kept.tolist(), noised.tolist(), strict=True), (1.0, 0.0)]


def latent_freedom(alpha: Tensor, factor: int) -> Tensor:
    """How free each latent is, from the product's coverage.

    A latent is kept only as far as the product fills it and all its eight neighbours: at its edge a
    latent also holds background, and a background kept from the prefill would be a halo.

    Args:
        alpha: (B, 1, H, W) in 0..1.
        factor: pixels a latent.

    Returns:
        (B, 1, H / factor, W / factor) in 0..1.
    """
    free = F.avg_pool2d(1 - alpha, factor)
    return F.max_pool2d(free, 3, stride=1, padding=1)
