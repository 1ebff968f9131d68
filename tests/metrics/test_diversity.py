"""Diversity of pictures that are and are not alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remixlab.metrics.diversity import SeedDiversity, diversity
from remixlab.metrics.metric import Picture
from tests.metrics.conftest import noise, plain, stripes

Make = Callable[..., Picture]


def test_the_same_picture_again_is_no_diversity(picture: Make) -> None:
    assert diversity([picture(stripes((0, 0, 0), (255, 0, 0), 32))] * 3) == 0


def test_two_greys_are_as_far_apart_as_their_lightness(picture: Make) -> None:
    assert diversity([picture(plain((119, 119, 119))), picture(plain((0, 0, 0)))]) == pytest.approx(
        50, abs=1
    )


def test_fine_noise_counts_little(picture: Make) -> None:
    fine = [picture(noise(seed)) for seed in range(3)]
    coarse = [picture(plain(c)) for c in ((200, 60, 60), (60, 200, 60), (60, 60, 200))]
    assert diversity(fine) < 0.25 * diversity(coarse)


def test_one_picture_has_none(picture: Make) -> None:
    with pytest.raises(ValueError, match="two seeds or more"):
        diversity([picture(plain((0, 0, 0)))])


def test_the_odd_one_is_farther_from_the_others_than_they_from_each_other(picture: Make) -> None:
    shown = [picture(plain(c)) for c in ((200, 60, 60), (190, 60, 60), (60, 60, 200))]
    values = SeedDiversity().score(shown)
    assert values[2] > 1.5 * max(values[:2])
    assert sum(values) / 3 == pytest.approx(diversity(shown))
