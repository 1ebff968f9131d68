"""A server over a quick model, for tests that do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serve.fakes import Live, running


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running server with default settings and one key."""
    with running(tmp_path_factory.mktemp("serve")) as server:
        yield server
