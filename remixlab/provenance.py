"""What a picture was made from and with, so that somebody else can make it again."""

from __future__ import annotations

import platform
from dataclasses import asdict, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from remixlab.config import RemixConfig
from remixlab.machine import commit, hardware
from remixlab.models.suite import Suite
from remixlab.request import RemixRequest

_PACKAGES = ("remixlab", "torch", "diffusers", "transformers", "numpy", "pillow", "pymatting")


def describe(request: RemixRequest, suite: Suite, config: RemixConfig) -> dict[str, Any]:
    """The request with its images as SHA-256, the suite with hashes, settings, versions, machine.

    What comes back is JSON: `remixlab.replay` makes the picture again from it.
    """
    return {
        "request": {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "seed": request.seed,
            "cfg_scale": request.cfg_scale,
            "outline_fidelity": request.outline_fidelity,
            "style_fidelity": request.style_fidelity,
            "product_image": request.product_sha256,
            "ref_image": request.reference_sha256,
        },
        "suite": dict(suite.provenance),
        "config": _settings(config),
        "device": suite.device.type,
        "dtype": str(suite.dtype).removeprefix("torch."),
        "product_untouched": True,  # the composite raises where it is not
        "versions": versions(),
        "commit": commit(),
        "hardware": hardware(suite.device),
    }


def _settings(config: RemixConfig) -> dict[str, Any]:
    """A remix's own settings, without those that a sweep's config adds to them."""
    own = {field.name for field in fields(RemixConfig)}
    return {name: value for name, value in asdict(config).items() if name in own}


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a picture looks like."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
