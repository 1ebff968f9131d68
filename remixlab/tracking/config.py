"""Whether and where finished runs are tracked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec

from remixlab.config_checks import among, within
from remixlab.errors import InvalidConfig

_SECRET = re.compile(r"//[^/@]*@")


@dataclass
class TrackingConfig:
    """What happens to a run once it is finished (group `tracking`).

    Attributes:
        tracker: `none`, or `mlflow` (`pip install remixlab[mlflow]`).
        uri: MLflow's tracking URI; null: MLFLOW_TRACKING_URI, or where that is not set the SQLite
            file `mlflow.db` beside the run folder.
        experiment: MLflow's experiment; null: `remixlab-fidelity` or `remixlab-latency`.
        images: pictures of a sweep's cells that go along, spread evenly over the grid.
    """

    tracker: str = among("none", "none", "mlflow")
    uri: str | None = None
    experiment: str | None = None
    images: int = within(8, 0, 1000)


def check_tracking(config: TrackingConfig) -> None:
    """Find out before hours of work that the tracker is not installed; a no-op when it is off.

    Raises:
        InvalidConfig: a package is missing, or the URI holds a password: `config.yaml` keeps it.
    """
    if config.tracker == "none":
        return
    if config.uri and _SECRET.search(config.uri):
        accepted = "a URI without user and password; MLFLOW_TRACKING_URI may hold them"
        shown = without_secret(config.uri)
        raise InvalidConfig(field="tracking.uri", value=shown, accepted=accepted)
    if any(find_spec(package) is None for package in ("mlflow", "sqlalchemy", "alembic")):
        accepted = "none, or pip install remixlab[mlflow]"
        raise InvalidConfig(field="tracking", value=config.tracker, accepted=accepted)


def without_secret(text: str) -> str:
    """A text that may be shown: users and passwords in its URIs are dots."""
    return _SECRET.sub("//...@", text)
