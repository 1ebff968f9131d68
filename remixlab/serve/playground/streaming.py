"""Long work in the model's one thread, followed from another, and stopped between its steps."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from typing import TypeVar

Result = TypeVar("Result")
Step = TypeVar("Step")
Emit = Callable[[Step], None]
"""Hands a step to whoever follows; raises `Stopped` once nobody does."""


class Stopped(Exception):
    """The work was stopped: nobody follows it any more."""


def follow(
    executor: Executor, work: Callable[[Emit[Step]], Result]
) -> Generator[Step, None, Result]:
    """Run `work(emit)` in `executor`; yields what it emits and returns what it returns.

    Closing this generator stops the work at its next `emit`, or before it has begun. Whatever
    `work` raises is raised here.
    """
    events: queue.SimpleQueue[Step | Future[Result]] = queue.SimpleQueue()
    stopped = threading.Event()

    def emit(step: Step) -> None:
        if stopped.is_set():
            raise Stopped
        events.put(step)

    future = executor.submit(work, emit)
    future.add_done_callback(events.put)
    try:
        while not isinstance(event := events.get(), Future):
            yield event
        return event.result()
    finally:
        stopped.set()
        future.cancel()  # in vain once it runs; then the next step ends it
