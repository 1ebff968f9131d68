"""What a run folder takes for the same run, and what it refuses by the settings that differ."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from omegaconf import OmegaConf

from remixlab.errors import InvalidConfig
from remixlab.models.suite import Suite
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.fidelity import expand_cells
from remixlab.sweep.identity import check_identity, hashed, identity
from tests.conftest import make_product


def suite(dtype: torch.dtype = torch.float32, unet: str = "sha256:1") -> Suite:
    """A suite of which only what tells it apart is there."""
    told = {"unet": unet, "vae": "sha256:2"}
    return cast(Suite, SimpleNamespace(dtype=dtype, provenance=told))


def settings(config: FidelityConfig, **other: Any) -> dict[str, Any]:
    return identity(config, suite(**other), expand_cells(config.sweep))


def keep(folder: Path, config: FidelityConfig, *, old: bool = False) -> None:
    """What a sweep leaves of itself; `old`: before identities were written down."""
    folder.mkdir(exist_ok=True)
    axes = {name: spec if isinstance(spec, list) else [spec] for name, spec in
            (config.sweep.axes | {"style_fidelity": [0, 1]}).items()}  # fmt: skip
    record = {"axes": axes, "provenance": {"suite": suite().provenance, "dtype": "float32"}}
    if not old:
        record["identity"] = {"hash": "", "settings": settings(config)}
    (folder / "sweep.json").write_text(json.dumps(record))
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(asdict(config))))


def changed(config: FidelityConfig, path: str, value: Any) -> FidelityConfig:
    name, _, rest = path.partition(".")
    return replace(config, **{name: changed(getattr(config, name), rest, value) if rest else value})


DECIDE = [
    ("steps", 3, "steps is 2 there and 3 here"),
    ("segmenter", "grabcut", 'segmenter is "alpha" there and "grabcut" here'),
    ("hold_product", False, "hold_product is true there and false here"),
    ("outline.kind", "edges", 'outline.kind is "silhouette" there and "edges" here'),
    ("reference.fit", "crop", 'reference.fit is "resize" there and "crop" here'),
    ("branches.outline_until", 0.5, "branches.outline_until is 1.0 there and 0.5 here"),
    ("model.scheduler.name", "lcm", 'there and "lcm" here'),
    ("sweep.longest_side", 80, "sweep.longest_side is 64 there and 80 here"),
    ("runtime.quantize", "int8", 'runtime.quantize is "none" there and "int8" here'),
    ("runtime.vae_tiling", True, "runtime.vae_tiling is false there and true here"),
]
DECIDE_NOTHING = [
    ("runtime.batch_size", 3), ("runtime.device", "cuda:1"), ("scorer", "mini"), ("dino", "x"),
    ("sweep.executor", "ray"), ("sweep.workers", 7), ("out", "elsewhere"), ("dry_run", True),
    ("model.licence", "another"), ("name", "another"), ("tracking.images", 0),
]  # fmt: skip


@pytest.mark.parametrize("old", [False, True], ids=["now", "before"])
@pytest.mark.parametrize(("path", "value", "told"), DECIDE)
def test_what_decides_a_picture_makes_another_run(
    config: FidelityConfig, tmp_path: Path, path: str, value: Any, told: str, old: bool
) -> None:
    keep(tmp_path / "run", config, old=old)
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    other = settings(changed(config, path, value))
    with pytest.raises(InvalidConfig) as caught:
        check_identity(tmp_path / "run", other)
    assert told in caught.value.accepted and "name=" in caught.value.accepted
    assert hashed(other) != hashed(settings(config))
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("old", [False, True], ids=["now", "before"])
@pytest.mark.parametrize(("path", "value"), DECIDE_NOTHING)
def test_what_decides_no_picture_does_not(
    config: FidelityConfig, tmp_path: Path, path: str, value: Any, old: bool
) -> None:
    keep(tmp_path / "run", config, old=old)
    other = settings(changed(config, path, value))
    check_identity(tmp_path / "run", other)
    assert hashed(other) == hashed(settings(config))


def test_other_weights_another_precision_and_another_picture_do(
    config: FidelityConfig, tmp_path: Path
) -> None:
    keep(tmp_path / "run", config)
    for other, told in (
        (settings(config, unet="sha256:9"), 'weights of unet is "sha256:1" there'),
        (settings(config, dtype=torch.float16), 'runtime.dtype is "float32" there'),
    ):
        with pytest.raises(InvalidConfig, match=told):
            check_identity(tmp_path / "run", other)
    make_product(96, 96, 5).save(tmp_path / "p.png")  # the same name
    with pytest.raises(InvalidConfig, match=r"p.png \(product_image\) is"):
        check_identity(tmp_path / "run", settings(config))


def test_an_empty_folder_takes_any_run_and_a_broken_record_none(
    config: FidelityConfig, tmp_path: Path
) -> None:
    check_identity(tmp_path, settings(config))
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(InvalidConfig, match=r"config\.yaml"):
        check_identity(tmp_path, settings(config))
