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
from remixlab.errors import InvalidConfig
from remixlab.files import write_whole
from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.metric import Metric
from remixlab.remix import Remixer
from remixlab.rows import write_rows
from remixlab.sweep.baselines import make_baselines
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.grid import Cell


def write_record(
    folder: Path,
    config: FidelityConfig,
    remixer: Remixer,
    *,
    axes: Mapping[str, Sequence[Any]],
    metrics: Sequence[Metric | SeedDiversity],
    notes: Sequence[str],
) -> None:
    """Write `sweep.json`, `config.yaml` and `env.json`.

    Raises:
        InvalidConfig: the folder holds another sweep's cells already.
    """
    record = {
        "name": config.name,
        "model": config.model.name,
        "licence": remixer.suite.spec.licence,
        "weights": config.model.weights,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "axes": {name: list(values) for name, values in axes.items()},
        "paired": config.sweep.paired,
        "metrics": [_about(metric) for metric in metrics],
        "notes": list(notes),
        "provenance": describe_run(remixer.suite),
    }
    path = folder / "sweep.json"
    _refuse_another(path, record)
    settings = OmegaConf.to_yaml(OmegaConf.create(asdict(config)))
    environment = json.dumps(record["provenance"], indent=1) + "\n"
    # Whole or not at all: a killed run reads the first of them when it goes on.
    write_whole(path, (json.dumps(record, indent=1, default=str) + "\n").encode())
    write_whole(folder / "config.yaml", settings.encode())
    write_whole(folder / "env.json", environment.encode())


def write_inputs(folder: Path, cells: Sequence[Cell]) -> None:
    """Keep every product and reference as it was used: `inputs/SHA-256.png`, lossless.

    A run can then be replayed from its folder alone, wherever it is.
    """
    pictures = {id(p): p for c in cells for p in (c.request.product, c.request.reference) if p}
    for picture in pictures.values():
        path = folder / "inputs" / f"{images.sha256(picture)}.png"
        if not path.exists():
            write_whole(path, images.encode_png(picture))


def write_baselines(
    folder: Path, cells: Sequence[Cell], metrics: Sequence[Metric], segmenter: str
) -> None:
    """Make, score and keep both baselines of every product and reference; once for a folder."""
    target = folder / "baselines.parquet"
    if target.exists():
        return
    rows = []
    for baseline in make_baselines(cells, segmenter):
        image = baseline.picture.needed("image")
        path = folder / "images" / f"{baseline.id}_image.png"
        write_whole(path, images.encode_png(image))
        scores = {metric.name: metric.of(baseline.picture) for metric in metrics}
        names = ("product_image", "ref_image", "prompt")
        values = {name: baseline.cell.values.get(name) for name in names}
        rows.append({"id": baseline.id, "baseline": baseline.kind, **values, **scores})
    if rows:
        write_rows(target, rows)


def _about(metric: Metric | SeedDiversity) -> dict[str, str]:
    about = " ".join((type(metric).__doc__ or "").split("\n\n")[0].split())
    return {"name": metric.name, "unit": metric.unit, "better": metric.better, "about": about}


def _refuse_another(path: Path, record: Mapping[str, Any]) -> None:
    """A folder is one sweep's: cells of two in one table would be averaged together."""
    if not path.exists():
        return
    earlier = json.loads(path.read_text())
    for key in ("model", "weights", "axes", "paired"):
        if json.loads(json.dumps(record[key], default=str)) != earlier[key]:
            raise InvalidConfig(
                field="out",
                value=str(path.parent),
                accepted=f"a folder without another sweep ({key} differs): change name or out",
            )
