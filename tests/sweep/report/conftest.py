"""Synthetic runs that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.read import read_run
from tests.sweep.report.synthetic import write_run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run: two references, two seeds, three styles, two outlines."""
    return write_run(tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture(scope="session")
def run(folder: Path) -> Run:
    """The same, read."""
    return read_run(folder)
