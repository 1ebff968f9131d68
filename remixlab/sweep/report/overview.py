"""What both the page and the Markdown say about runs, in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remixlab.sweep.report.contents import BASELINES, MetricInfo, Run, value_label
from remixlab.sweep.report.estimates import baseline, cells_by, curve
from remixlab.sweep.report.wording import count, interval, listed

UNSCORED = (
    "Quality scores are not shown: the model ran with random weights, so its pictures are noise "
    "and any score of them would mislead. Such a run is for measuring speed."
)
RESAMPLED = (
    "Intervals are 95 % percentile bootstrap intervals over samples: each combination of seed, "
    "reference, product and prompt is one sample, averaged over the other dials."
)


@dataclass(frozen=True)
class Table:
    """A table of text; the first column heads its rows."""

    caption: str
    head: list[str]
    rows: list[list[str]]


def title(runs: Sequence[Run]) -> str:
    """The title of a report."""
    return listed(list(dict.fromkeys(run.name for run in runs)))


def done(run: Run) -> str:
    """How much of a run is there."""
    missing = run.planned - len(run.cells)
    if not missing:
        return "The one cell is done." if run.planned == 1 else f"All {run.planned} cells are done."
    return (
        f"{len(run.cells)} of {count(run.planned, 'cell')} are done; {missing} are missing. Means "
        "are over the cells that are there, so those of different settings may not be comparable; "
        "differences use only pairs of which both are there."
    )


def varied(run: Run) -> list[tuple[str, str]]:
    """What varies, by dimension, and its values."""
    found = [d for d in run.dimensions if len(d.values) > 1]
    return [(d.name, "; ".join(d.labels)) for d in found]


def fixed(run: Run) -> list[tuple[str, str]]:
    """What does not vary."""
    return [(d.name, d.labels[0]) for d in run.dimensions if len(d.values) == 1]


def warnings(run: Run) -> list[tuple[str, int]]:
    """The warnings of the cells, the most frequent first, with how many cells have them."""
    return Counter(text for cell in run.cells for text in cell.warnings).most_common()


def missing(run: Run) -> list[str]:
    """Which scores are missing, in how many cells or baselines, and why."""
    found = []
    for noun, rows in (("cell", run.cells), ("baseline", run.baselines)):
        told = Counter(item for row in rows for item in row.missing.items())
        by_reason: dict[tuple[str, int], list[str]] = {}
        for (name, reason), times in told.items():
            by_reason.setdefault((reason, times), []).append(name)
        found += [
            f"No {listed(names)} in {count(times, noun)}: {reason}."
            for (reason, times), names in by_reason.items()
        ]
    return found


def dials(runs: Sequence[Run]) -> list[str]:
    """Every dial that varies in a run that was scored."""
    return list(dict.fromkeys(dial for run in runs if run.metrics for dial in run.dials))


def metrics(runs: Sequence[Run]) -> list[MetricInfo]:
    """Every metric of every run, once."""
    return list({metric.name: metric for run in runs for metric in run.metrics}.values())


def with_unit(metric: MetricInfo) -> str:
    """A metric's name, and its unit where it has one."""
    return f"{metric.name} ({metric.unit})" if metric.unit else metric.name


def means(run: Run, dial: str) -> Table:
    """The mean of each metric at each value of a dial."""
    columns = cells_by(run, dial)
    rows = [["cells", *(str(len(cells)) for cells in columns.values())]]
    for metric in run.metrics:
        steps = curve(run, metric.name, dial)
        rows.append([with_unit(metric), *(interval(step.estimate) for step in steps)])
    head = [dial, *(value_label(value) for value in columns)]
    return Table(f"Means by {dial}, {run.label}", head, rows)


def baselines(run: Run) -> Table | None:
    """The baselines' means; None where there are no baselines."""
    kinds = [kind for kind in BASELINES if any(row.kind == kind for row in run.baselines)]
    if not kinds:
        return None
    rows = [
        [with_unit(m), *(interval(baseline(run, kind, m.name)) for kind in kinds)]
        for m in run.metrics
    ]
    return Table(f"Baselines, {run.label}", ["metric", *(BASELINES[k] for k in kinds)], rows)


def provenance(run: Run) -> list[tuple[str, str]]:
    """The whole provenance, one line a value, nested names joined by dots."""
    return list(_flat(run.provenance, ""))


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value)
