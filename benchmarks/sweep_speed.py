"""A sweep against a loop of stock diffusers calls: `python benchmarks/sweep_speed.py`.

Both make the cells of an experiment with the same weights, A B A B in one process: A is our
batched sweep, B one pipeline call a cell with nothing shared, both in the same precision. Before
that the pictures are compared with everything regenerated, where both compute the same. The floor
is what our sweep's own operations take at the matrix rate measured in the same run. Writes
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
from remixlab.bench.stock import StockRemixer
from remixlab.config import compose_config
from remixlab.environment import describe_environment
from remixlab.prepare import prepare_product
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import expand_cells
from remixlab.sweep.grid import Cell
from remixlab.sweep.run import batches, named

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
    register_fidelity()
    overrides = [f"experiment={experiment}", f"runtime={preset}"]
    config = cast(FidelityConfig, compose_config(overrides, name="fidelity"))
    cells = expand_cells(config.sweep)
    requests = [cell.request for cell in cells]
    remixer = Remixer.from_settings(config)
    stock = StockRemixer(remixer)
    ordered = _ordered(remixer, cells)
    ours, theirs = [], []
    first = _timed(lambda: remixer.remix_batch(ordered[:8]))  # compiles, where that is asked for
    _timed(lambda: stock.remix(ordered[0]))
    differences = _differences(remixer, requests[:: max(1, len(requests) // compared)])
    for number in range(rounds):
        ours.append(_timed(lambda: _sweep(remixer, ordered)) / len(ordered))
        some = ordered[number % every :: every]
        theirs.append(_timed(partial(_loop, stock, some)) / len(some))
        print(f"ours {ours[-1]:.3f} s a cell, stock {theirs[-1]:.3f} s")
    stages = _stages(remixer, ordered)
    result = {
        "experiment": experiment,
        "runtime": preset,
        "first_batch_seconds": first,
        "floor_seconds_a_cell": _floor(remixer, ordered),
        "cells": len(ordered),
        "stock_makes_each": every,
        "ours_seconds_a_cell": ours,
        "stock_seconds_a_cell": theirs,
        "ratio": median(theirs) / median(ours),
        "largest_difference_of_255": max(differences),
        "compared": len(differences),
        "our_stages_seconds_a_cell": stages,
        "config": asdict(config),
        "environment": describe_environment(),
    }
    out = out / f"sweep_speed_{preset}"
    out.mkdir(parents=True, exist_ok=True)
    (out / "raw.json").write_text(json.dumps(result, indent=1, default=str) + "\n")
    table = _table(result)
    (out / "table.md").write_text(table)
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


def _differences(remixer: Remixer, requests: Sequence[RemixRequest]) -> list[int]:
    """Largest difference of the backgrounds, of 255, with the product's place regenerated too."""
    free = Remixer(remixer.suite, replace(remixer.config, hold_product=False))
    stock, ours = StockRemixer(free), free.remix_batch(requests)
    found = []
    for request, result in zip(requests, ours, strict=True):
        size = remixer.native_size(request)
        product = prepare_product(request, size, remixer.config)
        theirs = images.resize(stock.background(request, product), request.product.size)
        pair = [np.asarray(picture).astype(int) for picture in (result.background, theirs)]
        found.append(int(np.abs(pair[0] - pair[1]).max()))
    return found


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
    ours, theirs = (median(result[f"{who}_seconds_a_cell"]) for who in ("ours", "stock"))
    stages = sorted(result["our_stages_seconds_a_cell"].items(), key=lambda item: -item[1])
    shares = ", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in stages)
    return "\n".join(
        (
            f"| {result['cells']} cells of {result['experiment']}, "
            f"runtime={result['runtime']} | seconds a cell (median) |",
            "|---|---|",
            f"| stock diffusers, one call a cell | {theirs:.3f} |",
            f"| remixlab, batched | {ours:.3f} |",
            f"| floor of what remixlab computes | {result['floor_seconds_a_cell']:.3f} |",
            f"| **ratio** | **{result['ratio']:.1f}** |",
            "",
            f"Largest difference over {result['compared']} cells where both compute the same: "
            f"{result['largest_difference_of_255']} of 255. Ours a cell: {shares}. "
            f"The first batch of a process took {result['first_batch_seconds']:.0f} s.",
            "",
        )
    )


if __name__ == "__main__":
    typer.run(main)
