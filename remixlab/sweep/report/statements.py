"""What each dial does to each score, read from the data and held against what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from remixlab.sweep.report.contents import Run, value_label
from remixlab.sweep.report.estimates import Estimate, cells_by, difference
from remixlab.sweep.report.wording import FEW, count, interval, listed

_OPEN: Literal["cannot be judged"] = "cannot be judged"
Change = Literal["rises", "falls", "no clear change", "cannot be judged"]

EXPECTED: dict[str, dict[str, Change]] = {
    "style_fidelity": {
        "clip_style": "rises",
        "dino_style": "rises",
        "csd_style": "rises",
        "reference_rank": "falls",
        "lab_wasserstein": "falls",
        "leakage": "rises",
    },
    "outline_fidelity": {
        "outline_growth": "falls",
        "outline_near_growth": "falls",
        "band_energy": "falls",
        "edge_density": "falls",
    },
    "cfg_scale": {"prompt_score": "rises", "diversity": "falls"},
}  # what the dials are made for, and the price that is known


@dataclass(frozen=True)
class Statement:
    """What happens to a metric between a dial's lowest and highest value."""

    metric: str
    change: Change
    expected: Change | None
    difference: Estimate | None

    @property
    def surprising(self) -> bool:
        """Whether something was expected that the data do not show."""
        return self.expected not in (None, self.change) and self.change != _OPEN


def statements(run: Run, dial: str) -> list[Statement]:
    """One statement for each metric of the run."""
    found = []
    for metric in run.metrics:
        apart = difference(run, metric.name, dial)
        expected = EXPECTED.get(dial, {}).get(metric.name)
        found.append(Statement(metric.name, _change(apart), expected, apart))
    return found


def verdict(run: Run, dial: str) -> str:
    """What the statements add up to, in a sentence or more."""
    found = statements(run, dial)
    ends = list(cells_by(run, dial))
    parts = [f"From {value_label(ends[0])} to {value_label(ends[-1])}:"]
    parts.append(_summary([s for s in found if s.expected and s.change != _OPEN]))
    parts += _caveats(run, dial, found)
    return " ".join(parts)


def _summary(judged: list[Statement]) -> str:
    surprising = [statement for statement in judged if statement.surprising]
    if not judged:
        return "there is no expectation to judge."
    if not surprising:
        return f"as expected, {listed([f'{s.metric} {s.change}' for s in judged])}."
    kept = len(judged) - len(surprising)
    told = " ".join(_surprise(statement) for statement in surprising)
    return f"{kept} of {count(len(judged), 'expectation')} hold. Not as expected: {told}"


def _surprise(found: Statement) -> str:
    verb = (found.expected or "").removesuffix("s")
    change = f"shows {found.change}" if found.change == "no clear change" else found.change
    shown = interval(found.difference, signed=True)
    return f"{found.metric} was expected to {verb} and {change}: {shown}."


def _change(apart: Estimate | None) -> Change:
    if apart is None or apart.samples < 2:
        return _OPEN
    if apart.interval.low > 0:
        return "rises"
    return "falls" if apart.interval.high < 0 else "no clear change"


def _caveats(run: Run, dial: str, found: list[Statement]) -> list[str]:
    caveats = []
    others = [axis for axis in run.dimension_of(dial).axes if axis != dial]
    if others:
        caveats.append(f"It moves together with {listed(others)}: the effect is that of all.")
    unjudged = [s.metric for s in found if s.expected and s.change == _OPEN]
    if unjudged:
        caveats.append(f"Cannot be judged: {listed(unjudged)}.")
    samples = [s.difference.samples for s in found if s.difference]
    if not samples:
        caveats.append("There are no pairs of cells to compare.")
    elif min(samples) < FEW:
        caveats.append(
            f"The intervals rest on {count(min(samples), 'sample')} of seed, reference, product "
            "and prompt: too few to trust."
        )
    return caveats
