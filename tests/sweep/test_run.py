"""A sweep: every cell once, the same picture whatever the batch, and resumed after a kill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from remixlab import Remixer, RemixRequest, RemixResult
from remixlab.metrics.diversity import SeedDiversity, diversity
from remixlab.metrics.metric import Picture
from remixlab.metrics.product import ProductDifference
from remixlab.metrics.richness import ColourEntropy
from remixlab.models.vae import decode_latents
from remixlab.sweep.grid import Cell, expand
from remixlab.sweep.run import definition, named, run_sweep
from remixlab.sweep.store import Store
from remixlab.sweep.table import write_table
from tests.conftest import make_product, make_reference

METRICS = (ProductDifference(), ColourEntropy())


@pytest.fixture
def cells(tmp_path: Path) -> list[Cell]:
    """2 x 2 x 3 cells, of products of two sizes."""
    make_product(64, 64, 0).save(tmp_path / "square.png")
    make_product(64, 96, 1).save(tmp_path / "tall.png")
    make_reference(0).save(tmp_path / "r.png")
    axes = {
        "product_image": ["square.png", "tall.png"],
        "ref_image": "r.png",
        "seed": [1, 2],
        "style_fidelity": [0, 0.5, 1],
    }
    return expand(axes, folder=tmp_path)


def with_batch(remixer: Remixer, size: int) -> Remixer:
    runtime = replace(remixer.config.runtime, batch_size=size)
    return Remixer(remixer.suite, replace(remixer.config, runtime=runtime))


def backgrounds(store: Store) -> dict[str, Any]:
    return {
        name: np.asarray(Image.open(store.picture(name, "background"))).astype(int)
        for name in store.rows
    }


def counted(remixer: Remixer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that are remixed from now on."""
    sizes: list[int] = []
    whole: Callable[..., list[RemixResult]] = remixer.remix_batch

    def remix_batch(requests: Sequence[Any], **more: Any) -> list[RemixResult]:
        sizes.append(len(requests))
        return whole(requests, **more)

    monkeypatch.setattr(remixer, "remix_batch", remix_batch)
    return sizes


