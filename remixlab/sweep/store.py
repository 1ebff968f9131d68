"""Where a sweep's results go: a journal that survives a kill at any moment, and pictures.

A result is one line of `cells.jsonl`, written after its pictures are whole on the disk. A line cut
short by a kill is taken off when the store is opened again, and its cell made anew; so no cell is
lost and none is there twice. Scores that are given later are one more line, which counts instead of
the earlier one. A store writes, so whoever opens one holds the folder, see `lock`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidConfig, RemixError
from remixlab.files import write_whole
from remixlab.sweep.scoring import Scores


class Store:
    """The results in one folder; `rows` are those that are done, by cell id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "cells.jsonl"
        (folder / "images").mkdir(parents=True, exist_ok=True)
        self.rows = {row["id"]: row for row in self._recovered()}

    def __contains__(self, cell: str) -> bool:
        return cell in self.rows

    def add(
        self,
        row: Mapping[str, Any],
        pictures: Mapping[str, Image.Image],
        text: Mapping[str, str] | None = None,
    ) -> None:
        """Keep one cell: `row` with its `id`, and pictures as `images/ID_NAME.png`, lossless.

        `text` is what the PNG files carry, beside which of the pictures each of them is. A cell
        that is there already stays as it is.
        """
        if row["id"] in self:
            return
        for name, picture in pictures.items():
            told = {**text, images.PICTURE_KEY: name} if text else None
            write_whole(self.picture(row["id"], name), images.encode_png(picture, told))
        self._append(row)

    def rescore(self, cell: str, scores: Scores) -> None:
        """Keep a cell's scores in the place of those that it had."""
        self._append({**self.rows[cell], **scores.as_row()})

    def _append(self, row: Mapping[str, Any]) -> None:
        line = json.dumps(row, sort_keys=True, allow_nan=False) + "\n"
        with self.journal.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.rows[row["id"]] = json.loads(line)  # as it will be read again

    def picture(self, cell: str, name: str) -> Path:
        """The file of a cell's picture."""
        return self.folder / "images" / f"{cell}_{name}.png"

    def read(self, cell: str, name: str) -> Image.Image | None:
        """A cell's picture, RGB; None where it is gone or broken."""
        try:
            return images.flatten(images.decode(self.picture(cell, name), field=name))
        except RemixError:
            return None

    def _recovered(self) -> list[dict[str, Any]]:
        rows, whole = read_journal(self.journal)
        if self.journal.exists() and whole < self.journal.stat().st_size:
            with self.journal.open("r+b") as file:
                file.truncate(whole)
        return rows


def read_journal(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of a journal, none where there is no file, and how many bytes they are.

    Raises InvalidConfig for a file that is none.
    """
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    try:
        return [json.loads(line) for line in whole.splitlines()], len(whole)
    except ValueError as error:
        raise InvalidConfig(
            field="output", value=str(path), accepted="a journal that a sweep wrote"
        ) from error


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the journal as a row of the table."""
    found = Scores.of_row(row)
    last = {"warnings": row["warnings"], "missing": found.missing, "judges": found.judges}
    return {"id": row["id"], **row["values"], **found.values, **last}
