"""Scenes as the denoiser's training sees them: latents, outlines, references and captions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from remixlab.mini.dataset import Shard, read_shard
from remixlab.product.mask import Product
from remixlab.product.outline import draw_outline


@dataclass(frozen=True)
class Batch:
    """B training examples of one size.

    `latents` (B, C, h, w); `products` (B, 1, h, w), the share of each latent that the product
    covers; `outline` (B, 3, H, W) in 0..1; `references` (B, 3, S, S) in 0..1.
    """

    latents: Tensor
    products: Tensor
    outline: Tensor
    references: Tensor
    captions: list[str]


def encode_shards(
    model: AutoencoderDC, shards: list[Path], folder: Path, scale: float, device: torch.device
) -> list[Path]:
    """Encode shards at `scale` times their size; files already there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in tqdm(shards, desc=f"latents x {scale:g}", unit="shard"):
        target = folder / path.name
        if not target.exists():
            tensors = _encode(model, read_shard(path), scale, device)
            partial = target.with_suffix(".partial")
            save_file(tensors, partial)
            partial.replace(target)
        written.append(target)
    return written


class Examples:
    """All encoded shards in memory; batches are drawn from one size at a time."""

    def __init__(self, encoded: list[Path], scenes: Path) -> None:
        self.groups: dict[tuple[int, ...], list[dict[str, Tensor]]] = {}
        self.captions: dict[int, list[str]] = {}
        for path in encoded:
            tensors = load_file(path)
            with safe_open(scenes / path.name, "pt") as file:
                tensors["references"] = file.get_tensor("references")
                self.captions[id(tensors)] = json.loads(file.metadata()["captions"])
            self.groups.setdefault(tuple(tensors["latents"].shape[-2:]), []).append(tensors)

    def batches(self, size: int, random: Random) -> Iterator[Batch]:
        """Endless batches; sizes come up as often as they are in the data."""
        keys, counts = list(self.groups), [len(group) for group in self.groups.values()]
        while True:
            group = self.groups[random.choices(keys, counts)[0]]
            yield self._batch([_pick(group, random) for _ in range(size)], random)

    def _batch(self, picks: list[tuple[dict[str, Tensor], int]], random: Random) -> Batch:
        lines = [
            _unpack(t["edges" if random.random() < 0.35 else "outlines"][i], t["latents"])
            for t, i in picks
        ]
        return Batch(
            torch.stack([t["latents"][i] for t, i in picks]).float(),
            torch.stack([t["products"][i] for t, i in picks])[:, None].float(),
            torch.stack(lines)[:, None].expand(-1, 3, -1, -1),
            torch.stack([t["references"][i] for t, i in picks]).float() / 255,
            [self.captions[id(t)][i] for t, i in picks],
        )


def _pick(group: list[dict[str, Tensor]], random: Random) -> tuple[dict[str, Tensor], int]:
    tensors = random.choice(group)
    return tensors, random.randrange(len(tensors["latents"]))


def _encode(
    model: AutoencoderDC, shard: Shard, scale: float, device: torch.device
) -> dict[str, Tensor]:
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
    return {
        "latents": torch.cat(latents).half(),
        "products": F.avg_pool2d(masks, 16).half(),
        "outlines": torch.from_numpy(np.stack(outlines)),
        "edges": torch.from_numpy(np.stack(edges)),
    }


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


def _unpack(bits: Tensor, latents: Tensor) -> Tensor:
    width = latents.shape[-1] * 16
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=1)[:, :width]).float()
