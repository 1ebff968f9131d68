"""A very small sweep on the mini suite."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from remixlab.config import compose_config
from remixlab.sweep.config import FidelityConfig, register_fidelity
from tests.conftest import make_product, make_reference

register_fidelity()


@pytest.fixture
def config(tmp_path: Path) -> FidelityConfig:
    """Four cells of 64 pixels, without a scorer."""
    make_product(96, 96, 0).save(tmp_path / "p.png")
    make_reference(0).save(tmp_path / "r.png")
    axes = {
        "product_image": str(tmp_path / "p.png"),
        "ref_image": str(tmp_path / "r.png"),
        "seed": [1, 2],
        "style_fidelity": "0:1:1",
    }
    composed = cast(FidelityConfig, compose_config(["scorer=null", "steps=2"], name="fidelity"))
    composed.sweep.axes, composed.sweep.longest_side = axes, 64
    composed.out, composed.name = str(tmp_path / "runs"), "small"
    return composed
