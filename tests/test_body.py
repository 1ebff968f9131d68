"""Request bodies on disk."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from remixlab import images
from remixlab.body import read_body, request_from
from remixlab.request import InvalidRequest
from tests.conftest import make_product, make_reference


@pytest.fixture
def body(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "p.png").write_bytes(images.encode_png(make_product(96, 96)))
    (tmp_path / "r.png").write_bytes(images.encode_png(make_reference(0)))
    return {"prompt": "a, b=c", "product_image": "p.png", "ref_image": "r.png", "seed": 3}


def write(folder: Path, body: Any) -> Path:
    path = folder / "body.json"
    path.write_text(json.dumps(body))
    return path


def test_file_names_are_relative_to_the_body(tmp_path: Path, body: dict[str, Any]) -> None:
    request = request_from(read_body(write(tmp_path, body)), {})
    assert (request.prompt, request.seed, request.product.size) == ("a, b=c", 3, (96, 96))
    assert request.reference is not None


def test_base64_as_the_api_takes_it(tmp_path: Path, body: dict[str, Any]) -> None:
    for name in ("product_image", "ref_image"):
        body[name] = base64.b64encode((tmp_path / body[name]).read_bytes()).decode()
    assert request_from(read_body(write(tmp_path, body)), {}).product.size == (96, 96)


def test_changes_win(tmp_path: Path, body: dict[str, Any]) -> None:
    (tmp_path / "other.png").write_bytes(images.encode_png(make_product(64, 80)))
    changes = {"seed": "9", "product_image": tmp_path / "other.png"}
    request = request_from(read_body(write(tmp_path, body)), changes)
    assert (request.seed, request.product.size) == (9, (64, 80))


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"'])
def test_what_is_no_body(tmp_path: Path, text: str) -> None:
    path = tmp_path / "body.json"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="JSON object"):
        read_body(path)


def test_missing_files_are_named(tmp_path: Path, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="--request"):
        read_body(tmp_path / "nothing.json")
    body["product_image"] = "nothing.png"
    with pytest.raises(InvalidRequest, match="product_image"):
        request_from(read_body(write(tmp_path, body)), {})
    with pytest.raises(InvalidRequest, match="ref_image"):
        request_from(read_body(write(tmp_path, body | {"product_image": "p.png"})),
                     {"ref_image": tmp_path / "no.jpg"})  # fmt: skip
