"""All scores of a run again, from its folder alone: `remixlab rescore`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from remixlab.config import check_config
from remixlab.errors import InvalidConfig, MissingWeights, RemixError
from remixlab.models.read import read_image_encoder
from remixlab.models.spec import SuiteSpec
from remixlab.replay.inputs import Inputs
from remixlab.replay.metadata import read_kept
from remixlab.replay.record import Record
from remixlab.sweep.baselines import write_baselines
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.fidelity import notes_about
from remixlab.sweep.grid import Cell
from remixlab.sweep.lock import locked
from remixlab.sweep.record import update_record
from remixlab.sweep.rescore import rescore
from remixlab.sweep.run import Batch
from remixlab.sweep.scores import Judges, scores_for, scores_of_groups
from remixlab.sweep.store import Store
from remixlab.sweep.table import write_table

JUDGES = ("scorer", "dino", "csd", "runtime.device")


def rescore_run(folder: Path, judges: Sequence[str] = ()) -> None:
    """Score every picture of a run again: cells, baselines, table and record; no picture is made.

    Products and references are those in the run's `inputs/`. A run that is not finished stays so:
    its table is written when it is.

    Args:
        folder: of the run.
        judges: `key=value` for `scorer`, `dino`, `csd` or `runtime.device`; what is not given
            stays as it was.

    Raises:
        InvalidConfig: no run there, one of random weights, another key, or a scorer that nobody
            knows.
        MissingWeights: those of a scorer are not to be had.
        FolderInUse: another process works in the folder.
        InvalidImage, InvalidRecord: not one picture can be read with what it was made from.
    """
    config = _config(folder, judges)
    judging = Judges.load(config)
    with locked(folder):
        store = Store(folder)
        cells = _cells(store)
        requests = [cell for _, cell in cells]
        metrics, groups = scores_for(requests, judging), scores_of_groups(requests)
        rescore(store, cells, metrics, config.segmenter, anew=True)
        if (folder / "cells.parquet").is_file():
            write_table(cells, groups, store, config.segmenter)
            write_baselines(folder, requests, metrics, config.segmenter, anew=True)
        notes = notes_about(config, judging, _image_encoder(config) if judging.scorer else None)
        update_record(folder, config, [*metrics, *groups], notes)


def _config(folder: Path, judges: Sequence[str]) -> FidelityConfig:
    """The settings that the run keeps, with other judges."""
    path = folder / "config.yaml"
    if not (folder / "sweep.json").is_file():
        raise InvalidConfig(field="run", value=str(folder), accepted="the run folder of a sweep")
    for text in judges:
        key, given, _ = text.partition("=")
        if not given or key not in JUDGES:
            accepted = f"key=value with one of {', '.join(JUDGES)}"
            raise InvalidConfig(field="rescore", value=text, accepted=accepted)
    try:
        kept, typed = OmegaConf.load(path), OmegaConf.from_dotlist(list(judges))
        merged = OmegaConf.merge(OmegaConf.structured(FidelityConfig), kept, typed)
        config = cast(FidelityConfig, OmegaConf.to_object(merged))
    except (OSError, yaml.YAMLError, OmegaConfBaseException) as error:
        accepted = f"the settings of a sweep ({str(error)[:120]})"
        raise InvalidConfig(field="run", value=str(path), accepted=accepted) from error
    check_config(config)
    if config.model.weights == "random":
        accepted = "a run of pretrained weights: random ones leave nothing to score"
        raise InvalidConfig(field="run", value=str(folder), accepted=accepted)
    return config


def _cells(store: Store) -> Batch:
    """The finished cells with the requests that they were made from, as their pictures tell."""
    inputs, cells = Inputs(run=store.folder), []
    failed: RemixError | None = None
    for number, name in enumerate(_names(store)):
        try:
            kept = read_kept(store.picture(name, "image"))
            request = inputs.request(Record.from_described(kept.described))
        except RemixError as error:
            failed = failed or error
        else:
            cells.append((name, Cell(number, store.rows[name]["values"], request)))
    if not cells:
        accepted = "the run folder of a sweep with finished cells"
        raise failed or InvalidConfig(field="run", value=str(store.folder), accepted=accepted)
    return cells


def _names(store: Store) -> list[str]:
    """The cells of the table in its order, where there is one, else those of the journal."""
    try:
        rows: list[dict[str, Any]] = pq.read_table(store.folder / "cells.parquet").to_pylist()
    except FileNotFoundError:
        return list(store.rows)
    except (pa.ArrowException, OSError) as error:
        path = str(store.folder / "cells.parquet")
        raise InvalidConfig(field="run", value=path, accepted="a table of a sweep") from error
    return [name for row in rows if (name := str(row.get("id"))) in store]


def _image_encoder(config: FidelityConfig) -> nn.Module | None:
    """The suite's, to compare a scorer with; None where its weights are not to be had."""
    try:
        return read_image_encoder(SuiteSpec.from_config(config.model), torch.float32)
    except MissingWeights:
        return None
