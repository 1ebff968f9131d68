"""Put measured figures where README and docs speak of them: `python scripts/figures.py`.

A page has them between `<!-- figures: NAME -->` and `<!-- end -->`; what stands between these marks
is written here, from the files in benchmarks/results/. A test fails where a page says otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from remixlab.files import write_whole

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->)(.*?)(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Fill in every page that has figures."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (filled := fill(text)) != text:
            write_whole(page, filled)
            print(page.relative_to(ROOT))


def pages() -> list[Path]:
    """README and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fill(text: str) -> str:
    """`text` with what the results say between its marks; KeyError for a name that is unknown."""
    return _BLOCK.sub(lambda found: f"{found[1]}{_FIGURES[found[2]]()}{found[4]}", text)


def _read(folder: str) -> dict[str, Any]:
    """The newest result whose folder fits the pattern."""
    path = sorted(RESULTS.glob(f"{folder}/raw.json"))[-1]
    return json.loads(path.read_text(encoding="utf-8"))


def _found(start: str) -> dict[str, float]:
    """Mean, low and high of the mini suite's line that begins so."""
    findings = _read("mini")["findings"]
    fitting = [finding for finding in findings if finding["what"].startswith(start)]
    return min(fitting, key=lambda finding: len(finding["what"]))["value"]  # "... 0", not "... 0.7"


def _interval(start: str, form: str = ".3f") -> str:
    value = _found(start)
    return "{0:{3}} ({1:{3}} to {2:{3}})".format(*value.values(), form)


def _weights_size() -> str:
    return f"{_found('size of the suite')['mean']:.0f} MB"


def _dials() -> str:
    ranks = [_found(f"true reference ranks first of 8, style_fidelity {f}") for f in ("0", "0.7")]
    first = ", ".join(f"{rank['mean']:.3f}" for rank in ranks)
    full = _interval("true reference ranks first of 8, style_fidelity 1")
    rows = {
        "colour words of backdrop and surface come true (nearest of 11)": _interval("colour words"),
        "true reference ranks first of 8 at style_fidelity 0, 0.7, 1": f"{first}, {full}",
        "growth with the product not held, outline_fidelity 1 as a share of 0": _interval(
            "growth outside the mask at outline_fidelity 1, share of that at 0"
        ),
        "edge density, outline_fidelity 2 as a share of 0": _interval("edge density"),
        "diversity of four seeds, cfg_scale 5 less 1, Delta E": _interval("diversity", ".1f"),
    }
    head = ["| mini suite, on what its training never saw (mean, 95 % interval) | |", "|---|---|"]
    return "\n".join(
        ["\n", *head, *(f"| {what} | {value} |" for what, value in rows.items()), "\n"]
    )


def _materials() -> str:
    words, scorer, photographs = (
        f"{100 * _found(start)['mean']:.0f} %"
        for start in ("surface words", "the scorer's own choice", "photographs: true reference")
    )
    return (
        f"of nine surfaces the prompt's is recognised in {words}\n"
        f"(by a scorer that is itself right in {scorer}), and a photograph as reference ranks "
        f"first of eight in {photographs}"
    )


def _sweep() -> str:
    fast, auto = (_read(f"sweep_speed_{runtime}") for runtime in ("fast", "auto"))
    return (
        f"On two cores of a CPU ({fast['environment']['processor']}) a loop of stock calls\n"
        f"takes {fast['ratios']['bfloat16']:.1f} times as long, both in bfloat16 (`runtime=fast`; "
        f"{fast['ratios']['float32']:.1f} times if stock is in float32,\n"
        f"{auto['ratios']['float32']:.1f} times if both are)"
    )


def _latency() -> str:
    first = _read("first_remix")
    return (
        f"A remix of 1024x1024 with the mini suite takes {_total(first):.1f} s on two cores\n"
        f"({first['machine'].split(',')[0]}), with SDXL-Lightning (random weights, four steps, "
        f"not compiled) {_square('*_sdxl_lightning_NVIDIA-H200_*'):.2f} s on an H200"
    )


def _total(first: dict[str, Any]) -> float:
    totals = sorted(sum(run.values()) for run in first["runs_s"])
    return totals[len(totals) // 2]


def _square(folder: str) -> float:
    """Median seconds of our remixes of 1024x1024, as the folder's table has them."""
    table = sorted(RESULTS.glob(f"{folder}/table.md"))[-1].read_text(encoding="utf-8")
    found = re.search(r"^\| 1024x1024 \| \*\*([\d.]+)\*\*", table, re.MULTILINE)
    assert found, f"{folder} has no 1024x1024"
    return float(found[1])


def _static() -> str:
    """How much faster than stock, both in bfloat16, over the seven sizes."""
    tables = sorted(RESULTS.glob("*_mini_cpu_*/table.md"))
    compiled = (text for path in tables if "compile=static" in (text := path.read_text("utf-8")))
    *_, table = compiled
    rows = [re.findall(r"\*\*([\d.]+)\*\*", line) for line in table.splitlines()]
    ratios = [float(row[1]) for row in rows if len(row) == 3]
    return f"{min(ratios):.1f} to {max(ratios):.1f} times"


def _branches() -> str:
    rows = {row["option"]: row["psnr_db"] for row in _read("options_sdxl_random")["rows"]}
    guidance, outline, shared = (
        f"{rows[f'branches.{name}']:.0f} dB"
        for name in ("guidance_until=0.5", "outline_until=0.5", "outline_unconditional=false")
    )
    return (
        f"no guidance in the second half keeps {guidance} of the picture,\n"
        f"no outline there {outline}, and an outline that the unconditional pass does not see "
        f"{shared}"
    )


_FIGURES: dict[str, Callable[[], str]] = {
    "weights_size": _weights_size,
    "dials": _dials,
    "materials": _materials,
    "sweep": _sweep,
    "latency": _latency,
    "static": _static,
    "branches": _branches,
}


if __name__ == "__main__":
    main()
