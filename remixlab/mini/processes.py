"""Work of the recipe that other processes do, so that a card is not kept waiting for it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from tqdm import tqdm

# Torch takes seconds to import: this is done once, in the process that the others fork from. Which
# must not ask CUDA's runtime whether there is a card, as some libraries do: no fork could use it.
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["remixlab.mini.train", "sklearn.datasets"])

Given = TypeVar("Given")
Drawn = TypeVar("Drawn", covariant=True)


def each(
    work: Callable[[Given], object], items: Sequence[Given], workers: int, *, label: str, unit: str
) -> None:
    """Call `work` for every item in `workers` processes, with a progress bar."""
    with ProcessPoolExecutor(workers, mp_context=_CONTEXT, initializer=_single_threaded) as pool:
        for _ in tqdm(pool.map(work, items), total=len(items), desc=label, unit=unit):
            pass


def ahead(draw: Callable[[Random], Iterator[Drawn]], seed: int, workers: int) -> Iterator[Drawn]:
    """What `draw` yields without end, prepared by `workers` processes; by this one if there are 0.

    Each process draws with random numbers of its own. `draw` has to be picklable.
    """
    loader = DataLoader(
        _Stream(draw, seed),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context=_CONTEXT if workers else None,
        worker_init_fn=_single_threaded,
    )
    return iter(loader)


class _Stream(IterableDataset[Drawn]):
    def __init__(self, draw: Callable[[Random], Iterator[Drawn]], seed: int) -> None:
        self.draw, self.seed = draw, seed

    def __iter__(self) -> Iterator[Drawn]:
        worker = get_worker_info()
        return self.draw(Random(self.seed + (1_000_003 * worker.id if worker else 0)))


def _single_threaded(_: int = 0) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
