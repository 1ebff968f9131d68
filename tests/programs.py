"""Python files that belong to no package, as modules: scripts, benchmarks, examples of the docs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def load_program(path: Path, name: str | None = None) -> ModuleType:
    """The file as a module called `name`, by default as the file; nothing keeps it loaded."""
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
