"""Logs as a process writes them: JSON lines, without what a traceback's frames hold."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from remixlab.serve.logs import Repeats

_PROGRAM = """
import logging, structlog
from remixlab.serve.logs import configure_logs
configure_logs()
def fail(secret):
    raise RuntimeError("broken")
with structlog.contextvars.bound_contextvars(request="abc"):
    try:
        fail("a-" + "secret")
    except RuntimeError:
        structlog.get_logger().exception("failed")
logging.getLogger("uvicorn.error").info("Started %d", 5)
logging.getLogger("httpcore2").info("GET a-url")
for number in range(1000):
    logging.getLogger("asyncio").error(f"out of sockets\\nsocket: {number}", exc_info=OSError(24))
    structlog.get_logger().warning("too many connections", number=number)
"""


def test_events_are_json_and_tracebacks_hold_no_values() -> None:
    run = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
    first, second, *rest = (json.loads(line) for line in done.stderr.splitlines())
    assert len(rest) == 20, "what repeats is held back, the libraries' warnings and our own"
    assert first["request"] == "abc" and first["level"] == "error"
    assert "RuntimeError: broken" in first["exception"] and "timestamp" in first
    assert second["event"] == "Started 5"
    assert "a-secret" not in done.stderr


def written(repeats: Repeats, message: object, level: int = logging.WARNING) -> str | None:
    record = logging.LogRecord("a", level, "file", 1, message, (), None)
    return str(record.msg) if repeats.filter(record) else None


def test_repeated_warnings_are_counted_and_not_written() -> None:
    now = [0.0]
    repeats = Repeats(lambda: now[0])
    assert [written(repeats, "x") for _ in range(15)] == ["x"] * 10 + [None] * 5
    assert written(repeats, "y") == "y"
    now[0] = 11.0
    assert written(repeats, "x") == "x (5 more were held back)"
    assert written(repeats, {"event": "z", "most": 1}) == "{'event': 'z', 'most': 1}"
    for _ in range(11):
        written(repeats, {"event": "z"})
    now[0] = 22.0
    assert written(repeats, {"event": "z"}) == "{'event': 'z', 'held_back': 2}"


def test_what_a_client_may_ask_about_is_always_written() -> None:
    repeats = Repeats(lambda: 0.0)
    failed = {"event": "failed", "request": "an id"}
    assert all(written(repeats, dict(failed), logging.ERROR) for _ in range(50))
    assert all(written(repeats, "answered", logging.INFO) for _ in range(50))
