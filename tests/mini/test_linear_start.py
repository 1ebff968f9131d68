"""The autoencoder's first weights are the principal components of blocks of 16 x 16 pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from torch import Tensor

from remixlab.mini import architecture
from remixlab.mini.autoencoder import psnr
from remixlab.mini.collages import Collage
from remixlab.mini.linear_start import start_linear


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.stack([Collage(n, n).pixels((64, 64)) for n in range(96)]) * 2 - 1


@pytest.fixture(scope="module")
def model(pictures: Tensor) -> AutoencoderDC:
    torch.manual_seed(0)
    model = AutoencoderDC(**architecture.VAE).eval()
    start_linear(model, pictures)
    return model


def best_linear_psnr(pictures: Tensor, components: int) -> float:
    """Of all linear codes of 16 x 16 blocks with so many numbers."""
    blocks = F.unfold(pictures, 16, stride=16).transpose(1, 2).flatten(0, 1)
    centred = blocks - blocks.mean(0)
    axes = torch.linalg.svd(centred, full_matrices=False).Vh[:components]
    error = centred @ axes.T @ axes - centred
    return float(-10 * (error / 2).square().mean().log10())


def test_it_keeps_nearly_what_the_best_linear_code_keeps(
    model: AutoencoderDC, pictures: Tensor
) -> None:
    best = best_linear_psnr(pictures, architecture.LATENT_CHANNELS)
    assert best - 0.5 < psnr(model, pictures) <= best + 0.1
    torch.manual_seed(0)
    assert psnr(AutoencoderDC(**architecture.VAE).eval(), pictures) < best - 5


@torch.no_grad()
def test_latents_have_unit_variance_and_none_is_idle(
    model: AutoencoderDC, pictures: Tensor
) -> None:
    latents = model.encode(pictures, return_dict=False)[0]
    deviations = latents.std((0, 2, 3))
    assert float(deviations.square().mean()) == pytest.approx(1, rel=0.02)
    assert float(deviations.min()) > 0.2
    flat = latents.transpose(0, 1).flatten(1)
    correlations = torch.corrcoef(flat) - torch.eye(len(flat))
    assert float(correlations.abs().max()) < 0.05


def test_residual_blocks_add_nothing_yet_but_can_learn(
    model: AutoencoderDC, pictures: Tensor
) -> None:
    model.zero_grad()
    (model.decode(model.encode(pictures[:4])[0])[0] - pictures[:4]).square().mean().backward()
    norms = [(n, p) for n, p in model.named_parameters() if n.endswith(".norm.weight")]
    assert norms and all(not p.any() and p.grad is not None and p.grad.any() for _, p in norms)
    model.zero_grad()
