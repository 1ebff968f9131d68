"""Scenes as the denoiser's training sees them: latents, outlines, references and captions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from remixlab.files import whole, write_whole
from remixlab.metrics.fill import fill_products
from remixlab.mini.architecture import LATENT_SIDE
from remixlab.mini.budget import move
from remixlab.mini.canvas import blur
from remixlab.mini.dataset import read_shard
from remixlab.mini.processes import each
from remixlab.product.mask import Product
from remixlab.product.outline import draw_outline

STRONGEST = 2.0
"""The highest outline_fidelity, beside which nothing but the product is sharp.

An outline says where the product is, not what is around it; that there is less to see the more it
counts has to be shown. The stronger it is in an example, the oftener what surrounds the product is
out of focus, as the cube of the strength: always at the strongest, seldom at the default of 1.
"""
_SOFTNESS = 0.8  # of what is out of focus, see `blur`


@dataclass(frozen=True)
class Batch:
    """B training examples of one size.

    `latents` (B, C, h, w); `products` (B, 1, h, w), the share of each latent that the product
    covers; `lines` (N, 1, H, W) of 0 and 1, the outlines of the first N, and `strengths` (B,) how
    much each counts, in 0..`STRONGEST`, 0 for all others; `references` (B, 3, S, S) in 0..1;
    `surfaces` what is stood on, "" where a photograph fills the picture.
    """

    latents: Tensor
    products: Tensor
    lines: Tensor
    strengths: Tensor
    references: Tensor
    captions: list[str]
    surfaces: list[str]


def encode_shards(
    model: AutoencoderDC,
    shards: list[Path],
    folder: Path,
    scale: float,
    *,
    workers: int,
    device: torch.device,
) -> list[Path]:
    """Encode shards at `scale` times their size; files already there are kept.

    `workers` processes do, on `device`; they find `model` beside the latents.
    """
    missing = [path for path in shards if not (folder / path.name).exists()]
    if missing:
        with whole(folder / "autoencoder") as place:
            model.save_pretrained(place)
    encode = partial(_encode_shard, folder=folder, scale=scale, device=device)
    each(encode, missing, workers, label=f"latents x {scale:g}", unit="shard")
    return [folder / path.name for path in shards]


class Examples:
    """All encoded shards in the memory of `device`; a batch is drawn from pictures of one size."""

    def __init__(
        self, encoded: list[Path], scenes: Path, device: torch.device | str = "cpu"
    ) -> None:
        shards: dict[tuple[int, ...], list[dict[str, Tensor]]] = {}
        self.captions: dict[tuple[int, ...], list[list[str]]] = {}
        self.surfaces: dict[tuple[int, ...], list[str]] = {}
        for path in encoded:
            tensors = load_file(path)
            with safe_open(scenes / path.name, "pt") as file:
                tensors["references"] = file.get_tensor("references")
                words, surfaces = (
                    json.loads(file.metadata()[name]) for name in ("captions", "surfaces")
                )
            size = tuple(tensors["latents"].shape[-2:])
            shards.setdefault(size, []).append(tensors)
            self.captions.setdefault(size, []).extend(words)
            self.surfaces.setdefault(size, []).extend(surfaces)
        self.groups = {
            size: {name: torch.cat([t[name] for t in parts]).to(device) for name in parts[0]}
            for size, parts in shards.items()
        }

    def batches(self, size: int, outlined: int, random: Random) -> Iterator[Batch]:
        """Endless batches, the first `outlined` examples of each with an outline that counts.

        Sizes come up as often as they are in the data.
        """
        sizes = list(self.groups)
        counts = [len(self.captions[s]) for s in sizes]
        while True:
            chosen = random.choices(sizes, counts)[0]
            picks = [random.randrange(len(self.captions[chosen])) for _ in range(size)]
            strengths = [random.uniform(0, STRONGEST) for _ in range(outlined)]
            words = [random.choice(self.captions[chosen][pick]) for pick in picks]
            yield self._batch(chosen, picks, strengths, words, random)

    def _batch(
        self,
        size: tuple[int, ...],
        picks: list[int],
        strengths: list[float],
        words: list[str],
        random: Random,
    ) -> Batch:
        group = self.groups[size]
        device = group["latents"].device
        index = torch.tensor(picks, device=device)
        outlined, latents = len(strengths), group["latents"][index]
        soft = [n for n in range(outlined) if random.random() < (strengths[n] / STRONGEST) ** 3]
        latents[soft] = group["softened"][index[soft]]
        return Batch(
            latents.float(),
            group["products"][index][:, None].float(),
            _unpack(group["outlines"][index[:outlined]], LATENT_SIDE * size[1])[:, None],
            F.pad(torch.tensor(strengths, device=device), (0, len(picks) - outlined)),
            group["references"][index].float() / 255,
            words,
            [self.surfaces[size][pick] for pick in picks],
        )


@cache
def _autoencoder(folder: Path, device: torch.device) -> AutoencoderDC:
    """That beside the latents of `folder`; a process loads it once."""
    model: Any = AutoencoderDC.from_pretrained(folder / "autoencoder")
    move(model, device)
    return model.eval()


@torch.inference_mode()
def _encode_shard(path: Path, *, folder: Path, scale: float, device: torch.device) -> None:
    shard, model = read_shard(path), _autoencoder(folder, device)
    images = _scaled(shard.images.to(device), scale)
    masks = _scaled(shard.masks[:, None].to(device), scale)
    outlines = [_outline(mask) for mask in masks[:, 0].cpu()]
    tensors = {
        "latents": _latents(model, images),
        "softened": _latents(model, _softened(images, masks)),
        "products": F.avg_pool2d(masks[:, 0], LATENT_SIDE).half().cpu(),
        "outlines": torch.from_numpy(np.stack(outlines)),
    }
    write_whole(folder / path.name, save(tensors))


def _latents(model: AutoencoderDC, images: Tensor) -> Tensor:
    latents = [model.encode(part * 2 - 1, return_dict=False)[0].cpu() for part in images.split(8)]
    return torch.cat(latents).half()


def _softened(images: Tensor, masks: Tensor) -> Tensor:
    """The pictures out of focus, but for their products."""
    behind = blur(fill_products(images, masks), _SOFTNESS)
    return behind + (images - behind) * masks


def _scaled(pictures: Tensor, scale: float) -> Tensor:
    """(N, C, H, W) uint8 -> float in 0..1, with sides that are whole numbers of latents."""
    size = [round(side * scale / LATENT_SIDE) * LATENT_SIDE for side in pictures.shape[-2:]]
    floats = pictures.float() / 255
    if size == list(pictures.shape[-2:]):
        return floats
    return F.interpolate(floats, size, mode="bilinear", antialias=True)


def _outline(mask: Tensor) -> np.ndarray:
    """The product's outline as a remix draws it, as bits."""
    alpha = (mask.numpy() * 255).round().astype(np.uint8)
    product = Product(np.dstack([np.zeros((*alpha.shape, 3), np.uint8), alpha]))
    outline = draw_outline(product, product.size, latent=LATENT_SIDE)
    return np.packbits(outline > 0, axis=1)


def _unpack(bits: Tensor, width: int) -> Tensor:
    """(N, H, bytes) packed as NumPy packs them -> (N, H, width) of 0 and 1."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return ((bits[..., None] >> shifts) & 1).flatten(2)[..., :width].float()
