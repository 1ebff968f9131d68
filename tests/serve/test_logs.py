"""Logs as a process writes them: JSON lines, without what a traceback's frames hold."""

from __future__ import annotations

import json
import subprocess
import sys

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
"""


def test_events_are_json_and_tracebacks_hold_no_values() -> None:
    run = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert first["request"] == "abc" and first["level"] == "error"
    assert "RuntimeError: broken" in first["exception"] and "timestamp" in first
    assert second["event"] == "Started 5"
    assert "a-secret" not in done.stderr
