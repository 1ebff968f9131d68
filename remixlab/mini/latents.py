"""Scenes as the denoiser's training sees them: latents, outlines, references and captions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from remixlab.mini.budget import move
from remixlab.mini.dataset import read_shard
from remixlab.mini.processes import each
from remixlab.product.mask import Product
from remixlab.product.outline import draw_outline

STRONGEST = 2.0
"""The highest outline_fidelity, at which every outline comes with the edges of the whole picture.

The weaker an example's outline counts, the more seldom it does: so that the dial goes from a line
that says nothing of the rest of the picture to one beside which nothing else is to be seen. The
share is the square of the strength, which leaves the default of 1 nearer to the first.
"""


@dataclass(frozen=True)
class Batch:
    """B training examples of one size.

    `latents` (B, C, h, w); `products` (B, 1, h, w), the share of each latent that the product
    covers; `outline` (B, 3, H, W) in 0..1, `strengths` (B,) how much each counts, in
    0..`STRONGEST`; `references` (B, 3, S, S) in 0..1; `surfaces` what is stood on, "" where a
    photograph fills the picture.
    """

    latents: Tensor
    products: Tensor
    outline: Tensor
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
    folder.mkdir(parents=True, exist_ok=True)
    missing = [path for path in shards if not (folder / path.name).exists()]
    if missing:
        model.save_pretrained(folder / "autoencoder")
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

    def batches(self, size: int, random: Random) -> Iterator[Batch]:
        """Endless batches; sizes come up as often as they are in the data."""
        sizes = list(self.groups)
        counts = [len(self.captions[s]) for s in sizes]
        while True:
            chosen = random.choices(sizes, counts)[0]
            picks = [random.randrange(len(self.captions[chosen])) for _ in range(size)]
            strengths = [random.triangular(0, STRONGEST) for _ in picks]  # most near the default
            edges = [random.random() < (strength / STRONGEST) ** 2 for strength in strengths]
            words = [random.choice(self.captions[chosen][pick]) for pick in picks]
            yield self._batch(chosen, picks, edges, strengths, words)

    def _batch(
        self,
        size: tuple[int, ...],
        picks: list[int],
        edges: list[bool],
        strengths: list[float],
        words: list[str],
    ) -> Batch:
        group = self.groups[size]
        device = group["latents"].device
        index = torch.tensor(picks, device=device)
        some = torch.tensor(edges, device=device)[:, None, None]
        bits = torch.where(some, group["edges"][index], group["outlines"][index])
        return Batch(
            group["latents"][index].float(),
            group["products"][index][:, None].float(),
            _unpack(bits, 16 * size[1])[:, None].expand(-1, 3, -1, -1),
            torch.tensor(strengths, device=device),
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


def _encode_shard(path: Path, *, folder: Path, scale: float, device: torch.device) -> None:
    shard, model = read_shard(path), _autoencoder(folder, device)
    images = _scaled(shard.images, scale)
    masks = _scaled(shard.masks[:, None], scale)[:, 0]
    with torch.inference_mode():
        latents = [
            model.encode(part.to(device) * 2 - 1, return_dict=False)[0].cpu()
            for part in images.split(8)
        ]
    outlines, edges = zip(
        *(_lines(image, mask) for image, mask in zip(images, masks, strict=True)), strict=True
    )
    tensors = {
        "latents": torch.cat(latents).half(),
        "products": F.avg_pool2d(masks, 16).half(),
        "outlines": torch.from_numpy(np.stack(outlines)),
        "edges": torch.from_numpy(np.stack(edges)),
    }
    unfinished = (folder / path.name).with_suffix(".partial")
    save_file(tensors, unfinished)
    unfinished.replace(folder / path.name)


def _scaled(pictures: Tensor, scale: float) -> Tensor:
    """(N, C, H, W) uint8 -> float in 0..1, with sides that are whole numbers of latents."""
    size = [round(side * scale / 16) * 16 for side in pictures.shape[-2:]]
    floats = pictures.float() / 255
    if size == list(pictures.shape[-2:]):
        return floats
    return F.interpolate(floats, size, mode="bilinear", antialias=True)


def _lines(image: Tensor, mask: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The product's outline as a remix draws it, and that with the whole picture's edges, as bits.

    A ControlNet that has seen full edge maps takes an empty background in the map as a plain
    background, which is what the published Canny ControlNets do too.
    """
    alpha = (mask.numpy() * 255).round().astype(np.uint8)
    product = Product(np.dstack([np.zeros((*alpha.shape, 3), np.uint8), alpha]))
    outline = draw_outline(product, product.size) > 0
    grey = (image.mean(0).numpy() * 255).astype(np.uint8)
    canny = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1), 40, 110)
    return np.packbits(outline, axis=1), np.packbits(outline | (canny > 0), axis=1)


def _unpack(bits: Tensor, width: int) -> Tensor:
    """(N, H, bytes) packed as NumPy packs them -> (N, H, width) of 0 and 1."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return ((bits[..., None] >> shifts) & 1).flatten(2)[..., :width].float()
