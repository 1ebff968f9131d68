"""MLflow's client: where it connects to, and what it is kept from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remixlab.errors import InvalidConfig
from remixlab.loopback import bypass_proxies
from remixlab.tracking.config import TrackingConfig

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"


def tracking_uri(folder: Path, config: TrackingConfig) -> str:
    """As configured, else MLFLOW_TRACKING_URI, else a SQLite file beside the run folder."""
    beside = f"{_SQLITE}{folder.absolute().parent / 'mlflow.db'}"
    return config.uri or os.environ.get("MLFLOW_TRACKING_URI") or beside


def import_mlflow() -> Any:
    """MLflow, quiet and without its reports home; raises InvalidConfig where it is missing."""
    # It would report which of its functions are called, and from what kind of machine, to its
    # makers: nothing of a run is theirs. Whoever set these variables has the last word.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Its own 7 retries make a server that is down look like a hang of four minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    bypass_proxies()
    try:
        import mlflow  # an extra, which need not be there
    except ImportError as error:
        accepted = "none, or pip install remixlab[mlflow]"
        raise InvalidConfig(field="tracking", value="mlflow", accepted=accepted) from error
    return mlflow


def connect(mlflow: Any, uri: str) -> MlflowClient:
    """A client; the folder of a SQLite file is made where it is missing."""
    if uri.startswith(_SQLITE):
        _database(uri).parent.mkdir(parents=True, exist_ok=True)
    return mlflow.MlflowClient(uri)


def experiment_of(client: MlflowClient, uri: str, name: str) -> str:
    """The experiment's id; a new one in a SQLite file keeps its artefacts beside that file."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    place = None
    if uri.startswith(_SQLITE):
        place = (_database(uri).parent / "mlartifacts").as_uri()
    return client.create_experiment(name, artifact_location=place)


def _database(uri: str) -> Path:
    return Path(uri.removeprefix(_SQLITE)).absolute()
