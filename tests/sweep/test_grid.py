"""From axes to cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from remixlab.errors import InvalidConfig
from remixlab.request import DEFAULT_NEGATIVE_PROMPT
from remixlab.sweep.grid import cell_id, expand, parse_axis
from tests.conftest import make_product, make_reference


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(2):
        make_product(64, 64, number).save(tmp_path / f"p{number}.png")
        make_reference(number).save(tmp_path / f"r{number}.png")
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "spec", "values"),
    [
        ("style_fidelity", 0.7, (0.7,)),
        ("style_fidelity", [0, 1.5], (0, 1.5)),
        ("style_fidelity", "0:1:0.1", (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)),
        ("outline_fidelity", "2:0:-0.5", (2, 1.5, 1, 0.5, 0)),
        ("outline_fidelity", {"start": 0, "stop": 1, "points": 5}, (0, 0.25, 0.5, 0.75, 1)),
        ("seed", "1:4:1", (1, 2, 3, 4)),
        ("prompt", "a bottle: blue", ("a bottle: blue",)),
        ("prompt", ["a", "b"], ("a", "b")),
        ("ref_image", [None, "r.png"], (None, "r.png")),
        ("seed", ["3", 4], (3, 4)),
        ("style_fidelity", ["0.5", 1.0], (0.5, 1)),
        ("negative_prompt", ["", " "], (DEFAULT_NEGATIVE_PROMPT, " ")),
    ],
)
def test_what_an_axis_may_be(name: str, spec: Any, values: tuple[Any, ...]) -> None:
    assert parse_axis(name, spec) == values


@pytest.mark.parametrize(
    ("name", "spec", "told"),
    [
        ("style", 1, "style_fidelity"),
        ("style_fidelity", [], "at least one value"),
        ("style_fidelity", [1, 2, 1], "every value once"),
        ("style_fidelity", [1, 1.0], "every value once, and 1 is there twice"),
        ("style_fidelity", [0.5, "0.50"], "every value once, and 0.5 is there twice"),
        ("cfg_scale", [0.0, -0.0], "every value once"),
        ("seed", [7, "7"], "every value once, and 7 is there twice"),
        ("prompt", ["a", "a"], "every value once"),
        ("ref_image", [None, None], "every value once"),
        ("negative_prompt", ["", DEFAULT_NEGATIVE_PROMPT], "every value once"),
        ("style_fidelity", "0:1", "start:stop:step"),
        ("style_fidelity", "0:1:0", "start:stop:step"),
        ("style_fidelity", "0:1:-1", "leads from start to stop"),
        ("style_fidelity", "0:nan:1", "start:stop:step"),
        ("style_fidelity", {"start": 0, "stop": 1}, "points"),
        ("style_fidelity", {"start": 0, "stop": 1, "points": 1}, "2 or more"),
        ("seed", [3, -1], "seeds from 1 on"),
    ],
)
def test_what_it_may_not_be(name: str, spec: Any, told: str) -> None:
    with pytest.raises(InvalidConfig, match=told) as raised:
        parse_axis(name, spec)
    assert raised.value.field == f"sweep.axes.{name}"


def test_cells_are_the_cross_product_the_last_axis_fastest(folder: Path) -> None:
    axes = {"product_image": ["p0.png", "p1.png"], "seed": "1:3:1", "style_fidelity": [0, 1]}
    cells = expand(axes, folder=folder)
    assert [cell.number for cell in cells] == list(range(12))
    assert [c.values["style_fidelity"] for c in cells[:4]] == [0, 1, 0, 1]
    assert list(cells[5].values) == list(axes)
    assert cells[5].values == {"product_image": "p0.png", "seed": 3, "style_fidelity": 1}
    assert cells[5].request.seed == 3 and cells[5].request.style_fidelity == 1
    assert cells[5].request.product == cells[0].request.product != cells[11].request.product


def test_a_product_without_a_shorter_side_left_is_told(folder: Path) -> None:
    Image.new("RGBA", (3000, 1)).save(folder / "line.png")
    with pytest.raises(InvalidConfig, match="64 to 8192 pixels"):
        expand({"product_image": "line.png"}, folder=folder, longest_side=96)


def test_paired_axes_run_side_by_side(folder: Path) -> None:
    axes = {
        "product_image": ["p0.png", "p1.png"],
        "seed": [5, 6],
        "prompt": ["a bottle", "a jar"],
    }
    cells = expand(axes, paired=[["prompt", "product_image"]], folder=folder)
    rows = [tuple(cell.values.values()) for cell in cells]
    assert rows == [
        ("p0.png", 5, "a bottle"), ("p0.png", 6, "a bottle"),
        ("p1.png", 5, "a jar"), ("p1.png", 6, "a jar"),
    ]  # fmt: skip
    for wrong in (["prompt", "seeds"], ["prompt", "style_fidelity"]):
        with pytest.raises(InvalidConfig, match="as many values"):
            expand(axes | {"style_fidelity": [0, 1, 2]}, paired=[wrong], folder=folder)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"style_fidelity": [0.5, 3]}, "style_fidelity"),
        ({"seed": [1, 2**32 + 1]}, "seed"),
        ({"seed": [0]}, "seed"),
        ({"cfg_scale": ["high"]}, "cfg_scale"),
        ({"product_image": ["p0.png", "missing.png"]}, "product_image"),
        ({"ref_image": ["text.png"]}, "ref_image"),
        ({"product_image": None}, "product_image"),
        ({"prompt": ["x" * 4001]}, "prompt"),
    ],
)
def test_a_bad_value_is_told_before_any_work(
    folder: Path, changes: dict[str, Any], field: str
) -> None:
    axes: dict[str, Any] = {"product_image": ["p0.png"]}
    with pytest.raises(InvalidConfig) as raised:
        expand(axes | changes, folder=folder)
    assert raised.value.field == f"sweep.axes.{field}"


def test_no_product_and_too_many_cells(folder: Path) -> None:
    with pytest.raises(InvalidConfig, match="at least one file"):
        expand({"seed": [1]})
    many = {"product_image": "p0.png", "seed": "1:2000:1", "style_fidelity": "0:2:0.001"}
    with pytest.raises(InvalidConfig, match="at most 1000000 cells"):
        expand(many, folder=folder)


@pytest.mark.parametrize("axis", ["product_image", "ref_image"])
@pytest.mark.parametrize("other", ["./same.png", "copy.png"])
def test_one_picture_by_two_names_is_told(folder: Path, axis: str, other: str) -> None:
    make_product(64, 64, 9).save(folder / "same.png")
    make_product(64, 64, 9).save(folder / "copy.png", optimize=True)  # other bytes
    axes = {"product_image": ["p0.png"]} | {axis: ["same.png", other]}
    with pytest.raises(InvalidConfig, match=r"same.png is the same, pixel for pixel") as caught:
        expand(axes, folder=folder)
    assert caught.value.field == f"sweep.axes.{axis}" and caught.value.value == other


def test_cells_with_one_reference_share_it(folder: Path) -> None:
    make_product(64, 64, 9).save(folder / "clear.png")  # flattened once
    one, two = expand(
        {"product_image": "p0.png", "ref_image": "clear.png", "seed": [1, 2]}, folder=folder
    )
    assert one.request.reference is two.request.reference


def test_requests_that_differ_stay_cells_even_where_their_picture_is_one(folder: Path) -> None:
    """A guidance of 0.5 and of 1 run no unconditional pass: both have a place in the curve."""
    cells = expand({"product_image": "p0.png", "cfg_scale": [0.5, 1]}, folder=folder)
    assert [cell.request.cfg_scale for cell in cells] == [0.5, 1]


def test_an_id_is_that_of_the_definition() -> None:
    one, same, other = {"a": 1, "b": [2]}, {"b": [2], "a": 1}, {"a": 1, "b": [3]}
    assert cell_id(one) == cell_id(same) != cell_id(other)
    assert len(cell_id(one)) == 16
