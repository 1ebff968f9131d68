"""What a run folder holds beside its cells, so that a reader of the report can repeat the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from remixlab import images
from remixlab.environment import describe_run
from remixlab.files import write_whole
from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.metric import Metric
from remixlab.remix import Remixer
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.grid import Cell
from remixlab.sweep.identity import Settings, hashed


def write_record(
    folder: Path,
    config: FidelityConfig,
    remixer: Remixer,
    *,
    axes: Mapping[str, Sequence[Any]],
    metrics: Sequence[Metric | SeedDiversity],
    notes: Sequence[str],
    identity: Settings,
) -> None:
    """Write `sweep.json`, `config.yaml` and `env.json`.

    Whoever calls it holds the folder and has checked that it is no other run's.
    """
    record = {
        "name": config.name,
        "model": config.model.name,
        "licence": remixer.suite.spec.licence,
        "weights": config.model.weights,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "identity": {"hash": hashed(identity), "settings": identity},
        "axes": {name: list(values) for name, values in axes.items()},
        "paired": config.sweep.paired,
        "metrics": [_about(metric) for metric in metrics],
        "notes": list(notes),
        "provenance": describe_run(remixer.suite),
    }
    environment = json.dumps(record["provenance"], indent=1) + "\n"
    # Whole or not at all: a killed run reads the first of them when it goes on.
    _write(folder, record, config)
    write_whole(folder / "env.json", environment.encode())


def update_record(
    folder: Path,
    config: FidelityConfig,
    metrics: Sequence[Metric | SeedDiversity],
    notes: Sequence[str],
) -> None:
    """Say that other scores are there: what made the pictures stays as it was written."""
    record = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    about = {"metrics": [_about(metric) for metric in metrics], "notes": list(notes)}
    _write(folder, record | about, config)


def _write(folder: Path, record: Mapping[str, Any], config: FidelityConfig) -> None:
    settings = OmegaConf.to_yaml(OmegaConf.create(asdict(config)))
    described = json.dumps(record, indent=1, default=str) + "\n"
    write_whole(folder / "sweep.json", described.encode())
    write_whole(folder / "config.yaml", settings.encode())


def write_inputs(folder: Path, cells: Sequence[Cell]) -> None:
    """Keep every product and reference as it was used: `inputs/SHA-256.png`, lossless.

    A run can then be replayed from its folder alone, wherever it is.
    """
    pictures = {id(p): p for c in cells for p in (c.request.product, c.request.reference) if p}
    for picture in pictures.values():
        path = folder / "inputs" / f"{images.sha256(picture)}.png"
        if not path.exists():
            write_whole(path, images.encode_png(picture))


def _about(metric: Metric | SeedDiversity) -> dict[str, str]:
    about = " ".join((type(metric).__doc__ or "").split("\n\n")[0].split())
    return {
        "name": metric.name,
        "unit": metric.unit,
        "better": metric.better,
        "about": about,
        "judge": metric.judge,
    }
