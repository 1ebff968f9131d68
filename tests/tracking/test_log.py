"""Where runs are logged, and what happens when they cannot be."""

from __future__ import annotations

import os
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
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.tracking.client import tracking_uri
from remixlab.tracking.config import TrackingConfig, check_tracking
from remixlab.tracking.log import track
from tests.sweep.report.synthetic import write_run
from tests.tracking.conftest import ROOT, needs_mlflow

register_fidelity()
register_latency()


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
    needs_mlflow()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 1)  # else it tries for 100 s
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


def test_nothing_phones_home(tracking: Any) -> None:
    """In a process of its own: MLflow is silent where it sees a test or a CI."""
    script = f"""
import socket, threading
def refuse(*address, **_):
    print("asked for", address, flush=True)
    raise OSError("no network")
socket.getaddrinfo = socket.socket.connect = refuse
from remixlab.tracking.client import connect, import_mlflow
connect(import_mlflow(), {tracking.uri!r}).create_run("0")
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(5)
"""
    watched = ("CI", "PYTEST", "MLFLOW", "GITHUB", "DO_NOT_TRACK", "JENKINS")
    clean = {n: v for n, v in os.environ.items() if not n.startswith(watched)}
    clean["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
