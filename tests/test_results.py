"""Committed results are of the suite beside them, and the pages say what the results say."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from remixlab.bench.probe import TOLERANCE, probe_difference, take_probe
from remixlab.config import compose_config
from tests.programs import load_program

ROOT = Path(__file__).resolve().parents[1]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*/raw.json"))
FIGURES = load_program(ROOT / "scripts" / "figures.py")


@cache
def painted(suite: str) -> dict[str, Any]:
    return take_probe(suite)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_a_result_is_of_the_suite_as_it_is_today(path: Path) -> None:
    """Weights, the suite's settings or the sampler are not newer than what was measured."""
    raw = json.loads(path.read_text())
    random = raw.get("config", {}).get("model", {}).get("weights") == "random"
    kept = None if random else raw["probe"]  # None too where nothing of a suite is in it
    if kept is not None:
        difference = probe_difference(kept, painted(kept["suite"]))
        about = f"of another suite: its probe is {difference:.2f} off; make {path.parent} again"
        assert difference < TOLERANCE, about
    if "config" in raw:
        now = compose_config([f"model={raw['config']['model']['name']}"]).model
        changed = dict(_changed(raw["config"]["model"], vars(now)))
        assert not changed, f"other settings: {changed}; make {path.parent} again"


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was said then and differs; random weights and a small area are for measuring."""
    for name in set(then) & set(now) - {"weights", "native_area"}:
        value = vars(now[name]) if hasattr(now[name], "__dict__") else now[name]
        if then[name] is not None and value != then[name] and not isinstance(value, Mapping):
            yield name, (then[name], value)
        elif isinstance(value, Mapping) and then[name]:
            yield from _changed(then[name], value)


def test_another_suite_has_another_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    for change in ("model.controlnet.scale=1.2", "model.scheduler.epsilon_scale=1.02", "steps=7"):
        other = take_probe(
            "mini", [change] + ["model.scheduler.timesteps=[]"] * ("steps" in change)
        )
        assert probe_difference(painted("mini"), other) > TOLERANCE, change


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_a_result_of_a_processor_says_which(path: Path) -> None:
    environment = json.loads(path.read_text()).get("environment")
    if environment and not environment["gpu"]:
        assert environment["processor"] not in (platform.machine(), "x86_64", "aarch64", "")


@pytest.mark.parametrize("page", FIGURES.pages(), ids=lambda page: page.name)
def test_a_page_says_what_the_results_say(page: Path) -> None:
    text = page.read_text()
    assert text == FIGURES.fill(text), "run: python scripts/figures.py"
    marks = text.count("<!-- figures: ")
    assert text.count("<!-- end -->") == marks


def test_a_figure_that_was_changed_by_hand_is_put_right() -> None:
    wrong = "It is <!-- figures: weights_size -->1 MB<!-- end -->."
    assert FIGURES.fill(wrong) != wrong and "37 MB" in FIGURES.fill(wrong)
    with pytest.raises(KeyError):
        FIGURES.fill("<!-- figures: unknown --><!-- end -->")
