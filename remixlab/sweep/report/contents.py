"""What a run folder holds, as the report sees it: checked, and free of files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from remixlab.metrics.metric import Better

PICTURES = ("product_image", "ref_image")
BASELINES = {"blurred_reference": "blurred reference", "mean_colour": "mean colour"}


@dataclass(frozen=True)
class MetricInfo:
    """A score: its name, unit, direction, and what it is in one sentence.

    `judge` is the network that gives it; "" where none does, None where nobody wrote it down.
    """

    name: str
    unit: str
    better: Better
    about: str
    judge: str | None = None

    @property
    def direction(self) -> str:
        """The direction in words."""
        return "no better direction" if self.better == "neither" else f"{self.better} is better"


@dataclass(frozen=True)
class Dimension:
    """One direction of the grid: an axis, or several that run side by side.

    `values` holds one tuple for each step, with one value for each of `axes`.
    """

    axes: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    @property
    def name(self) -> str:
        """The names of its axes."""
        return " + ".join(self.axes)

    @property
    def numeric(self) -> bool:
        """Whether it is one axis of numbers."""
        return len(self.axes) == 1 and all(is_number(step[0]) for step in self.values)

    @property
    def dials(self) -> tuple[str, ...]:
        """Its numeric axes with more than one value; a seed is a sample and no dial."""
        columns = zip(self.axes, zip(*self.values, strict=True), strict=True)
        varied = {n: c for n, c in columns if n != "seed" and all(map(is_number, c))}
        return tuple(name for name, column in varied.items() if len(set(column)) > 1)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """How each step is shown; pictures by their file name where that tells them apart."""
        columns = zip(self.axes, zip(*self.values, strict=True), strict=True)
        shown = [_labels(name, column) for name, column in columns]
        return tuple(", ".join(step) for step in zip(*shown, strict=True))


@dataclass(frozen=True)
class Cell:
    """One picture: `at` is its step along each dimension.

    Scores that are not there are None in `scores`, and `missing` says why.
    """

    id: str
    at: tuple[int, ...]
    values: Mapping[str, Any]
    scores: Mapping[str, float | None]
    warnings: tuple[str, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The scores of one picture that a trivial method made, see `Cell`."""

    kind: str
    scores: Mapping[str, float | None]
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A whole run. With random weights there are no metrics, scores or baselines in it."""

    folder: Path
    label: str
    name: str
    model: str
    licence: str
    weights: str
    created: str
    dimensions: tuple[Dimension, ...]
    metrics: tuple[MetricInfo, ...]
    cells: tuple[Cell, ...]
    baselines: tuple[Baseline, ...]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]
    attachments: Mapping[str, str]

    @property
    def planned(self) -> int:
        """How many cells the grid has."""
        return math.prod(len(dimension.values) for dimension in self.dimensions)

    @property
    def scored(self) -> bool:
        """Whether its scores mean anything."""
        return self.weights != "random"

    @property
    def dials(self) -> tuple[str, ...]:
        """The numeric axes that vary."""
        return tuple(dial for dimension in self.dimensions for dial in dimension.dials)

    def dimension_of(self, axis: str) -> Dimension:
        """The dimension that an axis belongs to; KeyError where there is no such axis."""
        for dimension in self.dimensions:
            if axis in dimension.axes:
                return dimension
        raise KeyError(axis)


def is_number(value: Any) -> bool:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def value_label(value: Any) -> str:
    """A value of an axis as it is shown."""
    if value is None:
        return "none"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _labels(name: str, column: tuple[Any, ...]) -> list[str]:
    shown = [value_label(value) for value in column]
    if name not in PICTURES:
        return shown
    short = [PurePath(text).name for text in shown]
    return short if len(set(short)) == len(set(shown)) else shown
