"""`remixlab serve` as a process of its own, with the mini suite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

KEY = "a-key-of-an-existing-client"


@dataclass
class ServeProcess:
    """A running `remixlab serve`: where it is, and the file with its log."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def serve_process(folder: Path, *overrides: str) -> Iterator[ServeProcess]:
    """A server on a free port of the loopback, ready when the block begins."""
    log = folder / "log"
    settings = ["serve.port=0", f"serve.keys_file={folder}/keys.json", "runtime.device=cpu"]
    command = [sys.executable, "-m", "remixlab.cli", "serve", *settings, *overrides]
    environment = {**os.environ, "REMIXLAB_API_KEYS": KEY, "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stderr=file, env=environment)
    try:
        url = _address(process, log)
        while requests.get(url + "/readyz", timeout=5).status_code != 200:
            time.sleep(0.1)
        yield ServeProcess(url, process, log)
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"no server: {log.read_text()}")
