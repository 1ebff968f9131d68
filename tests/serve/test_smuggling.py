"""What is no HTTP, or can be read in two ways, ends in one answer in the envelope and a close."""

from __future__ import annotations

import socket

import pytest

from tests.serve.fakes import KEY, PATH, Live
from tests.serve.raw import answers, check_refusal, connect, head, read_all

HOST = "Host: localhost"
POST = (HOST, f"X-Photio-Key: {KEY}", "Content-Type: application/json")
CHUNKED = "Transfer-Encoding: chunked"
SECOND = head(HOST, method="GET", path="/healthz")


def said(live: Live, content: bytes) -> bytes:
    """All that the server says to this before it closes, without our closing first."""
    with connect(live) as connection:
        connection.sendall(content)
        return read_all(connection)


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", CHUNKED),
        (CHUNKED, "Content-Length: 7"),
        ("Content-Length: 2", "Content-Length: 7"),
        ("Content-Length: +7",),
        ("Content-Length: 0x7",),
        ("Content-Length : 7",),
        ("Content-Length: 7, 2",),
    ],
)
def test_a_body_with_two_lengths_ends_the_connection(live: Live, lines: tuple[str, ...]) -> None:
    raw = said(live, head(*POST, *lines) + b"2\r\n{}\r\n0\r\n\r\n" + SECOND)
    check_refusal(raw, 400)
    assert b"connection: close" in raw.lower()


def test_chunks_in_http_1_0_are_refused(live: Live) -> None:
    check_refusal(said(live, head(*POST, CHUNKED, version="1.0") + b"0\r\n\r\n" + SECOND), 400)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n", 400),
        (b"GET /healthz\r\n\r\n", 400),
        (b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /healthz HTTP/9.x\r\nHost: localhost\r\n\r\n", 400),
        (head(method="GET", path="/healthz"), 400),
        (head(HOST, HOST, method="GET", path="/healthz"), 400),
        (head(HOST, "no colon", method="GET", path="/healthz"), 400),
        (head(HOST, "a\0b: c", method="GET", path="/healthz"), 400),
        (head(*POST, CHUNKED) + b"zz\r\n", 400),
        (head(*POST, "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
        (head(HOST, "X: " + "x" * 70_000, method="GET", path="/healthz"), 431),
        (head(HOST, *["X: " + "x" * 9_000] * 8, method="GET", path="/healthz"), 431),
        (head(HOST, method="GET", path="/" + "x" * 70_000), 431),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 300_000, 431),
    ],
)
def test_what_is_no_http_is_told_in_the_envelope(live: Live, content: bytes, status: int) -> None:
    check_refusal(said(live, content), status)


def test_headers_under_64_kib_are_read(live: Live) -> None:
    fine = head(HOST, "Connection: close", "X: " + "x" * 60_000, method="GET", path="/healthz")
    assert [status for status, _ in answers(said(live, fine))] == [200]


def test_a_body_of_crumbs_is_refused(live: Live) -> None:
    """Each chunk costs the parser as much as thousands of bytes."""
    check_refusal(said(live, head(*POST, CHUNKED) + b"1\r\n \r\n" * 20_000), 400)


def test_a_body_of_decent_chunks_is_read(live: Live) -> None:
    chunks = (b"40\r\n" + b" " * 64 + b"\r\n") * 2000 + b"0\r\n\r\n"
    fine = head(*POST, CHUNKED, "Connection: close") + chunks
    assert "JSON" in check_refusal(said(live, fine), 400)


def test_rubbish_behind_an_answer_changes_nothing(live: Live) -> None:
    """The answer is whole although the rest of the body turns out to be broken."""
    start = head(HOST, "Content-Type: application/json", CHUNKED)
    with connect(live) as connection:
        connection.sendall(start)
        first = connection.recv(65536)
        connection.sendall(b"zz\r\n" + SECOND)
        check_refusal(first + read_all(connection), 401)


def test_what_is_sent_on_after_a_refusal_does_not_take_it_back(live: Live) -> None:
    with connect(live) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        for _ in range(20):
            connection.sendall(b"x" * 65536)
        connection.shutdown(socket.SHUT_WR)
        check_refusal(read_all(connection), 400)


def test_no_header_is_repeated(live: Live) -> None:
    raw = said(live, head(HOST, f"X-Photio-Key: {KEY}\0", method="GET", path=PATH))
    assert KEY not in check_refusal(raw, 400)
