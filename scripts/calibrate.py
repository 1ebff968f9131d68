"""Fit a suite's `style_calibration`, so that a style_fidelity means what it means elsewhere.

    python scripts/calibrate.py                               the mini suite
    python scripts/calibrate.py realvisxl_lightning           on a card: 612 remixes, resumable
    python scripts/calibrate.py sdxl runtime.batch_size=4 steps=20

Sweeps the IP-Adapter's scale over twelve references (configs/experiment/style_calibration.yaml),
ranks each background's own reference among them, and inverts the curve. Writes the map into
configs/model/SUITE.yaml, and what it comes from to benchmarks/results/calibration_SUITE/. A suite
that extends another inherits its map: calibrate it on its own. Five of the references are
photographs that `python scripts/fetch_photographs.py` fetches first.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pyarrow.parquet as pq
import typer

from remixlab.config import compose_config
from remixlab.environment import describe_environment
from remixlab.errors import RemixError
from remixlab.sweep.calibration import Calibration, fit, wanted_agreement
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import Sweep

ROOT = Path(__file__).parents[1]
_LINE = re.compile(r"^style_calibration:.*\n?", re.MULTILINE)


def main(
    model: Annotated[str, typer.Argument(help="A suite in configs/model.")] = "mini",
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides.")] = None,
    configs: Annotated[Path, typer.Option(help="Where SUITE.yaml is.")] = ROOT / "configs/model",
    results: Annotated[Path, typer.Option(help="Folder for the results.")] = (
        ROOT / "benchmarks" / "results"
    ),
    runs: Annotated[Path, typer.Option(help="Folder for the sweep.")] = Path("runs"),
    write: Annotated[bool, typer.Option(help="Put the map into SUITE.yaml.")] = True,
) -> None:
    """Sweep, fit, write."""
    try:
        sweep = Sweep.prepare(_config(model, overrides or [], runs))
        run = sweep.run()
    except RemixError as error:
        sys.exit(f"error: {error}")
    rows = pq.read_table(run / "cells.parquet").to_pylist()
    rows = [row for row in rows if row["reference_rank"] is not None]  # a score may be missing
    among = len({row["ref_image"] for row in rows})
    found = fit(
        [row["style_fidelity"] for row in rows], [row["reference_rank"] for row in rows], among
    )
    if write:
        write_points(configs / f"{model}.yaml", found)
    table = _table(model, found, among)
    _keep(results / f"calibration_{model}", table, found, sweep)
    print(table)


def _config(model: str, overrides: list[str], runs: Path) -> FidelityConfig:
    register_fidelity()
    settings = [f"model={model}", "experiment=style_calibration", f"out={runs}", "scorer=null"]
    return cast(FidelityConfig, compose_config([*settings, *overrides], name="fidelity"))


def write_points(path: Path, found: Calibration) -> None:
    """Put the map into a suite's file, and leave all else in it as it is."""
    pairs = ", ".join(f"[{fidelity:g}, {scale:g}]" for fidelity, scale in found.points)
    line = f"style_calibration: [{pairs}]  # scripts/calibrate.py\n"
    text = path.read_text()
    replaced, times = _LINE.subn(line, text)
    path.write_text(replaced if times else text.rstrip("\n") + "\n" + line)


def _keep(folder: Path, table: str, found: Calibration, sweep: Sweep) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    suite = dict(sweep.remixer.suite.provenance)
    record = {**asdict(found), "suite": suite, "environment": describe_environment()}
    (folder / "raw.json").write_text(json.dumps(record, indent=1, default=str) + "\n")
    (folder / "table.md").write_text(table)
    _plot(folder / "curve.png", found)


def _table(model: str, found: Calibration, among: int) -> str:
    lines = [f"Calibration of style_fidelity, suite {model}", ""]
    lines += ["| style_fidelity | agreement wanted | scale |", "|---|---|---|"]
    for fidelity, scale in found.points:
        agreement = f"{wanted_agreement(fidelity, among):.2f}"
        wanted = agreement if fidelity <= 1 else "the largest scale"
        note = ": not reached" if fidelity in found.unreached else ""
        lines.append(f"| {fidelity:g} | {wanted}{note} | {scale:g} |")
    lines += ["", "| scale | agreement (95 % interval) | fitted |", "|---|---|---|"]
    measured = zip(found.scales, found.agreement, found.fitted, strict=True)
    lines += [f"| {scale:g} | {mean} | {fitted:.3f} |" for scale, mean, fitted in measured]
    about = (
        f"Agreement: the share of backgrounds that are closest to their own reference of {among}. "
        "What no scale reaches keeps style_fidelity as the scale, or takes the smallest scale "
        "within one standard error of the best, if that is larger."
    )
    return "\n".join([*lines, "", about]) + "\n"


def _plot(path: Path, found: Calibration) -> None:
    import matplotlib  # takes a second to import

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style: Any = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
    with pyplot.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(4.2, 3), layout="constrained")
        means = [interval.mean for interval in found.agreement]
        below = [m.mean - m.low for m in found.agreement]
        above = [m.high - m.mean for m in found.agreement]
        axes.errorbar(found.scales, means, (below, above), fmt="o", ms=3, lw=1, color="#0072B2")
        axes.plot(found.scales, found.fitted, color="#0072B2", lw=1, label="fitted")
        dial = [point for point in found.points if point[0] <= 1]
        reached = [float(np.interp(scale, found.scales, found.fitted)) for _, scale in dial]
        scales = [scale for _, scale in dial]
        axes.plot(scales, reached, "D", ms=5, color="#D55E00", label="style_fidelity")
        for (fidelity, scale), at in zip(dial, reached, strict=True):
            axes.annotate(f"{fidelity:g}", (scale, at), (5, -8), textcoords="offset points")
        axes.set(xlabel="scale of the IP-Adapter", ylabel="agreement with the own reference")
        axes.legend(frameon=False, loc="lower right")
        figure.savefig(path, dpi=200)
        pyplot.close(figure)


if __name__ == "__main__":
    typer.run(main)
