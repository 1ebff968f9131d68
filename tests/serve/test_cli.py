"""`remixlab keys` and the refusals of `remixlab serve`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from remixlab import cli
from remixlab.errors import InvalidConfig
from remixlab.serve.auth import ENVIRONMENT, Keys

run = CliRunner().invoke


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
