"""Several latency runs side by side, read from their folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from remixlab.bench.latency import OurWay, StockWay
from remixlab.environment import device_name
from remixlab.errors import InvalidConfig
from remixlab.files import write_whole
from remixlab.request import SIZES


@dataclass(frozen=True)
class LatencyRun:
    """A run folder: its name, what ran where, and the counted seconds of each size.

    `stock` has those of the stock pipeline, where it was timed; `raw` is what `raw.json` holds.
    """

    label: str
    about: str
    seconds: dict[str, list[float]]
    stock: dict[str, list[float]]
    raw: dict[str, Any]


def is_latency_run(folder: Path) -> bool:
    """Whether a folder is that of a latency run."""
    return (folder / "samples.parquet").is_file()


def compare_runs(folders: Sequence[Path], out: Path) -> Path:
    """Write `latency.md` about one run or several, the others held against the first.

    Raises InvalidConfig for a folder that cannot be read; it names the path.
    """
    runs = [read_latency(folder) for folder in folders]
    path = out / "latency.md"
    write_whole(path, "\n".join(_lines(runs)) + "\n")
    return path


def read_latency(folder: Path) -> LatencyRun:
    """The counted samples of both ways, by size.

    Raises InvalidConfig, see `compare_runs`.
    """
    try:
        raw = json.loads((folder / "raw.json").read_text(encoding="utf-8"))
        config, environment = raw["config"], raw["environment"]
        steps = config["steps"] or config["model"]["steps"]
        device = device_name(environment)
        rows = pq.read_table(folder / "samples.parquet").to_pylist()
        seconds, stock = (_by_size(rows, way) for way in (OurWay.name, StockWay.name))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        accepted = f"the folder of a latency run ({error})"
        raise InvalidConfig(field="report", value=str(folder), accepted=accepted) from error
    about = (
        f"{config['model']['name']}, {steps} steps, {device}, {environment['versions']['torch']}"
    )
    return LatencyRun(folder.name, about, seconds, stock, raw)


def _by_size(rows: Sequence[Mapping[str, Any]], way: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["way"] == way and row["counted"]:
            found.setdefault(row["size"], []).append(float(row["total"]))
    return found


def _lines(runs: Sequence[LatencyRun]) -> Iterator[str]:
    for number, run in enumerate(runs, 1):
        yield f"{number}. {run.label}: {run.about}"
    yield ""
    yield f"| median seconds | {' | '.join(str(n + 1) for n in range(len(runs)))} |"
    yield "|---" * (len(runs) + 1) + "|"
    for tag, size in SIZES.items():
        if any(tag in run.seconds for run in runs):
            cells = (_cell(run, runs[0], tag) for run in runs)
            yield f"| {size.width}x{size.height} | {' | '.join(cells)} |"


def _cell(run: LatencyRun, first: LatencyRun, tag: str) -> str:
    """A median and, beside those of other runs, how many times faster than the first."""
    if tag not in run.seconds:
        return ""
    own = median(run.seconds[tag])
    if run is first or tag not in first.seconds:
        return f"{own:.3f}"
    return f"{own:.3f} ({median(first.seconds[tag]) / own:.2f} x)"
