"""Shards of very few, very small scenes, and networks that fit them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderDC
from transformers import CLIPTokenizer

from remixlab.mini import architecture, dataset, processes
from remixlab.mini.dataset import Series, draw_shards
from remixlab.mini.latents import Examples, encode_shards
from remixlab.mini.scenes import draw_scene
from remixlab.mini.tokenizer import learn_tokenizer

CPU = torch.device("cpu")
SCENES = 3  # a shard
SERIES = Series(1, ((64, 64), (96, 64)))
SMALL = {"block_out_channels": (32, 32, 32), "attention_head_dim": (2, 2, 2)}


class SerialPool:
    """Stands in for a process pool: new processes would not see the sizes that a test sets."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> SerialPool:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """As the built-in one."""
        return map(function, items)


@pytest.fixture(scope="session")
def tokenizer() -> CLIPTokenizer:
    """Learnt from 300 captions."""
    return learn_tokenizer(draw_scene(i).caption(0.1) for i in range(300))


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards hold three scenes, drawn in this process."""
    monkeypatch.setattr(dataset, "SHARD", SCENES)
    monkeypatch.setattr(processes, "ProcessPoolExecutor", SerialPool)


@pytest.fixture
def small_denoiser(monkeypatch: pytest.MonkeyPatch) -> None:
    """UNet and ControlNet with 32 channels a level."""
    for shape in (architecture.UNET, architecture.CONTROLNET):
        for key, value in SMALL.items():
            monkeypatch.setitem(shape, key, value)


@pytest.fixture
def shards(small_world: None, tmp_path: Path) -> list[Path]:
    """One shard of each size."""
    return draw_shards(SERIES, tmp_path / "scenes", 2, 1)


@pytest.fixture
def autoencoder() -> AutoencoderDC:
    """The mini suite's, with random weights."""
    torch.manual_seed(0)
    return AutoencoderDC(**architecture.VAE).eval().requires_grad_(False)


@pytest.fixture
def encoded(shards: list[Path], autoencoder: AutoencoderDC, tmp_path: Path) -> list[Path]:
    """The shards as latents, at full size."""
    return encode_shards(autoencoder, shards, tmp_path / "latents", 1.0, workers=1, device=CPU)


@pytest.fixture
def examples(encoded: list[Path], tmp_path: Path) -> Examples:
    """The encoded shards in memory."""
    return Examples(encoded, tmp_path / "scenes")
