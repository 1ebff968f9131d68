"""The command in a process of its own, with the environment that people set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fetch.hub import Hub


def remixlab(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    command = [sys.executable, "-m", "remixlab.cli", *arguments]
    return subprocess.run(
        command, env=kept | environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_help_waits_for_no_library() -> None:
    code = (
        "import sys, typer.testing, remixlab.cli as cli\n"
        "print(typer.testing.CliRunner().invoke(cli.app, ['fetch', '--help']).output)\n"
        "print([m for m in ('torch', 'huggingface_hub', 'hydra') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--yes" in run.stdout and "HF_ENDPOINT" in run.stdout
    assert run.stdout.rstrip().endswith("[]")


@pytest.mark.slow
def test_mirror_home_token_and_offline(hub: Hub, tmp_path: Path) -> None:
    hub.private["h94/IP-Adapter"] = "hf_secret"
    home = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    missing = remixlab("fetch", "sdxl", HF_HUB_OFFLINE="1", **home)
    assert missing.returncode == 2 and "unet" in missing.stderr and not hub.log
    asked = remixlab("fetch", "sdxl", HF_TOKEN="hf_secret", **home)
    assert asked.returncode == 1 and "Download" in asked.stdout and not hub.downloaded()
    fetched = remixlab("fetch", "sdxl", "--yes", HF_TOKEN="hf_secret", **home)
    assert fetched.returncode == 0, fetched.stderr
    assert "all parts are on this machine" in fetched.stdout
    assert "hf_secret" not in fetched.stdout + fetched.stderr
    assert (tmp_path / "home/hub/models--h94--IP-Adapter").is_dir()
    hub.log.clear()
    again = remixlab("fetch", "sdxl", HF_HUB_OFFLINE="1", **home)
    assert again.returncode == 0 and not hub.log
