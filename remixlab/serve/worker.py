"""One thread owns the model: it takes waiting requests that fit together and remixes them at once.

A batch that fails is halved and made again, down to single requests, so that only the request
that is to blame fails; the process goes on whatever happens.
"""

from __future__ import annotations

import gc
import math
import threading
import time
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import structlog
import torch
from PIL import Image, ImageOps

from remixlab.request import RemixRequest, RemixResult
from remixlab.serve.admission import Busy
from remixlab.serve.answers import is_clients_fault
from remixlab.serve.config import ServerConfig
from remixlab.serve.metrics import Metrics

_RECHECK_S = 10.0  # between canaries while the model does not work
_LONGEST_RETRY_S = 60
_log = structlog.get_logger()


class Maker(Protocol):
    """What makes the pictures: a `Remixer`."""

    def remix_batch(self, requests: Sequence[RemixRequest]) -> list[RemixResult]:
        """Make many remixes, in order."""
        ...

    def native_size(self, request: RemixRequest) -> Hashable:
        """What requests must have in common to share a batch."""
        ...


@dataclass(eq=False)
class Ticket:
    """A request that waits: `future` becomes its result, `waited` the seconds before it began."""

    request: RemixRequest
    name: str
    size: Hashable
    future: Future[RemixResult] = field(default_factory=Future)
    born: float = field(default_factory=time.monotonic)
    waited: float = 0.0


class Worker:
    """Makes what is submitted; `ready` once a first picture was made."""

    def __init__(self, maker: Maker, config: ServerConfig, metrics: Metrics) -> None:
        self._maker = maker
        self._batch = config.runtime.batch_size
        self._wait = config.serve.max_wait_ms / 1000
        self._metrics = metrics
        self._waiting: list[Ticket] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._works = False
        self._seconds = 1.0  # of the latest batch
        self._thread = threading.Thread(target=self._run, name="remix-worker", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether a request that is submitted now has a chance."""
        return self._works and not self._stopping and self._thread.is_alive()

    @property
    def retry_after(self) -> int:
        """Seconds after which trying again makes sense."""
        batches = 1 + len(self._waiting) // self._batch
        return min(_LONGEST_RETRY_S, max(1, math.ceil(batches * self._seconds)))

    def start(self) -> None:
        """Begin, with a canary that warms the model up."""
        self._thread.start()

    def submit(self, request: RemixRequest, name: str) -> Ticket:
        """Queue a request under its id; cancelling the ticket's future takes it out again."""
        ticket = Ticket(request, name, self._maker.native_size(request))
        with self._changed:
            if not self.ready:
                raise Busy("unready", "the model is not ready, try again later")
            self._waiting.append(ticket)
            self._metrics.depth.set(len(self._waiting))
            self._changed.notify()
        return ticket

    def stop(self) -> None:
        """Finish what is being made and refuse what waits."""
        with self._changed:
            self._stopping = True
            self._refuse("stopping", "the server is stopping")
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Wait for the running batch."""
        self._thread.join(seconds)

    def _run(self) -> None:
        self._check()
        while not self._stopping:
            if not self._works:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping, _RECHECK_S)
                self._check()
            elif tickets := self._gather():
                start = time.monotonic()
                self._make(tickets)
                self._seconds = time.monotonic() - start
                if not self._works:
                    self._check()

    def _gather(self) -> list[Ticket]:
        """The next batch: the oldest request and those that fit it, after a short wait for more."""
        with self._changed:
            self._changed.wait_for(lambda: self._alike() or self._stopping)
            if self._waiting:
                left = self._waiting[0].born + self._wait - time.monotonic()
                self._changed.wait_for(
                    lambda: len(self._alike()) >= self._batch or self._stopping, max(0, left)
                )
            batch = self._alike()[: self._batch]
            self._waiting = [ticket for ticket in self._waiting if ticket not in batch]
            self._metrics.depth.set(len(self._waiting))
        return [ticket for ticket in batch if ticket.future.set_running_or_notify_cancel()]

    def _alike(self) -> list[Ticket]:
        """Those that could share the oldest one's batch; whoever went away is dropped here."""
        self._waiting = [t for t in self._waiting if not t.future.cancelled()]
        return [ticket for ticket in self._waiting if ticket.size == self._waiting[0].size]

    def _make(self, tickets: list[Ticket]) -> None:
        """Answer every ticket, with a result or an error."""
        for ticket in tickets:
            ticket.waited = ticket.waited or time.monotonic() - ticket.born
        error = self._attempt(tickets)
        if error is None:
            return
        _free_memory()
        if len(tickets) > 1:
            half = len(tickets) // 2
            self._make(tickets[:half])
            self._make(tickets[half:])
            return
        if _is_out_of_memory(error):
            self._works = False  # until a canary says otherwise
        tickets[0].future.set_exception(error)

    def _attempt(self, tickets: list[Ticket]) -> Exception | None:
        """Make them together; the error comes back without the frames that hold its tensors."""
        try:
            results = self._maker.remix_batch([ticket.request for ticket in tickets])
        except Exception as error:
            self._report(error, tickets)
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        self._metrics.observe_batch([ticket.waited for ticket in tickets], results[0].timings)
        for ticket, result in zip(tickets, results, strict=True):
            ticket.future.set_result(result)
        return None

    def _report(self, error: Exception, tickets: list[Ticket]) -> None:
        names = [ticket.name for ticket in tickets]
        if _is_out_of_memory(error):
            self._metrics.out_of_memory.inc()
            _log.warning("out of memory", requests=names)
        elif not is_clients_fault(error):
            _log.error("remix failed", requests=names, exc_info=True)

    def _check(self) -> None:
        """Whether a small remix works; what waits is refused where it does not."""
        try:
            self._maker.remix_batch([_canary()])
            works = True
        except Exception:
            _log.exception("the canary failed")
            works = False
        with self._changed:
            self._works = works
            if not works:
                self._refuse("unready", "the model does not work at the moment")
        self._metrics.ready.set(works)
        if not works:
            _free_memory()

    def _refuse(self, reason: str, message: str) -> None:
        for ticket in self._waiting:
            if ticket.future.set_running_or_notify_cancel():
                ticket.future.set_exception(Busy(reason, message))
        self._waiting = []
        self._metrics.depth.set(0)


def _canary() -> RemixRequest:
    """A request that takes every branch: a soft grey disc, a reference, guidance."""
    alpha = ImageOps.invert(Image.radial_gradient("L"))
    product = Image.new("RGB", alpha.size, "grey")
    product.putalpha(alpha)
    reference = Image.new("RGB", (64, 64), "white")
    return RemixRequest(product_image=product, ref_image=reference, seed=1)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError))


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
