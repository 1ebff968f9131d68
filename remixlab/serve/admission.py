"""How much the server takes in at once: requests in the house, and bytes of their bodies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request

from remixlab.serve.config import ServeConfig


class Busy(Exception):
    """Not now (HTTP answers 503 with Retry-After); `reason` is one word, for the metrics."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Admission:
    """Counts what is in the house; only the event loop's thread may use it."""

    def __init__(self, config: ServeConfig) -> None:
        self._places = config.queue
        self._largest = int(config.body_mb * 2**20)
        self._room = int(config.uploads_mb * 2**20)
        self._upload_s = config.upload_s

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among the requests in the house; raises Busy when there is none."""
        if self._places < 1:
            raise Busy("queue", "the queue is full, try again later")
        self._places -= 1
        try:
            yield
        finally:
            self._places += 1

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncGenerator[bytearray, None]:
        """The body of a request; its room is given back afterwards.

        Raises HTTPException 413 before a byte too many is kept and 408 when it takes too long,
        and Busy when all bodies together are too much; ClientDisconnect when nobody is there.
        """
        content = bytearray()
        try:
            await self._read(request, content)
            yield content
        finally:
            self._room += len(content)

    async def _read(self, request: Request, content: bytearray) -> None:
        declared = request.headers.get("content-length", "")
        if declared.isdigit():
            self._check(int(declared), int(declared))
        try:
            with anyio.fail_after(self._upload_s):
                async for chunk in request.stream():
                    self._check(len(content) + len(chunk), len(chunk))
                    self._room -= len(chunk)
                    content += chunk
        except TimeoutError as error:
            raise HTTPException(408, f"the body took more than {self._upload_s:g} s") from error

    def _check(self, size: int, more: int) -> None:
        if size > self._largest:
            raise HTTPException(413, f"body: accepted: at most {self._largest} bytes")
        if more > self._room:
            raise Busy("uploads", "too many uploads at once, try again later")
