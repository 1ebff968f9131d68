"""Calibration on curves whose inverse is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from remixlab.config_checks import calibration_points
from remixlab.sweep.calibration import TOP, Calibration, fit, wanted_agreement
from tests.programs import load_program

ROOT = Path(__file__).parents[2]
AMONG, CHANCE = 10, 0.1
SCALES = np.linspace(0, 2, 17)
PICTURES = 1000


def fitted(curve: np.ndarray, end: float = 2.0) -> Calibration:
    """To as many pictures a scale as say its agreement to a thousandth."""
    first = np.arange(PICTURES) < np.round(curve * PICTURES)[:, None]
    return fit(np.repeat(SCALES, PICTURES), np.where(first, 1, 2).ravel(), AMONG, end)


def test_a_known_curve_is_inverted() -> None:
    steep = 2 * (TOP - CHANCE)  # twice as steep as wanted: half the scale does it
    found = fitted(np.minimum(CHANCE + steep * SCALES, 1.0))
    assert found.points[:4] == tuple(
        (f, pytest.approx(f / 2, abs=2e-3)) for f, _ in found.points[:4]
    )
    assert found.points[4] == (2.0, 2.0) and found.unreached == ()
    assert calibration_points([list(pair) for pair in found.points])  # a suite takes it


def test_two_suites_agree_at_every_fidelity_after_it() -> None:
    """What it is for: curves of another shape give the same agreement for the same dial."""
    rise = 1 - CHANCE
    for curve in (
        CHANCE + rise * np.tanh(1.5 * SCALES),
        CHANCE + rise * np.minimum(SCALES, 1) ** 2,
    ):
        found = fitted(curve)
        for fidelity, scale in found.points[:4]:
            there = np.interp(scale, SCALES, curve)
            assert there == pytest.approx(wanted_agreement(fidelity, AMONG), abs=0.01)


def test_only_the_first_rank_counts() -> None:
    near, far = (
        fit(SCALES, np.where(SCALES < 1, rank, 1), AMONG, 2.0).agreement for rank in (2, AMONG)
    )
    assert near == far and near[0].mean == 0 and near[-1].mean == 1


def test_noise_that_falls_is_made_to_rise() -> None:
    found = fitted(CHANCE + 0.4 * SCALES + np.tile([0.0, -0.1], 9)[:17])
    assert list(found.fitted) == sorted(found.fitted)
    scales = [scale for _, scale in found.points]
    assert scales == sorted(scales)


def test_nothing_goes_beyond_the_end() -> None:
    found = fitted(CHANCE + (TOP - CHANCE) * SCALES / 1.75, end=1.25)  # all of it at 1.75
    assert found.unreached == (1.0,)
    points = dict(found.points)
    assert points[1.0] == 1.25 and points[0.7] == pytest.approx(0.7 * 1.75, abs=2e-3)
    assert points[2.0] == 2.0  # above 1 is more than the calibration stands for


def test_an_end_behind_what_is_wanted_takes_nothing_away() -> None:
    curve = np.minimum(CHANCE + 2 * (TOP - CHANCE) * SCALES, 1.0)
    assert fitted(curve, end=1.5).points == fitted(curve, end=2.0).points


def test_what_no_scale_reaches_takes_the_end() -> None:
    found = fitted(CHANCE + 0.5 * np.minimum(SCALES / 0.25, 1), end=0.75)  # 0.6 from 0.25 on
    assert found.unreached == (0.7, 1.0)
    assert dict(found.points)[0.7] == dict(found.points)[1.0] == 0.75
    assert dict(found.points)[0.5] < 0.25


@pytest.mark.parametrize(("scales", "among"), [([0.0, 0.0], 7), ([0.5, 1.0], 7), ([0.0, 1.0], 1)])
def test_too_little_to_fit(scales: list[float], among: int) -> None:
    with pytest.raises(ValueError, match="calibration needs"):
        fit(scales, [1.0, 1.0], among, 1.0)


def test_the_script_writes_the_map_where_the_suite_is(tmp_path: Path) -> None:
    script = load_program(ROOT / "scripts" / "calibrate.py")
    path = tmp_path / "suite.yaml"
    for before in ("name: x  # a comment\n", "name: x  # a comment\nstyle_calibration: []\n"):
        path.write_text(before + "steps: 8\n")
        for largest in (1.0, 2.0):  # and again
            found = fitted(np.minimum(CHANCE + (TOP - CHANCE) * SCALES / largest, 1))
            script.write_points(path, found)
        text = path.read_text()
        assert text.count("style_calibration") == 1 and text.startswith("name: x  # a comment\n")
        suite = yaml.safe_load(text)
        assert suite["steps"] == 8
        assert calibration_points(suite["style_calibration"])[1:] == found.points


def test_pictures_that_lack_a_score_are_left_out_at_every_scale() -> None:
    script = load_program(ROOT / "scripts" / "calibrate.py")
    rows = [
        {"product_image": "p", "ref_image": "r", "seed": seed, "style_fidelity": scale}
        | dict.fromkeys(script._SCORES, 1.0)
        for seed in (1, 2, 3)
        for scale in (0.0, 1.0)
    ]
    rows[1]["clip_style"] = None
    kept = script.complete(rows)
    assert kept == rows[2:] and script.nearness(kept).end == 0.0
