"""docs/api.md says what the OpenAPI document says."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import requests

from tests.programs import load_program
from tests.serve.fakes import Live

ROOT = Path(__file__).parents[2]


def script() -> ModuleType:
    return load_program(ROOT / "scripts" / "make_api_docs.py")


def test_the_page_is_current(live: Live) -> None:
    document = requests.get(live.url + "/openapi.json", timeout=10).json()
    made = script().api_markdown(document)
    assert (ROOT / "docs" / "api.md").read_text() == made, "run python scripts/make_api_docs.py"
    for word in ("outline_fidelity", "X-Remix-Seed", "Retry-After", "413"):
        assert word in made
