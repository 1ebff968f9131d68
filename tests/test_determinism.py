"""What is promised of one picture made twice; for other batches see sweep/ and replay/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from remixlab.config import compose_config
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from tests.conftest import make_product, make_reference

ROOT = Path(__file__).parents[1]


def test_exact_is_float32_and_deterministic() -> None:
    runtime = compose_config(["runtime=exact"]).runtime
    assert runtime.deterministic and runtime.dtype == "float32" and runtime.compile == "none"


def test_the_same_batch_twice_is_bit_identical(
    tiny_remixer: Remixer, product: Image.Image, reference: Image.Image
) -> None:
    batch = [
        RemixRequest(product_image=product, ref_image=reference, seed=seed, style_fidelity=style)
        for seed in (1, 2**32)
        for style in (0, 0.7)
    ]
    first, second = (tiny_remixer.remix_batch(batch) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(np.asarray(one.background), np.asarray(other.background))
    grounds = {one.background.tobytes() for one in first}
    assert len(grounds) == len(batch)  # so that equal is not trivially so


@pytest.mark.slow
def test_two_processes_make_the_same_picture(tmp_path: Path) -> None:
    make_product(64, 64).save(tmp_path / "p.png")
    make_reference(0).save(tmp_path / "r.png")
    inputs = ["--product", f"{tmp_path}/p.png", "--ref", f"{tmp_path}/r.png"]
    made = remixlab("remix", *inputs, "--seed", "4294967296", "-o", f"{tmp_path}/x.png",
                    "runtime=exact", "steps=2", "model.native_area=36864")  # fmt: skip
    assert made.returncode == 0, made.stderr
    again = remixlab("replay", f"{tmp_path}/x.png", *inputs)
    assert again.returncode == 0 and "identical" in again.stdout, again.stdout + again.stderr
    refused = remixlab("replay", f"{tmp_path}/x.png", "--product", f"{tmp_path}/r.png")
    assert refused.returncode == 2 and "product_image" in refused.stderr


def remixlab(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "remixlab.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
