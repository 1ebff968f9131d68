"""What is copied runs as it stands, whatever was typed."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from remixlab import cli
from remixlab.request import RemixRequest
from remixlab.serve.playground.settings import Settings
from remixlab.serve.playground.snippets import API_URL, as_command, as_curl, as_python
from tests.conftest import make_product, make_reference

PROMPTS = [
    "plain",
    """perfume, "on the beach", it's light=warm, {a: [1, 2]} $HOME `id` \\n 100% %s #1 !x""",
    "-o elsewhere.png",
    "two\nlines and a tab\t.",
    "パフューム, ½ é 🧴",
    "",
]
NAMES = ["my product.png", "-n.png", "it's.png"]
OVERRIDES = ["model=sdxl", "runtime.batch_size=2"]
_FAKE_CURL = """#!/bin/sh
printf '%s\\n' "$@" > arguments
cat > body.json
"""


def made(prompt: str, product: str = "p.png", **changes: Any) -> Settings:
    values: dict[str, Any] = {"ref_image": "/a/b/r.png", "negative_prompt": prompt, "seed": 2**32}
    return Settings(product_image=f"/some/where/{product}", prompt=prompt, **(values | changes))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with pictures, and a curl that only writes down what it is given."""
    monkeypatch.chdir(tmp_path)
    for name in ("p.png", "p_square.png", *NAMES):
        make_product(64, 64).save(name)
    make_reference(0).save("r.png")
    fake = tmp_path / "bin" / "curl"
    fake.parent.mkdir()
    fake.write_text(_FAKE_CURL)
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("REMIXLAB_API_KEY", "the key")
    return tmp_path


class Recorder:
    """Stands for a remixer: the request and the settings that it was asked with."""

    def __init__(self) -> None:
        self.model, self.overrides = "", []
        self.requests: list[RemixRequest] = []

    def from_config(self, model: str = "mini", *, overrides: Any = ()) -> Recorder:
        self.model, self.overrides = model, list(overrides)
        return self

    def remix(self, request: RemixRequest, **_: Any) -> Recorder:
        self.requests.append(request)
        return self

    def save(self, path: Any, metadata: bool = True) -> None:
        assert str(path) == "remix.png"


def check(request: RemixRequest, settings: Settings) -> None:
    """The request that a snippet leads to is the one of the form."""
    for name in ("prompt", "seed", "cfg_scale", "outline_fidelity", "style_fidelity"):
        assert getattr(request, name) == getattr(settings, name), name
    assert request.negative_prompt == (settings.negative_prompt or Settings.negative_prompt)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_curl_sends_the_body(folder: Path, prompt: str, shell: str) -> None:
    settings = made(prompt, cfg_scale=2.5)
    subprocess.run([shell, "-c", as_curl(settings)], check=True, cwd=folder)
    text = (folder / "body.json").read_text()
    body = json.loads(text)
    assert base64.b64decode(body["product_image"]) == (folder / "p.png").read_bytes()
    check(RemixRequest.from_body(body), settings)
    arguments = (folder / "arguments").read_text().splitlines()
    assert API_URL in arguments
    assert "X-Photio-Key: the key" in arguments
    assert "Content-Type: application/json" in arguments


@pytest.mark.parametrize("name", NAMES)
def test_curl_reads_files_of_any_name(folder: Path, name: str) -> None:
    subprocess.run(["sh", "-c", as_curl(made("x", name))], check=True, cwd=folder)
    body = json.loads((folder / "body.json").read_text())
    assert base64.b64decode(body["product_image"]) == (folder / name).read_bytes()


def test_curl_needs_a_reference() -> None:
    assert as_curl(made("x", ref_image=None)).startswith("#")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_python_makes_the_request(
    folder: Path, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, settings = Recorder(), made(prompt, size="square")
    monkeypatch.setattr("remixlab.remix.Remixer", recorder)
    exec(as_python(settings, OVERRIDES), {})
    check(recorder.requests[0], settings)
    assert (recorder.model, recorder.overrides) == ("sdxl", ["runtime.batch_size=2"])


def test_python_names_the_default_suite_and_may_have_no_reference() -> None:
    text = as_python(made("x", ref_image=None))
    assert "ref_image=None" in text and "from_config('mini')" in text


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_command_makes_the_request(
    folder: Path, prompt: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, seen = made(prompt, name, style_fidelity=0.0), []
    monkeypatch.setattr(cli, "_run", lambda request, overrides: seen.append((request, overrides)))
    words = shlex.split(as_command(settings, OVERRIDES))
    assert words[0] == "remixlab"
    CliRunner().invoke(cli.app, words[1:])
    request, overrides = seen[0]
    check(request, settings)
    assert overrides == OVERRIDES


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_any_text_survives_quoting(prompt: str) -> None:
    words = shlex.split(as_command(made(prompt)))
    assert words[words.index("--prompt") + 1] == prompt
    scope: dict[str, Any] = {}
    call = as_python(made(prompt)).partition("request = RemixRequest")[2]
    exec("values = dict" + call.partition("remixer =")[0], scope)
    assert scope["values"]["prompt"] == prompt
