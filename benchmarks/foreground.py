"""How right the colours at soft alpha are: `python benchmarks/foreground.py`.

Twelve kinds of edge (`edges.py`), each before three backgrounds, with the background's pixels or
black under alpha 0. The error is a |F - true F| in units of 255, of the worst channel, over pixels
with 0 < a < 255: what a composite over any other background is off by, for that background's own
share is the same. Writes benchmarks/results/foreground/; `before.json` there is a `raw.json` that
this command wrote with an earlier commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from edges import BACKGROUNDS, EDGES, HIDDEN, Floats, render
from numpy.typing import NDArray
from PIL import Image
from pymatting import estimate_foreground_ml

from remixlab.environment import describe_environment
from remixlab.files import whole, write_whole
from remixlab.product.foreground import estimate_foreground

RESULTS = Path(__file__).parent / "results" / "foreground"
SHEET_OVER = (70, 200, 235)
Pixels = NDArray[np.uint8]


def given(rgba: Pixels) -> Pixels:
    """The file's own colours: right where alpha is straight."""
    return rgba[..., :3]


def pymatting(rgba: Pixels) -> Pixels:
    """Germer et al. (2020) at every pixel, with its own guess of the background."""
    share = rgba / 255
    estimate = np.asarray(estimate_foreground_ml(share[..., :3], share[..., 3]))
    return (estimate.clip(0, 1) * 255).round().astype(np.uint8)


METHODS: dict[str, Callable[[Pixels], Pixels]] = {
    "remixlab": estimate_foreground,
    "pymatting": pymatting,
    "given": given,
}


def main(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
    before: Annotated[
        Path, typer.Option(help="A raw.json of an earlier commit, left out where there is none.")
    ] = RESULTS / "before.json",
    sheet: Annotated[
        Path | None, typer.Option(help="Also the composites over a bright blue, as a picture.")
    ] = None,
) -> None:
    """Measure every method on every kind."""
    rows = [
        {"kind": kind, "background": behind, "hidden": hidden, "errors": _errors(*file)}
        for kind, edge in EDGES.items()
        for behind in BACKGROUNDS
        for hidden in HIDDEN
        for file in [render(edge, behind, hidden)]
    ]
    earlier = json.loads(before.read_text()) if before.exists() else None
    result = {"rows": rows, "environment": describe_environment(), "probe": None}
    write_whole(out / "raw.json", json.dumps(result, indent=1, default=str) + "\n")
    table = _table(rows, earlier["rows"] if earlier else None)
    write_whole(out / "table.md", table)
    print(table)
    if sheet:
        with whole(sheet) as partial:
            _draw_sheet().save(partial)


def _errors(rgba: Pixels, truth: Floats) -> dict[str, dict[str, float]]:
    """Largest and mean error of each method, of 255."""
    alpha = rgba[..., 3]
    soft = (alpha > 0) & (alpha < 255)
    found = {}
    for name, method in METHODS.items():
        off = np.abs(method(rgba)[soft] - truth[soft]).max(axis=1) * (alpha[soft] / 255)
        found[name] = {"largest": float(off.max()), "mean": float(off.mean())}
    return found


def _table(rows: list[dict[str, Any]], earlier: list[dict[str, Any]] | None) -> str:
    """Largest of the three backgrounds, and mean of their means."""
    sources = {"now": (rows, "remixlab"), "before": (earlier, "remixlab")}
    sources |= {"pymatting everywhere": (rows, "pymatting"), "as given": (rows, "given")}
    columns = {name: source for name, source in sources.items() if source[0]}
    lines = [
        "Error of the composite at soft alpha, of 255: largest (mean), over three backgrounds",
        "",
        f"| edge | file | under alpha 0 | {' | '.join(columns)} |",
        "|---" * (3 + len(columns)) + "|",
    ]
    for kind, edge in EDGES.items():
        for hidden in HIDDEN:
            cells = [_cell(source, name, kind, hidden) for source, name in columns.values()]
            lines.append(f"| {kind} | {edge.file} | {hidden} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(rows: Any, method: str, kind: str, hidden: str) -> str:
    mine = [r["errors"][method] for r in rows if (r["kind"], r["hidden"]) == (kind, hidden)]
    largest, mean = max(e["largest"] for e in mine), np.mean([e["mean"] for e in mine])
    return f"{largest:.0f} ({mean:.1f})"


def _draw_sheet() -> Image.Image:
    """A row a kind: its three files with the colours of now, then the last with its own."""
    lines = []
    for edge in EDGES.values():
        files = [render(edge, behind, "black")[0] for behind in BACKGROUNDS]
        shown = [_composite(file, estimate_foreground(file)) for file in files]
        lines.append(np.hstack([*shown, _composite(files[-1], given(files[-1]))]))
    return Image.fromarray(np.vstack(lines))


def _composite(rgba: Pixels, colour: Pixels) -> Pixels:
    alpha = rgba[..., 3:] / 255
    return (alpha * colour + (1 - alpha) * np.array(SHEET_OVER)).round().astype(np.uint8)


if __name__ == "__main__":
    typer.run(main)
