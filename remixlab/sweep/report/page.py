"""The page: one HTML file with its style, scripts, pictures and data inside, and no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from remixlab.sweep.report import curves, overview, pareto, pictures, scatter
from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.embedded import as_script, data_of
from remixlab.sweep.report.statements import Statement, statements, verdict
from remixlab.sweep.report.wording import interval, number

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("state.js", "describe.js", "controls.js", "grid.js", "dialog.js", "page.js")
# A circle, a square, a triangle and a diamond, centred: runs differ by more than their colour.
_MARKERS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
    "M-3.2 -3.2h6.4v6.4h-6.4z",
    "M0 -4.2L4 3.2H-4z",
    "M0 -4.6L4 0L0 4.6L-4 0z",
)


def page(runs: Sequence[Run]) -> str:
    """The whole report as HTML."""
    side = pictures.side_for(sum(len(run.cells) for run in runs))
    embedded = [data_of(run, side) for run in runs]
    script = "\n".join(_asset(name) for name in _SCRIPTS)
    style = _asset("page.css")
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=overview.title(runs),
            policy=_policy(script, style),
            style=Markup(style),
            script=Markup(script),
            data=as_script({"runs": [data for data, _ in embedded]}),
            runs=[_run(run, broken) for run, (_, broken) in zip(runs, embedded, strict=True)],
            metrics=overview.metrics(runs),
            dials=[_dial(runs, dial) for dial in overview.dials(runs)],
            pareto=_pareto(runs),
            side=side,
            resampled=overview.RESAMPLED,
        )
    )


def _run(run: Run, broken: int) -> dict[str, Any]:
    return {
        "run": run,
        "done": overview.done(run),
        "varied": overview.varied(run),
        "fixed": overview.fixed(run),
        "warnings": overview.warnings(run),
        "missing": overview.missing(run),
        "unscored": None if run.scored else overview.UNSCORED,
        "baselines": overview.baselines(run),
        "provenance": overview.provenance(run),
        "broken": broken,
    }


def _dial(runs: Sequence[Run], dial: str) -> dict[str, Any]:
    drawn = [curves.curves(runs, metric, dial) for metric in overview.metrics(runs)]
    own = [run for run in runs if run.metrics and dial in run.dials]
    return {
        "name": dial,
        "verdicts": [
            {
                "label": run.label,
                "text": verdict(run, dial),
                "rows": [_statement(found) for found in statements(run, dial)],
            }
            for run in own
        ],
        "charts": [
            {"metric": c.metric, "described": curves.described(c), "drawing": curves.drawing(c)}
            for c in drawn
            if c
        ],
        "tables": [overview.means(run, dial) for run in own],
    }


def _statement(found: Statement) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "change": found.change,
        "difference": interval(found.difference, signed=True),
        "expected": found.expected or "–",
        "surprising": found.surprising,
    }


def _pareto(runs: Sequence[Run]) -> dict[str, Any] | None:
    style = pareto.style_metric(runs)
    found = scatter.scatter(runs, style) if style else None
    if not found:
        return None
    return {
        "style": found.style,
        "described": scatter.described(found),
        "drawing": scatter.drawing(found),
        "front": found.front,
        "baselines": found.baselines,
    }


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(interval=interval, number=number)
    made.globals.update(
        markers=_MARKERS,
        line_height=curves.LINE_HEIGHT,
        curve_box=curves.BOX,
        pareto_box=scatter.BOX,
    )
    return made


def _policy(script: str, style: str) -> str:
    """A Content-Security-Policy that lets this page's own script, style and pictures in alone."""
    return (
        f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; "
        f"style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
