"""One picture made again, or the cells of a run in the batches that they were made in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from remixlab.remix import Remixer
from remixlab.replay.compare import Verdict, check_weights, judge
from remixlab.replay.inputs import Inputs
from remixlab.replay.metadata import Kept, read_kept, refuse
from remixlab.replay.record import Record
from remixlab.replay.run import KeptCell
from remixlab.replay.settings import rebuild_config
from remixlab.request import RemixResult
from remixlab.sweep.run import remix_parts


@dataclass
class Suites:
    """Loads the suite that a record names, once for all records of the same settings.

    Args:
        overrides: typed `key=value`; they win over what is recorded.
        any_weights: also make pictures again with other weights than they were made with.
    """

    overrides: Sequence[str] = ()
    any_weights: bool = False
    _last: tuple[str, Remixer] | None = field(default=None, init=False)

    def remixer(self, record: Record) -> Remixer:
        """A remixer as the picture was made with.

        Raises:
            InvalidConfig, InvalidRecord: see `rebuild_config`.
            MissingWeights: the suite's files are not here.
            WeightsDiffer: a part of it is another, and `any_weights` is not set.
        """
        key = json.dumps([record.config, record.device], sort_keys=True)
        if self._last is None or self._last[0] != key:
            self._last = None  # its memory first
            config = rebuild_config(record, self.overrides)
            self._last = key, Remixer.from_settings(config)
        remixer = self._last[1]
        if not self.any_weights:
            check_weights(record, remixer.suite.provenance)
        return remixer


def replay_picture(path: Path, inputs: Inputs, suites: Suites) -> Verdict:
    """Make the picture of a file again, alone, and compare.

    Raises RemixError: what the file says cannot be read, is not allowed, or cannot be had here.
    """
    kept = read_kept(path)
    record = Record.from_described(kept.described)
    request = inputs.request(record)
    return judge(kept, suites.remixer(record).remix(request))


def replay_cells(
    folder: Path,
    cells: Sequence[KeptCell],
    inputs: Inputs,
    suites: Suites,
    *,
    batch_size: int | None = None,
) -> Iterator[tuple[str, Verdict]]:
    """Make cells of a run again and compare; gives each cell's id and how it came out.

    Args:
        folder: of the run.
        cells: which; every cell is made beside those that it was made beside, asked for or not.
        inputs: its pictures.
        suites: its suite.
        batch_size: make the cells in batches of so many instead.

    Raises RemixError as `replay_picture`.
    """
    for together, asked in _batches(cells, batch_size):
        kept = [read_kept(folder / "images" / f"{name}_image.png") for name in together]
        results = _made(kept, inputs, suites, batch_size)
        for name, one, result in zip(together, kept, results, strict=True):
            if name in asked:
                yield name, judge(one, result)


def _batches(
    cells: Sequence[KeptCell], batch_size: int | None
) -> Iterator[tuple[list[str], set[str]]]:
    """The ids to make together, and those of them that were asked for."""
    names = [cell.name for cell in cells]
    if batch_size is not None:
        for start in range(0, len(names), batch_size):
            part = names[start : start + batch_size]
            yield part, set(part)
        return
    asked: dict[tuple[str, ...], set[str]] = {}
    for cell in cells:
        asked.setdefault(cell.batch, set()).add(cell.name)
    yield from ((list(batch), some) for batch, some in asked.items())


def _made(
    kept: Sequence[Kept], inputs: Inputs, suites: Suites, batch_size: int | None
) -> list[RemixResult]:
    records = [Record.from_described(one.described) for one in kept]
    if any(_settings(record) != _settings(records[0]) for record in records):
        refuse(kept[0].path.parent, None, "cells of one suite and of the same settings")
    requests = [inputs.request(record) for record in records]
    remixer = suites.remixer(records[0])
    runtime = replace(remixer.config.runtime, batch_size=batch_size or len(requests))
    sized = Remixer(remixer.suite, replace(remixer.config, runtime=runtime))
    return [result for part in remix_parts(sized, requests) for result in part]


def _settings(record: Record) -> tuple[Any, ...]:
    """What all cells of a run share; a run that was resumed may have changed its runtime."""
    return {k: v for k, v in record.config.items() if k != "runtime"}, record.suite
