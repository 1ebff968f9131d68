"""Band energy on outlines that did and did not grow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from remixlab.metrics.outline import band_energy


@pytest.fixture
def mask() -> Image.Image:
    picture = Image.new("L", (256, 256))
    ImageDraw.Draw(picture).ellipse((78, 78, 178, 178), fill=255)
    return picture


def test_plain_background_has_none(mask: Image.Image) -> None:
    assert band_energy(Image.new("RGB", (256, 256), (90, 120, 60)), mask) < 1e-6


def test_the_product_itself_does_not_count(mask: Image.Image) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    inside = Image.composite(
        Image.fromarray(noise), Image.new("RGB", (256, 256), (90, 120, 60)), mask
    )
    assert band_energy(inside, mask) < 1e-3


def test_growth_is_seen_and_more_of_it_more(mask: Image.Image) -> None:
    energies = []
    for horns in range(4):
        picture = Image.new("RGB", (256, 256), (90, 120, 60))
        draw = ImageDraw.Draw(picture)
        for number in range(horns):
            draw.rectangle((84 + 30 * number, 60, 96 + 30 * number, 90), fill=(220, 30, 30))
        energies.append(band_energy(picture, mask))
    assert energies == sorted(energies) and energies[0] < energies[1] < energies[3]


def test_edges_far_away_do_not_count(mask: Image.Image) -> None:
    picture = Image.new("RGB", (256, 256), (90, 120, 60))
    ImageDraw.Draw(picture).rectangle((0, 0, 20, 255), fill=(255, 255, 255))
    assert band_energy(picture, mask) < 1e-6


def test_nothing_to_score() -> None:
    with pytest.raises(ValueError, match="no band"):
        band_energy(Image.new("RGB", (64, 64)), Image.new("L", (64, 64), 255))
