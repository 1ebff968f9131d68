"""What only a CUDA card can show; skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from remixlab.config import RemixConfig, RuntimeConfig
from remixlab.mini.render import render
from remixlab.mini.scenes import draw_scene
from remixlab.models.load import load_suite
from remixlab.models.spec import SuiteSpec
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import attention_kernel
from tests.conftest import make_product, make_reference
from tests.tiny_suite import tiny_config

pytestmark = pytest.mark.gpu


def remixer(folder: Path, dtype: torch.dtype) -> Remixer:
    config = RemixConfig(model=tiny_config(folder), runtime=RuntimeConfig(device="cuda"))
    suite = load_suite(
        SuiteSpec.from_config(config.model),
        device="cuda",
        dtype=dtype,
        kernel=attention_kernel("sdpa"),
    )
    return Remixer(suite, config)


def request(seed: int = 11) -> RemixRequest:
    return RemixRequest(
        product_image=make_product(128, 128),
        ref_image=make_reference(0),
        prompt="a red bottle on an oak table",
        seed=seed,
    )


def background(maker: Remixer) -> NDArray[np.int64]:
    return np.asarray(maker.remix(request()).background).astype(np.int64)


def test_card_and_cpu_paint_the_same(tiny_folder: Path, tiny_remixer: Remixer) -> None:
    difference = background(remixer(tiny_folder, torch.float32)) - background(tiny_remixer)
    assert np.abs(difference).max() <= 3


def test_same_card_same_batch_is_bit_identical(tiny_folder: Path) -> None:
    maker = remixer(tiny_folder, torch.float16)
    assert np.array_equal(background(maker), background(maker))


def test_half_precision_is_close(tiny_folder: Path, tiny_remixer: Remixer) -> None:
    difference = background(remixer(tiny_folder, torch.float16)) - background(tiny_remixer)
    assert np.abs(difference).mean() < 3


def test_scenes_are_the_same_on_the_card() -> None:
    scenes = [draw_scene(number) for number in range(32)]
    pictures, masks = render(scenes, (96, 64))
    theirs, their_masks = render(scenes, (96, 64), "cuda")
    # A pixel on the joint of two tiles may fall on its other side.
    assert float((theirs.cpu() - pictures).abs().mean()) < 1e-3
    assert float((their_masks.cpu() - masks).abs().mean()) < 1e-4


def test_offloaded_networks_paint_the_same_with_less_memory() -> None:
    peaks, pictures = [], []
    for offload in ("false", "true"):
        torch.cuda.empty_cache()
        maker = Remixer.from_config("mini", overrides=[f"runtime.offload={offload}"])
        torch.cuda.reset_peak_memory_stats()
        pictures.append(background(maker))
        peaks.append(torch.cuda.max_memory_allocated())
        del maker
    assert np.array_equal(*pictures)
    assert peaks[1] < peaks[0]
