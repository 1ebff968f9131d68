"""Scores of the outline on outlines that did and did not grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from remixlab.metrics.metric import Picture
from remixlab.metrics.outline import BandEnergy, BandRatio, Growth, Loss, NearGrowth, segment
from tests.metrics.conftest import SIDE, noise, plain

Make = Callable[..., Picture]
GREEN = (90, 120, 60)


def horned(picture: Picture, horns: int, colour: tuple[int, int, int] = (200, 30, 40)) -> Picture:
    """The picture with bars that grow out of its disc."""
    background = picture.background.copy()
    draw = ImageDraw.Draw(background)
    for number in range(horns):
        draw.rectangle((92 + 24 * number, 52, 104 + 24 * number, 100), fill=colour)
    return replace(picture, background=background)


@pytest.mark.parametrize("metric", [BandEnergy(), Growth(), Loss()], ids=lambda m: m.name)
def test_nothing_grows_on_a_plain_background(metric: BandEnergy, picture: Make) -> None:
    assert metric.of(picture(plain(GREEN))) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("metric", [BandEnergy(), Growth()], ids=lambda m: m.name)
def test_more_growth_scores_more(metric: BandEnergy, picture: Make) -> None:
    values = [metric.of(horned(picture(plain(GREEN)), horns)) for horns in range(4)]
    assert values == sorted(values) and values[1] > values[0] + 0.02


def test_growth_is_the_area_that_was_added(picture: Make, disc: Image.Image) -> None:
    grown = horned(picture(plain(GREEN)), 3)
    outside = sum(
        1
        for x in range(SIDE)
        for y in range(SIDE)
        if grown.background.getpixel((x, y)) == (200, 30, 40) and disc.getpixel((x, y)) == 0
    )
    area = sum(1 for value in disc.tobytes() if value > 127)
    assert Growth().of(grown) == pytest.approx(outside / area, rel=0.15)


def test_near_growth_is_a_halo_and_not_a_limb(picture: Make) -> None:
    limb, halo = horned(picture(plain(GREEN)), 2), picture(plain(GREEN))
    background = halo.background.copy()
    ImageDraw.Draw(background).ellipse((72, 72, 184, 184), fill=(200, 30, 40))
    halo = replace(halo, background=background)
    shares = [NearGrowth().of(each) / Growth().of(each) for each in (limb, halo)]
    assert shares[0] < 0.6 and shares[1] == pytest.approx(1, abs=0.02)


def test_what_does_not_touch_the_product_has_not_grown(picture: Make) -> None:
    apart = picture(plain(GREEN))
    ImageDraw.Draw(apart.background).rectangle((40, 100, 60, 150), fill=(200, 30, 40))
    assert Growth().of(apart) < 0.02


def test_loss_is_the_area_that_was_eaten(picture: Make) -> None:
    eaten = picture(plain(GREEN))
    ImageDraw.Draw(eaten.background).rectangle((78, 78, 178, 96), fill=GREEN)
    assert Loss().of(eaten) > 0.05 and Growth().of(eaten) < 0.02


def test_edges_in_the_product_or_far_away_do_not_count(picture: Make, disc: Image.Image) -> None:
    inside = Picture(Image.composite(noise(0), plain(GREEN), disc), disc)
    assert BandEnergy().of(inside) < 1
    far = picture(plain(GREEN))
    ImageDraw.Draw(far.background).rectangle((0, 0, 20, 255), fill=(255, 255, 255))
    assert BandEnergy().of(far) < 1e-3


def test_ratio_compares_near_with_far(picture: Make) -> None:
    assert BandRatio().of(picture(noise(1))) == pytest.approx(1, abs=0.1)
    assert BandRatio().of(horned(picture(plain(GREEN)), 3)) > 2


def test_nothing_to_score() -> None:
    everywhere = Picture(plain(GREEN), Image.new("L", (SIDE, SIDE), 255))
    with pytest.raises(ValueError, match="no band"):
        BandEnergy().of(everywhere)
    with pytest.raises(ValueError, match="mask is empty"):
        segment(plain(GREEN), Image.new("L", (SIDE, SIDE)))
