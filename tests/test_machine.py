from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from remixlab import machine
from remixlab.environment import code_state


def git(folder: Path, *words: str) -> None:
    own = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *words]
    subprocess.run(own, cwd=folder, check=True, capture_output=True)


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
    (tmp_path / "machine.py").write_text("1")
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.commit.__wrapped__() is None
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    told = machine.commit.__wrapped__()
    assert told is not None and len(told) == 40
    (tmp_path / "machine.py").write_text("2")
    assert machine.commit.__wrapped__() == f"{told} with changes"


def test_results_are_no_change_of_the_code(tmp_path: Path) -> None:
    code, result = tmp_path / "package" / "code.py", tmp_path / "benchmarks" / "results" / "raw"
    for path in (code, result):
        path.parent.mkdir(parents=True)
        path.write_text("before")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    result.write_text("after")
    state = code_state(code.parent)
    assert state and not state["dirty"] and state["diff"] == ""
    code.write_text("after")
    state = code_state(code.parent)
    assert state and state["dirty"] and "code.py" in state["diff"] and "raw" not in state["diff"]
