"""What cannot be written is told before any work, in one line that names the option."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from remixlab import cli, images
from remixlab.bench.config import LatencyConfig
from remixlab.errors import InvalidConfig, InvalidRequest
from remixlab.mini.train import TrainConfig, train
from remixlab.outputs import check_file, check_folder
from remixlab.remix import Remixer
from remixlab.sweep.config import FidelityConfig
from tests.conftest import make_product, make_reference
from tests.programs import load_program

ROOT = Path(__file__).parents[1]
run = CliRunner().invoke


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a product, a reference, a request of both; loading a suite fails the test."""
    (tmp_path / "p.png").write_bytes(images.encode_png(make_product(64, 64)))
    (tmp_path / "r.png").write_bytes(images.encode_png(make_reference(0)))
    body = {"product_image": "p.png", "ref_image": "r.png"}
    (tmp_path / "body.json").write_text(json.dumps(body))
    (tmp_path / "folder.png").mkdir()

    def load(_config: object) -> Remixer:
        raise AssertionError("a suite was loaded")

    monkeypatch.setattr(Remixer, "from_settings", staticmethod(load))
    return tmp_path


UNWRITABLE = {
    "a folder": "folder.png",
    "a file as a folder": "p.png/out.png",
    "nowhere": "/proc/none/out.png",
    "a device": "/dev/null",
    "a long name": "x" * 300 + ".png",
    "a name with a zero byte": "x\0.png",
}


