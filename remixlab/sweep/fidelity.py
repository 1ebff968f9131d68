"""A fidelity sweep from its settings to its run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import nn

from remixlab.errors import InvalidConfig, InvalidRequest
from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.metric import Metric
from remixlab.outputs import check_folder
from remixlab.product import cut_out
from remixlab.remix import Remixer
from remixlab.sweep.baselines import write_baselines
from remixlab.sweep.config import FidelityConfig, SweepConfig
from remixlab.sweep.grid import Cell, expand, parse_axis
from remixlab.sweep.identity import Settings, check_identity, identity
from remixlab.sweep.lock import locked
from remixlab.sweep.plan import Plan, plan_sweep
from remixlab.sweep.ray_pool import ray_executor
from remixlab.sweep.record import write_inputs, write_record
from remixlab.sweep.rescore import rescore
from remixlab.sweep.run import Batch, named, run_sweep
from remixlab.sweep.scores import Judges, scores_for, scores_of_groups, warnings_about
from remixlab.sweep.store import Store, read_journal
from remixlab.sweep.table import write_table


@dataclass(frozen=True)
class Sweep:
    """Everything that a sweep needs, checked before any work is spent."""

    config: FidelityConfig
    folder: Path
    identity: Settings
    cells: list[Cell]
    remixer: Remixer
    metrics: list[Metric]
    notes: list[str]

    @classmethod
    def prepare(cls, config: FidelityConfig) -> Sweep:
        """Expand the grid, then load the suite and what scores it.

        Raises:
            InvalidConfig: a folder that cannot be written or holds another run, a bad axis, an
                empty grid, a product that cannot be cut out, or a scorer that nobody knows.
            MissingWeights: the suite's or a scorer's files are not to be had.
        """
        folder = Path(config.out) / f"{config.name}_{config.model.name}"
        check_folder("out", folder)
        cells = expand_cells(config.sweep)
        check_products(cells, config.segmenter)
        remixer = Remixer.from_settings(config)
        settings = identity(config, remixer.suite, cells)
        check_identity(folder, settings)
        judges = Judges.load(config)
        metrics = [] if config.model.weights == "random" else scores_for(cells, judges)
        return cls(
            config,
            folder,
            settings,
            cells,
            remixer,
            metrics,
            notes_about(config, judges, remixer.suite.image_encoder),
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
        done = {row["id"] for row in read_journal(self.folder / "cells.jsonl")[0]}
        missing = [item for item in self.named_cells if item[0] not in done]
        kept = len(self.cells) - len(missing)
        return plan_sweep(self.remixer, missing, kept, self.metrics, measure=True)

    def run(self) -> Path:
        """Make what is missing, and score what has no score; returns the run folder.

        Raises:
            FolderInUse: another process works in the folder.
            InvalidConfig: the folder holds another run; nothing in it was changed.
        """
        with locked(self.folder):
            check_identity(self.folder, self.identity)  # again: now nobody else writes
            self._run()
        return self.folder

    def _run(self) -> None:
        store, segmenter = Store(self.folder), self.config.segmenter
        axes = {name: parse_axis(name, spec) for name, spec in self.config.sweep.axes.items()}
        write_record(
            self.folder,
            self.config,
            self.remixer,
            axes=axes,
            metrics=[*self.metrics, *self.group_metrics],
            notes=self.notes,
            identity=self.identity,
        )
        write_inputs(self.folder, self.cells)
        rescore(store, self.named_cells, self.metrics, segmenter)
        executor = ray_executor(self.config) if self.config.sweep.executor == "ray" else None
        run_sweep(self.remixer, self.named_cells, self.metrics, store, executor)
        write_table(self.named_cells, self.group_metrics, store, segmenter)
        write_baselines(self.folder, self.cells, self.metrics, segmenter)


def expand_cells(sweep: SweepConfig) -> list[Cell]:
    """The cells of a sweep, products reduced to `longest_side`.

    Raises InvalidConfig as `expand` does, and for no axes at all.
    """
    if not sweep.axes:
        raise InvalidConfig(field="sweep.axes", value="{}", accepted="at least product_image")
    return expand(sweep.axes, paired=sweep.paired, longest_side=sweep.longest_side)


def check_products(cells: Sequence[Cell], segmenter: str) -> None:
    """Cut every product out once, before hours of work end at one that cannot be.

    Raises InvalidConfig, naming the file.
    """
    products = {cell.values["product_image"]: cell.request.product for cell in cells}
    for path, product in products.items():
        try:
            cut_out(product, segmenter)
        except InvalidRequest as error:
            raise InvalidConfig(
                field="sweep.axes.product_image", value=str(path), accepted=error.accepted
            ) from error


def notes_about(
    config: FidelityConfig, judges: Judges, image_encoder: nn.Module | None
) -> list[str]:
    """What stands above all scores of a run; `image_encoder` is the suite's, None if unknown."""
    if config.model.weights == "random":
        return ["The weights are random: there is nothing to score."]
    return warnings_about(judges.scorer, image_encoder)
