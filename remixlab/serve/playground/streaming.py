"""Long work in the model's one thread, followed from another, and stopped between its steps."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
Step = TypeVar("Step")
Emit = Callable[[Step], None]
"""Hands a step to whoever follows; raises `Stopped` once nobody does."""


class Stopped(Exception):
    """The work was stopped: nobody follows it any more."""


class Runner:
    """One thread that works, one piece of work after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="remix")
        self._closed = threading.Event()

    def follow(self, work: Callable[[Emit[Step]], Result]) -> Generator[Step, None, Result]:
        """Run `work(emit)`; yields what it emits and returns what it returns.

        Closing this generator stops the work at its next `emit`, or before it has begun. Whatever
        `work` raises is raised here; `Stopped` is when the runner was closed.
        """
        events: queue.SimpleQueue[Step | Future[Result]] = queue.SimpleQueue()
        left = threading.Event()

        def emit(step: Step) -> None:
            if left.is_set() or self._closed.is_set():
                raise Stopped
            events.put(step)

        future = self._thread.submit(work, emit)
        future.add_done_callback(events.put)
        try:
            while not isinstance(event := events.get(), Future):
                yield event
            return event.result()
        except CancelledError as error:
            raise Stopped from error
        finally:
            left.set()
            future.cancel()  # in vain once it runs; then its next step ends it

    def close(self) -> None:
        """Stop what runs at its next step, forget what waits, and wait for the end."""
        self._closed.set()
        self._thread.shutdown(cancel_futures=True)
