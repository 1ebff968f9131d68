"""One tiny suite on disk for all tests of the loaders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from remixlab.models.load import load_suite
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from tests.tiny_suite import tiny_config, write_tiny_suite


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny suite with AutoencoderKL and IP-Adapter Plus; don't write into it."""
    folder = tmp_path_factory.mktemp("suites") / "tiny"
    write_tiny_suite(folder)
    return folder


@pytest.fixture
def load_tiny(tiny_folder: Path) -> Callable[..., Suite]:
    """Loads the tiny suite on the CPU; keywords change its config."""

    def load(*, dtype: torch.dtype = torch.float32, **changes: Any) -> Suite:
        spec = SuiteSpec.from_config(tiny_config(tiny_folder, **changes))
        return load_suite(spec, device="cpu", dtype=dtype, kernel=F.scaled_dot_product_attention)

    return load


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Suite:
    """The tiny suite as it is; don't change its networks."""
    spec = SuiteSpec.from_config(tiny_config(tiny_folder))
    kernel = F.scaled_dot_product_attention
    return load_suite(spec, device="cpu", dtype=torch.float32, kernel=kernel)
