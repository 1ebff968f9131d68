"""The bootstrap's intervals against what is known of means."""

from __future__ import annotations

import numpy as np
import pytest

from remixlab.metrics.intervals import bootstrap


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
