"""The worker: batches, the queue, and everything that can go wrong in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import torch

from remixlab.request import InvalidImage, InvalidRequest, RemixRequest
from remixlab.serve import worker as module
from tests.serve.fakes import (
    KEY,
    PATH,
    FakeMaker,
    Live,
    check_envelope,
    make_body,
    running,
    wait_until,
)


class Gate:
    """A hook that holds every batch but the canary's until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()

    def __call__(self, requests: Sequence[RemixRequest]) -> None:
        if requests[0].prompt:
            self.entered.set()
            assert self.open.wait(20)


class Memory:
    """A hook that has room for `room` requests of a batch; the canary needs one."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, requests: Sequence[RemixRequest]) -> None:
        if len(requests) > self.room:
            raise torch.OutOfMemoryError("injected")


def held(live: Live, gate: Gate, pool: ThreadPoolExecutor, bodies: list[dict]) -> list:
    """Posts that all wait behind a batch in the making; then the gate opens."""
    first = pool.submit(live.post, make_body(prompt="first"))
    assert gate.entered.wait(10)
    rest = []
    for number, body in enumerate(bodies):  # one by one, so that their order is known
        rest.append(pool.submit(live.post, body))
        wait_until(lambda n=number: live.metric("remix_queue_depth") == n + 1)
    gate.open.set()
    return [each.result(30) for each in [first, *rest]]


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_waiting_requests_that_fit_share_a_batch(tmp_path: Path, gate: Gate) -> None:
    small = [make_body(prompt=f"small {n}", seed=n + 1) for n in range(5)]
    large = [make_body((80, 80), prompt=f"large {n}", seed=n + 11) for n in range(2)]
    mixed = [small[0], large[0], small[1], small[2], large[1], small[3], small[4]]
    with (
        running(tmp_path, "runtime.batch_size=4", maker=FakeMaker(gate)) as live,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = held(live, gate, pool, mixed)
        seeds = [answer.headers["X-Remix-Seed"] for answer in answers[1:]]
        assert seeds == [str(body["seed"]) for body in mixed], "everybody has their own answer"
    assert live.maker.batches == [
        ["first"],
        ["small 0", "small 1", "small 2", "small 3"],
        ["large 0", "large 1"],
        ["small 4"],
    ]
    assert live.metric("remix_batch_size_sum") == 8.0
    assert len(live.maker.threads) == 1, "one thread owns the model"


def test_a_request_waits_a_moment_for_others(tmp_path: Path) -> None:
    maker = FakeMaker()
    with (
        running(tmp_path, "serve.max_wait_ms=1500", "runtime.batch_size=2", maker=maker) as live,
        ThreadPoolExecutor(2) as pool,
    ):
        post = [pool.submit(live.post, make_body(prompt=text)) for text in ("one", "two")]
        assert [each.result(10).status_code for each in post] == [200, 200]
    assert [len(batch) for batch in maker.batches] == [2]


def test_a_full_queue_is_503_with_retry_after(tmp_path: Path, gate: Gate) -> None:
    with (
        running(tmp_path, "serve.queue=3", maker=FakeMaker(gate)) as live,
        ThreadPoolExecutor(3) as pool,
    ):
        inside = [pool.submit(live.post, make_body())]
        assert gate.entered.wait(10)
        inside += [pool.submit(live.post, make_body()) for _ in range(2)]
        wait_until(lambda: live.metric("remix_queue_depth") == 2)
        refused = live.post(make_body())
        check_envelope(refused)
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert live.metric("remix_rejections_total", reason="queue") == 1
        gate.open.set()
        assert [each.result(10).status_code for each in inside] == [200] * 3
        assert live.post(make_body()).status_code == 200


def test_a_deadline_is_503_and_costs_no_batch(tmp_path: Path, gate: Gate) -> None:
    with (
        running(tmp_path, "serve.deadline_s=0.5", maker=FakeMaker(gate)) as live,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(live.post, make_body(prompt="first"))
        assert gate.entered.wait(10)
        late = live.post(make_body(prompt="late"))
        check_envelope(late)
        assert late.status_code == 503 and "Retry-After" in late.headers
        assert first.result(10).status_code == 503
        gate.open.set()
        assert live.post(make_body(prompt="next")).status_code == 200
    assert live.maker.batches == [["first"], ["next"]]


def test_a_client_that_hangs_up_is_dropped(tmp_path: Path, gate: Gate) -> None:
    with (
        running(tmp_path, "serve.queue=2", maker=FakeMaker(gate)) as live,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(live.post, make_body(prompt="first"))
        assert gate.entered.wait(10)
        request = requests.Request("POST", live.url + PATH, json=make_body(prompt="gone")).prepare()
        host, port = live.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            body = request.body
            assert isinstance(body, bytes)
            head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nX-Photio-Key: {KEY}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            wait_until(lambda: live.metric("remix_queue_depth") == 1)
        wait_until(lambda: live.service._admission._places == 1)  # its place is free again
        gate.open.set()
        assert first.result(10).status_code == 200
        assert live.post(make_body(prompt="next")).status_code == 200
    assert live.maker.batches == [["first"], ["next"]]


def test_out_of_memory_halves_the_batch(tmp_path: Path, gate: Gate) -> None:
    memory = Memory(1)

    def hook(requests: Sequence[RemixRequest]) -> None:
        gate(requests)
        memory(requests)

    bodies = [make_body(prompt=str(n), seed=n + 1) for n in range(4)]
    with running(tmp_path, maker=FakeMaker(hook)) as live, ThreadPoolExecutor(5) as pool:
        answers = held(live, gate, pool, bodies)
        assert [answer.status_code for answer in answers] == [200] * 5
        assert [a.headers["X-Remix-Seed"] for a in answers[1:]] == ["1", "2", "3", "4"]
        assert live.service.worker.ready
    assert [len(batch) for batch in live.maker.batches] == [1, 4, 2, 1, 1, 2, 1, 1]
    assert live.metric("remix_out_of_memory_total") == 3


def test_nothing_fits_until_the_canary_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RECHECK_S", 0.05)
    memory = Memory(1)
    with running(tmp_path, maker=FakeMaker(memory)) as live:
        memory.room = 0
        answer = live.post(make_body())
        check_envelope(answer)
        assert answer.status_code == 500 and answer.headers["X-Request-Id"] in answer.text
        wait_until(lambda: requests.get(live.url + "/readyz", timeout=5).status_code == 503)
        assert requests.get(live.url + "/healthz", timeout=5).status_code == 200
        refused = live.post(make_body())
        assert refused.status_code == 503 and "Retry-After" in refused.headers
        memory.room = 1
        wait_until(lambda: requests.get(live.url + "/readyz", timeout=5).status_code == 200)
        assert live.post(make_body()).status_code == 200


def test_one_request_too_large_for_the_card_leaves_the_server_ready(tmp_path: Path) -> None:
    def hook(requests: Sequence[RemixRequest]) -> None:
        if any(request.product.width == 128 for request in requests):
            raise torch.OutOfMemoryError("injected")

    with running(tmp_path, maker=FakeMaker(hook)) as live:
        assert live.post(make_body((128, 64))).status_code == 500
        wait_until(lambda: live.service.worker.ready)
        assert live.post(make_body()).status_code == 200


def test_memory_of_a_failed_batch_is_dropped(tmp_path: Path) -> None:
    """An exception holds the frames that raised it, and they hold the tensors."""
    import weakref

    class Big:
        pass

    kept: list[weakref.ref[Big]] = []
    seen: list[bool] = []

    def hook(requests: Sequence[RemixRequest]) -> None:
        big = Big()
        if kept:
            seen.append(kept[0]() is None)
        if not kept and requests[0].prompt:
            kept.append(weakref.ref(big))
            raise torch.OutOfMemoryError("injected")

    with running(tmp_path, maker=FakeMaker(hook)) as live:
        live.post(make_body())
        wait_until(lambda: live.service.worker.ready and seen)
    assert seen[0], "the canary ran beside what the failed request left"


def blame(prompt: str, error: Exception):
    def hook(requests: Sequence[RemixRequest]) -> None:
        if any(request.prompt == prompt for request in requests):
            raise error

    return hook


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("CUDA error: an illegal memory access"), 500),
        (InvalidImage(field="tensor", value="finite: False", accepted="finite values"), 500),
        (KeyError("x"), 500),
        (MemoryError(), 500),
        (InvalidRequest(field="product_image", value="x", accepted="a product"), 400),
    ],
)
def test_only_the_request_to_blame_fails(
    tmp_path: Path, gate: Gate, error: Exception, status: int
) -> None:
    bad = blame("bad", error)

    def hook(requests: Sequence[RemixRequest]) -> None:
        gate(requests)
        bad(requests)

    bodies = [make_body(prompt=text) for text in ("a", "b", "bad", "c")]
    with running(tmp_path, maker=FakeMaker(hook)) as live, ThreadPoolExecutor(5) as pool:
        answers = held(live, gate, pool, bodies)
        assert [answer.status_code for answer in answers] == [200, 200, 200, status, 200]
        for answer in answers:
            check_envelope(answer)
        if status == 500:
            assert answers[3].headers["X-Request-Id"] in answers[3].json()["body"]
        wait_until(lambda: live.service.worker.ready)
        assert live.post(make_body()).status_code == 200


def test_stopping_finishes_what_runs_and_refuses_what_waits(tmp_path: Path, gate: Gate) -> None:
    with running(tmp_path, maker=FakeMaker(gate)) as live, ThreadPoolExecutor(2) as pool:
        first = pool.submit(live.post, make_body(prompt="first"))
        assert gate.entered.wait(10)
        waiting = pool.submit(live.post, make_body(prompt="waiting"))
        wait_until(lambda: live.metric("remix_queue_depth") == 1)
        live.server.should_exit = True
        refused = waiting.result(10)
        check_envelope(refused)
        assert refused.status_code == 503 and not first.done()
        gate.open.set()
        assert first.result(10).status_code == 200
    assert live.maker.batches == [["first"]]
