"""Requests written byte by byte, for what no HTTP library sends."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

from tests.serve.fakes import KEY, PATH, Live


def connect(live: Live, seconds: float = 10) -> socket.socket:
    host, port = live.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=seconds)


def head(*lines: str, method: str = "POST", path: str = PATH, version: str = "1.1") -> bytes:
    """A request's head without Host, to which `lines` are added."""
    return "\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""]).encode("latin-1")


def post(body: dict[str, Any]) -> bytes:
    """A whole and good request."""
    content = json.dumps(body).encode()
    length = f"Content-Length: {len(content)}"
    lines = ("Host: localhost", f"X-Photio-Key: {KEY}", "Content-Type: application/json", length)
    return head(*lines) + content


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answers(raw: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each final answer in what a server sent."""
    found = []
    while raw:
        top, _, rest = raw.partition(b"\r\n\r\n")
        status = int(top.split(b" ", 2)[1])
        length = re.search(rb"(?i)\ncontent-length: (\d+)", top)
        size = int(length[1]) if length else 0
        if status >= 200:
            found.append((status, rest[:size]))
        raw = rest[size:]
    return found


def check_refusal(raw: bytes, status: int) -> str:
    """One answer, in the envelope, with this status; its words."""
    ((found, body),) = answers(raw)
    content = json.loads(body)
    assert set(content) == {"status_code", "body"}
    assert content["status_code"] == found == status, content
    assert b"application/json" in raw
    return content["body"]
