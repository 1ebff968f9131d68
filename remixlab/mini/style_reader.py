"""Teaching the reference encoder what a style is, before it serves the denoiser.

Published IP-Adapters rest on an image encoder that was trained beforehand. From the denoiser's loss
alone, most of which no reference can lower, the mini suite's own would learn for days; asked for
the colours and the textures of the picture that a reference belongs to, it learns in minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

from remixlab.mini.architecture import CROSS_WIDTH, LATENT_CHANNELS, REFERENCE_PROJECTION
from remixlab.mini.budget import Budget, Trainer
from remixlab.mini.latents import Examples
from remixlab.mini.reference_encoder import ReferenceEncoder, normalised

_OCTAVES = 3
_FAINT = 0.05  # of a latent's deviation: textures weaker than that count as none
_STEADY = 8  # channels that hold `_LEVEL` in each patch
_LEVEL = 3.0
_SEEN = 256  # references that the components are computed from


class StyleReader(ReferenceEncoder):
    """The reference encoder, and a head that tells statistics of latents from its tokens.

    `mean` and `deviation` (4 x C,) are those of the statistics, which it tells in these units.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, statistics: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", statistics.mean(0))
        self.register_buffer("deviation", statistics.std(0).clamp(min=1e-3))
        tokens = REFERENCE_PROJECTION["num_queries"]
        self.head = nn.Linear(tokens * CROSS_WIDTH, (1 + _OCTAVES) * LATENT_CHANNELS)

    def forward(self, references: Tensor, statistics: Tensor) -> Tensor:
        """Mean squared error of what (B, 3, S, S) references in 0..1 tell: 1 if nothing."""
        told = self.head(self.encode_reference(normalised(references)).flatten(1))
        return F.mse_loss(told, (statistics - self.mean) / self.deviation)


def train_style_reader(
    examples: Examples, factor: float, budget: Budget, *, folder: Path, device: torch.device
) -> Trainer:
    """Train until the budget is spent; resumes from `folder`.

    Args:
        examples: references, and the pictures in the same style that they belong to.
        factor: brings the latents to unit variance.
        budget: how long.
        folder: of the checkpoint.
        device: that of the examples.
    """
    references = torch.cat([group["references"] for group in examples.groups.values()])
    statistics = torch.cat(
        [
            latent_statistics(group["latents"].float() * factor, group["products"][:, None].float())
            for group in examples.groups.values()
        ]
    )
    torch.manual_seed(6)
    reader = StyleReader(statistics).to(device)
    some = references[torch.randperm(len(references))[:_SEEN].to(device)]
    start_from_components(reader.image_encoder, normalised(some.float() / 255))
    trainer = Trainer("style_reader", reader, reader, budget, folder)
    generator = torch.Generator().manual_seed(trainer.step)
    for _ in trainer.run():
        picks = torch.randint(len(references), (budget.batch,), generator=generator).to(device)
        seen = references[picks].float() / 255
        if torch.rand((), generator=generator) < 0.5:
            seen = seen.flip(-1)
        trainer.learn(seen, statistics[picks])
    return trainer


def latent_statistics(latents: Tensor, products: Tensor) -> Tensor:
    """What a style does to latents, wherever it does it: their means, and their energies by octave.

    Args:
        latents: (B, C, h, w) of unit variance, sides of 4 or more.
        products: (B, 1, h, w), the share of each that a product covers; only those that have
            nothing of it count.

    Returns:
        (B, 4 x C): each channel's mean, and log2 of how far it is from its neighbours' mean, in
        three octaves.
    """
    free = (products < 0.01).to(latents)
    found = [_mean(latents, free)]
    for octave in range(_OCTAVES):
        if octave:
            latents, free = F.avg_pool2d(latents, 2), (F.avg_pool2d(free, 2) == 1).to(latents)
        around = F.avg_pool2d(latents, 3, stride=1, padding=1, count_include_pad=False)
        energy = _mean((latents - around).square(), free)
        found.append((energy.sqrt() + _FAINT).log2())
    return torch.cat(found, 1)


@torch.no_grad()
def start_from_components(encoder: CLIPVisionModelWithProjection, pixels: Tensor) -> None:
    """Set the first layer of an image encoder, in place, so that patches keep their contrast.

    A patch starts as its principal components, weak ones made stronger, for texture is in those.
    The layer norm behind it would make all patches equally strong, so that a few channels hold a
    constant, beside which a faint patch stays faint.

    Args:
        encoder: with random weights.
        pixels: (B, 3, S, S) normalised pictures.
    """
    embeddings: Any = encoder.vision_model.embeddings
    kernel, positions = embeddings.patch_embedding.weight, embeddings.position_embedding.weight
    side = kernel.shape[-1]
    patches = F.unfold(pixels, side, stride=side).transpose(1, 2).flatten(0, 1)
    variances, axes = torch.linalg.eigh(patches.T @ patches / len(patches))
    count = min(len(kernel) - _STEADY, len(variances))
    strongest = variances.flip(0)[:count].clamp(min=1e-8)
    kernel.zero_()
    kernel[:count] = (axes.flip(1)[:, :count] / strongest**0.25).T.unflatten(1, (3, side, side))
    nn.init.normal_(positions, std=0.1)
    signs = positions.new_tensor([1, -1]).repeat(_STEADY // 2)  # their mean is 0, as the norm wants
    positions[:, -_STEADY:] = _LEVEL * signs


def _mean(fields: Tensor, weights: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C), where (B, 1, h, w) `weights` are 1."""
    return (fields * weights).sum((2, 3)) / weights.sum((2, 3)).clamp(min=1)
