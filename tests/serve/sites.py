"""A small web server on loopback that drips, resets, redirects and lies."""

from __future__ import annotations

import contextlib
import io
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from remixlab import images
from tests.conftest import make_product, make_reference

PNG = images.encode_png(make_product(64, 64))


def jpeg() -> bytes:
    buffer = io.BytesIO()
    make_reference(0).save(buffer, "JPEG")
    return buffer.getvalue()


def plain(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode() + body


def redirect(to: str) -> bytes:
    return plain(b"", f"Location: {to}", status="302 Found")


@dataclass
class Site:
    """Where the server is and which requests it got: first lines and headers, lower case."""

    port: int = 0
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _drip(handler: socketserver.BaseRequestHandler) -> None:
    handler.request.sendall(plain(b"", length=1000))
    for _ in range(100):  # every byte comes in time for a timeout on single reads
        handler.request.sendall(b"x")
        time.sleep(0.1)


def _flood(handler: socketserver.BaseRequestHandler) -> None:
    handler.request.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(2000):
        handler.request.sendall(b"x" * 100_000)


def _reset(handler: socketserver.BaseRequestHandler) -> None:
    import socket

    handler.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _silence(_handler: socketserver.BaseRequestHandler) -> None:
    time.sleep(3)


Answer = bytes | Callable[[socketserver.BaseRequestHandler], None]


def pages(site: Site) -> dict[str, Answer]:
    """What is where; `site` is filled in by then."""
    found: dict[str, Answer] = {
        "/p.png": plain(PNG),
        "/r.jpg": plain(jpeg()),
        "/missing": plain(b"no", status="404 Not Found"),
        "/gzip": plain(PNG, "Content-Encoding: gzip"),
        "/html": plain(b"<html>an-internal-secret</html>"),
        "/declares": plain(b"", length=10**12),
        "/short": plain(b"abc", length=100),
        "/garbage": b"220 smtp.example ESMTP\r\n\r\n",
        "/drip": _drip,
        "/flood": _flood,
        "/reset": _reset,
        "/silence": _silence,
        "/loop": redirect("/loop"),
        "/relative": redirect("p.png"),
        "/metadata": redirect("http://169.254.169.254/latest/meta-data/"),
        "/file": redirect("file:///etc/passwd"),
        "/userinfo": redirect("http://a:b@127.0.0.1/"),
        "/other": redirect(f"http://127.0.0.2:{site.port}/p.png"),
        "/open-bracket": redirect("http://["),
        "/half-bracket": redirect("http://[::1"),
        "/no-address": redirect("//[zz]/"),
        "/bad-port": redirect("//127.0.0.1:port/"),
        "/four": redirect("/three"),
        "/three": redirect("/two"),
        "/two": redirect("/relative"),
    }
    return found


@contextmanager
def serving() -> Iterator[Site]:
    """A site on 127.0.0.1 while the block runs."""
    site = Site()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                lines = list(iter(lambda: self.rfile.readline().decode("latin-1").strip(), ""))
                site.seen.append("\n".join(lines).lower())
                page = pages(site).get(lines[0].split()[1], plain(b"", status="404 Not Found"))
                if isinstance(page, bytes):
                    self.request.sendall(page)
                else:
                    page(self)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield site
        server.shutdown()
