"""A sweep with a product that many scores mean nothing for: it ends, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from remixlab.errors import InvalidConfig
from remixlab.metrics.metric import FILLED
from remixlab.metrics.style import LabDistance
from remixlab.remix import Remixer
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.fidelity import Sweep
from remixlab.sweep.report import write_report
from remixlab.sweep.report.overview import missing
from remixlab.sweep.report.read import read_run
from remixlab.tracking.sweep import sweep_facts

OPAQUE = "no pixel of the product is opaque: nothing of it has to be kept"


def full_frame(folder: Path) -> Path:
    """A product over all of its picture that is opaque nowhere."""
    colours = np.random.default_rng(3).integers(0, 256, (64, 64, 4), np.uint8)
    colours[..., 3] = 254
    Image.fromarray(colours).save(folder / "full.png")
    return folder / "full.png"


def no_remix(*_: Any, **__: Any) -> Any:
    raise AssertionError("a picture was made again")


def test_a_sweep_tells_what_does_not_apply_and_scores_the_rest(
    config: FidelityConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.sweep.axes["product_image"] = [str(tmp_path / "p.png"), str(full_frame(tmp_path))]
    config.sweep.axes["ref_image"] = [str(tmp_path / "r.png"), None]
    config.sweep.axes["prompt"], config.sweep.paired = ["a", "b"], [["seed", "prompt"]]
    config.steps = 1
    with monkeypatch.context() as patch:
        patch.setattr(LabDistance, "difference", lambda *_: float("nan"))
        folder = Sweep.prepare(config).run()
    rows = pq.read_table(folder / "cells.parquet").to_pylist()
    told = {row["id"]: dict(row["missing"]) for row in rows}
    assert len(rows) == 16
    for row in rows:
        full, styled = row["product_image"].endswith("full.png"), row["ref_image"] is not None
        reasons = told[row["id"]]
        assert {name for name in reasons if row[name] is not None} == set()
        assert ("product_psnr" in reasons, "edge_density" in reasons) == (full, full)
        assert ("leakage" in reasons) == (full or not styled)
        assert reasons["diversity"].startswith("diversity compares two seeds or more")
        if full:
            assert reasons["product_psnr"] == OPAQUE and reasons["edge_density"] == FILLED
        elif styled:
            assert reasons["lab_distance"] == "it is no finite number (nan)"
    baselines = pq.read_table(folder / "baselines.parquet").to_pylist()
    assert {(b["leakage"] is None) for b in baselines} == {True, False}

    monkeypatch.setattr(Remixer, "remix_batch", no_remix)
    assert Sweep.prepare(config).run() == folder  # and every later start
    run = read_run(folder)
    assert len(run.cells) == run.planned == 16
    assert any(f"colour_entropy in 8 cells: {FILLED}." in line for line in missing(run))
    page = write_report([folder], folder).read_text()
    assert FILLED in page and OPAQUE in (folder / "report.md").read_text()
    facts = sweep_facts(folder, 0)
    assert OPAQUE in facts.tags["missing"] and facts.complete
    points = {point.name: point.value for point in facts.points}
    there = [row["leakage"] for row in rows if row["leakage"] is not None]
    assert points["leakage"] == pytest.approx(sum(there) / len(there)) and len(there) == 4
    assert "lab_distance" not in points and "diversity" not in points


def test_a_product_that_cannot_be_cut_out_is_told_before_any_work(
    config: FidelityConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remixlab.sweep.fidelity.Remixer", None)
    Image.new("RGB", (64, 64)).save(tmp_path / "opaque.png")
    config.sweep.axes["product_image"] = [str(tmp_path / "p.png"), str(tmp_path / "opaque.png")]
    with pytest.raises(InvalidConfig, match="transparent background") as caught:
        Sweep.prepare(config)
    assert caught.value.field == "sweep.axes.product_image"
    assert json.dumps(caught.value.value).endswith('opaque.png"')
