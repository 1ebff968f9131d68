from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from remixlab.errors import WeightsDiffer
from remixlab.remix import Remixer
from remixlab.replay.compare import TOLERANCE, check_weights, differences, judge
from remixlab.replay.metadata import Kept
from remixlab.replay.record import Record
from remixlab.request import RemixRequest, RemixResult


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
