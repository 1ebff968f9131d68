"""An empty MLflow database, and what one holds."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from remixlab.tracking.client import import_mlflow
from remixlab.tracking.config import TrackingConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, because MLflow takes seconds for it."""
    needs_mlflow()
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    import_mlflow().MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def tracking(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tracking to an empty database of the test's own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return TrackingConfig("mlflow", uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def client(tracking: TrackingConfig) -> Any:
    """MLflow's own reader of that database."""
    return import_mlflow().MlflowClient(tracking.uri)


def needs_mlflow() -> None:
    """Skip where it is not installed."""
    pytest.importorskip("mlflow", reason="MLflow is an extra: pip install remixlab[mlflow]")


def run_app(name: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `benchmarks/NAME.py` in this process."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    runpy.run_path(f"benchmarks/{name}.py", run_name="__main__")


def only_run(client: Any, experiment: str) -> Any:
    """The one run of an experiment."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len(found) == 1
    return found[0]


def history(client: Any, run: str, metric: str) -> list[tuple[int, float]]:
    """Every value that a metric ever had, with its step."""
    return sorted((m.step, m.value) for m in client.get_metric_history(run, metric))
