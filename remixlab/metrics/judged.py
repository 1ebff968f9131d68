"""Scores with those that are missing: one picture that a score means nothing for stops no run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.metric import DoesNotApply, Metric, Picture

FAILED = "failed: "  # what the reason of a score begins with that is worth another try
_LONGEST = 200  # characters of a reason


@dataclass(frozen=True)
class Missing:
    """No score, and why, in words."""

    reason: str


def judge(metric: Metric, pictures: Sequence[Picture]) -> list[float | Missing]:
    """The score of each picture, or why there is none.

    All at once where that works, else picture by picture, so that each has its own reason: the
    score does not apply, is no finite number, or failed. Pictures cost far more than scores, so
    a network that breaks must not lose them.
    """
    try:
        return [_checked(value) for value in metric.score(pictures)]
    except Exception as error:
        if len(pictures) == 1:
            return [_told(error)]
    return [one for picture in pictures for one in judge(metric, [picture])]


def judge_together(metric: SeedDiversity, pictures: Sequence[Picture]) -> list[float | Missing]:
    """The same for a score that compares the pictures: it is there for all of them or for none."""
    try:
        return [_checked(value) for value in metric.score(pictures)]
    except Exception as error:
        return [_told(error)] * len(pictures)


def _checked(value: float) -> float | Missing:
    return value if math.isfinite(value) else Missing(f"it is no finite number ({value})")


def _told(error: Exception) -> Missing:
    if isinstance(error, DoesNotApply):
        return Missing(str(error))
    shown = " ".join(f"{type(error).__name__}: {error}".split())
    return Missing(f"{FAILED}{shown}"[:_LONGEST])
