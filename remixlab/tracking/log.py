"""Logging a finished run to MLflow, from its folder.

A run folder is one run of MLflow's: `mlflow.json` in it holds an id that the run carries as a tag,
and whoever logs the folder again updates that run.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remixlab.bench.compare import is_latency_run
from remixlab.errors import TrackingFailed
from remixlab.files import write_whole
from remixlab.tracking.client import connect, experiment_of, import_mlflow, tracking_uri
from remixlab.tracking.config import TrackingConfig, without_secret
from remixlab.tracking.facts import Facts, Point
from remixlab.tracking.latency import latency_facts
from remixlab.tracking.sweep import sweep_facts

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_TAG = "remixlab.run"
_LONGEST = 500  # characters of a parameter or a tag: what servers of any age take
_AT_ONCE = 1000, 100  # metrics, and parameters or tags: MLflow's limits on a batch


def track(folder: Path, config: TrackingConfig) -> str:
    """Log the run in `folder`; returns how to find it: the tracking URI and MLflow's run id.

    Raises:
        InvalidConfig: the folder cannot be read, or MLflow is not installed.
        TrackingFailed: MLflow's server or database cannot be reached or refuses; the run folder is
            as it was.
    """
    facts = latency_facts(folder) if is_latency_run(folder) else sweep_facts(folder, config.images)
    uri = tracking_uri(folder, config)
    mlflow = import_mlflow()
    try:
        client = connect(mlflow, uri)
        experiment = experiment_of(client, uri, config.experiment or f"remixlab-{facts.kind}")
        run = _run_of(client, experiment, folder)
        _log(client, run, facts)
    # SQLAlchemy, requests, the file system: whatever it is, it must not look like a lost run.
    except Exception as error:
        shown = without_secret(f"{type(error).__name__}: {error}".partition("\n")[0])
        accepted = (
            f"a server or database that takes it ({shown}); the run is whole in {folder}, and "
            f"`remixlab track {folder}` logs it later"
        )
        raise TrackingFailed(
            field="tracking.uri", value=without_secret(uri), accepted=accepted
        ) from error
    return f"{without_secret(uri)} run {run}"


def _run_of(client: MlflowClient, experiment: str, folder: Path) -> str:
    """The id of the folder's run, which is made where there is none."""
    path = folder / "mlflow.json"
    if not path.exists():
        write_whole(path, (json.dumps({"run": uuid.uuid4().hex}) + "\n").encode())
    own = json.loads(path.read_text())["run"]
    found = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{own}'", max_results=1)
    if found:
        return found[0].info.run_id
    name = folder.resolve().name
    return client.create_run(experiment, tags={RUN_TAG: own}, run_name=name).info.run_id


def _log(client: MlflowClient, run: str, facts: Facts) -> None:
    from mlflow.entities import Metric, Param, RunTag

    known = client.get_run(run).data.params
    settings = {name: _cut(value) for name, value in facts.settings.items()}
    params = [Param(name, value) for name, value in settings.items() if name not in known]
    # MLflow lets no parameter change: a run that went on with another batch size says so in a tag.
    changed = {f"changed.{n}": v for n, v in settings.items() if known.get(n, v) != v}
    tags = {"remixlab.kind": facts.kind, **facts.tags, **changed}
    now = round(time.time() * 1000)
    points = _unknown(client, run, facts.points)
    metrics = [Metric(point.name, point.value, now, point.step) for point in points]
    for part in _parts(metrics, _AT_ONCE[0]):
        client.log_batch(run, metrics=part)
    for part in _parts(params, _AT_ONCE[1]):
        client.log_batch(run, params=part)
    for part in _parts([RunTag(name, _cut(value)) for name, value in tags.items()], _AT_ONCE[1]):
        client.log_batch(run, tags=part)
    for place, paths in facts.files.items():
        for path in paths:
            client.log_artifact(run, str(path), place or None)
    for name, picture in facts.pictures.items():
        client.log_image(run, picture, artifact_file=name)
    client.set_terminated(run, "FINISHED" if facts.complete else "KILLED")


def _unknown(client: MlflowClient, run: str, points: Sequence[Point]) -> list[Point]:
    """The points that are not the run's latest: the same once more would be two in a chart."""
    latest: dict[tuple[str, int], tuple[int, float]] = {}
    for name in {point.name for point in points}:
        for metric in client.get_metric_history(run, name):
            place, found = (name, metric.step), (metric.timestamp, metric.value)
            latest[place] = max(latest.get(place, found), found)
    return [p for p in points if latest.get((p.name, p.step), (0, None))[1] != p.value]


def _parts(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST else value[: _LONGEST - 3] + "..."
