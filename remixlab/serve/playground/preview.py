"""What the latents of a running remix look like, without running the VAE.

A linear map from a latent's channels to red, green and blue, fitted once by least squares on
smooth random colours that the suite's own VAE encodes, so it works with every suite and costs
next to nothing beside a step. It shows colour and layout at one pixel a latent (25 dB against the
reduced pictures with the mini suite on the example references), no detail.

Latents on the way are still noisy. Pictures are smooth and the noise is not, so they are blurred,
the more the noisier they are: with the mini suite half way through, that brings the preview from
16 to 21 dB of what becomes of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from remixlab import images
from remixlab.models.suite import Suite
from remixlab.models.vae import encode_pixels

_OCTAVES = ((1, 0.7), (2, 0.4), (4, 0.35), (8, 0.25), (16, 0.15), (64, 0.1))
"""Sides of the random grids that a colour field is the sum of, and their strength."""
_FIELDS, _SIDE = 8, 128


@dataclass(frozen=True)
class Preview:
    """The fitted map, and how much of the picture the latents hold after each step.

    Attributes:
        weights: (C + 1, 3) float32 on the CPU; the last row is the offset.
        noise: after each step, the share of the clean latents in the latents, and the noise's
            standard deviation divided by it.
    """

    weights: Tensor
    noise: tuple[tuple[float, float], ...]

    @classmethod
    @torch.inference_mode()
    def fit(cls, suite: Suite, steps: int) -> Preview:
        """Fit the map for `suite`, and look up the noise of a run of `steps` steps."""
        fields = _colour_fields()
        parts = [encode_pixels(suite.vae, field.to(suite.device)).cpu() for field in fields]
        latents = _with_one(torch.cat(parts))
        pixels = F.avg_pool2d(torch.cat(fields), suite.latent_factor)
        solution = torch.linalg.lstsq(_rows(latents), _rows(pixels)).solution
        return cls(solution, _noise(suite, steps))

    def picture(self, latents: Tensor, step: int) -> Image.Image:
        """(1, C, h, w) latents after `step` (from 1) -> an RGB picture of w x h pixels."""
        share, noise = self.noise[step - 1]
        clean = _smoothed(latents.float().cpu() / share, noise)
        pixels = torch.einsum("bchw,co->bohw", _with_one(clean), self.weights)
        return images.to_image(pixels)


def _smoothed(latents: Tensor, noise: float) -> Tensor:
    """Latents with white noise of standard deviation `noise`, blurred by as many latents.

    A Wiener filter for a picture whose power falls with the square of the frequency, as that of
    photographs does, passes frequencies up to about 1 / noise. What noise is left where the
    radius ends at a quarter of the picture fades towards the mean colour.
    """
    if noise == 0:
        return latents
    side = min(latents.shape[-2:])
    radius = min(noise, side / 4)
    left = noise / max(1.0, 2 * math.sqrt(math.pi) * radius)
    reach = min(math.ceil(3 * radius), side - 1)
    blurred = gaussian_blur(latents, [2 * reach + 1] * 2, [radius] * 2)
    return blurred / (1 + left * left)


def _colour_fields() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        sum(
            (
                F.interpolate(
                    torch.randn(1, 3, side, side, generator=generator) * strength,
                    (_SIDE, _SIDE),
                    mode="bilinear",
                )
                for side, strength in _OCTAVES
            ),
            torch.zeros(1, 3, _SIDE, _SIDE),
        ).clamp(-1, 1)
        for _ in range(_FIELDS)
    ]


def _noise(suite: Suite, steps: int) -> tuple[tuple[float, float], ...]:
    """`Preview.noise` of a run: every scheduler tells by adding noise to one and to nothing."""
    scheduler: Any = suite.scheduler_factory()
    scheduler.set_timesteps(steps)
    one, none = torch.ones(1, 1), torch.zeros(1, 1)
    found = []
    for index in range(1, steps):
        time = scheduler.timesteps[index : index + 1]
        share = float(scheduler.add_noise(one, none, time))
        found.append((share, float(scheduler.add_noise(none, one, time)) / share))
    return (*found, (1.0, 0.0))


def _with_one(latents: Tensor) -> Tensor:
    return F.pad(latents, (0, 0, 0, 0, 0, 1), value=1.0)


def _rows(pictures: Tensor) -> Tensor:
    """(B, C, h, w) -> (B h w, C)."""
    return pictures.permute(0, 2, 3, 1).flatten(0, 2)
