"""Training the mini suite's autoencoder on crops of scenes, photographs and collages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from torch import Tensor

from remixlab.mini import architecture
from remixlab.mini.budget import Budget, Trainer, averaged, move
from remixlab.mini.collages import draw_collage
from remixlab.mini.dataset import read_shard
from remixlab.mini.linear_start import start_linear
from remixlab.mini.photographs import photographs
from remixlab.mini.processes import ahead

CROP = 128
PHOTOGRAPHS, COLLAGES = 0.2, 0.25  # shares of the crops
DECODER_NOISE = 0.2  # of the latents' standard deviation


def train_autoencoder(
    shards: list[Path], budget: Budget, folder: Path, device: torch.device, *, loaders: int = 0
) -> Trainer:
    """Train on random crops until the budget is spent; resumes from `folder`.

    `loaders` processes cut the crops, this one if 0: on a card cutting takes longer than learning.
    Latents of half the size have to decode to pictures of half the size: what is coarse in a
    picture is then coarse in its latents, which a denoiser learns from sooner (Skorokhodov et al.
    2025, arXiv:2502.14831).
    """
    torch.manual_seed(1)
    model = AutoencoderDC(**architecture.VAE)
    start_linear(model, _some_crops(shards))
    move(model, device, torch.channels_last)

    def loss(crops: Tensor) -> Tensor:
        latents = model.encode(crops, return_dict=False)[0]
        noisy = latents + 0.05 * latents.detach().std() * torch.randn_like(latents)
        decoded = model.decode(noisy, return_dict=False)[0]
        smaller = model.decode(F.avg_pool2d(noisy, 2), return_dict=False)[0]
        return _error(decoded - crops) + 0.25 * _error(smaller - F.avg_pool2d(crops, 2))

    trainer = Trainer("autoencoder", model, loss, budget, folder)
    for crops in _crops_of(shards, trainer, device, loaders):
        trainer.learn(crops)
    return trainer


def train_decoder(
    start: Path,
    shards: list[Path],
    budget: Budget,
    *,
    folder: Path,
    device: torch.device,
    loaders: int = 0,
) -> Trainer:
    """Train the decoder of the checkpoint `start` on, to forgive what a denoiser leaves behind.

    The latents carry more noise than before, of every strength up to `DECODER_NOISE`; the encoder
    stays as it is, so encoded data stay valid.
    """
    torch.manual_seed(4)
    model = AutoencoderDC(**architecture.VAE)
    model.load_state_dict(averaged(torch.load(start, weights_only=True, map_location="cpu")))
    model.encoder.requires_grad_(False)
    move(model, device, torch.channels_last)

    def loss(crops: Tensor) -> Tensor:
        with torch.no_grad():
            latents = model.encode(crops, return_dict=False)[0]
        strength = DECODER_NOISE * latents.std() * torch.rand(len(latents), 1, 1, 1, device=device)
        noisy = latents + strength * torch.randn_like(latents)
        return _error(model.decode(noisy, return_dict=False)[0] - crops)

    trainer = Trainer("decoder", model, loss, budget, folder)
    for crops in _crops_of(shards, trainer, device, loaders):
        trainer.learn(crops)
    return trainer


def _crops_of(
    shards: list[Path], trainer: Trainer, device: torch.device, loaders: int
) -> Iterator[Tensor]:
    """Batches of crops for as long as the trainer's budget lasts."""
    draw = partial(_batches, shards, trainer.budget.batch)
    batches = ahead(draw, trainer.step, loaders)
    for _ in trainer.run():
        yield next(batches).to(device)


def _some_crops(shards: list[Path]) -> Tensor:
    """A few hundred of the crops that training sees."""
    return torch.cat(list(islice(_batches(shards, 16, Random(0)), 24)))


def _error(error: Tensor) -> Tensor:
    """Squared and absolute error of pixels, of their differences, and of the colours of patches.

    The squared parts, of whole patches above all, find colours in a tenth of the steps that
    absolute errors alone take; the differences keep edges, and weigh little because grain cannot
    be predicted.
    """
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    pixels = 4 * error.square().mean() + error.abs().mean()
    return pixels + 20 * F.avg_pool2d(error, 8).square().mean() + 0.15 * edges


def psnr(model: AutoencoderDC, pictures: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of reconstructed (N, 3, H, W) pictures in -1..1."""
    with torch.inference_mode():
        latents = model.encode(pictures, return_dict=False)[0]
        decoded = model.decode(latents, return_dict=False)[0].clamp(-1, 1)
    return float(10 * torch.log10(4 / (decoded - pictures).square().mean()))


def _batches(shards: list[Path], count: int, random: Random) -> Iterator[Tensor]:
    """Crops without end, `count` at a time; four times from one shard: reading takes longer."""
    while True:
        pool = read_shard(random.choice(_drawn(shards))).images
        yield from (_crops(pool, count, random) for _ in range(4))


def _drawn(shards: list[Path]) -> list[Path]:
    return [shard for shard in shards if shard.exists()]


def _crops(pool: Tensor, count: int, random: Random) -> Tensor:
    return torch.stack([_crop(pool, random) for _ in range(count)]) * 2 - 1


def _crop(pool: Tensor, random: Random) -> Tensor:
    picture = _picture(pool, random)
    larger = random.random() < 0.3 and min(picture.shape[1:]) >= 2 * CROP
    side = CROP * (2 if larger else 1)
    top = random.randint(0, picture.shape[1] - side)
    left = random.randint(0, picture.shape[2] - side)
    crop = picture[:, top : top + side, left : left + side]
    return F.avg_pool2d(crop, 2) if larger else crop


def _picture(pool: Tensor, random: Random) -> Tensor:
    kind = random.random()
    if kind < COLLAGES:
        return draw_collage(random).pixels((CROP, CROP))
    if kind < COLLAGES + PHOTOGRAPHS:
        return random.choice(photographs())
    return random.choice(pool) / 255
