"""A sweep's run in MLflow says what its folder says."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from remixlab.tracking.config import TrackingConfig
from remixlab.tracking.log import track
from tests.conftest import make_product, make_reference
from tests.sweep.report.synthetic import AXES, METRICS, write_run
from tests.tracking.conftest import history, only_run, run_app

EXPERIMENT = "remixlab-fidelity"


def test_a_real_sweep_is_read_back(
    tracking: TrackingConfig, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_product(96, 96).save(tmp_path / "p.png")
    make_reference(0).save(tmp_path / "r.png")
    arguments = [
        "~experiment", f"+sweep.axes.product_image={tmp_path / 'p.png'}",
        f"+sweep.axes.ref_image={tmp_path / 'r.png'}", "+sweep.axes.seed=[1,2]",
        "+sweep.axes.style_fidelity=[0,1]", "sweep.longest_side=64", "steps=1", "scorer=null",
        f"out={tmp_path}", "name=small", "tracking=mlflow", f"tracking.uri={tracking.uri}",
    ]  # fmt: skip
    run_app("fidelity", arguments, monkeypatch)
    folder = tmp_path / "small_mini"
    run = only_run(client, EXPERIMENT)
    assert (run.info.run_name, run.info.status) == ("small_mini", "FINISHED")

    rows = pq.read_table(folder / "cells.parquet").to_pylist()
    names = [
        metric["name"] for metric in json.loads((folder / "sweep.json").read_text())["metrics"]
    ]
    assert "lab_wasserstein" in names and run.data.metrics["cells"] == len(rows) == 4
    for name in names:
        mean = pytest.approx(fmean(row[name] for row in rows), rel=1e-12)
        assert run.data.metrics[name] == mean

    environment = json.loads((folder / "env.json").read_text())
    weights = {f"weights.{part}": file for part, file in environment["suite"].items()}
    assert weights.items() <= run.data.tags.items() and "weights.unet" in weights
    assert run.data.tags["version.torch"] == environment["versions"]["torch"]
    assert run.data.tags["mlflow.source.git.commit"] == environment["git"]["commit"]
    expected = {"model.name": "mini", "steps": "1", "runtime.batch_size": "32", "dtype": "float32"}
    expected |= {"axes.style_fidelity": "[0, 1]", "axes.seed": "[1, 2]", "cells": "4"}
    assert expected.items() <= run.data.params.items()
    assert not [name for name in run.data.params if name.startswith(("tracking", "model.lora"))]

    kept = Path(client.download_artifacts(run.info.run_id, ""))
    assert kept != folder
    for name in ("report.html", "report.md", "cells.parquet", "config.yaml", "env.json"):
        assert (kept / name).read_bytes() == (folder / name).read_bytes()
    for path in (folder / "plots").iterdir():
        assert (kept / "plots" / path.name).read_bytes() == path.read_bytes()
    for row in rows:
        name = f"images/{row['id']}_image.png"
        assert (kept / name).read_bytes() == (folder / name).read_bytes()


def test_dials_are_curves_over_thousandths(
    tracking: TrackingConfig, client: Any, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "run")
    track(folder, tracking)
    run = only_run(client, EXPERIMENT)
    by_style: dict[int, list[float]] = defaultdict(list)
    for row in pq.read_table(folder / "cells.parquet").to_pylist():
        by_style[round(1000 * row["style_fidelity"])].append(row["leakage"])
    found = history(client, run.info.run_id, "leakage/style_fidelity")
    assert [step for step, _ in found] == [0, 500, 1000]
    assert [value for _, value in found] == pytest.approx([fmean(by_style[s]) for s, _ in found])


def test_a_run_that_is_tracked_twice_is_there_once(
    tracking: TrackingConfig, client: Any, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "run")
    first, second = track(folder, tracking), track(folder, tracking)
    run = only_run(client, EXPERIMENT)
    assert first == second and run.info.run_id in first
    for metric in METRICS:
        assert len(history(client, run.info.run_id, metric["name"])) == 1
        assert len(history(client, run.info.run_id, f"{metric['name']}/style_fidelity")) == 3


def test_an_unfinished_run_is_updated_when_it_is_done(
    tracking: TrackingConfig, client: Any, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "run", keep=lambda row: row["seed"] == 1)
    track(folder, tracking)
    run = only_run(client, EXPERIMENT)
    assert (run.info.status, run.data.metrics["cells"]) == ("KILLED", 12)
    write_run(tmp_path / "whole")
    for path in (tmp_path / "whole").glob("*.*"):
        path.replace(folder / path.name)
    (folder / "config.yaml").write_text("steps: 9\n")
    track(folder, tracking)
    run = only_run(client, EXPERIMENT)
    assert (run.info.status, run.data.metrics["cells"]) == ("FINISHED", 24)
    assert history(client, run.info.run_id, "cells") == [(0, 12), (0, 24)]
    assert (run.data.params["steps"], run.data.tags["changed.steps"]) == ("8", "9")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_pictures_are_few_and_the_overview_is_a_grid(
    count: int, tracking: TrackingConfig, client: Any, tmp_path: Path
) -> None:
    tracking.images = count
    folder = write_run(tmp_path / "run", side=240)
    track(folder, tracking)
    run = only_run(client, EXPERIMENT).info.run_id
    names = {Path(file.path).name for file in client.list_artifacts(run, "images")}
    assert len(names) == count + 1
    kept = client.download_artifacts(run, "images/overview.png", str(tmp_path))
    with Image.open(kept) as overview:
        assert overview.width > 3 * 192 and overview.height > 2 * 192  # styles, outlines
        # The last column is of the warmest pictures: see `picture` there.
        assert overview.convert("RGB").getpixel((overview.width - 30, 80)) == (160, 120, 120)


def test_random_weights_have_no_scores(
    tracking: TrackingConfig, client: Any, tmp_path: Path
) -> None:
    track(write_run(tmp_path / "run", weights="random"), tracking)
    assert set(only_run(client, EXPERIMENT).data.metrics) == {"cells"}


def test_long_values_are_cut(tracking: TrackingConfig, client: Any, tmp_path: Path) -> None:
    axes = AXES | {"prompt": ["a vase on a table, " * 100]}
    track(write_run(tmp_path / "run", axes=axes), tracking)
    value = only_run(client, EXPERIMENT).data.params["axes.prompt"]
    assert len(value) == 500 and value.startswith('["a vase') and value.endswith("...")