@pytest.mark.parametrize("path", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_file_that_cannot_be_written_is_refused(place: Path, path: str) -> None:
    before = sorted(place.rglob("*"))
    with pytest.raises(InvalidConfig) as caught:
        check_file("--output", place / path)
    assert caught.value.field == "--output" and "file" in caught.value.accepted
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("path", ["p.png", "p.png/in", "/proc/none", "x" * 300, "x\0"])
def test_a_folder_that_cannot_be_written_is_refused(place: Path, path: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        check_folder("--output", place / path)
    assert caught.value.field == "--output" and "folder" in caught.value.accepted


def test_what_can_be_written_leaves_nothing_behind(place: Path) -> None:
    before = sorted(place.rglob("*"))
    check_file("--output", place / "new" / "folders" / "out.PNG", endings=(".png",))
    check_file("--output", place / "p.png")
    check_folder("--output", place / "new" / "folder")
    check_folder("--output", place)
    assert sorted(place.rglob("*")) == before


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_and_folder_are_refused(place: Path) -> None:
    (place / "p.png").chmod(0o444)
    with pytest.raises(InvalidConfig, match="read-only"):
        check_file("--output", place / "p.png")
    (place / "folder.png").chmod(0o555)
    with pytest.raises(InvalidConfig, match="denied"):
        check_folder("--output", place / "folder.png")


REFUSED = {
    "another ending": (["-o", "out.jpg"], "--output", "ending in .png"),
    "a folder": (["-o", "folder.png"], "--output", "not of a folder"),
    "nowhere": (["-o", "/proc/none/out.png"], "--output", "can be written"),
    "a sheet of no format": (["--sheet", "x.xyz"], "--sheet", ".webp"),
    "a sheet nowhere": (["--sheet", "p.png/x.png"], "--sheet", "can be written"),
    "the product's file": (["-o", "p.png"], "--output", "--product"),
    "a link to the product": (["-o", "link.png"], "--output", "--product"),
    "the reference's file": (["-o", "./folder.png/../r.png"], "--output", "--ref"),
    "the sheet over the picture": (["-o", "a.png", "--sheet", "./a.png"], "--sheet", "--output"),
    "the sheet over the product": (["--sheet", "p.png"], "--sheet", "--product"),
}


@pytest.mark.parametrize(("arguments", "option", "words"), REFUSED.values(), ids=REFUSED)
def test_remix_checks_its_outputs_before_it_loads_a_suite(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], option: str, words: str
) -> None:
    monkeypatch.chdir(place)
    (place / "link.png").symlink_to("p.png")
    before = {path: path.read_bytes() for path in place.glob("*.*") if path.is_file()}
    given = ["remix", "--product", "p.png", "--ref", "r.png", *arguments]
    error = run(cli.app, given).exception
    assert isinstance(error, InvalidConfig), error
    assert error.field == option and words in error.accepted
    assert {path: path.read_bytes() for path in place.glob("*.*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["body.json", "p.png", "r.png"])
def test_neither_a_request_nor_its_pictures_are_overwritten(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(place)
    (place / "out.png").symlink_to(name)
    given = ["remix", "--request", "body.json", "-o", "out.png"]
    error = run(cli.app, given).exception
    assert isinstance(error, InvalidConfig) and error.field == "--output"
    assert "another file" in error.accepted


def test_a_picture_whose_name_is_none_is_refused_as_such(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "body.json").write_text('{"product_image": "p\\u0000.png", "ref_image": "r.png"}')
    error = run(cli.app, ["remix", "--request", "body.json", "-o", "out.png"]).exception
    assert isinstance(error, InvalidRequest) and error.field == "product_image"


def test_report_checks_its_folder_before_it_reads_runs(place: Path) -> None:
    for target in ("/proc/none", f"{place}/p.png"):
        error = run(cli.app, ["report", str(place), "-o", target]).exception
        assert isinstance(error, InvalidConfig) and error.field == "--output"
        assert str(error.value) == target
    error = run(cli.app, ["report", f"{place}/none"]).exception
    assert isinstance(error, InvalidConfig) and f"{place}/none" in str(error)
    assert not (place / "none").exists()


COMMANDS = {
    "scripts/measure_remix.py": "--out",
    "scripts/make_samples.py": "--out",
    "scripts/score_mini.py": "--out",
    "scripts/calibrate.py": "--results",
    "benchmarks/options.py": "--out",
    "benchmarks/sweep_speed.py": "--out",
}
HYDRA = {"fidelity": FidelityConfig, "latency": LatencyConfig}


@pytest.mark.parametrize("program", COMMANDS)
def test_scripts_check_their_folders_first(
    place: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    module, option = load_program(ROOT / program), COMMANDS[program]
    with pytest.raises(InvalidConfig) as caught:
        module.main(**{option.removeprefix("--"): place / "p.png"})
    assert caught.value.field == option


@pytest.mark.parametrize(
    ("program", "arguments"),
    [("scripts/fetch_photographs.py", []), ("benchmarks/serve_load.py", ["--out"])],
)
def test_a_script_ends_with_one_line_and_status_2(
    tmp_path: Path, program: str, arguments: list[str]
) -> None:
    command = [sys.executable, ROOT / program, *arguments, "/proc/none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    option = "".join(arguments) or "FOLDER"
    assert line.startswith(f"error: {option}: got '/proc/none'; accepted: a folder that can be")


@pytest.mark.parametrize(("program", "config"), HYDRA.items())
def test_benchmarks_check_their_folders_first(
    program: str,
    config: type,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = load_program(ROOT / "benchmarks" / f"{program}.py")
    monkeypatch.setattr(module, "typed_config", lambda _: config(out="/proc/none"))
    with pytest.raises(SystemExit) as stopped:
        module.main.__wrapped__(None)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("error: out: got '/proc/none")


@pytest.mark.parametrize("setting", ["folder", "output"])
def test_training_checks_its_folders_first(tmp_path: Path, setting: str) -> None:
    config = TrainConfig(folder=str(tmp_path / "a"), output=str(tmp_path / "b"))
    with pytest.raises(InvalidConfig, match="/proc/none") as caught:
        train(replace(config, **{setting: "/proc/none"}), torch.device("cpu"))
    assert caught.value.field == setting and not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", HYDRA)
def test_multirun_leaves_nothing_in_the_working_folder(tmp_path: Path, program: str) -> None:
    module = {"fidelity": "sweep", "latency": "bench"}[program]
    app = f"""
import hydra, os
from remixlab.config import config_folder
from remixlab.{module}.config import register_{program}
register_{program}()
folder = str(config_folder().resolve())
main = hydra.main(version_base=None, config_path=folder, config_name="{program}")
main(lambda config: print(os.getcwd(), config.steps))()
"""
    (tmp_path / "app.py").write_text(app)
    (tmp_path / "work").mkdir()
    command = [sys.executable, tmp_path / "app.py", "--multirun", "steps=1,2"]
    done = subprocess.run(command, cwd=tmp_path / "work", capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{tmp_path / 'work'} {n}" for n in (1, 2)], done.stderr
    assert not list((tmp_path / "work").iterdir())
