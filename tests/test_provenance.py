from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest
import torch
from PIL import Image

from remixlab import images, provenance
from remixlab.provenance import describe, versions
from remixlab.remix import Remixer
from remixlab.request import RemixRequest


def described(remixer: Remixer, product: Image.Image, **fields: Any) -> dict[str, Any]:
    request = RemixRequest(product_image=product, **({"seed": 5} | fields))
    return describe(request, remixer.suite, remixer.config)


def test_it_tells_the_whole_request(
    tiny_remixer: Remixer, product: Image.Image, reference: Image.Image
) -> None:
    told = described(
        tiny_remixer, product, ref_image=reference, prompt='oak, "dark" = ü', cfg_scale=2.5
    )["request"]
    asked = RemixRequest(product_image=product, ref_image=reference, seed=5)
    assert told == {
        "prompt": 'oak, "dark" = ü',
        "negative_prompt": asked.negative_prompt,
        "seed": 5,
        "cfg_scale": 2.5,
        "outline_fidelity": asked.outline_fidelity,
        "style_fidelity": asked.style_fidelity,
        "product_image": images.sha256(product),
        "ref_image": images.sha256(reference),
    }


def test_without_a_reference(tiny_remixer: Remixer, product: Image.Image) -> None:
    assert described(tiny_remixer, product)["request"]["ref_image"] is None


def test_suite_and_settings(tiny_remixer: Remixer, product: Image.Image) -> None:
    told = described(tiny_remixer, product)
    assert told["device"] == "cpu" and told["dtype"] == "float32"
    assert set(told["suite"]) == set(tiny_remixer.suite.origins)
    assert told["config"]["model"]["name"] == "tiny"
    assert told["config"]["runtime"]["device"] == "cpu"


def test_it_is_json_and_the_same_each_time(tiny_remixer: Remixer, product: Image.Image) -> None:
    first, second = (json.dumps(described(tiny_remixer, product)) for _ in range(2))
    assert first == second
    assert json.loads(first)["versions"] == versions()


def test_versions_of_what_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch.__version__.startswith(versions()["torch"])
    assert versions()["python"] == platform.python_version()

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(provenance, "version", missing)
    assert versions.__wrapped__()["diffusers"] == "not installed"
