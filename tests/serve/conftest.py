"""A server over a quick model, for tests that do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.serve.fakes import Live, running


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Structlog's own default draws tracebacks for people, which takes a second each."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running server with default settings and one key."""
    with running(tmp_path_factory.mktemp("serve")) as server:
        yield server
