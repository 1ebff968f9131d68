"""Fixtures that several parts share: a tiny random suite, and pictures to remix."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from remixlab.config import RemixConfig, RuntimeConfig
from remixlab.models.load import load_suite
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from remixlab.remix import Remixer
from tests.tiny_suite import write_tiny_suite

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a card where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA card"))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random suite (AutoencoderKL, IP-Adapter Plus)."""
    folder = tmp_path_factory.mktemp("suite")
    write_tiny_suite(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_remixer(tiny_folder: Path) -> Remixer:
    """A remixer over the tiny suite that all tests share."""
    return load_tiny(tiny_folder)


@pytest.fixture(scope="session")
def tiny_suite(tiny_remixer: Remixer) -> Suite:
    """The suite of `tiny_remixer`."""
    return tiny_remixer.suite


@pytest.fixture
def product() -> Image.Image:
    """A 128 x 128 product: a soft-edged disc of noise."""
    return make_product(128, 128)


@pytest.fixture
def reference() -> Image.Image:
    """A 96 x 64 reference: a gradient with noise."""
    return make_reference(0)


def load_tiny(folder: Path) -> Remixer:
    """A remixer over the tiny suite of `folder`, in float32 on the CPU."""
    from tests.tiny_suite import tiny_config

    config = RemixConfig(model=tiny_config(folder), runtime=RuntimeConfig(device="cpu"))
    suite = load_suite(
        SuiteSpec.from_config(config.model),
        device="cpu",
        dtype=torch.float32,
        kernel=F.scaled_dot_product_attention,
    )
    return Remixer(suite, config)


def make_product(width: int, height: int, seed: int = 0) -> Image.Image:
    """A soft-edged ellipse of noise in the middle of a transparent picture."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x - width / 2) / (width * 0.3), (y - height / 2) / (height * 0.35))
    alpha = np.clip((1 - radius) * min(width, height) * 0.15 + 0.5, 0, 1)
    colour = random.integers(0, 256, (height, width, 3))
    return Image.fromarray(np.dstack([colour, alpha * 255]).astype(np.uint8))


def make_reference(seed: int) -> Image.Image:
    """A gradient between two random colours, with noise."""
    random = np.random.default_rng(1000 + seed)
    top, bottom = random.integers(0, 256, (2, 3))
    ramp = np.linspace(0, 1, 64)[:, None, None]
    picture = top * (1 - ramp) + bottom * ramp + random.normal(0, 8, (64, 96, 3))
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
