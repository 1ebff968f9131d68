"""`remixlab keys` and the refusals of `remixlab serve`."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from remixlab import cli
from remixlab.errors import InvalidConfig
from remixlab.remix import Remixer
from remixlab.serve.auth import ENVIRONMENT, Keys

run = CliRunner().invoke
FIELDS = {"serve": ("serve.host", "serve.port"), "playground": ("--host", "--port")}


def test_keys_are_added_listed_and_revoked(tmp_path: Path) -> None:
    file = ["--file", f"{tmp_path}/keys.json"]
    key = run(cli.app, ["keys", "add", "phone", *file]).output.strip()
    assert Keys(tmp_path / "keys.json", {}).accept(key.encode())
    listed = run(cli.app, ["keys", "list", *file]).output
    assert listed.startswith("phone  20") and key not in listed
    assert run(cli.app, ["keys", "revoke", "phone", *file]).exit_code == 0
    assert run(cli.app, ["keys", "list", *file]).output == ""
    assert isinstance(run(cli.app, ["keys", "revoke", "phone", *file]).exception, InvalidConfig)


def test_a_public_host_needs_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    arguments = ["serve", "--host", "0.0.0.0", f"serve.keys_file={tmp_path}/none"]
    error = run(cli.app, arguments).exception
    assert isinstance(error, InvalidConfig) and "remixlab keys add" in str(error)


def test_settings_are_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("remixlab.serve.run.run_server", seen.append)
    result = run(cli.app, ["serve", "--port", "9000", "serve.queue=5", "runtime.batch_size=2"])
    assert result.exit_code == 0, result.output
    assert (seen[0].serve.port, seen[0].serve.queue, seen[0].runtime.batch_size) == (9000, 5, 2)
    assert seen[0].serve.allow_urls is False
    wrong = run(cli.app, ["serve", "serve.port=70000"]).exception
    assert isinstance(wrong, InvalidConfig) and wrong.field == "serve.port"


@pytest.mark.parametrize("command", ["serve", "playground"])
def test_a_taken_port_is_told_before_a_suite_is_loaded(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "playground":
        pytest.importorskip("gradio", reason="needs gradio: pip install '.[playground]'")

    def load(_config: object) -> Remixer:
        raise AssertionError("a suite was loaded")

    monkeypatch.setattr(Remixer, "from_settings", staticmethod(load))
    monkeypatch.setenv(ENVIRONMENT, "k")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = run(cli.app, [command, "--port", str(port)]).exception
        assert isinstance(error, InvalidConfig), error
        assert (error.field, error.value) == (FIELDS[command][1], port)
        assert "127.0.0.1" in error.accepted and "another port" in error.accepted
    error = run(cli.app, [command, "--host", "192.0.2.1"]).exception
    assert isinstance(error, InvalidConfig), error
    assert (error.field, error.value) == (FIELDS[command][0], "192.0.2.1")


def test_a_user_without_a_home_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    assert run(cli.app, ["keys", "list"]).output == ""
    error = run(cli.app, ["keys", "add", "me"]).exception
    assert isinstance(error, InvalidConfig) and "/proc/none" in str(error.value)

    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    for command in (["keys", "list"], ["keys", "add", "me"], ["keys", "revoke", "me"], ["serve"]):
        error = run(cli.app, command).exception
        assert isinstance(error, InvalidConfig) and error.field == "serve.keys_file"


@pytest.mark.parametrize("missing", ["structlog", "uvicorn"])
def test_a_missing_extra_is_named(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from remixlab.serve.cli import serve\nserve()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "InvalidConfig" in done.stderr and "pip install remixlab[serve]" in done.stderr


def test_the_command_and_the_package_import_no_server() -> None:
    program = (
        "import sys, remixlab, remixlab.cli\n"
        "loaded = {'fastapi', 'starlette', 'uvicorn', 'httpx2', 'structlog'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
