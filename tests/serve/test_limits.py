"""Caps, each before anything is allocated."""

from __future__ import annotations

import base64
import io
import socket
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from remixlab.errors import InvalidConfig
from remixlab.serve.config import compose_server
from tests.serve.fakes import KEY, PATH, Live, check_envelope, make_body, running, wait_until


def connect(live: Live) -> socket.socket:
    host, port = live.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def head(*lines: str) -> bytes:
    fixed = [f"POST {PATH} HTTP/1.1", "Host: localhost", f"X-Photio-Key: {KEY}"]
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, "", ""]).encode()


def test_a_body_announced_too_large_is_413_before_it_is_sent(live: Live) -> None:
    with connect(live) as connection:
        connection.sendall(head("Content-Length: 70000000"))
        assert b" 413 " in connection.recv(4096)


def test_a_body_that_grows_too_large_is_413(tmp_path: Path) -> None:
    with running(tmp_path, "serve.body_mb=0.1") as live:
        answer = live.post(
            data=(b" " * 10_000 for _ in range(1000)), headers={"Content-Type": "application/json"}
        )
        check_envelope(answer)
        assert answer.status_code == 413
        assert live.post(make_body()).status_code == 200


def test_a_body_that_drips_is_408(tmp_path: Path) -> None:
    with running(tmp_path, "serve.upload_s=0.3") as live, connect(live) as connection:
        connection.sendall(head("Content-Length: 1000") + b"{")
        start = time.monotonic()
        assert b" 408 " in connection.recv(4096)
        assert time.monotonic() - start < 2


def test_all_bodies_together_are_bounded(tmp_path: Path) -> None:
    with running(tmp_path, "serve.uploads_mb=0.2", "serve.upload_s=5") as live:
        with connect(live) as first:
            first.sendall(head("Content-Length: 200000") + b" " * 190_000)
            wait_until(lambda: live.service._admission._room < 20_000)
            answer = live.post(make_body())
            size = int(answer.request.headers["Content-Length"])
            assert size > 20_000, "the test's own body must not fit"
            check_envelope(answer)
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        wait_until(lambda: live.service._admission._room > 200_000)
        assert live.post(make_body()).status_code == 200


def test_base64_is_measured_before_it_is_decoded(tmp_path: Path) -> None:
    with running(tmp_path, "serve.image_mb=0.1") as live:
        answer = live.post(make_body(product_image="!" * 200_000))  # not even base64
        check_envelope(answer)
        assert answer.status_code == 413 and "product_image" in answer.json()["body"]


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises pixels that the file does not have."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        parts.append(struct.pack(">I", len(data)) + name + data)
        parts.append(struct.pack(">I", zlib.crc32(name + data)))
    return b"".join(parts)


@pytest.mark.parametrize("name", ["product_image", "ref_image"])
def test_pixels_are_counted_in_the_header(live: Live, name: str) -> None:
    bomb = base64.b64encode(png(8000, 8000)).decode()
    answer = live.post(make_body(**{name: bomb}))
    check_envelope(answer)
    assert answer.status_code == 413 and name in answer.json()["body"]


def test_both_images_share_one_budget(tmp_path: Path) -> None:
    def flat(side: int) -> str:
        buffer = io.BytesIO()
        Image.new("RGBA", (side, side)).save(buffer, "PNG")
        return base64.b64encode(buffer.getvalue()).decode()

    with running(tmp_path, f"serve.max_pixels={100 * 100 + 50 * 50}") as live:
        body = make_body((100, 100))
        assert live.post(body | {"ref_image": flat(50)}).status_code == 200
        answer = live.post(body | {"ref_image": flat(51)})
        assert answer.status_code == 413 and "ref_image" in answer.json()["body"]
        assert live.post(make_body((112, 112))).status_code == 413


@pytest.mark.parametrize(
    "override",
    [
        "serve.queue=0",
        "serve.max_pixels=100000000",
        "serve.allow_networks=[10.0.0.1/8]",
        "serve.allow_networks=[home]",
        "serve.deadline_s=0",
        "serve.nothing=1",
    ],
)
def test_wrong_settings_are_refused(override: str) -> None:
    with pytest.raises(InvalidConfig):
        compose_server([override])
