"""Keys: made once, kept as hashes, required, compared in constant time, never logged."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import stat
import time
from pathlib import Path
from typing import Any

import pytest
import structlog

from remixlab.errors import InvalidConfig
from remixlab.serve import auth, run
from remixlab.serve.auth import ENVIRONMENT, KeyFile, Keys
from remixlab.serve.config import compose_server
from remixlab.serve.run import check_host
from remixlab.serve.service import Service
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


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "new" / "keys.json")
    secret = file.add("phone")
    assert len(secret) >= 43
    text = file.path.read_text()
    assert secret not in text and "phone" in text
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert Keys(file.path, {}).accept(secret.encode())
    assert not Keys(file.path, {}).accept(secret[:-1].encode())
    with pytest.raises(InvalidConfig, match="a name that no key has yet"):
        file.add("phone")


def test_revoking_works_while_the_server_runs(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    secret = file.add("phone").encode()
    keys = Keys(file.path, {})
    assert keys.accept(secret)
    file.revoke("phone")
    assert not keys.accept(secret)
    assert not keys.accept(b""), "without its last key the server must not be open to everybody"
    assert keys.accept(file.add("again").encode())
    file.path.unlink()
    assert not keys.accept(b"")
    with pytest.raises(InvalidConfig, match="there are no keys"):
        file.revoke("phone")


def test_keys_of_the_environment(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "none", {ENVIRONMENT: " one, two ,,clé"})
    assert keys.accept(b"one") and keys.accept(b"two") and keys.accept("clé".encode())
    assert not keys.accept(b"") and not keys.accept(b"one,") and not keys.accept(b"three")
    assert not Keys(tmp_path / "none", {ENVIRONMENT: " , "}).required


@pytest.mark.parametrize("text", ["", "[]", '{"keys": [{"name": "x"}]}', '{"keys": 3}'])
def test_a_broken_file_does_not_open_the_server(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match="keys_file"):
        Keys(path, {})


def test_hashes_are_compared_in_constant_time_as_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        seen.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(auth, "hmac", type("Module", (), {"compare_digest": staticmethod(compare)}))
    assert Keys(tmp_path / "none", {ENVIRONMENT: "a,b,c"}).accept(b"a")
    assert len(seen) == 3, "all are compared, whichever matches"
    assert all(isinstance(part, bytes) and len(part) == 64 for pair in seen for part in pair)


@pytest.mark.parametrize("key", ["wrong", "", KEY + "x", KEY[:-1], KEY.upper()])
def test_a_wrong_key_is_401(live: Live, key: str) -> None:
    answer = live.post(make_body(), headers={"X-Photio-Key": key})
    check_envelope(answer)
    assert answer.status_code == 401


def test_a_missing_key_is_401_before_the_body_is_read(live: Live) -> None:
    """Ten million bytes are announced and none is sent: the answer comes all the same."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    address = live.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=1.5) as connection:
        connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode())
        assert b" 401 " in connection.recv(4096)


def test_a_client_that_sends_first_and_listens_then_hears_its_401(live: Live) -> None:
    """A server that just closes drops its own answer while the client still sends."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    address = live.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=5) as connection:
        connection.sendall(f"{head}Content-Length: 3000000\r\n\r\n".encode())
        time.sleep(0.2)  # by now the answer is out
        connection.sendall(b"x" * 3_000_000)
        assert b" 401 " in connection.recv(4096)


def test_without_keys_nobody_needs_one(tmp_path: Path) -> None:
    with running(tmp_path, keys=None) as live:
        assert live.post(make_body(), headers={"X-Photio-Key": ""}).status_code == 200
        KeyFile(tmp_path / "keys.json").add("first")  # from now on they do
        assert live.post(make_body(), headers={"X-Photio-Key": ""}).status_code == 401


def test_a_file_that_cannot_be_read_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    KeyFile(path).add("phone")
    keys, stat = Keys(path, {}), Path.stat

    def denied(self: Path, **others: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(self, **others)

    monkeypatch.setattr(Path, "stat", denied)
    for ask in (lambda: Keys(path, {}), lambda: keys.accept(b"")):
        with pytest.raises(InvalidConfig, match="Permission denied") as caught:
            ask()
        assert caught.value.field == "serve.keys_file"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "8.8.8.8", "gpu.example", ""])
def test_without_keys_only_the_loopback_is_served(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidConfig, match="remixlab keys add"):
        check_host(host, Keys(tmp_path / "none", {}))
    check_host(host, Keys(tmp_path / "none", {ENVIRONMENT: "k"}))
    for loopback in ("127.0.0.1", "::1", "localhost", "127.3.4.5"):
        check_host(loopback, Keys(tmp_path / "none", {}))


def test_a_server_without_keys_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quiet:
        def __init__(self, *_: object) -> None: ...

        def run(self, sockets: list[socket.socket]) -> None: ...

    monkeypatch.setattr(run, "Server", Quiet)
    config = compose_server([f"serve.keys_file={tmp_path}/none"])
    for environment, lines in (({}, 1), ({ENVIRONMENT: "k"}, 0)):
        keys = Keys(config.serve.key_path, environment)
        with structlog.testing.capture_logs() as events:
            run.serve(Service(FakeMaker(), config, keys), [])
        assert len([event for event in events if "no API keys" in event["event"]]) == lines


def test_no_key_image_or_prompt_is_logged(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    body = make_body(prompt="a-secret-prompt")
    with structlog.testing.capture_logs() as events, caplog.at_level(logging.DEBUG):
        live.post(body)
        live.post(body | {"seed": 0})
        live.post(body, headers={"X-Photio-Key": "a-wrong-secret"})
        live.post(body | {"product_image": body["product_image"][:-40]})
        wait_until(
            lambda: [e["event"] for e in events].count("answered") == 4
        )  # a line is written once its answer is out
    text = json.dumps(events) + caplog.text
    for secret in (KEY, "a-wrong-secret", "a-secret-prompt", body["product_image"][100:120]):
        assert secret not in text
