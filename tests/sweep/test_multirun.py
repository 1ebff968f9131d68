"""Every job of a `--multirun` has a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remixlab.sweep.multirun import suffix
from tests.conftest import make_product
from tests.tracking.conftest import run_app


@pytest.mark.parametrize(
    ("arguments", "job", "expected"),
    [
        (["--multirun", "steps=1,2", "name=mr"], ["steps=1", "name=mr"], "_steps=1"),
        (["-m", "model=mini,sdxl", "steps=4"], ["model=sdxl", "steps=4"], ""),
        (["-m", "name=a,b"], ["name=a"], ""),
        (["-m", "model=mini,sdxl", "segmenter=alpha,grabcut"], ["model=mini", "segmenter=alpha"],
         "_segmenter=alpha"),
        (["-m", "steps=1,2", "hold_product=true,false"], ["steps=2", "hold_product=false"],
         "_steps=2,hold_product=false"),
        (["-m", "+sweep.axes.seed=1,2"], ["+sweep.axes.seed=2"], "_sweep.axes.seed=2"),
        (["-m", "steps=range(1,3)"], ["steps=2"], "_steps=2"),
    ],
)  # fmt: skip
def test_a_name_says_what_its_job_differs_in(
    arguments: list[str], job: list[str], expected: str
) -> None:
    assert suffix(arguments, job) == expected


def test_values_that_no_folder_can_hold_still_tell_jobs_apart() -> None:
    axis = "sweep.axes.prompt"
    arguments = ["-m", f"{axis}='a/b','a b'"]
    names = {suffix(arguments, [f"{axis}='{text}'"]) for text in ("a/b", "a b")}
    assert len(names) == 2 and all("/" not in name and " " not in name for name in names)
    long = suffix(["-m", f"{axis}=a,b"], [f"{axis}={'x' * 500}"])
    assert len(long) < 100


def test_steps_one_after_the_other_are_two_runs_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_product(64, 64).save(tmp_path / "p.png")
    arguments = [
        "--multirun", "name=mr", "steps=1,2", "~experiment", "scorer=null", f"out={tmp_path}",
        f"+sweep.axes.product_image={tmp_path / 'p.png'}", "+sweep.axes.seed=1",
    ]  # fmt: skip
    run_app("fidelity", arguments, monkeypatch)
    folders = [tmp_path / f"mr_steps={steps}_mini" for steps in (1, 2)]
    ids = [json.loads((f / "cells.jsonl").read_text())["id"] for f in folders]
    assert len(set(ids)) == 2 and all((f / "report.html").is_file() for f in folders)
