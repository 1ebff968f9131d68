"""A sweep against a loop of stock diffusers calls: `python benchmarks/sweep_speed.py`.

Both make the cells of an experiment with the same weights, in turns in one process: our batched
sweep, then one pipeline call a cell with nothing shared, in float32, which is how diffusers loads
a pipeline, and in our own precision where that is another. Before that the pictures are compared
with everything regenerated, where both compute the same. The floor is what our sweep's own
operations take at the matrix rate measured in the same run. Writes
benchmarks/results/sweep_speed_RUNTIME/.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any, cast

import numpy as np
import typer
from rich import print
from rich.progress import track

from remixlab import Remixer, RemixRequest, images
from remixlab.bench.floor import count_work, floor_seconds, measure_rates
from remixlab.bench.probe import take_probe
from remixlab.bench.stock import StockRemixer, stock_remixers
from remixlab.config import compose_config
from remixlab.environment import describe_environment, device_name
from remixlab.files import write_whole
from remixlab.outputs import check_folder
from remixlab.prepare import prepare_product
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import expand_cells
from remixlab.sweep.grid import Cell
from remixlab.sweep.run import batches, named
from remixlab.telling import one_line

ROOT = Path(__file__).parents[1]


def main(
    experiment: Annotated[str, typer.Option(help="In configs/experiment.")] = "style_x_outline",
    every: Annotated[int, typer.Option(help="Of the stock loop's cells, make each Nth.")] = 1,
    preset: Annotated[str, typer.Option("--runtime", help="In configs/runtime.")] = "auto",
    rounds: Annotated[int, typer.Option(help="A B, this many times.")] = 2,
    compared: Annotated[int, typer.Option(help="Cells whose pictures are compared.")] = 16,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = (
        ROOT / "benchmarks" / "results"
    ),
) -> None:
    """Compare the pictures, then time both ways."""
    out = out / f"sweep_speed_{preset}"
    check_folder("--out", out)
    environment = describe_environment()  # of the code that runs, before anybody edits it
    register_fidelity()
    # Stock diffusers guides in every step.
    overrides = [f"experiment={experiment}", f"runtime={preset}", "branches.guidance_until=1"]
    config = cast(FidelityConfig, compose_config(overrides, name="fidelity"))
    cells = expand_cells(config.sweep)
    requests = [cell.request for cell in cells]
    remixer = Remixer.from_settings(config)
    stocks = stock_remixers(remixer)
    ordered = _ordered(remixer, cells)
    seconds: dict[str, list[float]] = {"ours": [], **{name: [] for name in stocks}}
    first = _timed(lambda: _sweep(remixer, ordered))  # compiles, where that is asked for
    some = requests[:: max(1, len(requests) // compared)]
    differences = {name: _differences(remixer, stock, some) for name, stock in stocks.items()}
    for number in range(rounds):
        seconds["ours"].append(_timed(lambda: _sweep(remixer, ordered)) / len(ordered))
        few = ordered[number % every :: every]
        for name, stock in stocks.items():
            seconds[name].append(_timed(partial(_loop, stock, few)) / len(few))
        print({name: round(times[-1], 3) for name, times in seconds.items()})
    medians = {name: median(times) for name, times in seconds.items()}
    result = {
        "experiment": experiment,
        "runtime": preset,
        "first_sweep_seconds_a_cell": first / len(ordered),
        "floor_seconds_a_cell": _floor(remixer, ordered),
        "cells": len(ordered),
        "stock_makes_each": every,
        "seconds_a_cell": seconds,
        "medians": medians,
        "ratios": {name: medians[name] / medians["ours"] for name in stocks},
        "differences_of_255": differences,
        "compared": len(some),
        "our_stages_seconds_a_cell": _stages(remixer, ordered),
        "config": asdict(config),
        "environment": environment,
        "probe": take_probe(config.model.name),
    }
    write_whole(out / "raw.json", json.dumps(result, indent=1, default=str) + "\n")
    table = _table(result)
    write_whole(out / "table.md", table)
    print(table)


def _ordered(remixer: Remixer, cells: Sequence[Cell]) -> list[RemixRequest]:
    """The requests in the order in which a sweep makes them."""
    parts = batches(remixer, named(remixer, cells))
    return [cell.request for part in parts for _, cell in part]


def _sweep(remixer: Remixer, requests: Sequence[RemixRequest]) -> None:
    size = remixer.config.runtime.batch_size
    for start in track(range(0, len(requests), size), description="ours", transient=True):
        remixer.remix_batch(requests[start : start + size])


def _loop(stock: StockRemixer, requests: Sequence[RemixRequest]) -> None:
    for request in track(requests, description="stock", transient=True):
        stock.remix(request)


def _differences(
    remixer: Remixer, stock: StockRemixer, requests: Sequence[RemixRequest]
) -> dict[str, float]:
    """Between the backgrounds, of 255, with the product's place regenerated too."""
    ours = Remixer(remixer.suite, replace(remixer.config, hold_product=False))
    theirs = StockRemixer(
        Remixer(stock.remixer.suite, replace(stock.remixer.config, hold_product=False))
    )
    found = []
    for request, result in zip(requests, ours.remix_batch(requests), strict=True):
        size = remixer.native_size(request)
        product = prepare_product(remixer.suite, request, size, remixer.config)
        background = theirs.background(request, product)
        pair = result.background, images.resize(background, request.product.size)
        a, b = (np.asarray(picture).astype(int) for picture in pair)
        found.append(np.abs(a - b).ravel())
    every = np.concatenate(found)
    return {"mean": float(every.mean()), "largest": int(every.max())}


