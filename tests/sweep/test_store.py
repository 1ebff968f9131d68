"""A journal that survives whatever happens to the process that writes it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from remixlab.errors import InvalidConfig
from remixlab.rows import write_rows
from remixlab.sweep import store as store_module
from remixlab.sweep.scoring import Scores
from remixlab.sweep.store import Store

PICTURE = Image.new("RGB", (4, 4), (1, 2, 3))


def filled(folder: Path, count: int) -> Store:
    store = Store(folder)
    for number in range(count):
        store.add({"id": f"cell{number}", "value": number}, {"image": PICTURE}, {"k": "v"})
    return store


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    before = filled(tmp_path, 3)
    again = Store(tmp_path)
    assert again.rows == before.rows and list(again.rows) == ["cell0", "cell1", "cell2"]
    assert "cell2" in again and "cell3" not in again
    with Image.open(again.picture("cell1", "image")) as picture:
        told = picture.text  # pyright: ignore[reportAttributeAccessIssue]
        assert told == {"k": "v", "remixlab-picture": "image"}
        assert picture.tobytes() == PICTURE.tobytes()


def test_a_line_cut_short_at_any_byte_is_made_anew(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    journal = tmp_path / "cells.jsonl"
    content = journal.read_bytes()
    third = content.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(third, len(content)):
        journal.write_bytes(content[:cut])
        again = Store(tmp_path)
        assert list(again.rows) == ["cell0", "cell1"]
        assert filled(tmp_path, 3).rows.keys() == {"cell0", "cell1", "cell2"}
        assert journal.read_bytes() == content


def test_no_cell_is_there_twice(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    size = store.journal.stat().st_size
    store.add({"id": "cell0", "value": 9}, {"image": PICTURE})
    assert store.journal.stat().st_size == size and store.rows["cell0"]["value"] == 0


def test_no_line_without_its_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = filled(tmp_path, 1)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(store_module.os, "fsync", full)
        store.add({"id": "cell1", "value": 1}, {"image": PICTURE})
    again = Store(tmp_path)
    assert list(again.rows) == ["cell0"] and not again.picture("cell1", "image").exists()


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cells.jsonl").write_text("something else\n")
    with pytest.raises(InvalidConfig, match="a journal that a sweep wrote"):
        Store(tmp_path)
    assert (tmp_path / "cells.jsonl").read_text() == "something else\n"


def test_the_scores_that_were_given_last_count(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    for value in (1.0, None):
        missing = {} if value else {"leakage": "why"}
        store.rescore("cell0", Scores({"leakage": value}, missing))
    again = Store(tmp_path)
    assert list(again.rows) == ["cell0", "cell1"] and again.rows == store.rows
    assert again.rows["cell0"]["missing"] == {"leakage": "why"}
    assert again.rows["cell0"]["value"] == 0 and "scores" not in again.rows["cell1"]


def test_a_table_has_every_column_that_any_row_has(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "missing": {}, "leakage": None, "old": None, "warnings": []},
        {"id": "b", "missing": {"x": "why"}, "leakage": 0.5, "old": None, "more": 2.0},
    ]
    write_rows(tmp_path / "t.parquet", rows)
    first, second = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert first == rows[0] | {"missing": [], "more": None}
    assert second == rows[1] | {"missing": [("x", "why")], "warnings": None}
