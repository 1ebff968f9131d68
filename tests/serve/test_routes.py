"""The wire format: statuses, the envelope, headers, the fields."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.serve.fakes import (
    PATH,
    Live,
    check_envelope,
    make_body,
    picture_of,
    running,
    wait_until,
)


def test_a_remix_comes_back_in_the_product_size(live: Live) -> None:
    answer = live.post(make_body((80, 64)))
    check_envelope(answer)
    picture = picture_of(answer)
    assert picture.size == (80, 64)
    assert answer.headers["X-Remix-Seed"] == "7"
    assert "denoise;dur=1.0" in answer.headers["Server-Timing"]
    assert "wait;dur=" in answer.headers["Server-Timing"]
    assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize("seed", ["", " ", None, -1, "-1"])
def test_a_blank_seed_draws_one(live: Live, seed: object) -> None:
    drawn = {live.post(make_body(seed=seed)).headers["X-Remix-Seed"] for _ in range(2)}
    assert len(drawn) == 2 and all(1 <= int(each) <= 2**32 for each in drawn)


def test_the_largest_seed_and_data_urls(live: Live) -> None:
    body = make_body(seed=4294967296)
    body["product_image"] = "data:image/png;base64," + body["product_image"]
    assert live.post(body).headers["X-Remix-Seed"] == "4294967296"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": 0}, "seed"),
        ({"seed": 4294967297}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"cfg_scale": 31}, "cfg_scale"),
        ({"cfg_scale": "NaN"}, "cfg_scale"),
        ({"outline_fidelity": -0.1}, "outline_fidelity"),
        ({"style_fidelity": 2.1}, "style_fidelity"),
        ({"prompt": "x" * 4001}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"negative_prompt": 5}, "negative_prompt"),
        ({"product_image": "!"}, "product_image"),
        ({"product_image": None}, "product_image"),
        ({"ref_image": None}, "ref_image"),
        ({"ref_image": "aGVsbG8="}, "ref_image"),
        ({"ref_image": "https://example.com/r.png"}, "URLs are off"),
        ({"max_pixels": 10}, "max_pixels"),
        ({"_target_": "os.system"}, "_target_"),
    ],
)
def test_wrong_fields_are_400_and_named(live: Live, changes: dict, field: str) -> None:
    answer = live.post(make_body(**changes))
    check_envelope(answer)
    assert answer.status_code == 400 and field in answer.json()["body"]


def test_a_reference_is_required(live: Live) -> None:
    body = make_body()
    del body["ref_image"]
    answer = live.post(body)
    assert answer.status_code == 400 and "ref_image" in answer.json()["body"]


def test_an_opaque_product_is_400_and_costs_no_batch(live: Live) -> None:
    before = len(live.maker.batches)
    body = make_body()
    answer = live.post(body | {"product_image": body["ref_image"]})
    assert answer.status_code == 400 and "transparent" in answer.json()["body"]
    assert len(live.maker.batches) == before


def test_an_answer_never_repeats_an_image(live: Live) -> None:
    secret = "U0VDUkVU" * 50
    answer = live.post(make_body(product_image=secret))
    assert answer.status_code == 400 and "U0VDUkVU" not in answer.text


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "[" * 100_000, "1" * 5000, "\xff\xfe\x00", "{} {}"]
)
def test_wrong_json_is_400(live: Live, text: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = live.post(data=text.encode("latin-1"), headers=headers)
    check_envelope(answer)
    assert answer.status_code == 400


def test_wrong_json_is_told_with_its_place(live: Live) -> None:
    headers = {"Content-Type": "application/json"}
    answer = live.post(data=b'{"prompt": "a",\n "seed": }', headers=headers)
    assert "line 2, column 10" in answer.json()["body"] and "prompt" not in answer.text
    answer = live.post(data=b'{"prompt":\n "\xff"}', headers=headers)
    told = answer.json()["body"]
    assert "line 2, column 2" in told and "in UTF-8" in told


def test_json_with_a_byte_order_mark(live: Live) -> None:
    for encoding, status in {"utf-8-sig": 200, "utf-16": 400}.items():
        content = json.dumps(make_body()).encode(encoding)
        answer = live.post(data=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},  # what a page of another site may send without asking
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
def test_only_json_is_read(live: Live, headers: dict[str, str]) -> None:
    answer = live.post(data=json.dumps(make_body()), headers=headers)
    check_envelope(answer)
    assert answer.status_code == 415


def test_json_with_a_charset(live: Live) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert live.post(data=json.dumps(make_body()), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("PUT", PATH, 405),
        ("OPTIONS", PATH, 405),
        ("TRACE", PATH, 405),
        ("POST", PATH + "/", 404),
        ("POST", "/v1/inference", 404),
        ("GET", "/v1/%2e%2e/x", 404),
    ],
)
def test_other_ways_are_in_the_envelope(live: Live, method: str, path: str, status: int) -> None:
    answer = requests.request(method, live.url + path, timeout=10, allow_redirects=False)
    check_envelope(answer)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_health_readiness_documentation(live: Live) -> None:
    for path in ("/healthz", "/readyz", "/docs"):
        assert requests.get(live.url + path, timeout=10).status_code == 200
    document = requests.get(live.url + "/openapi.json", timeout=10).json()
    answers = document["paths"][PATH]["post"]["responses"]
    assert sorted(answers) == ["200", "400", "401", "408", "413", "415", "500", "503"]


def test_metrics(live: Live) -> None:
    live.post(make_body())
    live.post(make_body(seed=0))
    # An answer is counted once it is out, so that a client may ask before.
    for status in ("200", "400"):
        wait_until(lambda status=status: live.metric("remix_answers_total", status=status))
    text = requests.get(live.url + "/metrics", timeout=10).text
    for line in (
        'remix_answers_total{status="200"}',
        'remix_answers_total{status="400"}',
        'remix_stage_seconds_count{stage="denoise"}',
        "remix_queue_depth 0.0",
        "remix_ready 1.0",
        "remix_wait_seconds_count",
        "remix_batch_size_count",
        "remix_out_of_memory_total 0.0",
    ):
        assert line in text


def test_the_metadata_of_an_answer_can_be_left_out(live: Live, tmp_path: Path) -> None:
    assert "remixlab" in _text(live)
    with running(tmp_path, "serve.metadata=false") as bare:
        assert "remixlab" not in _text(bare)


def _text(live: Live) -> dict[str, str]:
    answer = live.post(make_body())
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["body"]))) as picture:
        return picture.text
