"""The commands: what they print, and their exit status."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from remixlab import cli, images
from remixlab.errors import InvalidRecord
from remixlab.replay.run import read_cells
from tests.replay.pngs import png, rewritten, text


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_run_that_is_identical(run: Path) -> None:
    result = invoke("replay", run, "--limit", "4")
    assert result.exit_code == 0, result.output
    assert "identical" in result.output and "4" in result.output
    assert "different" not in result.output.replace("difference of", "")


def test_a_picture_that_is_different(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    path = copy / "images" / f"{read_cells(copy)[0].name}_image.png"
    with Image.open(path) as opened:
        told = dict(opened.text)  # pyright: ignore[reportAttributeAccessIssue]
        black = Image.new("RGB", opened.size)
    path.write_bytes(images.encode_png(black, told))
    result = invoke("replay", path)
    assert result.exit_code == 1, result.output
    assert "different" in result.output and "runtime.deterministic" in result.output


def test_flags_of_runs_are_refused_for_a_picture(picture: Path) -> None:
    result = invoke("replay", picture, "--limit", "1")
    assert result.exit_code == 2 and "run folders" in result.output


def test_what_is_no_run_is_a_typed_error(tmp_path: Path) -> None:
    assert isinstance(invoke("replay", tmp_path).exception, InvalidRecord)


def test_show_tells_what_a_picture_was_made_from(picture: Path) -> None:
    result = invoke("show", picture)
    assert result.exit_code == 0, result.output
    for words in ("prompt", "seed", "style_fidelity", "unet", "sha256:", "torch", "threads"):
        assert words in result.output


def test_show_steers_no_terminal(picture: Path, tmp_path: Path) -> None:
    def harm(described: dict[str, Any]) -> None:
        described["request"]["prompt"] = "\x1b]0;owned\x07\x1b[2J\r\n\u202egnp.exe [red]x[/] \ud800"
        described["\x1b[31mkey\n"] = {"\x9b": ["\x1b", "\n"]}

    result = invoke("show", rewritten(picture, tmp_path / "hostile.png", harm))
    assert result.exit_code == 0, result.output
    assert all(line.isprintable() for line in result.output.splitlines())
    assert "\\x1b]0;owned\\x07" in result.output and "[red]x[/] \\ud800" in result.output


def test_show_refuses_what_is_no_remix(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(text(b"{}", key=b"other")))
    assert isinstance(invoke("show", tmp_path / "x.png").exception, InvalidRecord)


@pytest.mark.parametrize("command", [["--help"], ["replay", "--help"], ["show", "--help"]])
def test_help_does_not_wait_for_torch(command: list[str]) -> None:
    program = (
        "import sys; from remixlab.cli import app\n"
        f"try: app({command!r})\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        "assert 'torch' not in sys.modules and 'hydra' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_show_does_not_wait_for_torch(picture: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from remixlab.replay.show import tell\n"
        f"assert list(tell(Path({str(picture)!r})))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