def test_every_cell_once_in_a_table_in_the_grids_order(
    tiny_remixer: Remixer, cells: list[Cell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remixer = with_batch(tiny_remixer, 4)
    sizes = counted(remixer, monkeypatch)
    store = Store(tmp_path / "run")
    run_sweep(remixer, named(remixer, cells), METRICS, store)
    write_table(named(remixer, cells), (), store, remixer.config.segmenter)
    assert sizes == [4, 2, 4, 2]  # two sizes of six cells each
    rows = pq.read_table(tmp_path / "run" / "cells.parquet").to_pylist()
    assert [{k: row[k] for k in cells[0].values} for row in rows] == [c.values for c in cells]
    assert {row["product_difference"] for row in rows} == {0}
    assert all(row["colour_entropy"] > 0 for row in rows)
    run_sweep(remixer, named(remixer, cells), METRICS, Store(tmp_path / "run"))
    assert len(sizes) == 4  # nothing was made again


def test_a_cells_picture_does_not_depend_on_its_batch(
    tiny_remixer: Remixer, cells: list[Cell], tmp_path: Path
) -> None:
    stores = [Store(tmp_path / str(size)) for size in (1, 5)]
    for store, size, order in zip(stores, (1, 5), (cells, cells[::-1]), strict=True):
        run_sweep(
            with_batch(tiny_remixer, size), named(with_batch(tiny_remixer, size), order), (), store
        )
    one, five = map(backgrounds, stores)
    assert one.keys() == five.keys() and len(one) == 12
    assert max(np.abs(one[name] - five[name]).max() for name in one) <= 1


def test_nor_do_its_pixels_before_they_are_rounded(
    tiny_remixer: Remixer, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stated tolerance: 1e-4 of the largest value, in single precision."""
    requests = [cell.request for cell in cells[:6]]
    alone = torch.cat([decoded(tiny_remixer, [request], monkeypatch) for request in requests])
    for size, order in ((6, [0, 1, 2, 3, 4, 5]), (4, [5, 2, 0, 4, 1, 3])):
        shuffled = [requests[number] for number in order]
        together = decoded(with_batch(tiny_remixer, size), shuffled, monkeypatch)
        assert (together - alone[order]).abs().max() <= 1e-4 * alone.abs().max()


def decoded(
    remixer: Remixer, requests: Sequence[RemixRequest], monkeypatch: pytest.MonkeyPatch
) -> torch.Tensor:
    """(N, 3, H, W) pixels as they come out of the decoder, in the order of the requests."""
    found: list[torch.Tensor] = []

    def decode(vae: Any, latents: torch.Tensor) -> torch.Tensor:
        found.append(decode_latents(vae, latents))
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr("remixlab.remix.decode_latents", decode)
        remixer.remix_batch(requests)
    return torch.cat(found)


def test_diversity_is_that_of_the_seeds(
    tiny_remixer: Remixer, cells: list[Cell], tmp_path: Path
) -> None:
    store = Store(tmp_path / "run")
    run_sweep(with_batch(tiny_remixer, 6), named(with_batch(tiny_remixer, 6), cells), (), store)
    write_table(named(tiny_remixer, cells), [SeedDiversity()], store, tiny_remixer.config.segmenter)
    rows = pq.read_table(tmp_path / "run" / "cells.parquet").to_pylist()
    for product in ("square.png", "tall.png"):
        for style in (0, 0.5, 1):
            pair = [
                (row, cell)
                for row, cell in zip(rows, cells, strict=True)
                if (row["product_image"], row["style_fidelity"]) == (product, style)
            ]
            pictures = [
                Picture(
                    Image.open(store.picture(row["id"], "background")),
                    cell.request.product.getchannel("A"),
                )
                for row, cell in pair
            ]
            assert [row["seed"] for row, _ in pair] == [1, 2]
            assert {row["diversity"] for row, _ in pair} == {diversity(pictures)}
    assert all(row["diversity"] > 0 for row in rows)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_resumed_after_a_kill_in_any_batch(
    tiny_remixer: Remixer,
    cells: list[Cell],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: int,
) -> None:
    remixer, some = with_batch(tiny_remixer, 2), cells[:6]
    whole = Store(tmp_path / "whole")
    run_sweep(remixer, named(remixer, some), METRICS, whole)
    write_table(named(remixer, some), [SeedDiversity()], whole, remixer.config.segmenter)
    remix: Callable[..., list[RemixResult]] = remixer.remix_batch
    made = iter(range(place))

    def killed(requests: Sequence[Any], **more: Any) -> list[RemixResult]:
        if next(made, None) is None:
            raise KeyboardInterrupt
        return remix(requests, **more)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(remixer, "remix_batch", killed)
        run_sweep(remixer, named(remixer, some), METRICS, Store(tmp_path / "cut"))
    store = Store(tmp_path / "cut")
    assert len(store.rows) == 2 * place
    run_sweep(remixer, named(remixer, some), METRICS, store)
    write_table(named(remixer, some), [SeedDiversity()], store, remixer.config.segmenter)
    assert store.rows == whole.rows
    tables = [(tmp_path / run / "cells.parquet").read_bytes() for run in ("whole", "cut")]
    assert tables[0] == tables[1]


def test_a_batch_that_does_not_fit_the_memory_is_halved(
    tiny_remixer: Remixer, cells: list[Cell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remixer = with_batch(tiny_remixer, 6)
    sizes = counted(remixer, monkeypatch)
    remix: Callable[..., list[RemixResult]] = remixer.remix_batch

    def small(requests: Sequence[Any], **more: Any) -> list[RemixResult]:
        if len(requests) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return remix(requests, **more)

    monkeypatch.setattr(remixer, "remix_batch", small)
    store = Store(tmp_path / "run")
    run_sweep(remixer, named(remixer, cells), (), store)
    assert len(store.rows) == 12 and max(sizes) <= 2 and sum(sizes) == 12


def test_one_cell_that_does_not_fit_is_an_error(
    tiny_remixer: Remixer, cells: list[Cell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: Sequence[Any], **_more: Any) -> list[RemixResult]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(tiny_remixer, "remix_batch", never)
    with pytest.raises(torch.OutOfMemoryError):
        run_sweep(tiny_remixer, named(tiny_remixer, cells), (), Store(tmp_path / "run"))


def test_what_defines_a_cell(tiny_remixer: Remixer, cells: list[Cell]) -> None:
    first = definition(tiny_remixer, cells[0])
    assert first == definition(with_batch(tiny_remixer, 3), cells[0])
    assert first != definition(tiny_remixer, cells[1])
    more = Remixer(tiny_remixer.suite, replace(tiny_remixer.config, steps=7))
    assert first != definition(more, cells[0])
    coarse = replace(tiny_remixer.config.runtime, quantize="int8")
    quantised = Remixer(tiny_remixer.suite, replace(tiny_remixer.config, runtime=coarse))
    told = definition(quantised, cells[0])
    assert told.pop("runtime") == {"quantize": "int8"} and told == first
    # What is at its default adds nothing, so that cells of earlier versions keep their ids.
    assert set(first) == {"request", "suite", "settings", "dtype", "model"}
