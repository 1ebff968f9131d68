"""Score the mini suite on pictures that its training never saw: `python scripts/score_mini.py`.

Writes a table (Markdown), the raw values (JSON) and 24 samples that nobody chose to
benchmarks/results/mini/, and the table into the weights' training card.
`python scripts/fetch_photographs.py` first, for the real photographs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.progress import Progress

from remixlab import Remixer, images
from remixlab.bench.probe import take_probe
from remixlab.environment import describe_environment
from remixlab.files import whole, write_whole
from remixlab.machine import processor
from remixlab.metrics.clip import Scorer
from remixlab.mini.trial.outline import outline_findings
from remixlab.mini.trial.prompt import prompt_findings
from remixlab.mini.trial.reference import reference_findings
from remixlab.mini.trial.samples import sample_sheet
from remixlab.mini.trial.studio import Finding, Studio, squared
from remixlab.mini.trial.suite import suite_findings
from remixlab.outputs import check_file, check_folder
from remixlab.telling import one_line

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "remixlab" / "mini" / "weights"


def main(
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides.")] = None,
    weights: Annotated[Path, typer.Option(help="The suite's folder.")] = WEIGHTS,
    photographs: Annotated[Path, typer.Option(help="Held-out photographs.")] = Path("photographs"),
    only: Annotated[str, typer.Option(help="reference, prompt, outline or suite.")] = "",
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = (
        ROOT / "benchmarks" / "results" / "mini"
    ),
) -> None:
    """Run the trials and say which lines hold."""
    if not only:
        check_folder("--out", out)
        check_file("--weights", weights / "card.json")
    settings = [f"model.base.repo={weights.resolve()}", *(overrides or [])]
    products = sorted((ROOT / "examples" / "products").glob("*.png"))
    with Progress(transient=True) as progress:
        studio = Studio(
            Remixer.from_config("mini", overrides=settings),
            Scorer.load(str(weights / "scorer")),
            [squared(images.decode(path, field="product_image")) for path in products],
            [_photograph(path) for path in sorted(photographs.glob("*.*"))],
            progress,
        )
        findings = list(_run(studio, only, weights, settings))
        sheet = None if only else sample_sheet(studio)
    table = "\n".join(_table(findings)) + "\n"
    print(table)
    if sheet:
        _keep(findings, table, out, weights, settings)
        with whole(out / "samples.jpg") as partial:
            sheet.save(partial, quality=85)
    if not all(finding.holds for finding in findings):
        raise typer.Exit(1)


def _run(studio: Studio, only: str, weights: Path, settings: Sequence[str]) -> Iterator[Finding]:
    trials = {
        "reference": lambda: reference_findings(studio),
        "prompt": lambda: prompt_findings(studio),
        "outline": lambda: outline_findings(studio),
        "suite": lambda: suite_findings(studio, weights, settings),
    }
    for name, trial in trials.items():
        if only in ("", name):
            yield from trial()


def _photograph(path: Path) -> Image.Image:
    return images.decode(path, field="ref_image").convert("RGB")


def _table(findings: Iterable[Finding]) -> Iterator[str]:
    yield f"| measured on {processor()} (95 % interval) | value | wanted | holds |"
    yield "|---|---|---|---|"
    for f in findings:
        holds = ("yes" if f.holds else "**no**") if f.wanted else ""
        yield f"| {f.what} | {f.value} | {f.wanted} | {holds} |"


def _keep(
    findings: Sequence[Finding], table: str, out: Path, weights: Path, settings: Sequence[str]
) -> None:
    write_whole(out / "table.md", table)
    raw = {"environment": describe_environment(), "probe": take_probe("mini", settings)}
    raw |= {"findings": [asdict(f) for f in findings]}
    write_whole(out / "raw.json", json.dumps(raw, indent=1) + "\n")
    card_path = weights / "card.json"
    card = json.loads(card_path.read_text())
    card["scores"] = [
        {"what": f.what, "value": str(f.value), "wanted": f.wanted, "holds": f.holds}
        for f in findings
    ]
    write_whole(card_path, json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    with one_line():
        typer.run(main)
