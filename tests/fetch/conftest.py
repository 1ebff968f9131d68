"""The stand-in hub, and huggingface_hub pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

from tests.fetch.hub import Hub
from tests.fetch.repositories import tiny_repositories


@pytest.fixture(scope="session")
def repositories(
    tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, bytes]]:
    return tiny_repositories(tiny_folder, tmp_path_factory.mktemp("repositories"))


@pytest.fixture
def hub(
    repositories: dict[str, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    """A hub with all repositories, an empty cache, and no token."""
    hub = Hub({repo: dict(files) for repo, files in repositories.items()})
    hub.start()
    # The environment is read when huggingface_hub is imported; test_command.py sets that.
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield hub
    hub.stop()
