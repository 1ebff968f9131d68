"""A fidelity sweep from its settings to its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from remixlab.errors import InvalidConfig
from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.metric import Metric
from remixlab.outputs import check_folder
from remixlab.remix import Remixer
from remixlab.sweep.config import FidelityConfig, SweepConfig
from remixlab.sweep.grid import Cell, expand, parse_axis
from remixlab.sweep.plan import Plan, plan_sweep
from remixlab.sweep.ray_pool import ray_executor
from remixlab.sweep.record import write_baselines, write_inputs, write_record
from remixlab.sweep.run import Batch, named, run_sweep
from remixlab.sweep.scores import Judges, scores_for, scores_of_groups, warnings_about
from remixlab.sweep.store import Store
from remixlab.sweep.table import write_table


@dataclass(frozen=True)
class Sweep:
    """Everything that a sweep needs, checked before any work is spent."""

    config: FidelityConfig
    folder: Path
    cells: list[Cell]
    remixer: Remixer
    metrics: list[Metric]
    notes: list[str]

    @classmethod
    def prepare(cls, config: FidelityConfig) -> Sweep:
        """Expand the grid, then load the suite and what scores it.

        Raises:
            InvalidConfig: a folder that cannot be written, a bad axis, an empty grid, or a scorer
                that nobody knows.
            MissingWeights: the suite's or a scorer's files are not to be had.
        """
        folder = Path(config.out) / f"{config.name}_{config.model.name}"
        check_folder("out", folder)
        cells = expand_cells(config.sweep)
        remixer = Remixer.from_settings(config)
        judges = Judges.load(config)
        metrics = [] if config.model.weights == "random" else scores_for(cells, judges)
        return cls(
            config,
            folder,
            cells,
            remixer,
            metrics,
            _notes(config, judges, remixer),
        )

    @cached_property
    def named_cells(self) -> Batch:
        """Every cell with its id, which takes hashing all that decides its picture."""
        return named(self.remixer, self.cells)

    @property
    def group_metrics(self) -> list[SeedDiversity]:
        """The scores that need several finished cells."""
        return scores_of_groups(self.cells) if self.metrics else []

    def plan(self) -> Plan:
        """Count and cost what is left of it; nothing is kept."""
        done = Store(self.folder).rows if (self.folder / "sweep.json").exists() else {}
        missing = [item for item in self.named_cells if item[0] not in done]
        kept = len(self.cells) - len(missing)
        return plan_sweep(self.remixer, missing, kept, self.metrics, measure=True)

    def run(self) -> Path:
        """Make what is missing; returns the run folder."""
        store = Store(self.folder)
        axes = {name: parse_axis(name, spec) for name, spec in self.config.sweep.axes.items()}
        write_record(
            self.folder,
            self.config,
            self.remixer,
            axes=axes,
            metrics=[*self.metrics, *self.group_metrics],
            notes=self.notes,
        )
        write_inputs(self.folder, self.cells)
        executor = ray_executor(self.config) if self.config.sweep.executor == "ray" else None
        run_sweep(self.remixer, self.named_cells, self.metrics, store, executor)
        write_table(self.remixer, self.named_cells, self.group_metrics, store)
        write_baselines(self.folder, self.cells, self.metrics, self.config.segmenter)
        return self.folder


def expand_cells(sweep: SweepConfig) -> list[Cell]:
    """The cells of a sweep, products reduced to `longest_side`.

    Raises InvalidConfig as `expand` does, and for no axes at all.
    """
    if not sweep.axes:
        raise InvalidConfig(field="sweep.axes", value="{}", accepted="at least product_image")
    return expand(sweep.axes, paired=sweep.paired, longest_side=sweep.longest_side)


def _notes(config: FidelityConfig, judges: Judges, remixer: Remixer) -> list[str]:
    if config.model.weights == "random":
        return ["The weights are random: there is nothing to score."]
    return warnings_about(judges.scorer, remixer.suite)
