"""RemixClient against our server, and against one that only speaks the wire format."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from remixlab import RemixClient, images
from remixlab.client import RemixServerError
from remixlab.errors import InvalidConfig, InvalidImage
from tests.conftest import make_product, make_reference
from tests.serve.fakes import KEY, Live, base64_png


@pytest.fixture
def foreign() -> Iterator[tuple[str, list[tuple[int, dict[str, str], str]], list[Any]]]:
    """Another server: where it is, the answers it will give, and the bodies it got."""
    answers: list[tuple[int, dict[str, str], str]] = []
    seen: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, headers, text = answers.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", answers, seen
        server.shutdown()


def good(picture: Image.Image) -> str:
    return json.dumps({"status_code": 200, "body": base64_png(picture)})


def test_a_remix_from_paths_bytes_and_pictures(live: Live, tmp_path: Path) -> None:
    make_product(80, 64).save(tmp_path / "p.png")
    reference = images.encode_png(make_reference(0))
    with RemixClient(live.url, key=KEY) as client:
        answer = client.remix(product_image=tmp_path / "p.png", ref_image=reference, seed=9)
        assert answer.image.size == (80, 64) and answer.seed == 9
        answer.save(tmp_path / "out.png")
        assert images.decode(tmp_path / "out.png", field="x").size == (80, 64)
        assert answer.warnings == ()
        assert client.remix(product_image=make_product(64, 64), ref_image=reference).seed


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ('["a", "\\u00d6l"]', ("a", "\u00d6l")),
        ("199 - stale", ("199 - stale",)),
        ("{}", ("{}",)),
        ("[" * 9000, ("[" * 9000,)),
        ("", ()),
    ],
)
def test_warnings_of_any_server_are_texts(foreign: Any, header: str, told: tuple[str, ...]) -> None:
    url, answers, _ = foreign
    answers.append((200, {"X-Remix-Warning": header}, good(make_reference(0))))
    with RemixClient(url) as client:
        assert client.remix(product_image=b"p", ref_image=b"r").warnings == told


def test_errors_carry_status_and_words(live: Live) -> None:
    pictures: dict[str, Any] = {"product_image": make_product(64, 64), "ref_image": b"x"}
    with RemixClient(live.url, key=KEY) as client, pytest.raises(RemixServerError) as caught:
        client.remix(**pictures)
    assert caught.value.status_code == 400 and "ref_image" in caught.value.body
    with RemixClient(live.url) as client, pytest.raises(RemixServerError) as caught:
        client.remix(**pictures)
    assert caught.value.status_code == 401
    with RemixClient(live.url) as client, pytest.raises(InvalidImage):
        client.remix(product_image="/nowhere.png", ref_image=b"x")


def test_a_busy_server_is_asked_again_when_it_says(foreign: Any) -> None:
    url, answers, seen = foreign
    soon = formatdate(time.time() + 1.5, usegmt=True)
    answers += [
        (503, {"Retry-After": "1"}, "busy"),
        (503, {"Retry-After": soon}, "busy"),
        (503, {"Retry-After": "whenever"}, "busy"),
        (200, {}, good(make_reference(0))),
    ]
    start = time.monotonic()
    with RemixClient(url) as client:
        answer = client.remix(product_image="http://host/p.png", ref_image=b"r", prompt="x")
    assert time.monotonic() - start > 1.5
    assert answer.seed is None, "this server does not tell it"
    assert answer.image.size == (96, 64)
    assert seen == [{"product_image": "http://host/p.png", "ref_image": "cg==", "prompt": "x"}] * 4


def test_it_gives_up_in_the_end(foreign: Any) -> None:
    url, answers, seen = foreign
    answers += [(503, {"Retry-After": "0"}, "<html>a proxy</html>")] * 3
    with RemixClient(url, retries=2) as client, pytest.raises(RemixServerError) as caught:
        client.remix(product_image=b"p", ref_image=b"r")
    assert caught.value.status_code == 503 and "a proxy" in caught.value.body
    assert len(seen) == 3


def test_a_server_that_is_not_up_yet_is_waited_for() -> None:
    answer = json.dumps({"status_code": 200, "body": base64_png(make_reference(0))}).encode()
    with socket.socket() as listener, ThreadPoolExecutor(1) as pool:
        listener.bind(("127.0.0.1", 0))  # until it listens, connections are refused
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = RemixClient(url, retries=3)
        asked = pool.submit(client.remix, product_image=b"p", ref_image=b"r")
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.3)
        listener.listen()
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n"
            connection.sendall(head.encode() + answer)
            assert asked.result(timeout=30).image.size == (96, 64)


def test_no_server_at_all_is_said_with_its_address() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            RemixClient(url, retries=1) as client,
            pytest.raises(InvalidConfig, match=f"url.*{url}.*a server that runs"),
        ):
            client.remix(product_image=b"p", ref_image=b"r")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_no_proxy_is_asked_for_this_machine(
    foreign: Any, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    url, answers, _ = foreign
    for no in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(no, raising=False)
    monkeypatch.setenv(name, proxy)
    for host in ("127.0.0.1", "localhost"):
        answers.append((200, {}, good(make_reference(0))))
        with RemixClient(url.replace("127.0.0.1", host), retries=0) as client:
            assert client.remix(product_image=b"p", ref_image=b"r").image.size == (96, 64)
    assert not answers


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="url"):
        RemixClient("http://host:a-port")


def test_other_errors_are_not_tried_again(foreign: Any) -> None:
    url, answers, seen = foreign
    answers += [(500, {}, json.dumps({"status_code": 500, "body": "id 5"}))]
    with RemixClient(url) as client, pytest.raises(RemixServerError, match="id 5"):
        client.remix(product_image=b"p", ref_image=b"r")
    assert len(seen) == 1


def test_the_missing_extra_is_named() -> None:
    program = "import sys; sys.modules['httpx2'] = None\nfrom remixlab import RemixClient"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "InvalidConfig" in done.stderr and "pip install remixlab[client]" in done.stderr
