from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from remixlab import machine


def test_the_processor_and_what_decides_its_rounding() -> None:
    told = machine.hardware(torch.device("cpu"))
    assert told["name"] and told["threads"] == torch.get_num_threads()
    assert told["instructions"] == torch.backends.cpu.get_cpu_capability()


def test_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert machine.hardware(torch.device("cuda", 1))["name"] == "card 1"


def test_the_commit_and_whether_files_differ_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        own = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *words]
        subprocess.run(own, cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "machine.py").write_text("1")
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.commit.__wrapped__() is None
    git("init")
    git("add", ".")
    git("commit", "-m", "x")
    told = machine.commit.__wrapped__()
    assert told is not None and len(told) == 40
    (tmp_path / "machine.py").write_text("2")
    assert machine.commit.__wrapped__() == f"{told} with changes"
