"""Products taken out of pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import ImageFilter

from remixlab.metrics.fill import fill, without_product
from remixlab.metrics.metric import Picture
from tests.metrics.conftest import noise, plain

Make = Callable[..., Picture]


def test_nothing_of_the_product_is_left(picture: Make) -> None:
    shown = picture(plain((90, 120, 60)))
    filled = np.asarray(without_product(shown.background, shown.mask, 96)).astype(int)
    assert filled.shape == (96, 96, 3)
    assert np.abs(filled - (90, 120, 60)).max() <= 3


def test_the_background_stays_as_it_is(picture: Make) -> None:
    shown = picture(noise(0))
    filled = np.asarray(without_product(shown.background, shown.mask, 256)).astype(int)
    around = np.asarray(shown.mask.filter(ImageFilter.MaxFilter(7))) == 0
    assert np.abs(filled - np.asarray(shown.background))[around].max() <= 1


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (33, 57)])
def test_a_gradient_is_bridged(size: tuple[int, int]) -> None:
    height, width = size
    ramp = torch.linspace(0, 1, width).expand(1, 1, height, width).clone()
    mask = torch.zeros_like(ramp)
    mask[..., height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 1
    spoilt = torch.where(mask > 0, torch.tensor(5.0), ramp)
    assert float((fill(spoilt, mask) - ramp).abs().max()) < 0.2


def test_a_picture_that_is_all_product_stays_finite() -> None:
    assert bool(fill(torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)).isfinite().all())
