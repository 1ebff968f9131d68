"""What a latency run leaves: raw values, a table to read, and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from remixlab.bench.floor import floor_seconds
from remixlab.bench.latency import OurWay, Sample, StockWay
from remixlab.bench.measured import Measured
from remixlab.bench.plot import plot_stages
from remixlab.environment import device_name
from remixlab.request import SIZES

_P99 = 100  # runs: a percentile needs so many to mean anything


def write_results(measured: Measured, folder: Path) -> str:
    """Write `samples.parquet`, `raw.json`, `table.md` and `stages.png`; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [sample.row() for sample in measured.samples]
    pq.write_table(pa.Table.from_pylist(rows), folder / "samples.parquet")
    (folder / "raw.json").write_text(json.dumps(_raw(measured), indent=1, default=str) + "\n")
    table = "\n".join(_table(measured)) + "\n"
    (folder / "table.md").write_text(table)
    floors = {size: sum(floors_of(measured, size).values()) for size in measured.work}
    plot_stages(stages_by_size(measured), floors, folder / "stages.png")
    return table


def counted(samples: Sequence[Sample], way: str, size: str) -> list[Sample]:
    """The samples of one way and size after the warm-up."""
    return [s for s in samples if s.way == way and s.size == size and s.counted]


def stages_by_size(measured: Measured) -> dict[str, dict[str, float]]:
    """Median seconds of our stages for each size."""
    found = {}
    for size in measured.work:
        runs = [s.run.stages for s in counted(measured.samples, OurWay.name, size)]
        found[size] = {stage: median(run[stage] for run in runs) for stage in runs[0]}
    return found


def floors_of(measured: Measured, size: str) -> dict[str, float]:
    """The floor of each part of a remix of this size."""
    return floor_seconds(measured.work[size], measured.rates)


def _raw(measured: Measured) -> dict[str, Any]:
    raw = asdict(measured)
    raw.pop("samples")  # in the Parquet file
    raw["floor_seconds"] = {size: floors_of(measured, size) for size in measured.work}
    return raw


def _table(measured: Measured) -> Iterator[str]:
    config, environment = measured.config, measured.environment
    threads = "" if environment["gpu"] else f", {environment['threads']} threads"
    steps = config.steps or config.model.steps
    yield f"{config.model.name}, {steps} steps, {device_name(environment)}{threads}"
    yield ""
    yield "| size | median s | IQR | p90 | floor s | ratio to floor | stock s | stock / ours |"
    yield "|---|---|---|---|---|---|---|---|"
    for size in measured.work:
        yield _line(measured, size)
    yield ""
    yield f"Load {measured.load:.1f} s, first remix {measured.first['total']:.1f} s; after that at "
    yield (
        f"least {config.runs} runs and {config.seconds:g} s for each size, sizes in turn, ours and "
        "stock A B A B. "
        f"Matrix products {measured.rates.flops / 1e12:.3g} TFLOP/s, copies "
        f"{measured.rates.bytes / 1e9:.3g} GB/s, measured in the same process. Peak memory "
        + ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in measured.memory.items())
        + "."
    )
    yield from measured.notes


def _line(measured: Measured, size: str) -> str:
    ours = [s.run.total for s in counted(measured.samples, OurWay.name, size)]
    stock = [s.run.total for s in counted(measured.samples, StockWay.name, size)]
    low, high, p90 = np.percentile(ours, [25, 75, 90])
    floor = sum(floors_of(measured, size).values())
    tag = SIZES[size]
    cells = [
        f"{tag.width}x{tag.height}", f"**{median(ours):.3f}**", f"{low:.3f} to {high:.3f}",
        f"{p90:.3f}" + (f", p99 {np.percentile(ours, 99):.3f}" if len(ours) >= _P99 else ""),
        f"{floor:.3f}", f"{median(ours) / floor:.1f}",
        f"{median(stock):.3f}" if stock else "", f"**{median(stock) / median(ours):.2f}**"
        if stock else "",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"
