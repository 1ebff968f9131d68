"""What each dial does to each score, read from the data and held against what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.estimates import Estimate, cells_by, difference
from remixlab.sweep.report.wording import FEW, interval, listed

Change = Literal["rises", "falls", "no clear change", "cannot be told"]

EXPECTED: dict[str, dict[str, Change]] = {
    "style_fidelity": {
        "clip_style": "rises",
        "reference_rank": "falls",
        "lab_wasserstein": "falls",
        "leakage": "rises",
    },
    "outline_fidelity": {
        "outline_growth": "falls",
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
        return self.expected is not None and self.expected != self.change

    @property
    def sentence(self) -> str:
        """The same in words."""
        shown = f" ({interval(self.difference, signed=True)})" if self.difference else ""
        found = {
            "no clear change": f"shows no clear change{shown}",
            "cannot be told": f"cannot be judged{shown}",
        }.get(self.change, f"{self.change}{shown}")
        if self.expected is None:
            return f"{self.metric} {found}."
        if self.surprising:
            verb = self.expected.removesuffix("s")
            return f"{self.metric} was expected to {verb}, and {found}."
        return f"{self.metric} {found}, as expected."


def statements(run: Run, dial: str) -> list[Statement]:
    """One statement for each metric; none at all where no cell was scored."""
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
    judged = [statement for statement in found if statement.expected]
    surprising = [statement for statement in judged if statement.surprising]
    parts = [f"From {ends[0]:g} to {ends[-1]:g}."]
    if not judged:
        parts.append("Nothing is expected of the scores that were taken.")
    elif not surprising:
        kept = listed([f"{s.metric} {s.change}" for s in judged])
        parts.append(f"As expected: {kept}.")
    else:
        parts.append(f"{len(judged) - len(surprising)} of {len(judged)} expectations hold.")
        parts.append("Not as expected: " + " ".join(s.sentence for s in surprising))
    return " ".join([*parts, *_caveats(run, dial, found)])


def _change(apart: Estimate | None) -> Change:
    if apart is None or apart.samples < 2:
        return "cannot be told"
    if apart.interval.low > 0:
        return "rises"
    return "falls" if apart.interval.high < 0 else "no clear change"


def _caveats(run: Run, dial: str, found: list[Statement]) -> list[str]:
    caveats = []
    others = [axis for axis in run.dimension_of(dial).axes if axis != dial]
    if others:
        caveats.append(f"It moves together with {listed(others)}, so the effect is that of both.")
    samples = min((s.difference.samples for s in found if s.difference), default=0)
    if samples == 0 and found:
        caveats.append("There are no pairs of cells to compare yet.")
    elif 0 < samples < FEW:
        caveats.append(
            f"The intervals rest on {samples} sample{'s' * (samples > 1)} of seed, reference, "
            "product and prompt: too few to trust."
        )
    return caveats
