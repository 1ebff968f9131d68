"""The table of runtime options: what each changes, timed against the same settings without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remixlab import Remixer
from tests.programs import load_program

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["model.native_area=4096", "steps=2"]
options = load_program(ROOT / "benchmarks" / "options.py")


@pytest.fixture(scope="module")
def plain() -> Remixer:
    return Remixer.from_config("mini", overrides=SMALL)


@pytest.mark.parametrize(
    ("option", "shared"),
    [
        ("branches.guidance_until=0.5", True),
        ("steps=1", True),
        ("runtime.attention=sdpa_math", False),
        ("model.weights=random", False),
    ],
)
def test_networks_are_shared_where_an_option_leaves_them(
    plain: Remixer, option: str, shared: bool
) -> None:
    changed = options._changed(plain, ["model=mini", *SMALL, option])
    assert (changed.suite is plain.suite) == shared
    assert changed.config != plain.config


def test_every_option_gets_a_row_with_its_difference(tmp_path: Path) -> None:
    chosen = ["branches.guidance_until=0.5", "hold_product=true"]
    options.main(chosen, base=[*SMALL, "model.weights=random"], rounds=1, batch=1, out=tmp_path)
    rows = json.loads((tmp_path / "raw.json").read_text())["rows"]
    assert [row["option"] for row in rows] == chosen
    assert rows[0]["psnr_db"] < 60 and rows[0]["largest"] > 0
    assert (rows[1]["psnr_db"], rows[1]["largest"]) == (100.0, 0.0)  # as it is by default
    table = (tmp_path / "table.md").read_text()
    settings = "model=mini branches.guidance_until=1 model.native_area=4096 steps=2"
    assert f"{settings} model.weights=random" in table
    assert all(f"| `{option}` |" in table for option in chosen)
