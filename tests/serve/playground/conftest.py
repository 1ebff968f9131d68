"""A studio over the tiny suite, and a form that it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remixlab.remix import Remixer
from remixlab.serve.playground.settings import Settings
from remixlab.serve.playground.studio import Studio
from tests.conftest import make_product, make_reference


@pytest.fixture(scope="session")
def studio(tiny_remixer: Remixer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tiny_remixer, tmp_path_factory.mktemp("made"), overrides=["model=tiny"])
    yield studio
    studio.close()


@pytest.fixture
def form(tmp_path: Path) -> Settings:
    """A product of 128 x 96, a reference, and a seed."""
    make_product(128, 96).save(tmp_path / "p.png")
    make_reference(0).save(tmp_path / "r.png")
    return Settings(str(tmp_path / "p.png"), str(tmp_path / "r.png"), prompt="a red bottle", seed=7)
