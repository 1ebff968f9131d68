"""What a latency run leaves: raw values, a table to read, and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from remixlab.bench.floor import floor_seconds
from remixlab.bench.latency import OurWay, Sample
from remixlab.bench.measured import Measured
from remixlab.bench.plot import plot_stages
from remixlab.environment import device_name
from remixlab.files import write_whole
from remixlab.request import SIZES
from remixlab.rows import write_rows

_P99 = 100  # runs: a percentile needs so many to mean anything


def write_results(measured: Measured, folder: Path) -> str:
    """Write `samples.parquet`, `raw.json`, `table.md` and `stages.png`; returns the table."""
    write_rows(folder / "samples.parquet", [sample.row() for sample in measured.samples])
    raw = json.dumps(_raw(measured), indent=1, default=str) + "\n"
    write_whole(folder / "raw.json", raw)
    table = "\n".join(_table(measured)) + "\n"
    write_whole(folder / "table.md", table)
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


def numbers(ours: Sequence[float], floor: float) -> dict[str, float]:
    """What is said of one size: seconds, and their ratio to the floor; the 99th may be left out."""
    low, high, p90 = (float(value) for value in np.percentile(ours, [25, 75, 90]))
    middle = median(ours)
    found = {"median_s": middle, "p25_s": low, "p75_s": high, "p90_s": p90}
    if len(ours) >= _P99:
        found["p99_s"] = float(np.percentile(ours, 99))
    return found | {"floor_s": floor, "ratio_to_floor": middle / floor}


def beside(stock: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """What is said of a stock pipeline at one size."""
    return {"stock_median_s": median(stock), "stock_to_ours": median(stock) / median(ours)}


def _raw(measured: Measured) -> dict[str, Any]:
    raw = asdict(measured)
    raw.pop("samples")  # in the Parquet file
    raw["floor_seconds"] = {size: floors_of(measured, size) for size in measured.work}
    return raw


def _table(measured: Measured) -> Iterator[str]:
    config, environment = measured.config, measured.environment
    threads = "" if environment["gpu"] else f", {environment['threads']} threads"
    steps = config.steps or config.model.steps
    compiled = config.runtime.compile
    how = environment["dtype"] + ("" if compiled == "none" else f", compile={compiled}")
    yield f"{config.model.name}, {steps} steps, {how}, {device_name(environment)}{threads}"
    yield ""
    stocks = [way for way in _ways(measured) if way != OurWay.name]
    heads = [head for way in stocks for head in (f"{way} s", "/ ours")]
    heads = ["size", "median s", "IQR", "p90", "floor s", "ratio to floor", *heads]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for size in measured.work:
        yield _line(measured, size, stocks)
    yield ""
    yield (
        f"Load {measured.load:.1f} s, first remix {measured.first['total']:.1f} s; after that at "
        f"least {config.runs} runs and {config.seconds:g} s for each size, sizes in turn, ours and "
        "stock A B A B. "
        f"Matrix products {measured.rates.flops / 1e12:.3g} TFLOP/s, copies "
        f"{measured.rates.bytes / 1e9:.3g} GB/s, measured in the same process. Peak memory "
        + ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in measured.memory.items())
        + "."
    )
    yield from _energy(measured)
    yield from measured.notes


def _energy(measured: Measured) -> Iterator[str]:
    """A line for each way whose energy was counted."""
    for way in _ways(measured):
        means = []
        for size in measured.work:
            joules = [s.run.joules for s in counted(measured.samples, way, size)]
            if known := [value for value in joules if value is not None]:
                means.append(f"{SIZES[size].width}x{SIZES[size].height} {mean(known):.0f} J")
        if means:
            yield f"Energy of a remix, {way} (mean): {', '.join(means)}."


def _ways(measured: Measured) -> list[str]:
    return list(dict.fromkeys(sample.way for sample in measured.samples))


def _line(measured: Measured, size: str, stocks: Sequence[str]) -> str:
    def totals(way: str) -> list[float]:
        return [s.run.total for s in counted(measured.samples, way, size)]

    ours = totals(OurWay.name)
    found = numbers(ours, sum(floors_of(measured, size).values()))
    others = [beside(totals(way), ours) for way in stocks]
    tag = SIZES[size]
    cells = [
        f"{tag.width}x{tag.height}", f"**{found['median_s']:.3f}**",
        f"{found['p25_s']:.3f} to {found['p75_s']:.3f}",
        f"{found['p90_s']:.3f}" + (f", p99 {found['p99_s']:.3f}" if "p99_s" in found else ""),
        f"{found['floor_s']:.3f}", f"{found['ratio_to_floor']:.1f}",
        *(f"{o['stock_median_s']:.3f} | **{o['stock_to_ours']:.2f}**" for o in others),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"
