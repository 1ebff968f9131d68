"""Which machine and which commit: why a picture may come out otherwise elsewhere."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch


def hardware(device: torch.device) -> dict[str, Any]:
    """What decides how `device` rounds: the card and its libraries, or processor and threads."""
    if device.type == "cuda":
        return {
            "name": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
    return {
        "name": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


@cache
def commit() -> str | None:
    """The commit of the code, marked where files differ from it; None outside a repository."""
    folder = Path(__file__).parent
    found = output(["git", "rev-parse", "HEAD"], folder)
    if found is None:
        return None
    changes = output(["git", "status", "--porcelain", "--untracked-files=no"], folder)
    return found.strip() + (" with changes" if changes else "")


def output(command: list[str], folder: Path) -> str | None:
    """What a program prints when it runs in `folder`; None where it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@cache
def processor() -> str:
    """The processor's model; Linux tells it only here, `platform.processor` is the architecture."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
