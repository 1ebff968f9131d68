"""docs/api.md says what the OpenAPI document says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import requests

from tests.serve.fakes import Live

ROOT = Path(__file__).parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "scripts" / "make_api_docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(live: Live) -> None:
    document = requests.get(live.url + "/openapi.json", timeout=10).json()
    made = script().api_markdown(document)
    assert (ROOT / "docs" / "api.md").read_text() == made, "run python scripts/make_api_docs.py"
    for word in ("outline_fidelity", "X-Remix-Seed", "Retry-After", "413"):
        assert word in made
