"""Work of the recipe that other processes do, so that a card is not kept waiting for it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from tqdm import tqdm

Given = TypeVar("Given")
Drawn = TypeVar("Drawn", covariant=True)


def each(
    work: Callable[[Given], object], items: Sequence[Given], workers: int, *, label: str, unit: str
) -> None:
    """Call `work` for every item in `workers` processes, with a progress bar."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_single_threaded) as pool:
        for _ in tqdm(pool.map(work, items), total=len(items), desc=label, unit=unit):
            pass


def ahead(draw: Callable[[Random], Iterator[Drawn]], seed: int, workers: int) -> Iterator[Drawn]:
    """What `draw` yields without end, prepared by `workers` processes; by this one if there are 0.

    Each process draws with random numbers of its own. `draw` has to be picklable.
    """
    context = "spawn" if workers else None
    stream = _Stream(draw, seed)
    return iter(
        DataLoader(stream, batch_size=None, num_workers=workers, multiprocessing_context=context)
    )


class _Stream(IterableDataset[Drawn]):
    def __init__(self, draw: Callable[[Random], Iterator[Drawn]], seed: int) -> None:
        self.draw, self.seed = draw, seed

    def __iter__(self) -> Iterator[Drawn]:
        worker = get_worker_info()
        return self.draw(Random(self.seed + (1_000_003 * worker.id if worker else 0)))


def _single_threaded() -> None:
    torch.set_num_threads(1)
