"""Calibration on curves whose inverse is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from remixlab.config_checks import calibration_points
from remixlab.sweep.calibration import agreement, fit, wanted_agreement
from tests.programs import load_program

ROOT = Path(__file__).parents[2]
AMONG = 9
SCALES = np.linspace(0, 2, 17)


def ranks_of(curve: np.ndarray) -> np.ndarray:
    """Ranks (not whole) that have just this agreement."""
    return AMONG - curve * (AMONG - 1)


def test_a_known_curve_is_inverted() -> None:
    curve = np.minimum(0.5 + 0.9 * SCALES, 1.0)  # twice as steep as wanted: half the scale does it
    found = fit(np.repeat(SCALES, 4), np.repeat(ranks_of(curve), 4), AMONG)
    assert found.points[:4] == tuple(
        (f, pytest.approx(f / 2, abs=1e-3)) for f, _ in found.points[:4]
    )
    assert found.points[4] == (2.0, 2.0) and found.unreached == ()
    assert calibration_points([list(pair) for pair in found.points])  # a suite takes it


def test_two_suites_agree_at_every_fidelity_after_it() -> None:
    """What it is for: curves of another shape give the same agreement for the same dial."""
    for curve in (np.tanh(SCALES) / 2 + 0.5, 0.5 + 0.5 * np.minimum(SCALES, 1) ** 2):
        found = fit(SCALES, ranks_of(curve), AMONG)
        for fidelity, scale in found.points[:4]:
            there = np.interp(scale, SCALES, curve)
            assert there == pytest.approx(wanted_agreement(fidelity), abs=0.01)


def test_noise_that_falls_is_made_to_rise() -> None:
    curve = 0.5 + 0.24 * SCALES + np.tile([0.0, -0.06], 9)[:17]
    found = fit(SCALES, ranks_of(curve), AMONG)
    assert list(found.fitted) == sorted(found.fitted)
    scales = [scale for _, scale in found.points]
    assert scales == sorted(scales)


def test_what_no_scale_reaches_keeps_the_dial_as_scale() -> None:
    curve = 0.5 + 0.3 * np.minimum(SCALES / 0.25, 1)  # 0.8 from a scale of 0.25 on
    found = fit(SCALES, ranks_of(curve), AMONG)
    assert found.unreached == (0.7, 1.0)
    assert dict(found.points)[0.7] == 0.7 and dict(found.points)[1.0] == 1.0
    assert dict(found.points)[0.5] < 0.25


def test_what_no_scale_reaches_gets_a_larger_scale_where_that_still_helps() -> None:
    curve = 0.5 + 0.25 * np.minimum(SCALES / 1.5, 1)  # 0.75 from a scale of 1.5 on
    found = fit(SCALES, ranks_of(curve), AMONG)
    assert found.unreached == (0.7, 1.0)
    assert dict(found.points)[0.7] == dict(found.points)[1.0] == pytest.approx(1.5, abs=1e-3)


def test_a_rise_within_the_noise_is_not_chased() -> None:
    """The last scales rise by less than their own standard error: the dial stops before them."""
    curve = np.where(SCALES < 0.5, 0.5, 0.7 + 0.005 * SCALES)
    noise = np.tile([-0.2, 0.2], 10)
    values = (curve[:, None] + noise).ravel()
    found = fit(np.repeat(SCALES, len(noise)), ranks_of(values), AMONG)
    assert 0.7 in found.unreached and dict(found.points)[0.7] == 0.7


def test_agreement() -> None:
    assert [agreement(rank, AMONG) for rank in (1, 5, 9)] == [1, 0.5, 0]


@pytest.mark.parametrize(("scales", "among"), [([0.0, 0.0], 7), ([0.5, 1.0], 7), ([0.0, 1.0], 1)])
def test_too_little_to_fit(scales: list[float], among: int) -> None:
    with pytest.raises(ValueError, match="calibration needs"):
        fit(scales, [1.0, 1.0], among)


def test_the_script_writes_the_map_where_the_suite_is(tmp_path: Path) -> None:
    script = load_program(ROOT / "scripts" / "calibrate.py")
    path = tmp_path / "suite.yaml"
    for before in ("name: x  # a comment\n", "name: x  # a comment\nstyle_calibration: []\n"):
        path.write_text(before + "steps: 8\n")
        for largest in (1.0, 2.0):  # and again
            curve = np.minimum(0.5 + 0.45 * SCALES / largest, 1)
            found = fit(SCALES, ranks_of(curve), AMONG)
            script.write_points(path, found)
        text = path.read_text()
        assert text.count("style_calibration") == 1 and text.startswith("name: x  # a comment\n")
        suite = yaml.safe_load(text)
        assert suite["steps"] == 8
        assert calibration_points(suite["style_calibration"])[1:] == found.points
