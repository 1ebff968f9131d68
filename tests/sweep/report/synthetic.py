"""A run folder as a sweep writes it, with small pictures and scores whose trends are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

AXES: dict[str, list[Any]] = {
    "product_image": ["shop/vase.png"],
    "ref_image": ["refs/oak.jpg", "refs/sea.jpg"],
    "prompt": ["a vase on a table"],
    "seed": [1, 2],
    "style_fidelity": [0, 0.5, 1],
    "outline_fidelity": [0, 1],
}

METRICS = [
    {"name": name, "unit": unit, "better": better, "about": about}
    for name, unit, better, about in (
        ("clip_style", "100 x cosine", "higher", "Cosine of background and reference."),
        ("lab_wasserstein", "Delta E", "lower", "Distance of the colours."),
        ("reference_rank", "", "lower", "Rank of the own reference among all."),
        ("leakage", "share of the background", "lower", "What is copied."),
        ("outline_growth", "share of the product", "lower", "What grew out of the product."),
        ("band_energy", "x 1000", "lower", "Edges around the outline."),
        ("edge_density", "share", "neither", "Edges everywhere."),
    )
]

Row = Mapping[str, Any]
Axes = Mapping[str, Sequence[Any]]
Score = Callable[[Row], Mapping[str, float | None]]


def scores(row: Row) -> dict[str, float]:
    """Scores that do what is expected, but for edge_density, which does not move at all."""
    style, outline = float(row["style_fidelity"]), float(row["outline_fidelity"])
    chance = ((row["seed"] * 7 + len(str(row["ref_image"]))) % 5 - 2) / 10
    return {
        "clip_style": 60 + 20 * style - 5 * style**2 + chance,
        "lab_wasserstein": 30 - 20 * style + chance,
        "reference_rank": 4 - 3 * style,
        "leakage": 0.02 + 0.3 * style**2 + 0.01 * chance,
        "outline_growth": 0.2 - 0.1 * outline + 0.01 * chance,
        "band_energy": 4.5 - outline + 0.5 * outline**2 * style + chance,
        "edge_density": 0.3 + 0.1 * chance,
    }


def write_run(
    folder: Path,
    *,
    axes: Axes = AXES,
    paired: Sequence[Sequence[str]] = (),
    score: Score = scores,
    keep: Callable[[Row], bool] = lambda row: True,
    side: int = 24,
    **described: Any,
) -> Path:
    """Write a run; `keep` says which cells are done, `described` changes sweep.json."""
    (folder / "images").mkdir(parents=True)
    rows = [row for row in _grid(axes, paired) if keep(row)]
    cells = []
    for number, row in enumerate(rows):
        warnings = ["the prompt was cut short"] if number == 0 else []
        cells.append({"id": f"{number:016x}", **row, **score(row), "warnings": warnings})
        picture(row, side).save(folder / "images" / f"{number:016x}_image.png")
    pq.write_table(pa.Table.from_pylist(cells), folder / "cells.parquet")
    pq.write_table(pa.Table.from_pylist(_baselines(axes)), folder / "baselines.parquet")
    (folder / "config.yaml").write_text("steps: 8\n", encoding="utf-8")
    (folder / "sweep.json").write_text(json.dumps(_described(axes, paired) | described))
    return folder


def picture(row: Row, side: int) -> Image.Image:
    """Warmer with style, a thicker frame with less outline, another place for each seed."""
    style, outline = float(row.get("style_fidelity", 0)), float(row.get("outline_fidelity", 0))
    made = Image.new("RGB", (side, side), (90 + int(70 * style), 120, 190 - int(70 * style)))
    draw = ImageDraw.Draw(made)
    left = side * (2 + row.get("seed", 0) % 4) // 12
    draw.rectangle((left, side // 3, left + side // 3, side - 3), (230, 226, 215))
    if outline < 1:
        draw.line((0, side // 2, side, side // 2), (40, 40, 60), 1 + side // 24)
    return made


def _grid(axes: Axes, paired: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    together = {name: tuple(group) for group in paired for name in group}
    groups = dict.fromkeys(together.get(name, (name,)) for name in axes)
    steps = [
        [dict(zip(group, row, strict=True)) for row in zip(*(axes[n] for n in group), strict=True)]
        for group in groups
    ]
    chosen = ({k: v for part in parts for k, v in part.items()} for parts in product(*steps))
    return [{name: found[name] for name in axes} for found in chosen]


def _baselines(axes: Axes) -> list[dict[str, Any]]:
    rows = []
    for kind, style in (("blurred_reference", 1.4), ("mean_colour", 0.2)):
        for reference in axes["ref_image"]:
            like = {"style_fidelity": style, "outline_fidelity": 1, "seed": 3}
            row = {"id": f"{kind}-{len(rows)}", "baseline": kind, "ref_image": reference}
            rows.append(row | scores(like | {"ref_image": reference}))
    return rows


def _described(axes: Axes, paired: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {
        "name": "style_x_outline",
        "model": "mini",
        "licence": "Apache-2.0",
        "weights": "pretrained",
        "created": "2026-01-15T10:30:00+00:00",
        "axes": dict(axes),
        "paired": [list(group) for group in paired],
        "metrics": METRICS,
        "notes": ["Scored by the mini scorer, which knows the mini world only."],
        "provenance": {
            "git": {"commit": "0123456789abcdef", "dirty": False},
            "versions": {"torch": "2.11.0", "diffusers": "0.42.1"},
            "device": "cpu",
        },
    }


def large_axes() -> dict[str, list[Any]]:
    """5 x 5 x 4 x 2 x 2 cells."""
    steps = np.linspace(0, 1, 5).tolist()
    return AXES | {
        "product_image": ["shop/vase.png", "shop/perfume.png"],
        "seed": [1, 2, 3, 4],
        "style_fidelity": steps,
        "outline_fidelity": [2 * step for step in steps],
    }
