"""Training data of the mini suite: scenes drawn once to shards on disk, resumable.

A shard holds pictures of one size. Where it is missing it is drawn; a shard is written whole or
not at all, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from remixlab.files import write_whole
from remixlab.mini import captions
from remixlab.mini.architecture import IMAGE_SIZE
from remixlab.mini.colours import name_of, seen
from remixlab.mini.photographs import all_pixels
from remixlab.mini.processes import each
from remixlab.mini.render import render, spoil
from remixlab.mini.scenes import Scene, draw_scene, reference_of

# Three eighths of the seven recommended sizes, which the suite paints: the square most often.
SIZES = ((384, 384), (432, 336), (384, 384), (512, 288), (384, 384), (576, 240),
         (384, 384), (464, 320), (384, 384), (320, 464), (384, 384), (288, 512))  # fmt: skip
SHARD = 64
WORDINGS = 4  # captions of a scene, of which training draws one each time
SPOILT = 0.08  # share of the pictures that are made bad, and called so
_CHUNK = 8  # scenes drawn together: more fall out of a CPU core's cache
_DRAWN = 192  # pixels a side at which references are drawn before they are reduced
HELD_OUT = 10_000_000
"""Scene numbers from here on are never trained on."""


@dataclass(frozen=True)
class Series:
    """Scenes numbered from `first`, their shards of these sizes (width, height) in turn."""

    first: int
    sizes: tuple[tuple[int, int], ...]


SUITE = Series(1, SIZES)
SCORER = Series(5_000_000, tuple((width * 2 // 3, height * 2 // 3) for width, height in SIZES))
"""What the scorer is trained on: other scenes than the suite, twice as large as it sees them.

Drawn as small as that, fine grain would be stronger than it is in a picture that is made smaller.
"""


@dataclass(frozen=True)
class Pairs:
    """Pictures (N, 3, H, W), product masks (N, H, W) and references (N, 3, S, S).

    In 0..1 as they are drawn, in uint8 as a shard holds them. `captions` are wordings of each;
    `surfaces` what is stood on, "" where none is to be seen.
    """

    images: Tensor
    masks: Tensor
    references: Tensor
    captions: list[list[str]]
    surfaces: list[str]


def draw_shards(
    series: Series, folder: Path, count: int, workers: int, device: torch.device | str = "cpu"
) -> list[Path]:
    """Draw `count` shards of `SHARD` scenes into `folder`; those already there are kept.

    `workers` processes draw on `device`: one alone keeps a card waiting for what Python has to say.
    """
    paths = [folder / f"{index:05d}.safetensors" for index in range(count)]
    missing = [path for path in paths if not path.exists()]
    chunk = _CHUNK if torch.device(device).type == "cpu" else SHARD
    draw = partial(_draw_shard, series=series, device=device, chunk=chunk)
    each(draw, missing, workers, label="scenes", unit="shard")
    return paths


def read_shard(path: Path) -> Pairs:
    """Load one shard, in uint8."""
    with safe_open(path, "pt") as file:
        words, surfaces = (json.loads(file.metadata()[name]) for name in ("captions", "surfaces"))
        images, masks, references = map(file.get_tensor, ("images", "masks", "references"))
    return Pairs(images, masks, references, words, surfaces)


def training_pairs(
    numbers: Sequence[int], size: tuple[int, int], device: torch.device | str = "cpu"
) -> Pairs:
    """The scenes of these numbers, each with a reference of its style and `WORDINGS` captions."""
    scenes = [draw_scene(number) for number in numbers]
    images, masks = render(scenes, size, device)
    drawn, _ = render([reference_of(scene) for scene in scenes], (_DRAWN, _DRAWN), device)
    references = F.interpolate(drawn, (IMAGE_SIZE, IMAGE_SIZE), mode="bilinear", antialias=True)
    words = [
        _wordings(scene, colour_words(image, mask))
        for scene, image, mask in zip(scenes, images, masks, strict=True)
    ]
    randoms = [Random(number ^ 0xDA7A) for number in numbers]
    crops = {i: s.style.crop.moved(randoms[i]) for i, s in enumerate(scenes) if s.style.crop}
    pictures = all_pixels(list(crops.values()), (IMAGE_SIZE, IMAGE_SIZE))
    for i, picture in zip(crops, pictures, strict=True):
        references[i] = picture.to(references)
    for i, random in enumerate(randoms):
        if random.random() < SPOILT:
            images[i] = spoil(images[i], random)
            words[i] = [f"{captions.negative(random)}, {wording}" for wording in words[i]]
    surfaces = ["" if s.style.shown == "everywhere" else s.style.surface for s in scenes]
    return Pairs(images, masks, references, words, surfaces)


def _wordings(scene: Scene, seen: tuple[str, str]) -> list[str]:
    return [scene.caption(seen=seen, wording=number) for number in range(WORDINGS)]


def colour_words(picture: Tensor, product: Tensor) -> tuple[str, str]:
    """What surface and backdrop of a (3, H, W) picture are called."""
    surface, backdrop = seen(picture, product)
    return name_of(surface), name_of(backdrop)


def _draw_shard(
    path: Path, *, series: Series, device: torch.device | str = "cpu", chunk: int = _CHUNK
) -> None:
    index = int(path.stem)
    size = series.sizes[index % len(series.sizes)]
    numbers = range(series.first + index * SHARD, series.first + (index + 1) * SHARD)
    parts = [training_pairs(numbers[i : i + chunk], size, device) for i in range(0, SHARD, chunk)]
    tensors = {
        name: torch.cat([_bytes(getattr(part, name)) for part in parts])
        for name in ("images", "masks", "references")
    }
    words = {
        name: json.dumps([value for part in parts for value in getattr(part, name)])
        for name in ("captions", "surfaces")
    }
    write_whole(path, save(tensors, words))


def _bytes(pictures: Tensor) -> Tensor:
    return (pictures * 255).round().to(torch.uint8).cpu()
