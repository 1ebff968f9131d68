"""Where things go in the drawings."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from remixlab.sweep.report import curves, labels, scatter
from remixlab.sweep.report.contents import Run
from remixlab.sweep.report.pareto import style_metric
from remixlab.sweep.report.read import read_run
from remixlab.sweep.report.scale import round_values, scale_at, scale_over
from tests.sweep.report.synthetic import AXES, write_run


def test_marks_are_round_values() -> None:
    assert round_values(0, 1, 5) == (0, 0.2, 0.4, 0.6, 0.8, 1)
    assert round_values(-3, 12, 4) == (0, 5, 10)
    assert round_values(0.0011, 0.0019, 4) == (0.0012, 0.0014, 0.0016, 0.0018)


@pytest.mark.parametrize("values", [(0, 0), (3.5, 3.5), (-2, 7), (1e-9, 2e-9), (1e9, 1.1e9)])
def test_every_value_is_inside_its_scale(values: tuple[float, float]) -> None:
    scale = scale_over(values, 100, 0)
    assert all(0 <= scale(value) <= 100 for value in (*values, *scale.ticks))
    assert len(scale.ticks) >= 2


def test_ticks_have_the_same_decimals() -> None:
    texts = [text for _, text in scale_over((0.0, 1.0), 0, 100, ticks=5).labels]
    assert texts[0] == "0.0" and texts[-1] == "1.0"


def test_a_single_value_has_a_place() -> None:
    assert scale_at([0.7], 0, 100)(0.7) == 50


def test_a_curve_goes_through_its_means(run: Run) -> None:
    metric = next(m for m in run.metrics if m.name == "reference_rank")
    found = curves.curves([run], metric, "style_fidelity")
    assert found is not None
    drawing = curves.drawing(found)
    points = drawing["lines"][0]["points"]  # pyright: ignore[reportIndexIssue]
    heights = [point["y"] for point in points]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.02)
    assert heights[0] < heights[2]  # a falling rank: y counts downwards
    assert "0: 4" in curves.described(found) and "blurred reference" in curves.described(found)


def test_numbers_of_crowded_points_keep_clear_of_each_other() -> None:
    points = [(100 + 3.0 * i, 100 - 2.0 * i) for i in range(9)]
    found = labels.placed(points, points, ((40, 390), (5, 260)))
    for one, other in combinations(found, 2):
        assert abs(one[0] - other[0]) >= 15 or abs(one[1] - other[1]) >= 12


def test_the_front_is_numbered_from_little_leakage_to_much(run: Run) -> None:
    style = style_metric([run])
    assert style is not None
    found = scatter.scatter([run], style)
    assert found is not None
    assert [point.number for point in found.front] == list(range(1, len(found.front) + 1))
    leaks = [point.setting.leakage.mean for point in found.front]
    assert leaks == sorted(leaks)
    assert [b.setting.name for b in found.baselines] == ["blurred reference", "mean colour"]


def test_baselines_are_drawn_once_where_runs_agree_and_named_where_not(
    run: Run, tmp_path: Path
) -> None:
    other = read_run(write_run(tmp_path / "run", axes=AXES | {"ref_image": ["a.jpg", "grey.jpg"]}))
    style = style_metric([run, other])
    assert style is not None
    for runs, names in (
        ([run, run], ["blurred reference", "mean colour"]),
        (
            [run, other],
            [f"{b} ({n})" for n in (1, 2) for b in ("blurred reference", "mean colour")],
        ),
    ):
        points = scatter.scatter(runs, style)
        lines = curves.curves(runs, style, "style_fidelity")
        assert points is not None and lines is not None
        assert [baseline.setting.name for baseline in points.baselines] == names
        assert sorted(level.label for level in lines.levels) == sorted(names)
