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


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"seed": 1,\n "prompt": "a" "b"}', "line 2, column 16"),
        (b'{"seed": 1,\n "prompt": "\xfc"}', "line 2, column 13 is not in UTF-8"),
        ('{"seed": 1,\n}'.encode("utf-16"), "line [12], column "),
        (b'{"seed": ' + b"1" * 5000 + b"}", "too many digits"),
        (b"[" * 200_000, "too many brackets"),
        (b"[]", "no object"),
    ],
)
def test_where_a_body_stops_being_json(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "body.json").write_bytes(content)
    with pytest.raises(InvalidRequest, match=told) as caught:
        read_body(tmp_path / "body.json")
    assert "prompt" not in caught.value.accepted and "JSON object" in caught.value.accepted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_body_in_any_encoding_of_json(
    tmp_path: Path, body: dict[str, Any], encoding: str
) -> None:
    (tmp_path / "body.json").write_bytes(
        json.dumps(body | {"prompt": "Öl, 木"}, ensure_ascii=False).encode(encoding)
    )
    assert request_from(read_body(tmp_path / "body.json"), {}).prompt == "Öl, 木"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("q.png", "none at {folder}/q.png; or base64 .* character 2 of this is none"),
        ("product1", "none at {folder}/product1; or base64, but of a PNG"),
        ("iVBORw0KGgo", "none at {folder}/iVBORw0KGgo; or base64 .* at its end belong 1 ="),
        ("a\0b", "or base64 .* character 2 of this"),
    ],
)
def test_a_mistyped_picture_is_neither_a_file_nor_base64(
    tmp_path: Path, body: dict[str, Any], text: str, told: str
) -> None:
    read = read_body(write(tmp_path, body | {"product_image": text}))
    with pytest.raises(InvalidRequest, match=told.format(folder=tmp_path)) as caught:
        request_from(read, {})
    assert caught.value.field == "product_image" and caught.value.value == text
    assert request_from(read, {"product_image": tmp_path / "p.png"}).product.size == (96, 96)


@pytest.mark.parametrize("text", ["", " ", "https://a.test/p.png", "data:image/png,x"])
def test_what_is_no_name_of_a_file_is_told_as_over_http(
    tmp_path: Path, body: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidRequest, match="product_image") as caught:
        request_from(read_body(write(tmp_path, body | {"product_image": text})), {})
    assert "beside" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="--request"):
        read_body(tmp_path / "nothing.json")
    body["product_image"] = "nothing.png"
    with pytest.raises(InvalidRequest, match="product_image"):
        request_from(read_body(write(tmp_path, body)), {})
    with pytest.raises(InvalidRequest, match="ref_image"):
        request_from(read_body(write(tmp_path, body | {"product_image": "p.png"})),
                     {"ref_image": tmp_path / "no.jpg"})  # fmt: skip
