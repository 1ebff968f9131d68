"""Style distances on pictures whose distance is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from skimage.color import rgb2lab

from remixlab.metrics.metric import Picture
from remixlab.metrics.style import (
    LabDistance,
    LabWasserstein,
    ReferenceRank,
    StyleDistance,
    TextureDistance,
)
from tests.metrics.conftest import SIDE, noise, plain, stripes

Make = Callable[..., Picture]
ALL: list[StyleDistance] = [LabDistance(), LabWasserstein(), TextureDistance()]
COLOURS: list[StyleDistance] = [LabDistance(), LabWasserstein()]
RED, BLUE = (200, 40, 40), (40, 60, 200)


@pytest.mark.parametrize("distance", ALL, ids=lambda d: d.name)
def test_small_for_the_same_style_in_another_layout(distance: StyleDistance, picture: Make) -> None:
    reference = stripes(RED, BLUE, 16)
    moved = Image.fromarray(np.roll(np.asarray(reference), 9, axis=1))
    other = stripes((60, 200, 60), (230, 230, 40), 4)
    near = distance.of(picture(moved, reference))
    assert near < 0.35 * distance.of(picture(moved, other))


@pytest.mark.parametrize("distance", COLOURS, ids=lambda d: d.name)
def test_is_the_cie76_difference_of_plain_colours(distance: StyleDistance, picture: Make) -> None:
    a, b = (120, 60, 200), (40, 160, 90)
    labs = [rgb2lab(np.array([[c]], dtype=np.uint8))[0, 0] for c in (a, b)]
    expected = float(np.linalg.norm(labs[0] - labs[1]))
    # A projection on a random direction in space shortens a vector by half in the mean.
    share = 0.5 if distance.name == "lab_wasserstein" else 1
    assert distance.of(picture(plain(a), plain(b, 90))) == pytest.approx(share * expected, rel=0.1)


@pytest.mark.parametrize("distance", ALL, ids=lambda d: d.name)
def test_grows_with_what_it_measures(distance: StyleDistance, picture: Make) -> None:
    reference = noise(1, 60, 140)
    if distance.name == "texture_distance":
        changed = [ImageEnhance.Contrast(reference).enhance(f) for f in (1, 0.7, 0.4, 0.1)]
    else:
        changed = [ImageEnhance.Brightness(reference).enhance(f) for f in (1, 1.2, 1.5, 1.8)]
    values = [distance.of(picture(version, reference)) for version in changed]
    assert values == sorted(values) and values[-1] > 4 * values[0] + 0.5


def test_distributions_of_equal_mean_differ_for_wasserstein_only(picture: Make) -> None:
    grey, mixed = plain((119, 119, 119)), stripes((0, 0, 0), (255, 255, 255), 2)
    mixed_mean = rgb2lab(np.asarray(mixed)).mean((0, 1))
    assert abs(mixed_mean[0] - 50) < 1
    assert LabDistance().of(picture(grey, mixed)) < 3
    assert LabWasserstein().of(picture(grey, stripes((0, 0, 0), (255, 255, 255), 32))) > 15


def test_textures_tell_scale_and_direction(picture: Make) -> None:
    fine, coarse = stripes(RED, BLUE, 4), stripes(RED, BLUE, 32)
    turned = fine.transpose(Image.Transpose.ROTATE_90)
    texture = TextureDistance()
    assert texture.of(picture(fine, fine)) < 0.3
    assert texture.of(picture(coarse, fine)) > 1
    assert texture.of(picture(turned, fine)) > 1


def test_textures_of_colour_alone_count(picture: Make) -> None:
    """A red and a green of one lightness: nothing of the stripes is left in the grey picture."""
    striped, calm = stripes((200, 40, 40), (20, 119, 20), 8), plain((115, 115, 115))
    lightness = rgb2lab(np.asarray(striped))[..., 0]
    assert np.ptp(lightness) < 2
    assert TextureDistance().of(picture(striped, calm)) > 1.5


@pytest.mark.parametrize("distance", ALL, ids=lambda d: d.name)
def test_the_product_does_not_count(
    distance: StyleDistance, picture: Make, disc: Image.Image
) -> None:
    reference = noise(2, 90, 110)
    calm = picture(noise(3, 90, 110), reference)
    loud = Picture(Image.composite(noise(4), calm.background, disc), disc, reference=reference)
    assert distance.of(loud) == pytest.approx(distance.of(calm), abs=0.3)
    unmasked = Picture(loud.background, Image.new("L", (SIDE, SIDE)), reference=reference)
    assert distance.of(unmasked) > 1.3 * distance.of(calm) + 0.3


def test_nothing_to_score(picture: Make) -> None:
    full = Picture(plain(RED), Image.new("L", (SIDE, SIDE), 255), reference=plain(RED))
    with pytest.raises(ValueError, match="no background"):
        LabWasserstein().of(full)
    with pytest.raises(ValueError, match="needs the reference"):
        TextureDistance().of(picture(plain(RED)))


class TestRank:
    references = (
        plain(RED), plain(BLUE), stripes(RED, BLUE, 8), stripes(RED, BLUE, 32), noise(5),
        noise(6, 200, 255),
    )  # fmt: skip

    @pytest.mark.parametrize("number", range(6))
    def test_the_style_itself_is_first(self, number: int, picture: Make) -> None:
        reference = self.references[number]
        moved = reference.transpose(Image.Transpose.ROTATE_180)
        assert ReferenceRank(self.references).of(picture(moved, reference)) == 1

    def test_the_unit_of_a_distance_does_not_count(self, picture: Make) -> None:
        class Rescaled(TextureDistance):
            def difference(self, found: Any, wanted: Any) -> float:
                return 1000 * super().difference(found, wanted)

        references = [noise(n, 40 * n, 40 * n + 60) for n in range(5)]
        for texture in (TextureDistance(), Rescaled()):
            rank = ReferenceRank(references, [LabWasserstein(), texture])
            shown = picture(noise(9, 60, 110), references[3])
            assert rank.of(shown) == ReferenceRank(references).of(shown)

    def test_another_style_is_last(self, picture: Make) -> None:
        rank = ReferenceRank(self.references, [LabDistance()])
        assert rank.of(picture(plain(RED), plain(BLUE))) == len(self.references)

    def test_ties_count_half(self, picture: Make) -> None:
        rank = ReferenceRank([plain(RED), plain(RED, 64)], [LabDistance()])
        assert rank.of(picture(plain(BLUE), plain(RED))) == 1.5

    def test_chance_without_style(self, picture: Make) -> None:
        references = [noise(seed, 0, 120 + 20 * seed) for seed in range(6)]
        grey = plain((70, 70, 70))
        ranks = [ReferenceRank(references).of(picture(grey, r)) for r in references]
        assert sorted(ranks) == [1, 2, 3, 4, 5, 6]

    def test_a_reference_that_is_not_there(self, picture: Make) -> None:
        with pytest.raises(ValueError, match="not among"):
            ReferenceRank(self.references).of(picture(plain(RED), plain((1, 2, 3))))
