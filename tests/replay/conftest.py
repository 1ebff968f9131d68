"""A small finished sweep on the mini suite, which every test of replays reads and none changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from remixlab.config import compose_config
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import Sweep
from tests.conftest import make_product, make_reference


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve cells of two sizes in batches of four and two; products are made smaller."""
    folder = tmp_path_factory.mktemp("sweep")
    make_product(96, 96, 0).save(folder / "square.png")
    make_product(72, 96, 1).save(folder / "tall.png")
    make_reference(0).save(folder / "r.png")
    register_fidelity()
    typed = ["scorer=null", "steps=2", "runtime.batch_size=4", "model.native_area=36864"]
    config = cast(FidelityConfig, compose_config(typed, name="fidelity"))
    config.sweep.axes = {
        "product_image": [str(folder / "square.png"), str(folder / "tall.png")],
        "ref_image": str(folder / "r.png"),
        "seed": [1, 2],
        "style_fidelity": [0, 0.5, 1],
    }
    config.sweep.longest_side, config.out, config.name = 88, str(folder / "runs"), "small"
    made = Sweep.prepare(config).run()
    for name in ("square.png", "tall.png", "r.png"):
        (folder / name).unlink()  # a run is made again from its folder alone
    return made


@pytest.fixture(scope="session")
def picture(run: Path) -> Path:
    """The last picture of the run, with a reference that counts."""
    row = json.loads((run / "cells.jsonl").read_text().splitlines()[-1])
    assert row["values"]["style_fidelity"] > 0
    return run / "images" / f"{row['id']}_image.png"


@pytest.fixture
def described(picture: Path) -> dict[str, Any]:
    """What that picture says about itself."""
    with Image.open(picture) as opened:
        return json.loads(opened.text["remixlab"])  # pyright: ignore[reportAttributeAccessIssue]
