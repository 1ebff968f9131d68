"""What real clients do and few servers are tried with: HEAD, HTTP/1.0, half-closed connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests

from remixlab.request import RemixRequest
from tests.serve.fakes import PATH, FakeMaker, Live, make_body, running, wait_until
from tests.serve.raw import answers, check_refusal, connect, head, post, read_all

_GETS = ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"]


@pytest.mark.parametrize("path", _GETS)
def test_head_answers_as_get_without_the_body(live: Live, path: str) -> None:
    answer = requests.head(live.url + path, timeout=10)
    assert answer.status_code == 200 and not answer.content
    assert int(answer.headers["Content-Length"]) > 0
    assert "HEAD" in requests.delete(live.url + path, timeout=10).headers["Allow"]


def test_head_of_the_remix_route_is_405(live: Live) -> None:
    answer = requests.head(live.url + PATH, timeout=10)
    assert answer.status_code == 405 and answer.headers["Allow"] == "POST"


def test_http_1_0_needs_no_host(live: Live) -> None:
    with connect(live) as connection:
        connection.sendall(head(method="GET", path="/healthz", version="1.0"))
        assert answers(read_all(connection)) == [(200, b'{"status":"ok"}')]


@pytest.mark.parametrize("host", ["evil.example", ""])
def test_a_host_that_http_1_0_does_give_is_checked(live: Live, host: str) -> None:
    with connect(live) as connection:
        connection.sendall(head(f"Host: {host}", method="GET", path="/healthz", version="1.0"))
        assert "allowed_hosts" in check_refusal(read_all(connection), 400)


@pytest.mark.parametrize("named", ["identity", "Identity", "identity, identity", ""])
def test_identity_is_no_encoding(live: Live, named: str) -> None:
    assert live.post(make_body(), headers={"Content-Encoding": named}).status_code == 200


def test_compression_beside_identity_is_415(live: Live) -> None:
    answer = live.post(make_body(), headers={"Content-Encoding": "identity, gzip"})
    assert answer.status_code == 415


def test_who_has_stopped_sending_is_answered(live: Live) -> None:
    with connect(live) as connection:
        connection.sendall(post(make_body()))
        connection.shutdown(socket.SHUT_WR)
        ((status, body),) = answers(read_all(connection))
        assert status == 200 and len(body) > 100


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_that_takes_a_while_still_comes(tmp_path: Path, version: str) -> None:
    """The client stops sending while its picture is made, and only HTTP/1.1 is asked about it."""
    entered, go_on = threading.Event(), threading.Event()

    def hook(requests: Sequence[RemixRequest]) -> None:
        if requests[0].prompt:
            entered.set()
            assert go_on.wait(10)

    with running(tmp_path, maker=FakeMaker(hook)) as live, connect(live) as connection:
        connection.sendall(post(make_body()).replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1))
        connection.shutdown(socket.SHUT_WR)
        assert entered.wait(10)
        if version == "1.1":
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        go_on.set()
        raw = read_all(connection)
        assert answers(raw)[-1][0] == 200
        assert version == "1.1" or b" 100 " not in raw


def test_requests_sent_in_one_go_are_all_answered(live: Live) -> None:
    get = head("Host: localhost", method="GET", path="/healthz")
    with connect(live) as connection:
        connection.sendall(get + post(make_body()) + get)
        connection.shutdown(socket.SHUT_WR)
        assert [status for status, _ in answers(read_all(connection))] == [200, 200, 200]


@pytest.mark.parametrize("part", [0, 20, -10])
def test_who_stops_in_the_middle_of_a_request_hears_so(live: Live, part: int) -> None:
    with connect(live) as connection:
        connection.sendall(post(make_body())[:part])
        connection.shutdown(socket.SHUT_WR)
        raw = read_all(connection)
    if part:
        check_refusal(raw, 400)
    else:
        assert raw == b"", "who asked nothing hears nothing"
    wait_until(lambda: live.service._admission._room == 512 * 2**20)
