"""What a run folder says, and what is said about a folder that is wrong."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remixlab.errors import InvalidConfig
from remixlab.rows import write_rows
from remixlab.sweep.report.contents import Dimension, Run
from remixlab.sweep.report.embedded import csv_text
from remixlab.sweep.report.markdown import markdown
from remixlab.sweep.report.overview import missing
from remixlab.sweep.report.pareto import style_metric
from remixlab.sweep.report.read import read_run
from tests.sweep.report.synthetic import AXES, scores, write_run


def test_every_cell_is_where_its_values_are(run: Run) -> None:
    assert run.planned == len(run.cells) == 24
    for cell in run.cells:
        for dimension, step in zip(run.dimensions, cell.at, strict=True):
            assert dimension.values[step] == tuple(cell.values[axis] for axis in dimension.axes)
    assert run.dials == ("style_fidelity", "outline_fidelity")
    assert run.attachments == {"config.yaml": "steps: 8\n"}
    assert run.label == "style_x_outline (mini)" and len(run.baselines) == 4


def test_paired_axes_are_one_dimension(tmp_path: Path) -> None:
    axes = AXES | {"product_image": ["a.png", "b.png"], "prompt": ["one", "two"]}
    run = read_run(write_run(tmp_path / "run", axes=axes, paired=[["product_image", "prompt"]]))
    assert run.dimensions[0] == Dimension(
        ("product_image", "prompt"), (("a.png", "one"), ("b.png", "two"))
    )
    assert run.planned == len(run.cells) == 48
    assert run.dimensions[0].labels == ("a.png, one", "b.png, two")


def test_pictures_are_shown_by_the_names_that_tell_them_apart() -> None:
    assert Dimension(("ref_image",), (("a/x.png",), (None,))).labels == ("x.png", "none")
    assert Dimension(("ref_image",), (("a/x.png",), ("b/x.png",))).labels == ("a/x.png", "b/x.png")


def test_scores_that_are_no_numbers_are_missing(tmp_path: Path) -> None:
    def holes(row: Any) -> dict[str, Any]:
        lost = {0: None, 0.5: float("nan"), 1: 0.5}[row["style_fidelity"]]
        return scores(row) | {"leakage": lost}

    run = read_run(write_run(tmp_path / "run", score=holes))
    assert {cell.scores["leakage"] for cell in run.cells} == {None, 0.5}


def test_an_unfinished_run_has_fewer_cells_than_planned(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", keep=lambda row: row["seed"] == 1))
    assert (len(run.cells), run.planned) == (12, 24)
    nothing = read_run(write_run(tmp_path / "none", keep=lambda row: False))
    assert (len(nothing.cells), nothing.planned) == (0, 24)


def test_a_killed_run_is_read_from_its_journal(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    rows = pq.read_table(folder / "cells.parquet").to_pylist()[:5]
    (folder / "cells.parquet").unlink()
    lines = [
        {
            "id": row["id"],
            "values": {axis: row[axis] for axis in AXES},
            "scores": {"leakage": row["leakage"]},
            "warnings": [],
        }
        for row in rows
    ]
    whole = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "cells.jsonl").write_text(whole + '{"id": "cut sho')
    run = read_run(folder)
    assert {cell.id: cell.scores["leakage"] for cell in run.cells} == {
        row["id"]: row["leakage"] for row in rows
    }
    assert {cell.scores["clip_style"] for cell in run.cells} == {None}
    (folder / "cells.jsonl").write_text('{"other": 1}\n')
    with pytest.raises(InvalidConfig, match="a journal that a sweep wrote"):
        read_run(folder)


def test_random_weights_leave_no_scores(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", weights="random"))
    assert not run.scored and not run.metrics and not run.baselines
    assert len(run.cells) == 24 and all(not cell.scores for cell in run.cells)


def test_runs_without_baselines_are_fine(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "baselines.parquet").unlink()
    assert read_run(folder).baselines == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": None}, "'metrics': a list"),
        ({"axes": {"seed": 3}}, "'seed' is none"),
        ({"axes": AXES | {"seed": [[1], [2]]}}, "text, numbers and null as the values of 'seed'"),
        ({"axes": AXES | {"seed": [1, 2, 2]}}, "every value of 'seed' once"),
        ({"axes": AXES | {"seed": [1, 3]}}, "every cell of sweep.json's grid once"),
        ({"paired": [["seed", "style_fidelity"]]}, "paired axes that are there and equally long"),
        ({"weights": "none"}, "pretrained, random"),
        ({"metrics": [{"name": "../../x"}]}, "letters, digits and underscores"),
        ({"axes": {"../x": [1]}}, "'../x' is none"),
    ],
)
def test_a_wrong_description_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = write_run(tmp_path / "run")
    path = folder / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidConfig, match=message) as caught:
        read_run(folder)
    assert "run/" in str(caught.value.value)


@pytest.mark.parametrize("content", [None, "not json", "[]", "[" * 100_000])
def test_what_is_no_run_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(InvalidConfig) as caught:
        read_run(tmp_path)
    assert caught.value.value == str(tmp_path / "sweep.json")


def rewritten(folder: Path, **columns: Any) -> Path:
    """The cells with columns replaced, or taken out where they are None."""
    path = folder / "cells.parquet"
    rows = pq.read_table(path).to_pylist()
    gone = [name for name, value in columns.items() if value is None]
    changed = [{k: v for k, v in (r | columns).items() if k not in gone} for r in rows]
    pq.write_table(pa.Table.from_pylist(changed), path)
    return path


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"seed": None, "id": None}, "columns id, seed"),
        ({"leakage": "high"}, "numbers in the column leakage"),
        ({"id": "../../etc/passwd"}, "ids of letters"),
        ({"seed": 1}, "every cell of sweep.json's grid once"),
    ],
)
def test_a_wrong_table_is_refused_by_name(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    folder = write_run(tmp_path / "run")
    path = rewritten(folder, **columns)
    with pytest.raises(InvalidConfig, match=message) as caught:
        read_run(folder)
    assert caught.value.value == str(path)


@pytest.mark.parametrize("name", ["cells.parquet", "baselines.parquet"])
def test_a_broken_table_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = write_run(tmp_path / "run")
    (folder / name).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InvalidConfig) as caught:
        read_run(folder)
    assert caught.value.value == str(folder / name)


def test_a_missing_table_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "cells.parquet").unlink()
    with pytest.raises(InvalidConfig, match="no such file"):
        read_run(folder)


def test_a_score_without_a_column_was_not_given_yet(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    rewritten(folder, leakage=None)
    run = read_run(folder)
    assert {cell.scores["leakage"] for cell in run.cells} == {None}
    assert missing(run) == ["No leakage in 24 cells: it was not scored yet."]


def test_reasons_are_read_and_told_with_how_often(tmp_path: Path) -> None:
    def holes(row: Any) -> dict[str, Any]:
        if row["seed"] == 2:
            return scores(row) | {"missing": {}}
        told = {"leakage": "it fills the frame", "clip_style": "it fills the frame"}
        return scores(row) | {"leakage": None, "clip_style": None, "missing": told}

    folder = write_run(tmp_path / "run", score=holes)
    path = folder / "cells.parquet"
    write_rows(path, _with_maps(path))
    run = read_run(folder)
    assert missing(run) == ["No clip_style and leakage in 12 cells: it fills the frame."]
    assert missing(run)[0] in markdown([run], [])
    assert style_metric([run]) is not None
    row = next(csv.DictReader(io.StringIO(csv_text(run), newline="")))
    assert row["missing"] == "clip_style: it fills the frame | leakage: it fills the frame"
    assert row["leakage"] == ""


def _with_maps(path: Path) -> list[dict[str, Any]]:
    """The rows with their reasons as a sweep writes them: Parquet made a structure of them."""
    rows = pq.read_table(path).to_pylist()
    return [
        row | {"missing": {k: v for k, v in (row["missing"] or {}).items() if v}} for row in rows
    ]


def test_of_a_style_score_that_no_cell_has_the_next_is_shown(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", score=lambda row: scores(row) | {"clip_style": None})
    style = style_metric([read_run(folder)])
    assert style is not None and style.name == "lab_wasserstein"


def test_of_several_lines_about_a_cell_the_last_counts(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    row = pq.read_table(folder / "cells.parquet").to_pylist()[0]
    (folder / "cells.parquet").unlink()
    values = {axis: row[axis] for axis in AXES}
    lines = [
        {"id": name, "values": values, "scores": {"leakage": leakage}, "warnings": []}
        for name, leakage in (("a" * 16, 0.1), (row["id"], 0.3), (row["id"], 0.2))
    ]
    (folder / "cells.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (cell,) = read_run(folder).cells
    assert cell.scores["leakage"] == 0.2
