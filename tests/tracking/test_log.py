"""Where runs are logged, and what happens when they cannot be."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from remixlab.bench.config import LatencyConfig, register_latency
from remixlab.cli import app
from remixlab.config import check_config, compose_config
from remixlab.errors import InvalidConfig, RemixError, TrackingFailed
from remixlab.sweep.config import FidelityConfig
from remixlab.tracking.config import TrackingConfig, check_tracking
from remixlab.tracking.log import track, tracking_uri
from tests.conftest import make_product
from tests.sweep.report.synthetic import write_run
from tests.tracking.conftest import only_run

register_latency()
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["fidelity", "latency"])
def test_one_override_turns_it_on(name: str) -> None:
    off = cast(FidelityConfig | LatencyConfig, compose_config(name=name))
    assert off.tracking == TrackingConfig("none")
    overrides = ["tracking=mlflow", "tracking.uri=http://host:5000"]
    on = cast(FidelityConfig | LatencyConfig, compose_config(overrides, name=name))
    assert on.tracking == TrackingConfig("mlflow", uri="http://host:5000")
    check_config(on)


def test_where_runs_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "run"
    assert tracking_uri(folder, TrackingConfig()) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://one")
    assert tracking_uri(folder, TrackingConfig()) == "http://one"
    assert tracking_uri(folder, TrackingConfig(uri="http://two")) == "http://two"


@pytest.mark.parametrize("package", ["mlflow", "sqlalchemy"])
def test_a_missing_package_is_told_before_any_work(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InvalidConfig, match=r"pip install remixlab\[mlflow\]"):
        check_tracking(TrackingConfig("mlflow"))
    check_tracking(TrackingConfig("none"))


def test_a_password_does_not_get_into_config_yaml() -> None:
    uri = "postgresql://me:hunter2@host/db"
    with pytest.raises(InvalidConfig, match="MLFLOW_TRACKING_URI") as caught:
        check_tracking(TrackingConfig("mlflow", uri=uri))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["http://me:hunter2@127.0.0.1:9", "nonsense://host", "sqlite:///{}"]
)
def test_an_unreachable_server_loses_nothing(
    uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(tmp_path))  # a folder is no database
    folder = write_run(tmp_path / "run")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(TrackingFailed, match="remixlab track") as caught:
        track(folder, TrackingConfig("mlflow"))
    assert str(folder) in str(caught.value) and "hunter2" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_runs_are_tracked_afterwards(tracking: Any, client: Any, tmp_path: Path) -> None:
    runs = [str(write_run(tmp_path / name)) for name in ("one", "two")]
    arguments = ["track", *runs, "--uri", tracking.uri, "--experiment", "vases", "--images", "2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    experiment = client.get_experiment_by_name("vases")
    found = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in found} == {"one", "two"}
    assert experiment.artifact_location == (tmp_path / "mlartifacts").as_uri()
    with pytest.raises(RemixError, match="nowhere"):
        track(tmp_path / "nowhere", tracking)


def test_the_fidelity_app_tracks(
    config: FidelityConfig, tracking: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = ",".join(f"{name}: '{value}'" for name, value in config.sweep.axes.items())
    arguments = [
        "experiment=null", f"+sweep.axes={{{axes.replace(chr(39) + '[1, 2]' + chr(39), '1')}}}",
        "sweep.longest_side=64", "steps=1", "scorer=null", f"out={config.out}", "name=app",
        "tracking=mlflow", f"tracking.uri={tracking.uri}",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["fidelity.py", *arguments])
    runpy.run_path(str(ROOT / "benchmarks" / "fidelity.py"), run_name="__main__")
    assert only_run(client, "remixlab-fidelity").info.run_name == "app_mini"


@pytest.mark.slow
def test_the_latency_app_tracks(
    tracking: Any, client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_product(64, 64).save(tmp_path / "p.png")
    arguments = [
        "sizes=[ultrawide]", "runs=1", "seconds=0", "patience=1", "steps=1", "stock=false",
        f"product_image={tmp_path / 'p.png'}", f"out={tmp_path / 'results'}", "tracking=mlflow",
        f"tracking.uri={tracking.uri}",
    ]  # fmt: skip
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["latency.py", *arguments])
    runpy.run_path(str(ROOT / "benchmarks" / "latency.py"), run_name="__main__")
    run = only_run(client, "remixlab-latency")
    assert run.data.metrics["ultrawide/median_s"] > 0
    assert run.data.params["dtype"] == "float32" and "weights.unet" in run.data.tags


def test_nothing_phones_home(tracking: Any, tmp_path: Path) -> None:
    """In a process of its own: MLflow is silent where it sees a test or a CI."""
    folder = write_run(tmp_path / "run")
    script = f"""
import socket, sys
from pathlib import Path
def refuse(*address, **_):
    print("asked for", address, flush=True)
    raise OSError("no network")
socket.getaddrinfo = socket.socket.connect = refuse
from remixlab.tracking.config import TrackingConfig
from remixlab.tracking.log import track
track(Path({str(folder)!r}), TrackingConfig("mlflow", uri={tracking.uri!r}))
import threading
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(5)
"""
    quiet = ("CI", "PYTEST", "MLFLOW", "GITHUB", "DO_NOT_TRACK", "JENKINS")
    clean = {n: v for n, v in os.environ.items() if not n.startswith(quiet)}
    clean["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
