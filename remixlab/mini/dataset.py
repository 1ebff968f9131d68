"""Training data of the mini suite: scenes drawn once to shards on disk, resumable.

A shard holds pictures of one size. Where it is missing it is drawn; a shard is written whole or
not at all, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from remixlab.mini import captions
from remixlab.mini.architecture import IMAGE_SIZE
from remixlab.mini.scenes import Scene, draw_scene, reference_of, render, spoil

# Half of the seven recommended sizes: the square most often, the others once each.
SIZES = ((512, 512), (576, 448), (512, 512), (672, 384), (512, 512), (768, 320),
         (512, 512), (608, 416), (512, 512), (416, 608), (512, 512), (384, 672))  # fmt: skip
SHARD = 64
HELD_OUT = 10_000_000
"""Scene numbers from here on are never trained on."""


@dataclass(frozen=True)
class Shard:
    """Pictures (N, 3, H, W), product masks (N, H, W), references (N, 3, S, S), uint8; captions."""

    images: Tensor
    masks: Tensor
    references: Tensor
    captions: list[str]


def draw_shards(folder: Path, count: int, workers: int) -> list[Path]:
    """Draw `count` shards of `SHARD` scenes into `folder`; those already there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index:05d}.safetensors" for index in range(count)]
    missing = [path for path in paths if not path.exists()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for _ in tqdm(
            pool.map(_draw_shard, missing), total=len(missing), desc="scenes", unit="shard"
        ):
            pass
    return paths


def read_shard(path: Path) -> Shard:
    """Load one shard."""
    with safe_open(path, "pt") as file:
        words = json.loads(file.metadata()["captions"])
        images, masks, references = map(file.get_tensor, ("images", "masks", "references"))
    return Shard(images, masks, references, words)


def training_pair(number: int, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, str]:
    """Scene `number` as picture, mask, reference (all float, 0..1) and caption."""
    random = Random(number ^ 0xDA7A)
    scene = draw_scene(number)
    if random.random() < 0.14:
        scene, reference = _photographed(scene, random)
    else:
        reference, _ = render(reference_of(scene), (192, 192))
    picture, mask = render(scene, size)
    words = scene.caption()
    if random.random() < 0.08:
        picture = spoil(picture, random)
        words = f"{captions.negative(random)}, {words}"
    return picture, mask, shrink(reference, IMAGE_SIZE), words


def shrink(picture: Tensor, side: int) -> Tensor:
    """(3, H, W) -> (3, side, side), antialiased."""
    return F.interpolate(picture[None], (side, side), mode="bilinear", antialias=True)[0]


@cache
def photographs() -> tuple[Tensor, ...]:
    """Colour photographs that scikit-image and scikit-learn carry, (3, H, W) in 0..1."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    pictures: Iterable[np.ndarray] = [
        data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.hubble_deep_field(),
        data.retina(), *load_sample_images().images,
    ]  # fmt: skip
    return tuple(torch.from_numpy(p.copy()).permute(2, 0, 1).float() / 255 for p in pictures)


def _photographed(scene: Scene, random: Random) -> tuple[Scene, Tensor]:
    """The scene in the colours of a crop of a photograph, and the crop as its reference."""
    photo = random.choice(photographs())
    side = int(random.uniform(0.35, 0.95) * min(photo.shape[-2:]))
    top = random.randint(0, photo.shape[1] - side)
    left = random.randint(0, photo.shape[2] - side)
    crop = photo[:, top : top + side, left : left + side]
    if random.random() < 0.5:  # other colours from the same picture
        crop = crop[torch.tensor(random.sample(range(3), 3))]
    above, below = crop[:, : side // 2].mean((1, 2)), crop[:, side // 2 :].mean((1, 2))
    style = replace(
        scene.style,
        backdrop_rgb=tuple(above.tolist()),
        surface_rgb=tuple(below.tolist()),
        backdrop_colour=_nearest(above),
        surface_colour=_nearest(below),
        light="soft",
    )
    return replace(scene, style=style), crop


def _nearest(rgb: Tensor) -> str:
    return min(
        captions.COLOURS, key=lambda c: float((rgb - torch.tensor(captions.COLOURS[c])).norm())
    )


def _draw_shard(path: Path) -> None:
    torch.set_num_threads(1)
    index = int(path.stem)
    size = SIZES[index % len(SIZES)]
    pairs = [training_pair(1 + index * SHARD + i, size) for i in range(SHARD)]
    images, masks, references, words = zip(*pairs, strict=True)
    tensors = {
        name: (torch.stack(stack) * 255).round().to(torch.uint8)
        for name, stack in (("images", images), ("masks", masks), ("references", references))
    }
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata={"captions": json.dumps(words)})
    partial.replace(path)
