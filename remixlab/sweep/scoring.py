"""What a sweep keeps of scores: the values, why some are missing, and who judged.

A row of the journal and one of the baselines hold all three, so that scores can be added, or given
by another scorer, as long as the pictures are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.judged import FAILED, Missing, judge
from remixlab.metrics.metric import Metric, Picture

LOST = Missing(f"{FAILED}its picture cannot be read")


@dataclass(frozen=True)
class Scores:
    """The scores of one picture.

    Attributes:
        values: by metric, None where it is missing.
        missing: the reason for each that is missing.
        judges: the network behind each that one gives.
    """

    values: dict[str, float | None] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    judges: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Scores:
        """Those of a line of the journal; earlier sweeps kept values only."""
        return cls(dict(row["scores"]), dict(row.get("missing", {})), dict(row.get("judges", {})))

    def add(self, metric: Metric | SeedDiversity, found: float | Missing) -> None:
        """Keep a score in the place of an earlier one."""
        self.missing.pop(metric.name, None)
        self.judges.pop(metric.name, None)
        self.values[metric.name] = None if isinstance(found, Missing) else found
        if isinstance(found, Missing):
            self.missing[metric.name] = found.reason
        if metric.judge:
            self.judges[metric.name] = metric.judge

    def lacks(self, metric: Metric) -> bool:
        """Whether a score has to be given: there is none, it failed, or another network judged."""
        name = metric.name
        failed = self.missing.get(name, "").startswith(FAILED)
        return name not in self.values or failed or self.judges.get(name, "") != metric.judge

    def as_row(self) -> dict[str, Any]:
        """Its part of a line of the journal."""
        return {"scores": self.values, "missing": self.missing, "judges": self.judges}


def score(metrics: Sequence[Metric], pictures: Sequence[Picture]) -> list[Scores]:
    """The scores of pictures, many at once."""
    found = [Scores() for _ in pictures]
    for metric in metrics:
        for scores, value in zip(found, judge(metric, pictures), strict=True):
            scores.add(metric, value)
    return found
