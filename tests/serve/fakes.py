"""A model that is quick and can be told to fail, and a server around it on a real socket."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from remixlab import images
from remixlab.request import RemixRequest, RemixResult
from remixlab.serve.app import create_app
from remixlab.serve.auth import ENVIRONMENT, Keys
from remixlab.serve.config import compose_server
from remixlab.serve.run import Server
from remixlab.serve.service import Service
from remixlab.serve.wire import WireConfig
from tests.conftest import make_product, make_reference

KEY = "a-key-of-the-tests"
PATH = "/v1/inference/remix"


class FakeMaker:
    """Lays the product over white. `hook`, if any, sees every batch first and may raise or wait."""

    def __init__(self, hook: Callable[[Sequence[RemixRequest]], None] | None = None) -> None:
        self.hook = hook
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()

    def native_size(self, request: RemixRequest) -> tuple[int, int]:
        return request.product.size

    def remix_batch(self, requests: Sequence[RemixRequest]) -> list[RemixResult]:
        if any(request.prompt for request in requests):  # the canary's is empty
            self.batches.append([request.prompt for request in requests])
        self.threads.add(threading.get_ident())
        if self.hook:
            self.hook(requests)
        return [_result(request.resolved()) for request in requests]


def _result(request: RemixRequest) -> RemixResult:
    picture = images.flatten(request.product)
    return RemixResult(
        image=picture,
        seed=request.seed,
        mask=picture,
        outline=picture,
        background=picture,
        timings={"denoise": 0.001},
        provenance={"seed": request.seed},
    )


@dataclass
class Live:
    """A running server: where it is, its parts, and posts to it."""

    url: str
    service: Service
    maker: Any
    server: Server

    def post(self, body: Any = None, **options: Any) -> requests.Response:
        headers = {"X-Photio-Key": KEY} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return requests.post(self.url + PATH, headers=headers, timeout=60, **options)

    def metric(self, name: str, **labels: str) -> float:
        return self.service.metrics.registry.get_sample_value(name, labels) or 0.0


@contextmanager
def running(
    folder: Path, *overrides: str, maker: Any = None, keys: str | None = KEY
) -> Iterator[Live]:
    """A server in a thread of this process, ready when the block begins."""
    path = folder / "keys.json"
    config = compose_server([f"serve.keys_file={path}", "serve.max_wait_ms=0", *overrides])
    maker = maker or FakeMaker()
    service = Service(maker, config, Keys(path, {ENVIRONMENT: keys} if keys else {}))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        settings = WireConfig(create_app(service), config.serve, log_config=None, ws="none")
        server = Server(settings, service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: service.worker.ready)
            yield Live(f"http://127.0.0.1:{listener.getsockname()[1]}", service, maker, server)
        finally:
            server.should_exit = True
            thread.join(20)


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    """Until something is true; fails the test when it does not become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def base64_png(image: Image.Image) -> str:
    return base64.b64encode(images.encode_png(image)).decode()


def make_body(size: tuple[int, int] = (64, 64), **changes: Any) -> dict[str, Any]:
    """A good body; `changes` replace its fields."""
    body = {
        "prompt": "a prompt",
        "product_image": base64_png(make_product(*size)),
        "ref_image": base64_png(make_reference(0)),
        "seed": 7,
    }
    return body | changes


def picture_of(answer: requests.Response) -> Image.Image:
    """The picture in an answer 200."""
    assert answer.status_code == 200, answer.text[:300]
    return images.decode(base64.b64decode(answer.json()["body"], validate=True), field="answer")


def check_envelope(answer: requests.Response) -> None:
    """Every answer under /v1 has exactly the two keys, and the status twice."""
    body = answer.json()
    assert set(body) == {"status_code", "body"}
    assert body["status_code"] == answer.status_code
    assert isinstance(body["body"], str)
    assert answer.headers["content-type"] == "application/json"
