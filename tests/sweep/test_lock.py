"""One process at a time in a run folder, and none that died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from remixlab.sweep.lock import FolderInUse, locked

ROOT = Path(__file__).resolve().parents[2]
_HOLD = """
import sys, time, pathlib
from remixlab.sweep.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_who_holds_it_until_that_one_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "run")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        told = f"process {other.pid} on "
        with pytest.raises(FolderInUse, match=told) as caught, locked(tmp_path / "run"):
            raise AssertionError("it was held already")
        assert caught.value.value == str(tmp_path / "run")
        other.send_signal(signal.SIGKILL)
    with locked(tmp_path / "run"):
        pass


def test_it_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path):
        pass


def test_a_file_system_without_locks_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", none)
    with pytest.warns(UserWarning, match="without locks"), locked(tmp_path):
        pass
