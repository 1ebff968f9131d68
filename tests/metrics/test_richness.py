"""Richness of backgrounds that have more and less to see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remixlab.metrics.metric import Picture
from remixlab.metrics.richness import ColourEntropy, EdgeDensity
from tests.metrics.conftest import noise, plain, stripes

Make = Callable[..., Picture]
BOTH = pytest.mark.parametrize("metric", [EdgeDensity(), ColourEntropy()], ids=lambda m: m.name)


@BOTH
def test_a_plain_background_has_none_whatever_the_product(
    metric: EdgeDensity, picture: Make
) -> None:
    assert metric.of(picture(plain((90, 120, 60)))) == 0


@BOTH
def test_more_to_see_scores_more(metric: EdgeDensity, picture: Make) -> None:
    calm, busy = stripes((90, 120, 60), (40, 60, 30), 64), noise(0)
    assert 0 < metric.of(picture(calm)) < metric.of(picture(busy))


def test_entropy_is_in_bits(picture: Make) -> None:
    halves = stripes((250, 250, 250), (10, 10, 10), 32)
    assert ColourEntropy().of(picture(halves)) == pytest.approx(1, abs=0.35)


def test_every_stripe_has_its_edges(picture: Make) -> None:
    few, many = (
        EdgeDensity().of(picture(stripes((0, 0, 0), (200, 200, 200), w))) for w in (64, 16)
    )
    assert many == pytest.approx(4 * few, rel=0.35)
