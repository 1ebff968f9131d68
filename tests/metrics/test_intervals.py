"""The bootstrap's intervals against what is known of means."""

from __future__ import annotations

import numpy as np
import pytest

from remixlab.metrics.intervals import bootstrap, bootstrap_ratio


def test_covers_the_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = [
        (i := bootstrap(random.normal(5, 2, 40).tolist())).low <= 5 <= i.high for _ in range(200)
    ]
    assert 0.89 <= np.mean(covered) <= 0.99


def test_width_is_that_of_the_standard_error() -> None:
    interval = bootstrap(np.random.default_rng(2).normal(0, 3, 900).tolist())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 3 / 30, rel=0.15)


def test_same_values_same_interval_and_no_values_none() -> None:
    assert bootstrap([1, 2, 4]) == bootstrap([1, 2, 4])
    assert str(bootstrap([2, 2])) == "2 (2 to 2)"
    with pytest.raises(ValueError, match="no values"):
        bootstrap([])


def test_ratio_of_means_with_its_interval() -> None:
    random = np.random.default_rng(1)
    below = random.uniform(1, 3, 200)
    above = 0.25 * below + random.normal(0, 0.02, 200)
    found = bootstrap_ratio(above.tolist(), below.tolist())
    assert found.low < 0.25 < found.high and found.high - found.low < 0.02
    assert found.mean == pytest.approx(above.mean() / below.mean())


def test_ratio_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        bootstrap_ratio([], [])
    with pytest.raises(ValueError):
        bootstrap_ratio([1.0], [1.0, 2.0])