def _stages(remixer: Remixer, requests: Sequence[RemixRequest]) -> dict[str, float]:
    """Seconds a cell of each of our stages, over one batch."""
    size = remixer.config.runtime.batch_size
    results = remixer.remix_batch(requests[:size])
    return {stage: seconds / len(results) for stage, seconds in results[0].timings.items()}


def _floor(remixer: Remixer, requests: Sequence[RemixRequest]) -> float:
    """Seconds a cell of our own operations at the matrix rate of now, over every fifth batch."""
    rates = measure_rates(remixer.suite.device, remixer.suite.dtype)
    size = remixer.config.runtime.batch_size
    parts = [requests[start : start + size] for start in range(0, len(requests), 5 * size)]
    works = [count_work(remixer, part) for part in parts]
    seconds = sum(sum(floor_seconds(work, rates).values()) for work in works)
    return seconds / sum(len(part) for part in parts)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _table(result: dict[str, Any]) -> str:
    medians, ratios, compared = (result[k] for k in ("medians", "ratios", "differences_of_255"))
    shares = sorted(result["our_stages_seconds_a_cell"].items(), key=lambda item: -item[1])
    stages = ", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in shares)
    head = (
        f"{result['cells']} cells of {result['experiment']}, runtime={result['runtime']}, "
        f"{device_name(result['environment'])}"
    )
    lines = [f"| {head} | seconds a cell | ours is faster | difference (mean, largest) |"]
    lines += ["|---|---|---|---|", f"| remixlab, batched | {medians['ours']:.3f} | | |"]
    lines += [
        f"| stock diffusers, {name}, one call a cell | {medians[name]:.3f} | **{ratio:.1f} times** "
        f"| {compared[name]['mean']:.2f}, {compared[name]['largest']} of 255 |"
        for name, ratio in ratios.items()
    ]
    about = (
        f"Medians. Differences are those of {result['compared']} backgrounds where both compute "
        f"the same. Ours a cell: {stages}. The floor of what is computed for a cell is "
        f"{1000 * result['floor_seconds_a_cell']:.0f} ms. The first sweep of a process, "
        f"with what it compiles, takes {result['first_sweep_seconds_a_cell']:.3f} s a cell."
    )
    return "\n".join([*lines, "", about, ""])


if __name__ == "__main__":
    with one_line():
        typer.run(main)
