"""Where a calibration ends, on distances whose end is known."""

from __future__ import annotations

import numpy as np
import pytest

from remixlab.sweep.nearness import TOLERANCE, find_end

SCALES = np.linspace(0, 2, 17)
PICTURES = 40
_Floats = np.ndarray


def seen(curve: _Floats, noise: float = 0.0, seed: int = 0) -> _Floats:
    """(P, L): pictures that differ in size alone, and by noise."""
    random = np.random.default_rng(seed)
    sizes = random.uniform(1, 20, (PICTURES, 1))
    return sizes * curve * np.exp(noise * random.standard_normal((PICTURES, len(curve))))


def falling(until: float) -> _Floats:
    """Nearer up to a scale, and no nearer after it."""
    return 1 - 0.8 * np.minimum(SCALES / until, 1)


def end(
    distances: dict[str, _Floats], guards: dict[str, _Floats] | None = None
) -> tuple[float, str]:
    found = find_end(SCALES, distances, guards or {})
    return found.end, found.limit


def test_the_map_ends_where_nothing_is_nearer() -> None:
    assert end({"colours": seen(falling(1)), "textures": seen(falling(1), seed=1)}) == (
        1,
        "jointly",
    )


def test_more_pays_while_one_eye_sees_it_and_none_objects() -> None:
    assert end({"colours": seen(falling(0.5)), "textures": seen(falling(1.5))}) == (1.5, "jointly")


def test_an_eye_that_finds_it_farther_again_ends_it() -> None:
    """Burnt contrast: textures come nearer still, colours go away."""
    colours = falling(1) + np.maximum(SCALES - 1, 0)
    assert end({"colours": seen(colours), "textures": seen(np.exp(-3 * SCALES))}) == (1, "colours")


def test_what_cannot_be_seen_does_not_pay() -> None:
    slowly = falling(1) * (1 - TOLERANCE / 2 * np.maximum(SCALES - 1, 0))
    assert end({"colours": seen(slowly)}) == (1, "jointly")
    quickly = falling(1) * (1 - 4 * TOLERANCE * np.maximum(SCALES - 1, 0))
    assert end({"colours": seen(quickly)})[0] > 1.5


def test_a_gain_within_the_noise_is_not_chased() -> None:
    slowly = falling(1) * (1 - 0.04 * np.maximum(SCALES - 1, 0))
    assert end({"colours": seen(slowly)})[0] > 1.5
    ends = [end({"colours": seen(slowly, 0.5, seed)})[0] for seed in range(40)]
    assert np.median(ends) <= 1.25


def test_growth_and_leakage_end_it_and_their_noise_does_not() -> None:
    near = {"colours": seen(falling(2))}
    grown = 0.1 + np.maximum(SCALES - 1, 0)
    assert end(near, {"growth": seen(grown, noise=0.05)}) == (1, "growth")
    for seed in range(20):
        assert end(near, {"leakage": seen(np.ones(17), noise=0.3, seed=seed)})[0] >= 1


def test_what_following_a_reference_at_all_costs_ends_nothing() -> None:
    grown = np.where(SCALES > 0, 0.24, 0.12)
    assert end({"colours": seen(falling(2))}, {"growth": seen(grown, noise=0.05)})[0] > 1.5


def test_units_do_not_count() -> None:
    one, other = seen(falling(1.5)), seen(falling(0.75), seed=3)
    assert find_end(SCALES, {"a": one, "b": other}, {}) == find_end(
        SCALES, {"a": 1000 * one, "b": other / 7}, {}
    )


@pytest.mark.parametrize("distances", [{}, {"colours": np.ones((1, 17))}])
def test_too_little_to_tell(distances: dict[str, _Floats]) -> None:
    with pytest.raises(ValueError, match="two pictures"):
        find_end(SCALES, distances, {})
