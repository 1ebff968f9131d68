"""Scores that are added later, given by another scorer, or tried again: no picture is made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

from remixlab.config import compose_config
from remixlab.errors import InvalidConfig, RemixError
from remixlab.metrics.richness import EdgeDensity
from remixlab.remix import Remixer
from remixlab.sweep import command
from remixlab.sweep.again import rescore_run
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import Sweep
from remixlab.sweep.lock import FolderInUse, locked
from remixlab.sweep.report import write_report
from remixlab.sweep.report.overview import missing
from remixlab.sweep.report.read import read_run
from tests.conftest import make_product, make_reference
from tests.sweep.test_missing import no_remix

BY_CLIP = {"clip_style", "prompt_score", "whole_prompt_score"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FidelityConfig:
    """A finished run of four cells that no network scored."""
    folder = tmp_path_factory.mktemp("made")
    make_product(64, 64, 0).save(folder / "p.png")
    make_reference(0).save(folder / "r.png")
    register_fidelity()
    config = cast(FidelityConfig, compose_config(["scorer=null", "steps=1"], name="fidelity"))
    config.sweep.axes = {
        "product_image": str(folder / "p.png"),
        "ref_image": str(folder / "r.png"),
        "prompt": "on marble",
        "seed": [1, 2],
        "style_fidelity": [0, 1],
    }
    config.out, config.name = str(folder / "runs"), "small"
    Sweep.prepare(config).run()
    return config


@pytest.fixture
def run(made: FidelityConfig, tmp_path: Path) -> tuple[FidelityConfig, Path]:
    """A copy of it, and its folder."""
    shutil.copytree(made.out, tmp_path / "runs")
    return replace(made, out=str(tmp_path / "runs")), tmp_path / "runs" / "small_mini"


def table(folder: Path, name: str = "cells") -> list[dict[str, Any]]:
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """The journal with its rows changed."""
    path = folder / "cells.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_scorer_that_is_put_in_later_scores_what_is_there(
    run: tuple[FidelityConfig, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = run
    before = table(folder)
    monkeypatch.setattr(Remixer, "remix_batch", no_remix)
    Sweep.prepare(replace(config, scorer="mini")).run()
    after = table(folder)
    assert not BY_CLIP & before[0].keys() and after[0].keys() >= BY_CLIP
    for old, new in zip(before, after, strict=True):
        assert {k: new[k] for k in old if k != "judges"} == {
            k: v for k, v in old.items() if k != "judges"
        }
        assert dict(new["judges"]) == dict.fromkeys(BY_CLIP, "mini")
        assert all(isinstance(new[name], float) for name in BY_CLIP)
    assert all(isinstance(row["clip_style"], float) for row in table(folder, "baselines"))
    assert "clip_style" in write_report([folder], folder).read_text()
    journal = (folder / "cells.jsonl").read_bytes()
    Sweep.prepare(replace(config, scorer="mini")).run()  # nothing is lacking any more
    assert (folder / "cells.jsonl").read_bytes() == journal and table(folder) == after


def test_a_folder_alone_is_scored_again(run: tuple[FidelityConfig, Path], capsys: Any) -> None:
    _, folder = run
    before = table(folder)
    rewrite(folder, lambda row: row["scores"].update(edge_density=-1.0))
    command.rescore(folder, ["scorer=mini"])
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    after = table(folder)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    for old, new in zip(before, after, strict=True):
        assert new["diversity"] == old["diversity"] and new["edge_density"] == old["edge_density"]
        assert new["clip_style"] != 0 and new["leakage"] == old["leakage"]
    record = json.loads((folder / "sweep.json").read_text())
    assert {m["name"]: m["judge"] for m in record["metrics"]}["clip_style"] == "mini"
    assert (
        "mini scorer" in record["notes"][0]
        and "scorer: mini" in (folder / "config.yaml").read_text()
    )
    assert record["identity"]["settings"]["steps"] == 1
    rescore_run(folder)  # as before
    assert table(folder) == after


def test_between_a_new_scorer_and_its_scores_the_report_says_so(
    run: tuple[FidelityConfig, Path],
) -> None:
    _, folder = run
    path = folder / "sweep.json"
    record = json.loads(path.read_text())
    about = {"name": "clip_style", "unit": "", "better": "higher", "about": "x", "judge": "new"}
    path.write_text(json.dumps(record | {"metrics": [*record["metrics"], about]}))
    assert "No clip_style in 4 cells: it was not scored yet." in missing(read_run(folder))
    rewrite(folder, lambda row: row.update(judges={"clip_style": "old"}))
    rewrite(folder, lambda row: row["scores"].update(clip_style=5.0))
    (folder / "cells.parquet").unlink()
    run_ = read_run(folder)
    assert {cell.scores["clip_style"] for cell in run_.cells} == {None}
    assert "No clip_style in 4 cells: old gave it, and new has not scored it yet." in missing(run_)


def test_a_score_that_failed_is_tried_again(
    run: tuple[FidelityConfig, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = run
    before = table(folder)

    def broken(*_: Any) -> float:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(EdgeDensity, "of", broken)
        rescore_run(folder)
    assert {dict(row["missing"])["edge_density"] for row in table(folder)} == {
        "failed: RuntimeError: out of luck"
    }
    monkeypatch.setattr(Remixer, "remix_batch", no_remix)
    Sweep.prepare(config).run()
    assert [row["edge_density"] for row in table(folder)] == [row["edge_density"] for row in before]
    assert {row["edge_density"] is None for row in table(folder, "baselines")} == {False}


def test_where_a_picture_is_lost_its_scores_stay(run: tuple[FidelityConfig, Path]) -> None:
    _, folder = run
    (first, *_) = table(folder)
    (folder / "images" / f"{first['id']}_background.png").write_bytes(b"")
    rescore_run(folder, ["scorer=mini"])
    lost, *others = table(folder)
    assert lost["edge_density"] == first["edge_density"] and lost["clip_style"] is None
    assert "cannot be read" in dict(lost["missing"])["clip_style"]
    assert all(row["clip_style"] is not None for row in others)
    write_report([folder], folder)


def test_a_run_of_before_opens_resumes_and_is_scored_again(
    run: tuple[FidelityConfig, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = run
    path = folder / "sweep.json"
    record = json.loads(path.read_text())
    del record["identity"]
    for metric in record["metrics"]:
        del metric["judge"]
    path.write_text(json.dumps(record))
    rewrite(folder, lambda row: (row.pop("missing"), row.pop("judges")))
    for name in ("cells", "baselines"):
        kept = pq.read_table(folder / f"{name}.parquet").drop_columns(["missing", "judges"])
        pq.write_table(kept, folder / f"{name}.parquet")
    (folder / "sweep.lock").unlink()
    opened = read_run(folder)
    assert len(opened.cells) == 4 and missing(opened) == []
    write_report([folder], folder)
    with monkeypatch.context() as patch:
        patch.setattr(Remixer, "remix_batch", no_remix)
        Sweep.prepare(config).run()
    rescore_run(folder, ["scorer=mini"])
    assert missing(read_run(folder)) == []
    with pytest.raises(InvalidConfig, match="steps is 1 there and 2 here"):
        Sweep.prepare(replace(config, steps=2))


def test_an_unfinished_run_is_scored_and_stays_unfinished(
    run: tuple[FidelityConfig, Path],
) -> None:
    config, folder = run
    (folder / "cells.parquet").unlink()
    (folder / "baselines.parquet").unlink()
    lines = (folder / "cells.jsonl").read_text().splitlines(keepends=True)
    (folder / "cells.jsonl").write_text("".join(lines[:2]))
    rescore_run(folder, ["scorer=mini"])
    assert not (folder / "cells.parquet").exists()
    opened = read_run(folder)
    assert len(opened.cells) == 2
    assert all(cell.scores["clip_style"] is not None for cell in opened.cells)
    Sweep.prepare(replace(config, scorer="mini")).run()
    assert len(table(folder)) == 4 and missing(read_run(folder)) == []


@pytest.mark.parametrize(
    ("judges", "told"),
    [
        (["steps=2"], "scorer, dino, csd"),
        (["scorer"], "scorer, dino, csd"),
        (["scorer=no-such-model/at-all"], "scorer"),
        (["runtime.device=tpu"], "auto, cpu"),
    ],
)
def test_what_cannot_be_asked_for_changes_nothing(
    run: tuple[FidelityConfig, Path], judges: list[str], told: str
) -> None:
    _, folder = run
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    with pytest.raises(RemixError, match=told):
        rescore_run(folder, judges)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_no_run_random_weights_and_a_folder_in_use_are_refused(
    run: tuple[FidelityConfig, Path], tmp_path: Path
) -> None:
    config, folder = run
    with pytest.raises(InvalidConfig, match="run folder of a sweep"):
        rescore_run(tmp_path)
    with locked(folder):
        with pytest.raises(FolderInUse, match="nobody works in"):
            rescore_run(folder)
        with pytest.raises(FolderInUse):
            Sweep.prepare(config).run()
        assert len(read_run(folder).cells) == 4  # reading takes no lock
    text = (folder / "config.yaml").read_text().replace("weights: pretrained", "weights: random")
    (folder / "config.yaml").write_text(text)
    with pytest.raises(InvalidConfig, match="nothing to score"):
        rescore_run(folder)
