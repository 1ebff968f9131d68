"""Measure what the two dials do, over seeds and references: `python scripts/measure_dials.py`.

Writes a table (Markdown) and the raw values (JSON) to benchmarks/results/dials/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product as grid
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from rich.progress import track

from remixlab import Remixer, RemixRequest, images
from remixlab.metrics.intervals import bootstrap
from remixlab.metrics.metric import Picture
from remixlab.metrics.outline import BandEnergy, Growth
from remixlab.metrics.style import LabDistance

EXAMPLES = Path(__file__).parents[1] / "examples"
REFERENCES = ("wood", "beach", "pink", "slate")
STYLES = (0.0, 0.35, 0.7, 1.0)
OUTLINES = (0.0, 1.0, 2.0)
SIDE = 512


@dataclass(frozen=True)
class Row:
    """One remix: its dials, and its scores."""

    reference: str
    seed: int
    style_fidelity: float
    outline_fidelity: float
    lab_distance: float
    band_energy: float
    outline_growth: float


def main(
    model: Annotated[str, typer.Option(help="Suite.")] = "mini",
    product: Annotated[str, typer.Option(help="Product in examples/products.")] = "thermos",
    seeds: Annotated[int, typer.Option(help="Seeds 1 to this.")] = 8,
    prompt: Annotated[str, typer.Option()] = "product photograph",
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "benchmarks/results/dials"
    ),
) -> None:
    """Sweep style_fidelity at outline 1, and outline_fidelity at style 0.7."""
    remixer = Remixer.from_config(model)
    cut_out = _square(EXAMPLES / "products" / f"{product}.png")
    dials = [(style, 1.0) for style in STYLES] + [(0.7, o) for o in OUTLINES if o != 1]
    cells = list(grid(REFERENCES, range(1, seeds + 1)))
    rows = [
        row
        for reference, seed in track(cells, description="remixes")
        for row in _remix(remixer, cut_out, prompt, reference, seed, dials)
    ]
    out.mkdir(parents=True, exist_ok=True)
    settings = {"model": model, "product": product, "prompt": prompt, "side": SIDE, "seeds": seeds}
    (out / "raw.json").write_text(
        json.dumps({"settings": settings, "rows": [vars(row) for row in rows]}, indent=1) + "\n"
    )
    table = "\n".join(_table(rows))
    (out / "table.md").write_text(table + "\n")
    print(table)


def _square(path: Path) -> Image.Image:
    """The product in the middle of a square, reduced to `SIDE`."""
    picture = images.decode(path, field="product_image")
    longest = max(picture.size)
    square = Image.new("RGBA", (longest, longest))
    left, top = ((square.width - side) // 2 for side in picture.size)
    square.paste(picture, (left, top))
    return images.resize(square, (SIDE, SIDE))


def _remix(
    remixer: Remixer,
    cut_out: Image.Image,
    prompt: str,
    reference: str,
    seed: int,
    dials: Sequence[tuple[float, float]],
) -> Iterator[Row]:
    picture = images.decode(EXAMPLES / "references" / f"{reference}.jpg", field="ref_image")
    shared: dict[str, Any] = {"product_image": cut_out, "ref_image": picture, "prompt": prompt}
    requests = [
        RemixRequest(**shared, seed=seed, style_fidelity=style, outline_fidelity=outline)
        for style, outline in dials
    ]
    for request, result in zip(requests, remixer.remix_batch(requests), strict=True):
        made = Picture.of(request, result)
        yield Row(
            reference,
            result.seed,
            request.style_fidelity,
            request.outline_fidelity,
            LabDistance().of(made),
            BandEnergy().of(made),
            Growth().of(made),
        )


def _table(rows: list[Row]) -> Iterator[str]:
    yield "| style_fidelity (outline 1.0) | Lab distance to its reference |"
    yield "|---|---|"
    for style in STYLES:
        values = [r.lab_distance for r in _at(rows, style, 1.0)]
        yield f"| {style:g} | {bootstrap(values)} |"
    yield ""
    yield "| outline_fidelity (style 0.7) | edge energy around the outline, x 1000 | growth, % |"
    yield "|---|---|---|"
    for outline in OUTLINES:
        ours = _at(rows, 0.7, outline)
        energy = bootstrap([r.band_energy for r in ours])
        yield f"| {outline:g} | {energy} | {bootstrap([100 * r.outline_growth for r in ours])} |"
    without, with_it = _at(rows, 0.7, 0.0), _at(rows, 0.7, 1.0)
    pairs = [a.band_energy - b.band_energy for a, b in zip(with_it, without, strict=True)]
    yield ""
    yield f"Edge energy at 1 less that at 0, same seed and reference: {bootstrap(pairs)}."


def _at(rows: list[Row], style: float, outline: float) -> list[Row]:
    return [r for r in rows if (r.style_fidelity, r.outline_fidelity) == (style, outline)]


if __name__ == "__main__":
    typer.run(main)
