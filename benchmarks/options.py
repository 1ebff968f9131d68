"""What each runtime option does to time and picture: `python benchmarks/options.py`.

Every option is timed against the defaults, A B A B in one process, and its pictures are compared
with theirs before the composite. Writes benchmarks/results/options/.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import track

from remixlab import Remixer, RemixRequest, RemixResult
from remixlab.bench.probe import take_probe
from remixlab.config import compose_config
from remixlab.environment import describe_environment, device_name
from remixlab.files import write_whole
from remixlab.outputs import check_folder
from remixlab.telling import one_line

ROOT = Path(__file__).parents[1]
OPTIONS = (
    "runtime.dtype=bfloat16",
    "runtime.channels_last=false",
    "runtime.attention=sdpa_math",
    "runtime.vae_tiling=true",
    "branches.guidance_until=0.5",
    "branches.outline_until=0.5",
    "branches.outline_unconditional=false",
    "runtime.compile=regional",
    "runtime.compile=whole",
    "runtime.compile=static",
)


def main(
    options: Annotated[
        list[str] | None, typer.Argument(help="key=value; default: all that we know of.")
    ] = None,
    model: Annotated[str, typer.Option(help="In configs/model.")] = "mini",
    base: Annotated[
        list[str] | None,
        typer.Option(help="key=value for both sides, such as model.weights=random; repeatable."),
    ] = None,
    rounds: Annotated[int, typer.Option(help="A B, this many times.")] = 5,
    batch: Annotated[int, typer.Option(help="Remixes made at once, of as many seeds.")] = 4,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = (
        ROOT / "benchmarks" / "results" / "options"
    ),
) -> None:
    """Time and compare one option after the other."""
    check_folder("--out", out)
    requests = [_request(seed) for seed in range(1, batch + 1)]
    # Every branch in every step, so that an option that leaves some out is seen to.
    settings = [f"model={model}", "branches.guidance_until=1", *(base or [])]
    plain = Remixer.from_settings(compose_config(settings))
    chosen = list(options or OPTIONS)
    rows = [
        _compare(plain, [*settings, option], requests, rounds)
        for option in track(chosen, description="options")
    ]
    result = {
        "settings": settings,
        "batch": batch,
        "rows": rows,
        "environment": describe_environment(),
        "probe": None if plain.config.model.weights == "random" else take_probe(model),
    }
    write_whole(out / "raw.json", json.dumps(result, indent=1, default=str) + "\n")
    table = _table(result)
    write_whole(out / "table.md", table)
    print(table)


def _request(seed: int) -> RemixRequest:
    return RemixRequest(
        product_image=ROOT / "examples" / "products" / "jar.png",
        ref_image=ROOT / "examples" / "references" / "wood.jpg",
        prompt="product photograph of a jar, on a wooden table",
        seed=seed,
    )


def _compare(
    plain: Remixer, settings: Sequence[str], requests: Sequence[RemixRequest], rounds: int
) -> dict[str, Any]:
    changed = _changed(plain, settings)
    first, pictures = _timed(changed, requests)
    _, before = _timed(plain, requests)
    times: dict[str, list[float]] = {"plain": [], "changed": []}
    for _ in range(rounds):
        times["plain"].append(_timed(plain, requests)[0])
        times["changed"].append(_timed(changed, requests)[0])
    return {
        "option": settings[-1],
        "first_seconds": first,
        "seconds": times,
        "speedup": median(times["plain"]) / median(times["changed"]),
        **_difference(before, pictures),
    }


def _changed(plain: Remixer, settings: Sequence[str]) -> Remixer:
    """With other settings; what does not touch the networks shares them, for they may be large."""
    config = compose_config(settings)
    same = (config.model, config.runtime) == (plain.config.model, plain.config.runtime)
    return Remixer(plain.suite, config, plain.within) if same else Remixer.from_settings(config)


def _timed(remixer: Remixer, requests: Sequence[RemixRequest]) -> tuple[float, list[RemixResult]]:
    start = time.perf_counter()
    results = remixer.remix_batch(requests)
    return time.perf_counter() - start, results


def _difference(before: Sequence[RemixResult], after: Sequence[RemixResult]) -> dict[str, float]:
    """PSNR in dB over all backgrounds, 100 where they are the same, and the largest difference."""
    pairs = [
        [np.asarray(result.background, np.float64) for result in pair]
        for pair in zip(before, after, strict=True)
    ]
    error = float(np.mean([((a - b) ** 2).mean() for a, b in pairs]))
    psnr = min(100.0, 10 * np.log10(255**2 / error)) if error else 100.0
    return {"psnr_db": psnr, "largest": float(max(np.abs(a - b).max() for a, b in pairs))}


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{' '.join(result['settings'])}, {result['batch']} remixes at once, "
        f"{device_name(result['environment'])}, each option against these settings",
        "",
        "| option | times as fast | PSNR to the default, dB | largest of 255 | first, s |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row['option']}` | {row['speedup']:.2f} | {row['psnr_db']:.1f} | {row['largest']:.0f} "
        f"| {row['first_seconds']:.1f} |"
        for row in result["rows"]
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    with one_line():
        typer.run(main)
