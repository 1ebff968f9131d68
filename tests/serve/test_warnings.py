"""A remix's warnings reach whoever asked for it over HTTP, and whoever has the picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from remixlab import RemixClient, images
from remixlab.errors import InvalidRecord
from remixlab.remix import Remixer
from remixlab.replay.metadata import read_kept
from remixlab.replay.record import Record
from remixlab.replay.show import tell
from remixlab.request import RemixRequest, RemixResult
from remixlab.serve.answers import warning_header
from tests.conftest import make_product, make_reference
from tests.replay.pngs import rewritten
from tests.serve.fakes import KEY, FakeMaker, running

LOST = "prompt is too long; lost: \u6728\u306e \u00d6l\r\nX-Injected: 1\x7f"


class Warner(FakeMaker):
    """Warns of what a header cannot hold as it is."""

    def remix_batch(self, requests: Sequence[RemixRequest]) -> list[RemixResult]:
        results = super().remix_batch(requests)
        for result in results:
            result.warnings = [LOST]
        return results


def test_warnings_come_in_a_header_and_out_of_the_client(tmp_path: Path) -> None:
    product, reference = make_product(64, 64), make_reference(0)
    with running(tmp_path, maker=Warner()) as live, RemixClient(live.url, key=KEY) as client:
        assert client.remix(product_image=product, ref_image=reference).warnings == (LOST,)


@pytest.mark.parametrize(
    "warnings",
    [
        [LOST],
        ["\u6728" * 5000, "short"],
        ["x" * 1999] * 3,
        ["\U0001f600" * 300] * 99,
        ["\x7f" * 9000],
    ],
)
def test_a_header_is_printable_ascii_json_of_bounded_length(warnings: list[str]) -> None:
    (value,) = warning_header(warnings).values()
    assert value.isascii() and value.isprintable() and len(value) <= 2048
    told = json.loads(value)
    assert len(told) == min(len(warnings), 8)
    for whole, text in zip(warnings, told, strict=False):
        assert text == whole or (text.endswith("...") and whole.startswith(text[:-3]))
    assert warning_header([]) == {}


@pytest.fixture
def warned(tiny_remixer: Remixer, product: Image.Image, tmp_path: Path) -> Path:
    """A picture whose prompt was longer than the text encoders read."""
    prompt = "a bottle on a table " * 60 + "\u6728"
    result = tiny_remixer.remix(RemixRequest(product_image=product, prompt=prompt, seed=3))
    assert result.warnings
    result.save(tmp_path / "warned.png")
    return tmp_path / "warned.png"


def test_warnings_are_kept_in_the_picture_and_shown(warned: Path) -> None:
    described = read_kept(warned).described
    texts = described["warnings"]  # of lost words, and of letters that are hardly known
    assert (
        all("\u6728" in text for text in texts)
        and Record.from_described(described).fields["seed"] == 3
    )
    lines = list(tell(warned))
    assert [line for line in lines if line.startswith("warning: ")] == [
        f"warning: {text}" for text in texts
    ]


def test_a_picture_without_warnings_is_read_as_before(warned: Path, tmp_path: Path) -> None:
    older = rewritten(warned, tmp_path / "older.png", lambda told: told.pop("warnings") and None)
    described = read_kept(older).described
    assert "warnings" not in described and Record.from_described(described)
    assert not any(line.startswith("warning") for line in tell(older))


@pytest.mark.parametrize("value", ["text", [1], [["x"]], {"a": "b"}, None])
def test_warnings_of_another_kind_are_refused(warned: Path, value: object) -> None:
    described = read_kept(warned).described | {"warnings": value}
    with pytest.raises(InvalidRecord, match="warnings"):
        Record.from_described(described)


def test_hostile_warnings_steer_no_terminal(warned: Path, tmp_path: Path) -> None:
    path = rewritten(
        warned, tmp_path / "x.png", lambda told: told | {"warnings": ["\x1b[2J\n", {"k\n": 1}]}
    )
    assert all(line.isprintable() for line in tell(path))


def test_the_longest_prompts_with_their_warnings_can_be_read_back(
    tiny_remixer: Remixer, product: Image.Image, tmp_path: Path
) -> None:
    long = "\U0001f600" * 4000  # twelve characters of JSON each
    request = RemixRequest(product_image=product, prompt=long, negative_prompt=long + "", seed=3)
    result = tiny_remixer.remix(request)
    result.save(tmp_path / "long.png")
    assert read_kept(tmp_path / "long.png").described["warnings"] == result.warnings
    assert len(images.png_text((tmp_path / "long.png").read_bytes(), field="x")["remixlab"]) < 2**18
