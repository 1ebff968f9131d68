"""`python benchmarks/fidelity.py`, without the process around it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from omegaconf import OmegaConf

from remixlab.sweep.config import FidelityConfig
from tests.programs import load_program

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fidelity.py"


def script() -> ModuleType:
    return load_program(SCRIPT)


def test_a_dry_run_says_in_words_what_it_would_cost(
    config: FidelityConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.dry_run = True
    module = script()
    monkeypatch.setattr(module, "typed_config", lambda _: config)
    module.main.__wrapped__(OmegaConf.create())
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["4 cells, 0 done, 4 to make", "1 batches of 4 at most"]
    assert printed[2].startswith("about ") and printed[3].startswith("peak memory about ")
    assert not Path(config.out).exists()
