"""Fit a suite's `style_calibration`, so that a style_fidelity means what it means elsewhere.

    python scripts/calibrate.py                               the mini suite
    python scripts/calibrate.py realvisxl_lightning scorer=ViT-L-14/datacomp_xl_s13b_b90k
                                                              on a card: 1,224 remixes, resumable

Sweeps the IP-Adapter's scale over twelve references (configs/experiment/style_calibration.yaml),
ranks each background's own reference among them, and inverts the curve, up to the scale from which
on colours, textures and a CLIP are jointly no nearer. Writes the map into configs/model/SUITE.yaml,
and what it comes from to benchmarks/results/calibration_SUITE/. A suite that extends another
inherits its map: calibrate it on its own. Five of the references are photographs that
`python scripts/fetch_photographs.py` fetches first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray

from remixlab.bench.probe import take_probe
from remixlab.config import compose_config
from remixlab.environment import describe_environment
from remixlab.files import whole, write_whole
from remixlab.outputs import check_file, check_folder
from remixlab.sweep.calibration import Calibration, fit, wanted_agreement
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import Sweep
from remixlab.sweep.nearness import Nearness, find_end
from remixlab.telling import one_line

ROOT = Path(__file__).parents[1]
_EYES = {"colours": "lab_wasserstein", "textures": "texture_distance", "CLIP": "clip_style"}
_GUARDS = {"growth": "outline_growth", "leakage": "leakage"}
_SCORES = ("reference_rank", *_EYES.values(), *_GUARDS.values())
Row = Mapping[str, Any]
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
    kept, suite = results / f"calibration_{model}", configs / f"{model}.yaml"
    check_folder("--results", kept)
    if write:
        check_file("--configs", suite)
    sweep = Sweep.prepare(_config(model, overrides or [], runs))
    run = sweep.run()
    rows = pq.read_table(run / "cells.parquet").to_pylist()
    rows = complete(rows)
    among = len({row["ref_image"] for row in rows})
    near = nearness(rows)
    scales, ranks = zip(*((r["style_fidelity"], r["reference_rank"]) for r in rows), strict=True)
    found = fit(scales, ranks, among, near.end)
    if write:
        write_points(suite, found)
    table = _table(model, found, near, among)
    write_whole(kept / "table.md", table)
    write_whole(kept / "raw.json", _record(model, found, near, sweep))
    _plot(kept / "curve.png", found, near)
    print(table)


def complete(rows: Sequence[Row]) -> list[Row]:
    """The cells of the pictures whose every scale has every score: scales are compared in pairs."""
    lacking = {_picture(row) for row in rows if any(row[name] is None for name in _SCORES)}
    return [row for row in rows if _picture(row) not in lacking]


def nearness(rows: Sequence[Row]) -> Nearness:
    """Where the sweep's cells end, by colours, textures and CLIP, guarded by growth and leakage."""
    scales = sorted({row["style_fidelity"] for row in rows})
    by_picture: dict[tuple[Any, ...], dict[float, Row]] = {}
    for row in rows:
        by_picture.setdefault(_picture(row), {})[row["style_fidelity"]] = row
    cells = [[found[scale] for scale in scales] for found in by_picture.values()]

    def scores(name: str) -> NDArray[np.float64]:
        return np.array([[cell[name] for cell in line] for line in cells], float)

    eyes = {name: scores(score) for name, score in _EYES.items()}
    eyes["CLIP"] = 100 - eyes["CLIP"]  # a cosine
    return find_end(scales, eyes, {name: scores(score) for name, score in _GUARDS.items()})


def _picture(row: Row) -> tuple[Any, ...]:
    """What a cell shares with those of other scales."""
    return row["product_image"], row["ref_image"], row["seed"]


def _config(model: str, overrides: list[str], runs: Path) -> FidelityConfig:
    register_fidelity()
    settings = ["experiment=style_calibration", f"out={runs}", *overrides]
    # The last of several counts, and the map goes into the file of this one.
    return cast(FidelityConfig, compose_config([*settings, f"model={model}"], name="fidelity"))


