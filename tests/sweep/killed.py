"""Run a sweep that is killed again and again: `python -m tests.sweep.killed FOLDER KILLS`.

The suite is loaded once; every attempt is a fork of this process, so that most of its time is spent
in the sweep and not in imports.
"""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

from remixlab.config import compose_config
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import Sweep
from tests.conftest import make_product, make_reference


def settings(folder: Path) -> FidelityConfig:
    """Sixteen small cells."""
    register_fidelity()
    config = cast(FidelityConfig, compose_config(["scorer=null", "steps=2"], name="fidelity"))
    make_product(64, 64, 0).save(folder / "p.png")
    make_reference(0).save(folder / "r.png")
    config.runtime.batch_size = 2
    config.sweep.axes = {
        "product_image": str(folder / "p.png"),
        "ref_image": str(folder / "r.png"),
        "seed": list(range(1, 9)),
        "style_fidelity": [0, 1],
    }
    return config


def attempt(sweep: Sweep, seconds: float, most: float = math.inf) -> bool:
    """Run the sweep in a fork; true if it finished before it was killed.

    It is killed after so long, or when `most` cells are kept: on a machine that got faster
    meanwhile the moments alone would come too late.
    """
    child = os.fork()
    if child == 0:
        sweep.run()
        os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end and kept(sweep) < most:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if status:
                raise RuntimeError(f"the sweep failed with status {status}")
            return True
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def kept(sweep: Sweep) -> int:
    """Cells in the journal."""
    journal = sweep.folder / "cells.jsonl"
    return len(journal.read_bytes().splitlines()) if journal.exists() else 0


def main(folder: Path, kills: int) -> None:
    """One sweep in peace, then one that is killed `kills` times at random moments and resumed."""
    config = settings(folder)
    whole, cut = (
        Sweep.prepare(replace(config, out=str(folder / name))) for name in ("whole", "cut")
    )
    start = time.monotonic()
    attempt(whole, 600)
    lasted = time.monotonic() - start
    moments = random.Random(0)
    cells = kept(whole)
    for number in range(kills):
        # Short enough that what is left at the end is still more than one attempt makes.
        seconds = moments.uniform(0.02, 0.12) * lasted
        if attempt(cut, seconds, most=(number + 1) / (kills + 1) * cells):
            raise RuntimeError("finished before it was killed often enough")
    attempt(cut, 600)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
