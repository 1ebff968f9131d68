"""A sweep from its settings to its run folder, on the mini suite."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

from remixlab.config import compose_config
from remixlab.errors import InvalidConfig
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.fidelity import Sweep, expand_cells


def test_default_experiment_is_what_the_readme_says() -> None:
    composed = cast(FidelityConfig, compose_config(name="fidelity"))
    cells = expand_cells(composed.sweep)
    assert len(cells) == 5 * 5 * 4 * 2 * 2
    assert {max(cell.request.product.size) for cell in cells} == {512}


def test_run_folder_holds_everything(config: FidelityConfig) -> None:
    sweep = Sweep.prepare(config)
    assert "4 cells, 0 done, 4 to make" in str(sweep.plan())
    assert not sweep.folder.exists()  # planning leaves nothing behind
    folder = sweep.run()
    record = json.loads((folder / "sweep.json").read_text())
    rows = pq.read_table(folder / "cells.parquet").to_pylist()
    assert len(rows) == 4 and {row["product_difference"] for row in rows} == {0}
    names = {metric["name"] for metric in record["metrics"]}
    assert {"lab_wasserstein", "leakage", "outline_growth", "edge_density"} <= names
    assert all(metric["about"] for metric in record["metrics"])
    assert all(isinstance(row[name], float) for row in rows for name in names)
    assert record["axes"]["style_fidelity"] == [0, 1]
    assert record["notes"] == ["No scorer: only scores that need no weights."]
    assert "style_fidelity" in (folder / "config.yaml").read_text()
    assert json.loads((folder / "env.json").read_text())["versions"]["torch"]
    baselines = pq.read_table(folder / "baselines.parquet").to_pylist()
    assert [row["baseline"] for row in baselines] == ["blurred_reference", "mean_colour"]
    copied, flat = baselines
    assert copied["lab_wasserstein"] < flat["lab_wasserstein"]
    assert copied["leakage"] >= flat["leakage"] == 0
    with (folder / "cells.jsonl").open("a") as journal:
        journal.write('{"id": "being wri')  # by the process that makes it
    content = (folder / "cells.jsonl").read_bytes()
    assert "4 cells, 4 done, 0 to make" in str(Sweep.prepare(config).plan())
    assert (folder / "cells.jsonl").read_bytes() == content


def test_another_sweep_does_not_get_into_the_folder(config: FidelityConfig) -> None:
    Sweep.prepare(config).run()
    more = replace(config.sweep, axes={**config.sweep.axes, "seed": [1, 2, 3]})
    with pytest.raises(
        InvalidConfig, match=r"sweep.axes.seed is \[1, 2\] there and \[1, 2, 3\] here"
    ):
        Sweep.prepare(replace(config, sweep=more)).run()


def test_random_weights_are_not_scored(config: FidelityConfig) -> None:
    config.model.weights = "random"
    sweep = Sweep.prepare(config)
    assert sweep.metrics == []
    assert sweep.notes == ["The weights are random: there is nothing to score."]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, "sweep.axes"),
        ({"product_image": []}, "sweep.axes.product_image"),
        ({"product_image": "nowhere.png"}, "sweep.axes.product_image"),
        ({"product_image": "p.png", "colour": 3}, "sweep.axes.colour"),
        ({"product_image": "p.png", "seed": [0]}, "sweep.axes.seed"),
        ({"product_image": "p.png", "style_fidelity": 3}, "sweep.axes.style_fidelity"),
    ],
)
def test_bad_axes_end_before_anything_is_loaded(
    config: FidelityConfig, axes: Any, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("remixlab.sweep.fidelity.Remixer", None)
    config.sweep.axes = axes
    with pytest.raises(InvalidConfig, match=message):
        Sweep.prepare(config)


def test_unknown_scorer_is_an_error(config: FidelityConfig) -> None:
    with pytest.raises(InvalidConfig, match="scorer"):
        Sweep.prepare(replace(config, scorer="no-such-model/at-all"))


@pytest.mark.parametrize("spec", ["[0,1]", "0.5", "0:1:0.5", "{start:0,stop:1,points:3}"])
def test_an_axis_is_replaced_from_the_command_line(spec: str) -> None:
    """Hydra merges mappings and nothing else into a mapping: experiments write axes without."""
    overrides = [f"sweep.axes.style_fidelity='{spec}'" if ":" in spec and "{" not in spec
                 else f"sweep.axes.style_fidelity={spec}"]  # fmt: skip
    composed = cast(FidelityConfig, compose_config(overrides, name="fidelity"))
    steps = {"[0,1]": 2, "0.5": 1, "0:1:0.5": 3, "{start:0,stop:1,points:3}": 3}[spec]
    assert len(expand_cells(composed.sweep)) == steps * 5 * 4 * 2 * 2
