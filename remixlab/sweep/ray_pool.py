"""The cells of a sweep on a Ray actor pool: a loaded suite for each device, on one host or many."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from remixlab.errors import InvalidConfig, RemixError
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.run import Batch, Executor, Made, make


class WorkersLost(RemixError):
    """Every worker of the pool died; what they had finished is kept."""


class Worker:
    """One actor: the sweep of this config, with its own suite and scorer.

    Every host reads the pictures and the weights from the same paths as the one that drives.
    """

    def __init__(self, config: FidelityConfig) -> None:
        from remixlab.sweep.fidelity import Sweep

        self.sweep = Sweep.prepare(config)

    def make(self, cells: Sequence[tuple[str, int]]) -> list[Made]:
        """Make the cells of these ids and numbers."""
        batch = [(name, self.sweep.cells[number]) for name, number in cells]
        parts = make(self.sweep.remixer, batch, self.sweep.metrics)
        return [one for part in parts for one in part]


def ray_executor(config: FidelityConfig) -> Executor:
    """An executor over `sweep.workers` actors.

    Raises InvalidConfig where Ray is not installed.
    """
    ray = _import_ray()

    def run(parts: Sequence[Batch]) -> Iterator[list[Made]]:
        if not parts:
            return
        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        cards = int(ray.cluster_resources().get("GPU", 0))
        count = min(config.sweep.workers or max(1, cards), len(parts))
        # A fraction of a processor, so that a small machine can hold several.
        actor = ray.remote(num_cpus=0.5, num_gpus=1 if cards else 0)(Worker)
        workers = [actor.remote(config) for _ in range(count)]
        try:
            yield from spread(ray, workers, parts)
        finally:
            for worker in workers:
                ray.kill(worker)

    return run


def spread(ray: Any, workers: Sequence[Any], parts: Sequence[Batch]) -> Iterator[list[Made]]:
    """Give every idle worker the next batch; that of a worker that died goes to another."""
    waiting, idle = deque(parts), deque(workers)
    busy: dict[Any, tuple[Any, Batch]] = {}
    while waiting or busy:
        while waiting and idle:
            worker, part = idle.popleft(), waiting.popleft()
            numbers = [(name, cell.number) for name, cell in part]
            busy[worker.make.remote(numbers)] = worker, part
        if not busy:
            raise WorkersLost(
                field="sweep.executor", value="ray", accepted="a pool with a worker alive"
            )
        (finished,), _ = ray.wait(list(busy), num_returns=1)
        worker, part = busy.pop(finished)
        try:
            yield ray.get(finished)
            idle.append(worker)
        except ray.exceptions.RayActorError:
            waiting.append(part)


def _import_ray() -> Any:
    try:
        import ray  # an extra, which need not be there
    except ImportError as error:
        raise InvalidConfig(
            field="sweep.executor", value="ray", accepted="local, or pip install remixlab[ray]"
        ) from error
    return ray