def write_points(path: Path, found: Calibration) -> None:
    """Put the map into a suite's file, and leave all else in it as it is."""
    pairs = ", ".join(f"[{fidelity:g}, {scale:g}]" for fidelity, scale in found.points)
    line = f"style_calibration: [{pairs}]  # scripts/calibrate.py\n"
    text = path.read_text()
    replaced, times = _LINE.subn(line, text)
    write_whole(path, replaced if times else text.rstrip("\n") + "\n" + line)


def _record(model: str, found: Calibration, near: Nearness, sweep: Sweep) -> str:
    record = {
        **asdict(found),
        "nearness": asdict(near),
        "suite": dict(sweep.remixer.suite.provenance),
        "environment": describe_environment(),
        "probe": take_probe(model),  # with the map that was just written
    }
    return json.dumps(record, indent=1, default=str) + "\n"


def _table(model: str, found: Calibration, near: Nearness, among: int) -> str:
    lines = [f"Calibration of style_fidelity, suite {model}", ""]
    lines += ["| style_fidelity | agreement wanted | scale |", "|---|---|---|"]
    for fidelity, scale in found.points:
        agreement = f"{wanted_agreement(fidelity, among):.2f}"
        wanted = agreement if fidelity <= 1 else "the largest scale"
        note = ": not reached" if fidelity in found.unreached else ""
        lines.append(f"| {fidelity:g} | {wanted}{note} | {scale:g} |")
    lines += ["", f"| scale | agreement (95 % interval) | fitted | {' | '.join(near.distances)} |"]
    lines.append("|---|---|---" + "|---" * len(near.distances) + "|")
    measured = zip(found.scales, found.agreement, found.fitted, strict=True)
    for place, (scale, mean, fitted) in enumerate(measured):
        shares = " | ".join(f"{shares[place]:.3f}" for shares in near.distances.values())
        lines.append(f"| {scale:g} | {mean} | {fitted:.3f} | {shares} |")
    about = (
        f"Agreement: the share of backgrounds that are closest to their own reference of {among}. "
        "Beside it the distances to the own reference, as shares of those at a scale of 0 "
        "(geometric means): of colours, textures, a CLIP, and of the three jointly. The map ends "
        f"at {near.end:g}, by: {near.limit}; what no scale up to there reaches takes that scale."
    )
    return "\n".join([*lines, "", about]) + "\n"


def _plot(path: Path, found: Calibration, near: Nearness) -> None:
    import matplotlib  # takes a second to import

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style: Any = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
    with pyplot.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(4.2, 3.8), layout="constrained")
        means = [interval.mean for interval in found.agreement]
        below = [m.mean - m.low for m in found.agreement]
        above = [m.high - m.mean for m in found.agreement]
        axes.errorbar(found.scales, means, (below, above), fmt="o", ms=3, lw=1, color="#0072B2")
        axes.plot(found.scales, found.fitted, color="#0072B2", lw=1, label="agreement")
        for (name, shares), look in zip(
            near.distances.items(), ("-", "--", "-.", ":"), strict=True
        ):
            axes.plot(near.scales, shares, look, color="#888888", lw=1, label=f"distance, {name}")
        axes.axvline(near.end, color="#D55E00", lw=0.8)
        dial = [point for point in found.points if point[0] <= 1]
        reached = [float(np.interp(scale, found.scales, found.fitted)) for _, scale in dial]
        scales = [scale for _, scale in dial]
        axes.plot(scales, reached, "D", ms=5, color="#D55E00", label="style_fidelity")
        for (fidelity, scale), at in zip(dial, reached, strict=True):
            axes.annotate(f"{fidelity:g}", (scale, at), (5, -8), textcoords="offset points")
        axes.set(
            xlabel="scale of the IP-Adapter", ylabel="agreement, distance to the own reference"
        )
        figure.legend(frameon=False, loc="outside lower center", ncols=2)
        with whole(path) as partial:
            figure.savefig(partial, dpi=200)
        pyplot.close(figure)


if __name__ == "__main__":
    with one_line():
        typer.run(main)
