"""Time one remix by stage, and the process's peak memory: `python scripts/measure_remix.py`.

Medians over runs in this process, after one that is not counted. The load is the suite's, without
Python's imports. Writes benchmarks/results/first_remix/.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from remixlab import Remixer
from remixlab.bench.probe import take_probe
from remixlab.body import read_body, request_from
from remixlab.environment import process_peak
from remixlab.files import write_whole
from remixlab.machine import processor
from remixlab.outputs import check_folder
from remixlab.provenance import versions
from remixlab.telling import one_line


def main(
    request: Annotated[Path, typer.Option(help="A request body.")] = Path(
        "examples/requests/perfume_wood.json"
    ),
    model: Annotated[str, typer.Option(help="Suite.")] = "mini",
    runs: Annotated[int, typer.Option(min=1, help="Counted runs.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "benchmarks/results/first_remix"
    ),
) -> None:
    """Measure, print and keep."""
    check_folder("--out", out)
    asked = request_from(read_body(request), {})
    start = time.perf_counter()
    remixer = Remixer.from_config(model)
    load = time.perf_counter() - start
    first, *counted = [remixer.remix(asked).timings for _ in range(runs + 1)]
    record = {
        "what": f"{model}, {asked.product.width}x{asked.product.height}, one remix",
        "machine": f"{processor()}, {torch.get_num_threads()} threads",
        "device": str(remixer.suite.device),
        "load_s": load,
        "first_s": first,
        "runs_s": counted,
        "peak_memory_gb": process_peak() / 1e9,
        "versions": versions(),
        "probe": take_probe(model),
    }
    write_whole(out / "raw.json", json.dumps(record, indent=1) + "\n")
    medians = {stage: statistics.median(run[stage] for run in counted) for stage in first}
    total = statistics.median(sum(run.values()) for run in counted)
    lines = ["| stage | median seconds | share |", "|---|---|---|"]
    lines += [f"| {stage} | {s:.2f} | {s / total:.0%} |" for stage, s in medians.items()]
    lines += [f"| all | {total:.2f} | |", ""]
    lines.append(
        f"Load {load:.1f} s, first remix {sum(first.values()):.1f} s, peak memory of the process "
        f"{record['peak_memory_gb']:.1f} GB; {record['what']}, {record['machine']}."
    )
    write_whole(out / "table.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    with one_line():
        typer.run(main)
