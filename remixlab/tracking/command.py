"""`remixlab track`; `remixlab --help` is not to wait for MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def track(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders of sweeps or of latency.", show_default=False)
    ],
    uri: Annotated[
        str | None,
        typer.Option(help="MLflow's; default: MLFLOW_TRACKING_URI, or mlflow.db beside the run."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Default: remixlab-fidelity or remixlab-latency.")
    ] = None,
    images: Annotated[
        int, typer.Option(min=0, max=1000, help="Pictures of a sweep's cells that go along.")
    ] = 8,
) -> None:
    """Log runs to MLflow that are there already; one that was logged before is updated."""
    from remixlab.tracking.config import TrackingConfig, check_tracking

    config = TrackingConfig("mlflow", uri, experiment, images)
    check_tracking(config)
    from remixlab.tracking.log import track as log  # torch, which takes its time

    for run in runs:
        print(log(run, config))
