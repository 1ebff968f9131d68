from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of a loaded process")
def test_killed_ten_times_and_resumed_nothing_is_lost_or_there_twice(tmp_path: Path) -> None:
    single = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.sweep.killed", str(tmp_path), "10"]
    subprocess.run(command, cwd=ROOT, env=os.environ | single, check=True, timeout=600)
    whole, cut = (tmp_path / name / "style_x_outline_mini" for name in ("whole", "cut"))
    ids = [json.loads(line)["id"] for line in (cut / "cells.jsonl").read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 16
    for name in ("cells.parquet", "baselines.parquet"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
    pictures = {path.name for path in (whole / "images").iterdir()}
    assert pictures == {path.name for path in (cut / "images").iterdir()}
    # Pixels: the metadata tell how many were made together, which a kill changes.
    assert all(
        pixels(whole / "images" / name) == pixels(cut / "images" / name) for name in pictures
    )


def pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.tobytes()
