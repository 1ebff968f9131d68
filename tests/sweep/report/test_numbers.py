"""Means, intervals, differences, statements and the front, against what is known of them."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from remixlab.metrics.intervals import Interval, bootstrap
from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.estimates import Estimate, baseline, curve, difference
from remixlab.sweep.report.pareto import settings, style_metric
from remixlab.sweep.report.read import read_run
from remixlab.sweep.report.statements import statements, verdict
from remixlab.sweep.report.wording import interval, number
from tests.sweep.report.synthetic import AXES, METRICS, scores, write_run


def test_a_curve_is_the_mean_over_samples_with_the_bootstrap_of_them(run: Run) -> None:
    for step in curve(run, "band_energy", "style_fidelity"):
        samples: dict[Any, list[float]] = {}
        for cell in run.cells:
            if cell.values["style_fidelity"] == step.value:
                key = cell.values["seed"], cell.values["ref_image"]
                samples.setdefault(key, []).append(cell.scores["band_energy"] or 0)
        expected = bootstrap([fmean(values) for values in samples.values()])
        assert step.estimate is not None
        assert step.estimate.interval == expected
        assert (step.estimate.samples, step.estimate.cells) == (4, 8)


def test_other_dials_are_no_samples(tmp_path: Path) -> None:
    """A score that depends on another dial alone is known exactly at each value of this one."""
    axes = AXES | {"outline_fidelity": [0, 0.5, 1, 1.5, 2]}

    def score(row: Any) -> dict[str, float]:
        return scores(row) | {"leakage": float(row["outline_fidelity"])}

    run = read_run(write_run(tmp_path / "run", axes=axes, score=score))
    steps = [step.estimate for step in curve(run, "leakage", "style_fidelity")]
    assert [estimate and estimate.interval for estimate in steps] == [Interval(1, 1, 1)] * 3


def test_differences_are_of_pairs_that_are_both_there(tmp_path: Path) -> None:
    """Seed 2 was not made at the highest style: what it scored at the lowest does not count."""
    folder = write_run(
        tmp_path / "run",
        keep=lambda row: not (row["seed"] == 2 and row["style_fidelity"] == 1),
        score=lambda row: scores(row) | {"leakage": 5.0 * row["seed"] + row["style_fidelity"]},
    )
    run = read_run(folder)
    found = difference(run, "leakage", "style_fidelity")
    assert found == Estimate(Interval(1, 1, 1), samples=2, cells=4)
    half = write_run(
        tmp_path / "half", keep=lambda row: not (row["seed"] == 2 and row["style_fidelity"] == 0)
    )
    found = difference(read_run(half), "reference_rank", "style_fidelity")
    assert found == Estimate(Interval(-3, -3, -3), samples=2, cells=4)
    means = [
        step.estimate.mean for step in curve(run, "leakage", "style_fidelity") if step.estimate
    ]
    assert means[-1] - means[0] == pytest.approx(-1.5)  # what the curve alone would tell


def test_no_pairs_no_difference(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", keep=lambda row: row["style_fidelity"] == 0))
    assert difference(run, "leakage", "style_fidelity") is None
    assert curve(run, "leakage", "style_fidelity")[-1].estimate is None
    assert "no pairs of cells" in verdict(run, "style_fidelity")


def test_baselines_are_means_over_references(run: Run) -> None:
    found = baseline(run, "blurred_reference", "reference_rank")
    assert found is not None and found.samples == 2
    assert found.mean == pytest.approx(4 - 3 * 1.4)
    assert baseline(run, "blurred_reference", "unknown") is None


def test_statements_say_what_the_data_say(run: Run) -> None:
    style = {s.metric: s for s in statements(run, "style_fidelity")}
    assert {name: s.change for name, s in style.items()} == {
        "clip_style": "rises",
        "lab_wasserstein": "falls",
        "reference_rank": "falls",
        "leakage": "rises",
        "outline_growth": "no clear change",
        "band_energy": "rises",
        "edge_density": "no clear change",
    }
    assert not any(s.surprising for s in style.values())
    outline = {s.metric: s for s in statements(run, "outline_fidelity")}
    assert outline["outline_growth"].change == "falls"
    assert outline["edge_density"].surprising and not outline["clip_style"].surprising


def test_a_change_within_chance_is_no_change(tmp_path: Path) -> None:
    def wobble(row: Any) -> dict[str, float]:
        sign = {1: 1.0, 2: -0.5}[row["seed"]]  # up by 1 for one seed, down by a half for the other
        return scores(row) | {"clip_style": 50 + sign * row["style_fidelity"]}

    run = read_run(write_run(tmp_path / "run", score=wobble))
    found = next(s for s in statements(run, "style_fidelity") if s.metric == "clip_style")
    assert found.difference is not None and found.difference.mean == pytest.approx(0.25)
    assert found.change == "no clear change" and found.surprising


def test_what_was_expected_and_is_not_there_is_said(run: Run) -> None:
    assert verdict(run, "style_fidelity").startswith(
        "From 0 to 1: as expected, clip_style rises, lab_wasserstein falls, "
        "reference_rank falls and leakage rises."
    )
    assert (
        "2 of 3 expectations hold. Not as expected: edge_density was expected to fall and "
        "shows no clear change: 0 (0 to 0)." in verdict(run, "outline_fidelity")
    )
    assert "rest on 4 samples" in verdict(run, "outline_fidelity")


def test_the_opposite_of_what_is_expected_is_said(tmp_path: Path) -> None:
    def backwards(row: Any) -> dict[str, float]:
        return scores(row) | {"clip_style": 50 - row["style_fidelity"]}

    run = read_run(write_run(tmp_path / "run", score=backwards))
    assert "clip_style was expected to rise and falls: -1" in verdict(run, "style_fidelity")


def test_one_sample_decides_nothing(tmp_path: Path) -> None:
    axes = AXES | {"seed": [1], "ref_image": ["a.png"]}
    run = read_run(write_run(tmp_path / "run", axes=axes))
    assert {s.change for s in statements(run, "style_fidelity")} == {"cannot be judged"}
    found = verdict(run, "style_fidelity")
    assert "Cannot be judged: clip_style" in found and "Not as expected" not in found
    step = curve(run, "reference_rank", "style_fidelity")[0].estimate
    assert interval(step) == "4 (one sample)"


def test_dials_that_move_together_are_said_to(tmp_path: Path) -> None:
    axes = AXES | {"outline_fidelity": [0, 0.5, 1]}
    together = [["style_fidelity", "outline_fidelity"]]
    run = read_run(write_run(tmp_path / "run", axes=axes, paired=together))
    found = difference(run, "reference_rank", "style_fidelity")
    assert found is not None and (found.mean, found.samples, found.cells) == (-3, 4, 4)
    assert "moves together with outline_fidelity" in verdict(run, "style_fidelity")


def test_the_front_is_what_nothing_dominates(tmp_path: Path) -> None:
    """Style costs leakage, but 0.5 leaks more for less than 1 does."""
    leaks = {0: 0.1, 0.5: 0.9, 1: 0.5}

    def score(row: Any) -> dict[str, float]:
        leakage = leaks[row["style_fidelity"]] + 0.01 * row["outline_fidelity"]
        return scores(row) | {"leakage": leakage}

    run = read_run(write_run(tmp_path / "run", score=score))
    style = style_metric([run])
    assert style is not None and style.name == "clip_style"
    found = settings(run, style)
    assert len(found) == 6
    assert [setting.name for setting in found if setting.front] == [
        "style_fidelity 0, outline_fidelity 0",
        "style_fidelity 1, outline_fidelity 0",
    ]


def test_a_distance_is_better_when_it_is_lower(tmp_path: Path) -> None:
    metrics = [metric for metric in METRICS if metric["name"] != "clip_style"]
    run = read_run(write_run(tmp_path / "run", metrics=metrics))
    style = style_metric([run])
    assert style is not None and style.name == "lab_wasserstein"
    best = max(settings(run, style), key=lambda setting: -setting.style.mean)
    assert best.name.startswith("style_fidelity 1,") and best.front
    less = read_run(write_run(tmp_path / "less", metrics=metrics[:2]))
    assert style_metric([run, less]) is None  # no leakage in one of them


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-0.0, "0"), (0.30000000000000004, "0.3"), (1234.6, "1235"), (1e-5, "0.00001")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_intervals_have_the_decimals_they_deserve() -> None:
    def shown(mean: float, low: float, high: float) -> str:
        return interval(Estimate(Interval(mean, low, high), 8, 8), signed=True)

    assert shown(-3, -3.1888, -2.7812) == "-3.00 (-3.19 to -2.78)"
    assert shown(0.0001, -0.21, 0.24) == "0.00 (-0.21 to 0.24)"
    assert shown(1500.123, 1400, 1600) == "+1500 (1400 to 1600)"
    assert interval(None) == "–"
