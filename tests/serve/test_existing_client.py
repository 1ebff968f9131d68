"""An existing client's scripts (curl, requests) against `remixlab serve` with the mini suite."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.conftest import make_product
from tests.serve.process import KEY, ServeProcess, serve_process
from tests.serve.sites import Site, serving

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SIZES = [
    (1152, 896), (1344, 768), (1536, 640), (1216, 832), (1024, 1024), (832, 1216), (768, 1344),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    overrides = ["serve.allow_urls=true", "serve.allow_networks=[127.0.0.1/32]", "steps=2"]
    with serve_process(tmp_path_factory.mktemp("process"), *overrides) as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


def encoded(path: str) -> str:
    return base64.b64encode((ROOT / "examples" / path).read_bytes()).decode()


def framed(size: tuple[int, int]) -> str:
    buffer = io.BytesIO()
    make_product(*size).save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()


def body(**changes: Any) -> dict[str, Any]:
    fields = {
        "prompt": "product photograph of perfume, on the beach, perfume next to seashell",
        "product_image": encoded("products/perfume.png"),
        "ref_image": encoded("references/beach.jpg"),
        "negative_prompt": "worst quality",
        "seed": 42,
        "cfg_scale": 1.75,
        "outline_fidelity": 1.0,
        "style_fidelity": 0.7,
    }
    return fields | changes


def post(server: ServeProcess, fields: Any, **options: Any) -> requests.Response:
    headers = {"X-Photio-Key": KEY, "Content-Type": "application/json"}
    url = f"{server.url}/v1/inference/remix"
    return requests.post(url, json=fields, headers=headers | options.pop("headers", {}), **options)


def picture(answer: requests.Response) -> Image.Image:
    parsed = answer.json()
    assert (answer.status_code, parsed["status_code"]) == (200, 200), answer.text[:300]
    image = Image.open(io.BytesIO(base64.b64decode(parsed["body"])))
    assert image.format == "PNG" and image.mode == "RGB"
    return image


def test_curl_as_published(server: ServeProcess, site: Site) -> None:
    data = {
        "prompt": "product photograph of perfume, on the beach, perfume next to seashell",
        "product_image": f"{site.url}/p.png",
        "ref_image": f"{site.url}/r.jpg",
    }
    command = ["curl", "--silent", "--request", "POST"]
    command += ["--url", f"{server.url}/v1/inference/remix", "--header", f"X-Photio-Key: {KEY}"]
    command += ["--header", "Content-Type: application/json", "--data", json.dumps(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["status_code"] == 200
    assert Image.open(io.BytesIO(base64.b64decode(answer["body"]))).size == (64, 64)


def test_curl_without_a_key_and_with_a_file(server: ServeProcess, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps(body()))
    command = ["curl", "-s", "-w", "\\n%{http_code}", f"{server.url}/v1/inference/remix"]
    command += ["-H", "Content-Type: application/json", "-d", f"@{tmp_path}/body.json"]
    refused = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert refused.endswith("\n401") and json.loads(refused.splitlines()[0])["status_code"] == 401
    command += ["-H", f"X-Photio-Key: {KEY}"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.endswith("\n200")


def test_all_fields_and_the_same_picture_again(server: ServeProcess) -> None:
    first, second = (post(server, body()) for _ in range(2))
    assert picture(first).tobytes() == picture(second).tobytes()
    assert first.headers["X-Remix-Seed"] == "42"
    assert "denoise;dur=" in first.headers["Server-Timing"]
    product = Image.open(ROOT / "examples/products/perfume.png").convert("RGBA")
    assert picture(first).size == product.size
    inside = product.getchannel("A").getbbox()
    assert inside
    centre = ((inside[0] + inside[2]) // 2, (inside[1] + inside[3]) // 2)
    if product.getpixel(centre)[3] == 255:
        assert picture(first).getpixel(centre) == product.getpixel(centre)[:3]


@pytest.mark.parametrize("size", SIZES)
def test_all_sizes(server: ServeProcess, size: tuple[int, int]) -> None:
    assert picture(post(server, body(product_image=framed(size)))).size == size


@pytest.mark.parametrize(("seed", "used"), [("", None), (4294967296, "4294967296")])
def test_seeds(server: ServeProcess, seed: object, used: str | None) -> None:
    answer = post(server, body(product_image=framed((256, 256)), seed=seed))
    picture(answer)
    assert used in (None, answer.headers["X-Remix-Seed"])


def test_what_an_existing_client_does_wrong(server: ServeProcess) -> None:
    assert post(server, body(), headers={"X-Photio-Key": "wrong"}).json()["status_code"] == 401
    url = f"{server.url}/v1/inference/remix"
    assert requests.post(url, json=body()).json()["status_code"] == 401
    headers = {"X-Photio-Key": KEY, "Content-Type": "application/json"}
    assert requests.post(url, data="{", headers=headers).json()["status_code"] == 400
    headers["Content-Type"] = "text/plain"
    assert requests.post(url, data=json.dumps(body()), headers=headers).status_code == 415
    assert post(server, body(cfg_scale=31)).json()["status_code"] == 400
    log = server.log.read_text()
    assert KEY not in log and "perfume" not in log and body()["ref_image"][200:220] not in log


def test_sigterm_in_mid_flight(tmp_path: Path) -> None:
    """What is being made is answered; then the process ends."""
    with serve_process(tmp_path, "steps=25") as server:
        answers: list[requests.Response] = []
        thread = threading.Thread(target=lambda: answers.append(post(server, body())))
        thread.start()
        time.sleep(0.7)  # well inside its steps
        assert not answers
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) in (0, -signal.SIGTERM)
        thread.join(5)
        picture(answers[0])
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url + "/healthz", timeout=2)
