"""A latency run in MLflow says what its folder says."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

from remixlab.bench.latency import Counting, measure
from remixlab.bench.record import write_results
from remixlab.errors import InvalidConfig
from remixlab.tracking.config import TrackingConfig
from remixlab.tracking.log import track
from tests.bench.test_latency import REQUESTS, measured, ways
from tests.tracking.conftest import only_run, run_app


def write_latency(folder: Path, *, stock: bool = True) -> Path:
    both = ways([], [1.0, 1.5, 1.25, 1.5, 1.0], [2.5])
    counting = Counting(runs=5, seconds=0, patience=2)
    found = measured(list(measure(both if stock else both[:1], REQUESTS, counting)))
    write_results(found, folder)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(asdict(found.config))))
    return folder


def test_a_latency_run_is_read_back(tracking: TrackingConfig, client: Any, tmp_path: Path) -> None:
    folder = write_latency(tmp_path / "2026_mini")
    assert track(folder, tracking) == track(folder, tracking)
    run = only_run(client, "remixlab-latency")
    rows = pq.read_table(folder / "samples.parquet").to_pylist()
    for size in ("square", "tall"):
        ours = [
            row["total"]
            for row in rows
            if (row["way"], row["size"], row["counted"]) == ("remixlab", size, True)
        ]
        assert len(ours) == 5
        found = {n.split("/")[1]: v for n, v in run.data.metrics.items() if n.startswith(size)}
        low, middle, high, p90 = np.percentile(ours, [25, 50, 75, 90])
        assert found == pytest.approx(
            {
                "median_s": middle, "p25_s": low, "p75_s": high, "p90_s": p90,
                # A tenth of a second each for a billion operations and for as many bytes.
                "floor_s": 0.2, "ratio_to_floor": middle / 0.2,
                "stock_median_s": 2.5, "stock_to_ours": 2.5 / middle,
            }
        )  # fmt: skip
    rest = {name: v for name, v in run.data.metrics.items() if not name.startswith(("squ", "tall"))}
    assert rest == {"load_s": 0.5, "first_remix_s": 3.0, "peak_memory_bytes/process": 2e9}
    assert (run.data.params["steps"], run.data.params["runtime.compile"]) == ("8", "none")
    assert run.data.tags["notes"] == "A note." and run.info.run_name == "2026_mini"
    kept = Path(client.download_artifacts(run.info.run_id, "", str(tmp_path)))
    for name in ("table.md", "stages.png", "raw.json", "samples.parquet", "config.yaml"):
        assert (kept / name).read_bytes() == (folder / name).read_bytes()


def test_without_stock_there_is_no_ratio_to_it(
    tracking: TrackingConfig, client: Any, tmp_path: Path
) -> None:
    track(write_latency(tmp_path / "run", stock=False), tracking)
    names = set(only_run(client, "remixlab-latency").data.metrics)
    assert "square/median_s" in names and not [name for name in names if "stock" in name]


def test_a_broken_folder_is_named(tracking: TrackingConfig, tmp_path: Path) -> None:
    folder = write_latency(tmp_path / "run")
    raw = folder / "raw.json"
    raw.write_text(raw.read_text().replace('"memory"', '"memories"'))
    with pytest.raises(InvalidConfig, match=r"what a latency run writes .*memory"):
        track(folder, tracking)


def test_the_app_tracks_what_its_process_measured(
    tracking: TrackingConfig, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, started = write_latency(tmp_path / "made"), subprocess.run

    def measured_at_once(command: list[str], **kwargs: Any) -> Any:
        if "remixlab.bench.run" not in command:
            return started(command, **kwargs)
        for name in ("raw.json", "samples.parquet"):
            shutil.copy(made / name, command[-1])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", measured_at_once)
    out = tmp_path / "results"
    arguments = [f"out={out}", "tracking=mlflow", f"tracking.uri={tracking.uri}"]
    run_app("latency", arguments, monkeypatch)
    assert [only_run(client, "remixlab-latency").info.run_name] == [p.name for p in out.iterdir()]
