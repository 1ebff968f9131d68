"""The journal of a run folder, read as input that anybody may have written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remixlab.errors import InvalidRecord
from remixlab.replay.metadata import LONGEST, parse, refuse

_ID = re.compile(r"[0-9a-f]{16}")  # an id becomes a file name
_MOST = 4096  # cells of a batch


@dataclass(frozen=True)
class KeptCell:
    """A finished cell: its id, and the ids of all that were made in its batch."""

    name: str
    batch: tuple[str, ...]


def read_cells(folder: Path) -> list[KeptCell]:
    """The finished cells of a run in the order in which they were made.

    Raises:
        InvalidRecord: no journal there, or a line that no sweep wrote. A last line that a kill cut
            short does not count.
    """
    path = folder / "cells.jsonl"
    if not path.is_file():
        raise InvalidRecord(
            field=str(folder), value="no cells.jsonl", accepted="a PNG, or the folder of a sweep"
        )
    cells = {cell.name: cell for cell in _cells(path)}
    for cell in cells.values():
        missing = [name for name in cell.batch if name not in cells and name != cell.name]
        if missing:
            refuse(path, missing[0], "cells that are there beside those of their batch")
    return list(cells.values())


def choose(cells: list[KeptCell], name: str | None, limit: int | None) -> list[KeptCell]:
    """The cell of that id, or the first `limit`, or all; raises InvalidRecord for no such id."""
    if name is None:
        return cells[:limit]
    chosen = [cell for cell in cells if cell.name == name]
    if not chosen:
        raise InvalidRecord(field="cell", value=name, accepted="the id of a finished cell")
    return chosen


def _cells(path: Path) -> Iterator[KeptCell]:
    with path.open("rb") as file:
        while line := file.readline(4 * LONGEST):
            if line.endswith(b"\n"):
                yield _cell(path, line)
            elif len(line) == 4 * LONGEST:
                refuse(path, f"a line of {len(line)} bytes or more", "the lines of a sweep")


def _cell(path: Path, line: bytes) -> KeptCell:
    try:
        row: dict[str, Any] = parse(line.decode(), where=path)
    except UnicodeDecodeError:
        refuse(path, "other bytes", "UTF-8")
    name, batch = row.get("id"), row.get("batch", [row.get("id")])
    valid = isinstance(batch, list) and 0 < len(batch) <= _MOST and name in batch
    if not valid or not all(isinstance(n, str) and _ID.fullmatch(n) for n in batch):
        refuse(path, name, "ids of 16 hexadecimal digits, of a cell and of its batch")
    return KeptCell(str(name), tuple(batch))
