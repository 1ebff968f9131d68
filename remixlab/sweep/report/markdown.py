"""The report's numbers as Markdown, for a repository or a lab book."""

from __future__ import annotations

import re
from collections.abc import Sequence

from remixlab.sweep.report import overview, pareto, scatter
from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.overview import Table
from remixlab.sweep.report.statements import statements, verdict
from remixlab.sweep.report.wording import count, interval

_SHORT = 100  # characters: the difference of a dirty tree to its commit has thousands
_SUMMARY = ("git", "commit", "version", "device", "gpu", "torch", "suite")  # of the provenance
# Underscores inside words mean nothing in Markdown, and names are full of them.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def markdown(runs: Sequence[Run], plots: Sequence[str]) -> str:
    """The whole report; `plots` are the names of the files in `plots/`."""
    parts = [f"# {escape(overview.title(runs))}"]
    for run in runs:
        parts += _about(run)
    for dial in overview.dials(runs):
        parts += _dial(runs, dial, [p for p in plots if p.endswith(f"_{dial}.png")])
    parts += _pareto(runs, plots)
    for run in runs:
        parts += _baselines(run)
    parts += _metrics(runs)
    for run in runs:
        parts += _provenance(run)
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _about(run: Run) -> list[str]:
    facts = [
        f"Model {run.model} ({run.weights} weights), licence: {run.licence}, {run.created}.",
        overview.done(run),
    ]
    items = [f"{name}: {values}" for name, values in overview.varied(run)]
    items += [f"{name}: {value} (fixed)" for name, value in overview.fixed(run)]
    notes = list(run.notes) if run.scored else [overview.UNSCORED, *run.notes]
    notes += overview.missing(run)
    notes += [f"{count(n, 'cell')}: {text}" for text, n in overview.warnings(run)]
    return [
        f"## {escape(run.label)}",
        escape(" ".join(facts)),
        *_list(items),
        *(["Notes:", *_list(notes)] if notes else []),
    ]


def _dial(runs: Sequence[Run], dial: str, plots: Sequence[str]) -> list[str]:
    parts = [f"## What {escape(dial)} does"]
    for run in runs:
        if not run.metrics or dial not in run.dials:
            continue
        rows = [
            [s.metric, s.change, interval(s.difference, signed=True), s.expected or "–"]
            for s in statements(run, dial)
        ]
        head = ["metric", "change", "highest less lowest value", "expected"]
        parts.append(escape(f"{run.label}. {verdict(run, dial)}"))
        parts.append(_table(Table(f"Change with {dial}, {run.label}", head, rows)))
        parts.append(_table(overview.means(run, dial)))
    parts.append(overview.RESAMPLED)
    if plots:
        parts.append("Plots: " + ", ".join(f"[{escape(p)}](plots/{p})" for p in plots))
    return parts


def _pareto(runs: Sequence[Run], plots: Sequence[str]) -> list[str]:
    style = pareto.style_metric(runs)
    found = scatter.scatter(runs, style) if style else None
    if not found:
        return []
    rows = [
        [
            p.setting.name,
            p.label,
            "yes" if p.setting.front else "",
            interval(p.setting.style),
            interval(p.setting.leakage),
        ]
        for p in (*found.points, *found.baselines)
    ]
    head = ["setting", "run", "on the front", found.style.name, "leakage"]
    parts = ["## Style against leakage", _table(Table("Settings", head, rows))]
    return [*parts, "Plot: [pareto.png](plots/pareto.png)"] if "pareto.png" in plots else parts


def _baselines(run: Run) -> list[str]:
    table = overview.baselines(run)
    return ["## Baselines", _table(table)] if table else []


def _metrics(runs: Sequence[Run]) -> list[str]:
    found = overview.metrics(runs)
    rows = [[m.name, m.unit, m.direction, m.about] for m in found]
    head = ["metric", "unit", "direction", "what it is"]
    return ["## Metrics", _table(Table("Metrics", head, rows))] if rows else []


def _provenance(run: Run) -> list[str]:
    """Versions, commit and device; the page has all of it."""
    lines = [
        f"{name}: {value}"
        for name, value in overview.provenance(run)
        if any(word in name.lower() for word in _SUMMARY) and len(value) <= _SHORT
    ]
    return [f"## Provenance, {escape(run.label)}", *_list(lines), "All of it is in report.html."]


def _list(items: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {escape(item)}" for item in items)] if items else []


def _table(table: Table) -> str:
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    escaped = [row if row[0] == "---" else [escape(text) for text in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
    return "\n".join([f"{escape(table.caption)}:", "", *lines])
