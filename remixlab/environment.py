"""The machine and the code that a run ran on, for its folder."""

from __future__ import annotations

import platform
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from remixlab.machine import output, processor
from remixlab.provenance import versions

_RESULTS = ":(top,exclude)benchmarks/results"

if TYPE_CHECKING:
    from remixlab.models.suite import Suite


def describe_environment() -> dict[str, Any]:
    """Commit and changes of the code, versions, processor, and the card with its driver."""
    return {
        "git": code_state(Path(__file__).parent),
        "versions": versions(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "cuda": torch.version.cuda,
        "gpu": _gpu(),
    }


def describe_run(suite: Suite) -> dict[str, Any]:
    """The suite's files and the precision that was chosen, beside machine and code."""
    return {
        "suite": dict(suite.provenance),
        "dtype": str(suite.dtype).removeprefix("torch."),
        **describe_environment(),
    }


def process_peak() -> int:
    """The most memory that this process has held so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def device_name(environment: Mapping[str, Any]) -> str:
    """The card, or else the processor, of what `describe_environment` said."""
    card = environment["gpu"]
    return card["name"] if card else f"{environment['processor']} CPU"


def code_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the repository around `folder`, and what differs from it but results.

    Results decide nothing, and each would hold those that were measured before it. None where the
    code is not in a repository: an installed copy has only its version.
    """
    commit = output(["git", "rev-parse", "HEAD"], folder)
    if commit is None:
        return None
    diff = output(["git", "diff", "HEAD", "--", ":/", _RESULTS], folder) or ""
    return {"commit": commit.strip(), "dirty": bool(diff.strip()), "diff": diff}


def _gpu() -> dict[str, Any] | None:
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = output(query, Path())
    return {
        "name": properties.name,
        "memory_gb": round(properties.total_memory / 1e9, 1),
        "capability": f"{properties.major}.{properties.minor}",
        "driver": driver.splitlines()[0] if driver else None,
        "count": torch.cuda.device_count(),
    }
