"""Hosts, ids, the last resort."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import structlog

from tests.serve.fakes import FakeMaker, Live, check_envelope, make_body, running


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:80", "192.168.1.5", "[::1]:8000", "LOCALHOST", "a.lab.example:1"],
)
def test_plain_addresses_and_allowed_names_are_served(tmp_path: Path, host: str) -> None:
    with running(tmp_path, "serve.allowed_hosts=['*.lab.example']") as live:
        assert live.post(make_body(), headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "lab.example", "0"]
)
def test_other_names_are_refused(live: Live, host: str) -> None:
    """A page whose name suddenly means 127.0.0.1 still sends its own name."""
    answer = live.post(make_body(), headers={"Host": host})
    check_envelope(answer)
    assert answer.status_code == 400 and "allowed_hosts" in answer.json()["body"]


def test_the_id_of_a_500_explains_itself_in_the_log(tmp_path: Path) -> None:
    def fail(_requests: object) -> None:
        if threading.current_thread().name == "remix-worker" and failing:
            raise RuntimeError("a broken kernel")

    failing: list[int] = []
    with running(tmp_path, maker=FakeMaker(fail)) as live, structlog.testing.capture_logs() as log:
        failing.append(1)
        answer = live.post(make_body())
        check_envelope(answer)
        assert answer.status_code == 500 and "kernel" not in answer.text
        name = answer.headers["X-Request-Id"]
        assert name in answer.json()["body"]
        assert any(name in event.get("requests", ()) and event["exc_info"] for event in log)
        failing.clear()
        assert live.post(make_body()).status_code == 200


def test_an_error_in_a_route_is_a_500_in_the_envelope(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.service, "remix", None)  # calling it raises TypeError
    answer = live.post(make_body())
    check_envelope(answer)
    assert answer.status_code == 500
