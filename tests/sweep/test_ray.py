"""The same cells over a Ray actor pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from remixlab.errors import InvalidConfig
from remixlab.sweep import ray_pool
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.fidelity import Sweep
from remixlab.sweep.ray_pool import Worker, WorkersLost, ray_executor, spread
from remixlab.sweep.run import Batch, named

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of this machine alone."""
    ray = pytest.importorskip("ray", reason="Ray is an extra: pip install remixlab[ray]")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def pool(ray: Any, config: FidelityConfig, count: int) -> list[Any]:
    actor = ray.remote(num_cpus=0.5)(Worker)
    return [actor.remote(config) for _ in range(count)]


def singles(config: FidelityConfig) -> list[Batch]:
    sweep = Sweep.prepare(config)
    return [[item] for item in named(sweep.remixer, sweep.cells)]


def test_two_actors_make_what_one_process_makes(
    ray: Any, config: FidelityConfig, tmp_path: Path
) -> None:
    config.runtime.batch_size = 2
    here = Sweep.prepare(config).run()
    elsewhere = replace(config, out=str(tmp_path / "ray"))
    elsewhere.sweep = replace(config.sweep, executor="ray", workers=2)
    there = Sweep.prepare(elsewhere).run()
    rows, others = (pq.read_table(f / "cells.parquet").to_pylist() for f in (here, there))
    assert [row["id"] for row in rows] == [row["id"] for row in others]
    for row in rows:
        one, two = (
            np.asarray(Image.open(folder / "images" / f"{row['id']}_background.png")).astype(int)
            for folder in (here, there)
        )
        assert np.abs(one - two).max() <= 1


def test_a_killed_actors_cells_run_elsewhere(ray: Any, config: FidelityConfig) -> None:
    parts, workers = singles(config), pool(ray, config, 2)
    made = spread(ray, workers, parts)
    done = [one.row["id"] for one in next(made)]
    ray.kill(workers[0])
    done += [one.row["id"] for some in made for one in some]
    assert sorted(done) == sorted(part[0][0] for part in parts)
    ray.kill(workers[1])


def test_no_actor_left_is_an_error(ray: Any, config: FidelityConfig) -> None:
    parts, (worker,) = singles(config), pool(ray, config, 1)
    made = spread(ray, [worker], parts)
    next(made)
    ray.kill(worker)
    with pytest.raises(WorkersLost, match="a worker alive"):
        list(made)


def test_nothing_to_make_starts_no_cluster(
    config: FidelityConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "_import_ray", lambda: None)
    assert list(ray_executor(config)([])) == []


def test_ray_that_is_not_installed(config: FidelityConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InvalidConfig, match=r"remixlab\[ray\]"):
        ray_executor(config)
