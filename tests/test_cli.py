"""The command, run in process on the tiny suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from remixlab import cli, images
from remixlab.config import RemixConfig, compose_config
from remixlab.remix import Remixer
from remixlab.request import InvalidConfig, InvalidRequest
from tests.conftest import make_product, make_reference


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.png").write_bytes(images.encode_png(make_product(128, 96)))
    (tmp_path / "r.png").write_bytes(images.encode_png(make_reference(0)))
    return tmp_path


@pytest.fixture
def seen(tiny_remixer: Remixer, monkeypatch: pytest.MonkeyPatch) -> list[RemixConfig]:
    """Replaces the loading of a suite by the tiny one; lists what was asked for."""
    asked: list[RemixConfig] = []

    def load(config: RemixConfig) -> Remixer:
        asked.append(config)
        return tiny_remixer

    monkeypatch.setattr(Remixer, "from_settings", staticmethod(load))
    return asked


def test_remix_writes_picture_sheet_and_metadata(folder: Path, seen: list[RemixConfig]) -> None:
    prompt = 'perfume, "on the beach", light=warm, {a: [1, 2]}'
    arguments = ["remix", "--product", f"{folder}/p.png", "--ref", f"{folder}/r.png"]
    arguments += ["--prompt", prompt, "--seed", "4294967296", "-o", f"{folder}/new/out.png"]
    arguments += ["--sheet", f"{folder}/new/sheet.png", "model=sdxl", "runtime.batch_size=2"]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    assert [(made.model.name, made.runtime.batch_size) for made in seen] == [("sdxl", 2)]
    assert "seed 4294967296" in result.output and "denoising" in result.output
    assert "on cpu, float32, sdpa" in result.output
    with Image.open(folder / "new/out.png") as made:
        assert made.size == (128, 96)
        assert json.loads(made.text["remixlab"])["request"]["prompt"] == prompt
    with Image.open(folder / "new/sheet.png") as sheet:
        assert sheet.width > 3 * 480 and sheet.height > 2 * 480


def test_request_file_and_flags(folder: Path, seen: list[RemixConfig]) -> None:
    body = {"prompt": "x", "product_image": "p.png", "ref_image": "r.png", "seed": 5}
    (folder / "body.json").write_text(json.dumps(body))
    arguments = ["remix", "--request", f"{folder}/body.json", "-o", f"{folder}/out.png"]
    result = CliRunner().invoke(cli.app, [*arguments, "--cfg-scale", "1", "--no-metadata"])
    assert result.exit_code == 0, result.output
    assert seen == [compose_config()]
    with Image.open(folder / "out.png") as made:
        assert "remixlab" not in made.text


def test_the_last_of_several_suites_counts(folder: Path, seen: list[RemixConfig]) -> None:
    arguments = ["remix", "--product", f"{folder}/p.png", "-o", f"{folder}/out.png"]
    result = CliRunner().invoke(cli.app, [*arguments, "model=sdxl", "steps=3", "model=mini"])
    assert result.exit_code == 0, result.output
    assert [(made.model.name, made.steps) for made in seen] == [("mini", 3)]


def test_bad_values_name_the_field(folder: Path) -> None:
    arguments = ["remix", "--product", f"{folder}/p.png", "--seed", "1.5"]
    error = CliRunner().invoke(cli.app, arguments).exception
    assert isinstance(error, InvalidRequest) and error.field == "seed"
    arguments = ["remix", "--product", f"{folder}/p.png", "runtime.attention=magic"]
    error = CliRunner().invoke(cli.app, arguments).exception
    assert isinstance(error, InvalidConfig) and "sdpa" in str(error)


def test_main_turns_errors_into_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["remixlab", "remix", "--product", "/nowhere.png"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert "product_image" in capsys.readouterr().err


def test_main_prints_brackets_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise InvalidConfig(field="x", value=1, accepted="pip install remixlab[serve]")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert "remixlab[serve]" in capsys.readouterr().err


def test_product_is_asked_for() -> None:
    result = CliRunner().invoke(cli.app, ["remix"])
    assert result.exit_code == 2 and "--product" in result.output


@pytest.mark.parametrize("command", [[], ["remix"], ["doctor"], ["serve"], ["keys"]])
def test_help(command: list[str]) -> None:
    result = CliRunner().invoke(cli.app, [*command, "--help"])
    assert result.exit_code == 0
    assert len(result.output) > 200


def test_doctor_names_device_kernels_suites_and_licences() -> None:
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0, result.output
    for word in ("torch", "sdpa math", "xformers", "mini", "sdxl", "realvisxl", "openrail++"):
        assert word in result.output
