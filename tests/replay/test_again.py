"""A sweep made again: the very same, or refused, or told why not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from remixlab import images
from remixlab.errors import InvalidImage, InvalidRecord, RemixError, WeightsDiffer
from remixlab.replay.again import Suites, replay_cells, replay_picture
from remixlab.replay.compare import TOLERANCE, Verdict
from remixlab.replay.inputs import Inputs
from remixlab.replay.metadata import read_kept
from remixlab.replay.record import Record
from remixlab.replay.run import choose, read_cells
from tests.conftest import make_product
from tests.replay.pngs import rewritten

WEIGHTS = Path(__file__).parents[2] / "remixlab" / "mini" / "weights"


@pytest.fixture(scope="session")
def suites() -> Suites:
    """Loaded once for all tests that change nothing about it."""
    return Suites()


def again(run: Path, suites: Suites, **more: Any) -> dict[str, Verdict]:
    chosen = choose(read_cells(run), more.pop("cell", None), more.pop("limit", None))
    return dict(replay_cells(run, chosen, Inputs(run=run), suites, **more))


def test_a_sweep_is_bit_identical_from_its_folder_alone(
    run: Path, tmp_path: Path, suites: Suites
) -> None:
    elsewhere = Path(shutil.copytree(run, tmp_path / "elsewhere"))
    verdicts = again(elsewhere, suites)
    assert len(verdicts) == 12
    assert {verdict for verdict in verdicts.values()} == {Verdict("identical", 0)}


@pytest.mark.parametrize("size", [1, 5, 12])
def test_in_other_batches_it_is_within_the_tolerance(run: Path, suites: Suites, size: int) -> None:
    verdicts = again(run, suites, batch_size=size)
    assert len(verdicts) == 12
    assert max(verdict.largest for verdict in verdicts.values()) <= TOLERANCE["float32"]
    for verdict in verdicts.values():
        assert verdict.outcome in ("identical", "within tolerance")
        assert all(reason.startswith("batch: ") for reason in verdict.reasons)


def test_one_cell_and_the_first_few(run: Path, suites: Suites) -> None:
    last = read_cells(run)[-1].name
    assert again(run, suites, cell=last) == {last: Verdict("identical", 0)}
    assert list(again(run, suites, limit=3)) == [cell.name for cell in read_cells(run)[:3]]
    with pytest.raises(InvalidRecord, match="id of a finished cell"):
        again(run, suites, cell="../../etc/passwd")


def test_a_single_picture_with_its_files(run: Path, picture: Path, suites: Suites) -> None:
    kept = sorted((run / "inputs").iterdir())
    products = [path for path in kept if Image.open(path).mode == "RGBA"]
    references = [path for path in kept if path not in products]
    verdict = replay_picture(picture, Inputs(products, references), suites)
    assert verdict.largest <= TOLERANCE["float32"]
    background = picture.with_name(picture.name.replace("image", "background"))
    assert replay_picture(background, Inputs(run=run), suites).largest <= TOLERANCE["float32"]


@pytest.mark.parametrize(("given", "recorded"), [("RGB", "RGBA"), ("RGBA", "RGB"), ("P", "RGB")])
def test_an_opaque_product_is_found_whatever_kind_of_file_holds_it(
    given: str, recorded: str, picture: Path, tmp_path: Path
) -> None:
    """It was cut out by a segmenter, and saved anew since."""
    opaque = Image.new("RGB", (64, 64), (204, 0, 0))
    opaque.paste((0, 0, 204), (16, 16, 48, 48))
    opaque.convert(given).save(tmp_path / "p.png")
    wanted = images.sha256(opaque.convert(recorded))
    record = Record.from_described(read_kept(picture).described)
    found = Inputs([tmp_path / "p.png"]).request(replace(record, product=wanted, reference=None))
    assert found.product_sha256 == wanted
    clear = opaque.convert("RGBA")
    clear.putpixel((0, 0), (204, 0, 0, 254))
    clear.save(tmp_path / "p.png")
    with pytest.raises(InvalidImage, match="SHA-256"):
        Inputs([tmp_path / "p.png"]).request(replace(record, product=wanted, reference=None))


def test_other_pictures_are_refused(run: Path, picture: Path, tmp_path: Path) -> None:
    make_product(64, 64, 9).save(tmp_path / "other.png")
    with pytest.raises(InvalidImage, match="SHA-256") as caught:
        replay_picture(picture, Inputs([tmp_path / "other.png"], run=run), Suites())
    assert caught.value.field == "product_image"
    with pytest.raises(InvalidImage, match="--product"):
        replay_picture(picture, Inputs(), Suites())


def test_a_kept_input_that_was_changed_is_refused(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    for path in (copy / "inputs").iterdir():
        mode = Image.open(path).mode
        path.write_bytes(images.encode_png(Image.new(mode, (64, 64))))
    with pytest.raises(InvalidImage, match="product_image"):
        again(copy, Suites())


def test_a_changed_picture_is_different_and_nothing_explains_it(
    run: Path, tmp_path: Path, suites: Suites
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    cell = read_cells(copy)[0].name
    path = copy / "images" / f"{cell}_image.png"
    with Image.open(path) as opened:
        told = dict(opened.text)  # pyright: ignore[reportAttributeAccessIssue]
        pixels = np.asarray(opened.convert("RGB")).copy()
    pixels[0, 0, 0] ^= 128
    path.write_bytes(images.encode_png(Image.fromarray(pixels), told))
    verdict = again(copy, suites, cell=cell)[cell]
    assert verdict.outcome == "different" and verdict.largest == 128
    assert verdict.reasons[0].startswith("nothing recorded explains it")


def test_what_was_otherwise_is_told(run: Path, picture: Path, tmp_path: Path) -> None:
    def age(described: dict[str, Any]) -> None:
        described["versions"]["torch"] = "1.0\x1b[31m"
        described["commit"] = "0" * 40

    old = rewritten(picture, tmp_path / "old.png", age)
    overrides = ["steps=3", "runtime.channels_last=false"]
    verdict = replay_picture(old, Inputs(run=run), Suites(overrides))
    assert verdict.outcome == "different"
    told = "\n".join(verdict.reasons)
    assert "versions.torch: 1.0\\x1b[31m then" in told and f"commit: {'0' * 40} then" in told
    assert "config.steps: 2 then, 3 now" in told
    assert "config.runtime.channels_last: True then, False now" in told
    assert "\x1b" not in told and "diffusers" not in told


def with_byte_changed(folder: Path, part: str, files: str = "*.safetensors") -> Path:
    copy = Path(shutil.copytree(WEIGHTS, folder / "copy"))
    path = next((copy / part).glob(files))
    content = bytearray(path.read_bytes())
    if path.suffix == ".json":
        content[content.index(b"\n")] = ord(" ")
    else:
        content[-1] ^= 1
    path.write_bytes(content)
    return copy


@pytest.mark.parametrize(
    ("part", "files"),
    [
        ("unet", "*.safetensors"),
        ("text_encoder_2", "*.safetensors"),
        ("ip_adapter", "*.safetensors"),
        ("vae", "config.json"),
        ("scheduler", "*.json"),
        ("tokenizer", "tokenizer.json"),
    ],
)
def test_one_byte_of_a_file_is_refused_with_its_part(
    run: Path, picture: Path, tmp_path: Path, part: str, files: str
) -> None:
    copy = with_byte_changed(tmp_path, part, files)
    with pytest.raises(WeightsDiffer) as caught:
        replay_picture(picture, Inputs(run=run), Suites([f"model.base.repo={copy}"]))
    assert caught.value.field == f"{part} of the suite"
    assert "--any-weights" in str(caught.value)


def test_unless_any_weights_will_do(run: Path, picture: Path, tmp_path: Path) -> None:
    copy = with_byte_changed(tmp_path, "unet")
    suites = Suites([f"model.base.repo={copy}"], any_weights=True)
    verdict = replay_picture(picture, Inputs(run=run), suites)
    if verdict.largest:
        assert any(reason.startswith("suite.unet: ") for reason in verdict.reasons)


def test_the_same_weights_may_lie_elsewhere(run: Path, picture: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(WEIGHTS, tmp_path / "copy"))
    verdict = replay_picture(picture, Inputs(run=run), Suites([f"model.base.repo={copy}"]))
    assert verdict.largest <= TOLERANCE["float32"]


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"id": "../../../etc/passwd"}\n',
        b'{"id": 5}\n',
        b'{"id": null, "batch": [null]}\n',
        b'{"id": "0123456789abcdef", "batch": ["fedcba9876543210"]}\n',
        b'{"id": "0123456789abcdef", "batch": ["0123456789abcdef", "fedcba9876543210"]}\n',
        b'{"id": "0123456789abcdef", "batch": [["0123456789abcdef"]]}\n',
        b'{"id": ["0123456789abcdef"]}\n',
        b"[" * 5000 + b"\n",
        b'"' + b"x" * 2**21 + b'"\n',
    ],
)
def test_a_journal_that_no_sweep_wrote(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "cells.jsonl").write_bytes(line)
    with pytest.raises(InvalidRecord):
        read_cells(tmp_path)


@pytest.mark.parametrize("key", ["suite", "config"])
def test_cells_of_two_suites_are_no_run(run: Path, tmp_path: Path, key: str) -> None:
    def mix(described: dict[str, Any]) -> None:
        described[key] = {"unet": "other"}

    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    path = copy / "images" / f"{read_cells(run)[1].name}_image.png"
    rewritten(path, path, mix)
    with pytest.raises(InvalidRecord, match="same settings"):
        again(copy, Suites(), limit=1)


def test_a_cell_without_its_picture(tmp_path: Path) -> None:
    (tmp_path / "cells.jsonl").write_text(json.dumps({"id": "0" * 16}) + "\n")
    with pytest.raises(RemixError, match=r"0{16}_image\.png"):
        again(tmp_path, Suites())


def test_a_line_cut_short_does_not_count(run: Path, tmp_path: Path) -> None:
    content = (run / "cells.jsonl").read_bytes()
    (tmp_path / "cells.jsonl").write_bytes(content + b'{"id": "0123')
    assert read_cells(tmp_path) == read_cells(run)
