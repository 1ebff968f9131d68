"""Connections that say nothing, half of something, or never listen, and too many of any kind."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from remixlab.request import RemixRequest
from remixlab.serve import wire
from remixlab.serve.wire import WireConfig
from tests.serve.fakes import KEY, FakeMaker, Live, make_body, running, wait_until
from tests.serve.raw import answers, check_refusal, connect, head, post, read_all

GET = head("Host: localhost", method="GET", path="/healthz")
# A server of its own whose process may open 330 files; it has places for 138 connections.
_PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (330, 330))
from pathlib import Path
from remixlab.serve import run
from remixlab.serve.auth import Keys
from remixlab.serve.config import compose_server
from remixlab.serve.listening import bound
from remixlab.serve.logs import configure_logs
from remixlab.serve.service import Service
from tests.serve.fakes import FakeMaker
configure_logs()
config = compose_server(["serve.port=0", *sys.argv[1:]])
with bound(config.serve.host, config.serve.port) as sockets:
    run.serve(Service(FakeMaker(), config, Keys(Path("none"), {})), sockets)
"""


def gate_of(live: Live) -> wire.Gate:
    assert isinstance(live.server.config, WireConfig)
    return live.server.config.gate


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that waits half a second for a head, and less for a body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_LINGER_S", 0.3)
        patch.setattr(wire, "_UNREAD_S", 0.3)
        settings = ["serve.head_s=0.5", "serve.upload_s=0.3"]
        with running(tmp_path_factory.mktemp("serve"), *settings) as server:
            yield server


def test_a_connection_that_says_nothing_is_closed(impatient: Live) -> None:
    with connect(impatient, 5) as connection:
        assert read_all(connection) == b"", "it asked nothing and hears nothing"


def test_half_a_head_is_408(impatient: Live) -> None:
    with connect(impatient, 5) as connection:
        connection.sendall(GET[:-4])
        assert "0.5 s" in check_refusal(read_all(connection), 408)


def test_a_head_that_drips_has_no_more_time(impatient: Live) -> None:
    with connect(impatient, 5) as connection:
        connection.sendall(GET[:-2] + b"X: ")
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            check_refusal(read_all(connection), 408)
        finally:
            stop.set()
            thread.join()


def test_between_requests_a_connection_may_be_silent_but_not_within_one(impatient: Live) -> None:
    with connect(impatient, 5) as connection:
        connection.sendall(GET)
        assert b" 200 " in connection.recv(65536)
        time.sleep(0.8)
        connection.sendall(GET + GET[:20])
        raw = read_all(connection)
        assert [status for status, _ in answers(raw)] == [200, 408]


@pytest.mark.parametrize(("key", "status"), [(KEY, 408), ("wrong", 401)])
def test_a_body_that_does_not_come_ends_the_connection(
    impatient: Live, key: str, status: int
) -> None:
    """Whether or not it was wanted: what is left of it is read for so long and no longer."""
    lines = ("Host: localhost", "Content-Type: application/json", "Content-Length: 100000")
    with connect(impatient, 5) as connection:
        connection.sendall(head(*lines, f"X-Photio-Key: {key}") + b"{")
        check_refusal(read_all(connection), status)


def test_a_long_remix_is_no_silence(impatient: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(requests: Sequence[RemixRequest]) -> None:
        time.sleep(1.2)

    monkeypatch.setattr(impatient.maker, "hook", slow)
    assert impatient.post(make_body()).status_code == 200


def test_who_never_takes_the_answer_is_let_go(tmp_path: Path) -> None:
    with running(tmp_path, "serve.answer_s=0.5") as live, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = live.url.removeprefix("http://").split(":")
        connection.connect((host, int(port)))
        asked = threading.Thread(target=_ask_without_end, args=(connection,))
        asked.start()
        wait_until(lambda: gate_of(live)._idle or gate_of(live)._busy)
        wait_until(lambda: not gate_of(live)._idle and not gate_of(live)._busy)
        asked.join(10)
        assert not asked.is_alive()


def _ask_without_end(connection: socket.socket) -> None:
    request = head("Host: localhost", method="GET", path="/openapi.json")
    try:
        while True:
            connection.sendall(request * 100)
    except OSError:
        return


def test_the_silent_make_room_for_those_who_speak(tmp_path: Path) -> None:
    with running(tmp_path, "serve.max_connections=8") as live, ExitStack() as stack:
        silent = [stack.enter_context(connect(live, 5)) for _ in range(8)]
        wait_until(lambda: len(gate_of(live)._idle) == 8)
        assert requests.get(live.url + "/healthz", timeout=5).status_code == 200
        silent[-1].sendall(GET)
        assert b" 200 " in silent[-1].recv(65536), "the latest of them are still there"
        assert silent[0].recv(1) == b"", "the first one is closed"


def test_requests_at_work_are_not_dropped_for_new_ones(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hook(requests: Sequence[RemixRequest]) -> None:
        if requests[0].prompt:
            entered.set()
            assert go_on.wait(20)

    maker = FakeMaker(hook)
    with running(tmp_path, "serve.max_connections=8", maker=maker) as live, ExitStack() as stack:
        busy = [stack.enter_context(connect(live)) for _ in range(8)]
        for connection in busy:
            connection.sendall(post(make_body()))
        wait_until(lambda: len(gate_of(live)._busy) == 8)
        with connect(live) as late:
            raw = read_all(late)
            check_refusal(raw, 503)
            assert b"retry-after: 1" in raw.lower()
        go_on.set()
        for connection in busy:
            assert b" 200 " in connection.recv(65536)


@pytest.mark.slow
def test_a_flood_of_silence_locks_nobody_out(tmp_path: Path) -> None:
    """Twice as many connections as the process may open files."""
    command = [sys.executable, "-c", _PROGRAM, f"serve.keys_file={tmp_path}/none"]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stderr=file)
    try:
        wait_until(lambda: "running on http" in log.read_text(), 60)
        found = re.search(r"running on (http://[\d.:]+)", log.read_text())
        assert found
        url = found[1]
        host, port = url.removeprefix("http://").split(":")
        with ExitStack() as stack:
            for number in range(660):
                silent = socket.create_connection((host, int(port)), timeout=5)
                stack.enter_context(silent)
                if number % 60 == 0:
                    assert requests.get(url + "/healthz", timeout=5).status_code == 200
            files = list(Path(f"/proc/{process.pid}/fd").iterdir())
            assert len(files) < 330 - 64
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert not [line for line in lines if line["level"] == "error"]
        assert len([line for line in lines if line["level"] == "warning"]) < 50
        assert log.stat().st_size < 50_000
    finally:
        process.terminate()
        assert process.wait(20) is not None
