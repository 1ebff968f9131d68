from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from remixlab.metrics.leakage import Leakage
from remixlab.metrics.metric import Picture
from tests.metrics.conftest import SIDE, plain, stripes

Make = Callable[..., Picture]


def shapes(seed: int) -> Image.Image:
    """Blots of a few pixels that no other seed has."""
    values = np.random.default_rng(seed).standard_normal((SIDE, SIDE))
    blots = gaussian_filter(values, 5)
    grey = (128 + 60 * blots / blots.std()).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def test_a_copied_reference_is_leaked_and_another_is_not(picture: Make) -> None:
    reference = shapes(1)
    copied, other = picture(reference, reference), picture(shapes(2), reference)
    assert Leakage().of(copied) > 0.8
    assert Leakage().of(other) < 0.15


def test_the_share_that_is_copied_counts(picture: Make) -> None:
    reference, background = shapes(1), shapes(2)
    background.paste(reference.crop((100, 120, 228, 184)), (0, 0))  # 128 x 64, moved
    found = Leakage().of(picture(background, reference)) - Leakage().of(
        picture(shapes(2), reference)
    )
    share = 128 * 64 / (SIDE * SIDE - np.pi * 50**2)
    assert found == pytest.approx(share, abs=0.06)


def test_mirrored_and_recoloured_copies_are_found(picture: Make) -> None:
    reference = shapes(1)
    grey = np.asarray(reference)[:, ::-1, 0].astype(float)
    red = np.stack([60 + grey / 2, grey / 3, grey / 4], -1).astype(np.uint8)
    assert Leakage().of(picture(Image.fromarray(red), reference)) > 0.8


def test_style_alone_is_no_leak(picture: Make) -> None:
    """The reference's colour, or its gradient, but nothing that is in it."""
    reference = shapes(1)
    ramp = np.linspace(40, 220, SIDE)[:, None, None] * np.ones((1, SIDE, 3))
    slope = Image.fromarray(ramp.astype(np.uint8))
    assert Leakage().of(picture(plain((128, 128, 128)), reference)) == 0
    assert Leakage().of(picture(slope, slope.rotate(180))) == 0
    assert Leakage().of(picture(stripes((0, 0, 0), (255, 255, 255), 8), reference)) < 0.05


def test_no_reference_is_an_error(picture: Make) -> None:
    with pytest.raises(ValueError, match="needs the reference"):
        Leakage().of(picture(plain((1, 2, 3))))
