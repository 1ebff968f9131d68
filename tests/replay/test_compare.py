from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from remixlab import images
from remixlab.errors import WeightsDiffer
from remixlab.remix import Remixer
from remixlab.replay.compare import TOLERANCE, Verdict, check_weights, differences, judge
from remixlab.replay.metadata import Kept
from remixlab.replay.record import Record
from remixlab.request import RemixRequest, RemixResult
from tests.replay.pngs import chunk


@pytest.fixture
def result(tiny_remixer: Remixer, product: Image.Image) -> RemixResult:
    return tiny_remixer.remix(RemixRequest(product_image=product, seed=3))


def shifted(result: RemixResult, by: int) -> Kept:
    """The picture of a result, one value of which is `by` away."""
    picture = result.image.copy()
    red, green, blue = picture.getpixel((5, 5))  # pyright: ignore[reportGeneralTypeIssues]
    picture.putpixel((5, 5), (red + by if red < 128 else red - by, green, blue))
    return Kept(Path("x.png"), picture, "image", dict(result.provenance))


def test_identical_near_and_different(result: RemixResult) -> None:
    limit = TOLERANCE["float32"]
    outcomes = [judge(shifted(result, by), result) for by in (0, 1, limit, limit + 1, 127)]
    assert [verdict.largest for verdict in outcomes] == [0, 1, limit, limit + 1, 127]
    near, other = "within tolerance", "different"
    assert [verdict.outcome for verdict in outcomes] == ["identical", near, near, other, other]
    assert not outcomes[0].reasons and all(verdict.reasons for verdict in outcomes[1:])


def test_the_background_is_compared_with_the_background(result: RemixResult) -> None:
    kept = Kept(Path("x.png"), result.background, "background", dict(result.provenance))
    assert judge(kept, result).outcome == "identical"
    assert judge(replace(kept, kind="image"), result).outcome == "different"


def few_colours() -> Image.Image:
    """An RGB picture of 16 greys, which every kind of PNG can hold."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16) // 16 * 17
    return Image.fromarray(grey).convert("RGB")


def sixteen_bits(picture: Image.Image) -> bytes:
    """A PNG with the same colours in 16 bits a channel; Pillow writes none."""
    samples = np.asarray(picture).astype(">u2") * 257
    lines = b"".join(b"\0" + line.tobytes() for line in samples.astype(">u2"))
    head = struct.pack(">IIBBBBB", *picture.size, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def verdict_on(content: bytes | Image.Image, picture: Image.Image, result: RemixResult) -> Verdict:
    found = images.decode(content, field="x")
    told = dict(result.provenance)
    return judge(Kept(Path("x.png"), found, "image", told), replace(result, image=picture))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "I;16"])
def test_what_is_seen_is_compared_whatever_kind_of_file_shows_it(
    mode: str, result: RemixResult
) -> None:
    picture = few_colours()
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    else:
        stored = picture.convert("L").convert(mode)
    assert verdict_on(images.encode_png(stored), picture, result) == Verdict("identical", 0)
    assert verdict_on(sixteen_bits(picture), picture, result) == Verdict("identical", 0)


def test_what_is_seen_through_is_different(result: RemixResult) -> None:
    clear = few_colours().convert("RGBA")
    clear.putpixel((3, 3), (*clear.getpixel((3, 3))[:3], 55))  # pyright: ignore
    verdict = verdict_on(images.encode_png(clear), few_colours(), result)
    assert (verdict.outcome, verdict.largest) == ("different", 200) and verdict.reasons


def test_another_size_is_different(result: RemixResult) -> None:
    kept = replace(shifted(result, 0), picture=Image.new("RGB", (7, 9)))
    verdict = judge(kept, result)
    assert verdict.outcome == "different" and "7x9 then" in verdict.reasons[0]


def test_differences_name_what_and_how(result: RemixResult) -> None:
    now: dict[str, Any] = dict(result.provenance)
    assert list(differences(now, now)) == []
    then = now | {"device": "cuda", "dtype": "float16", "batch": 16, "hardware": {"name": "H200"}}
    then["config"] = now["config"] | {"runtime": now["config"]["runtime"] | {"batch_size": 99}}
    told = list(differences(then, now))
    assert "device: cuda then, cpu now" in told and "dtype: float16 then, float32 now" in told
    assert "batch: 16 then, 1 now" in told
    assert any(line.startswith("hardware.name: H200 then, ") for line in told)
    assert any(line.startswith("hardware.threads: not recorded then, ") for line in told)
    assert not any("batch_size" in line for line in told)


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        ("a/unet sha256:00", "b/unet sha256:00", True),
        ("a/unet sha256:00", "a/unet sha256:01", False),
        ("owner/name@c0/unet", "owner/name@c0/unet", True),
        ("owner/name@c0/unet", "owner/name@c1/unet", False),
        ("owner/name@c0/unet", "a/unet sha256:00", False),
        (None, "a/unet sha256:00", False),
        ("a/unet sha256:00", None, False),
    ],
)
def test_weights_by_hash_or_by_commit(then: str | None, now: str | None, same: bool) -> None:
    made, here = ({} if told is None else {"unet": told} for told in (then, now))
    record = Record({}, "", None, made, {}, "cpu", {})
    if same:
        check_weights(record, here)
        return
    with pytest.raises(WeightsDiffer, match="unet of the suite"):
        check_weights(record, here)
