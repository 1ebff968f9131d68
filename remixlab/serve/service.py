"""A request's way through the server: body, place, pictures, worker, PNG."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from remixlab import images
from remixlab.product import cut_out
from remixlab.request import RemixRequest, RemixResult
from remixlab.serve.admission import Admission, Busy
from remixlab.serve.answers import answer, warning_header
from remixlab.serve.auth import Keys
from remixlab.serve.config import ServerConfig
from remixlab.serve.fetch import Fetcher, is_url
from remixlab.serve.guesses import Guesses
from remixlab.serve.json_body import parse_body
from remixlab.serve.metrics import Metrics
from remixlab.serve.worker import Maker, Worker

T = TypeVar("T")
_CODERS = 4  # pictures that are decoded or encoded at the same time


class Service:
    """What the routes share: limits, keys, fetcher, the worker and its metrics."""

    def __init__(self, maker: Maker, config: ServerConfig, keys: Keys) -> None:
        self.config = config
        self.keys = keys
        self.guesses = Guesses(keys)
        self.metrics = Metrics()
        self.worker = Worker(maker, config, self.metrics)
        self._admission = Admission(config.serve)
        self._fetcher = Fetcher(config.serve)
        self._coders = ThreadPoolExecutor(_CODERS, "coder")

    async def remix(self, request: Request) -> JSONResponse:
        """Answer 200 with the picture.

        Raises what is answered otherwise: InvalidRequest and InvalidImage, HTTPException, Busy,
        ClientDisconnect, and whatever the model raises.
        """
        async with self._admission.body(request) as content:
            made = self._make(content, request.state.id)
            return await _attended(request, made, self.config.serve.deadline_s)

    async def _make(self, content: bytearray, name: str) -> JSONResponse:
        with self._admission.place():
            ticket = self.worker.submit(await self._read(content), name)
            result = await asyncio.wrap_future(ticket.future)
            body = await self._in_thread(self._encode, result)
        timings = {"wait": ticket.waited, **result.timings}
        times = ", ".join(f"{stage};dur={1000 * seconds:.1f}" for stage, seconds in timings.items())
        told = {"X-Remix-Seed": str(result.seed), "Server-Timing": times}
        return answer(200, body, told | warning_header(result.warnings))

    async def _read(self, content: bytearray) -> RemixRequest:
        body = await self._in_thread(parse_body, content)
        for name in ("product_image", "ref_image"):
            if self.config.serve.allow_urls and is_url(body.get(name)):
                body[name] = await self._fetcher.fetch(body[name], name)
        return await self._in_thread(self._build, body)

    def _build(self, body: dict[str, Any]) -> RemixRequest:
        limits = self.config.serve
        request = RemixRequest.from_body(
            body, max_bytes=limits.image_bytes, max_pixels=limits.max_pixels
        )
        if self.config.segmenter == "alpha":  # cheap, and a batch is spared a product it refuses
            cut_out(request.product)
        return request

    def _encode(self, result: RemixResult) -> str:
        text = result.png_text() if self.config.serve.metadata else None
        return base64.b64encode(images.encode_png(result.image, text)).decode()

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._coders, work, *args)


async def _attended(request: Request, work: Coroutine[Any, Any, T], seconds: float) -> T:
    """The outcome of `work`, as long as the client is there and time is left."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if gone.done():
            raise ClientDisconnect
        raise Busy("deadline", f"not done within {seconds:g} seconds, try again later")
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.wait({task, gone})  # so that it has left the queue before the answer goes


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
