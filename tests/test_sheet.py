from __future__ import annotations

import numpy as np
from PIL import Image

from remixlab.request import RemixRequest, RemixResult
from remixlab.sheet import make_grid, make_sheet
from tests.conftest import make_product

CELL, GAP, LABEL = 480, 16, 36
RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def sheet(*, size: tuple[int, int] = (128, 128), reference: bool = True) -> Image.Image:
    request = RemixRequest(
        product_image=make_product(*size),
        ref_image=Image.new("RGB", (64, 64), RED) if reference else None,
        seed=5,
    )
    result = RemixResult(
        image=Image.new("RGB", size, GREEN),
        seed=5,
        mask=Image.new("L", size, 255),
        outline=Image.new("L", size, 0),
        background=Image.new("RGB", size, BLUE),
    )
    return make_sheet(request, result)


def cell(picture: Image.Image, number: int) -> Image.Image:
    left = GAP + number % 3 * (CELL + GAP)
    top = GAP + number // 3 * (CELL + GAP + LABEL) + LABEL
    return picture.crop((left, top, left + CELL, top + CELL))


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(c) for c in np.asarray(picture).reshape(-1, 3).tolist()}


def test_six_cells_in_order() -> None:
    made = sheet()
    assert made.mode == "RGB"
    assert made.size == (3 * (CELL + GAP) + GAP, 2 * (CELL + GAP + LABEL) + GAP)
    assert [colours(cell(made, n)) for n in range(1, 6)] == [
        {(255, 255, 255)}, {(0, 0, 0)}, {RED}, {BLUE}, {GREEN},
    ]  # fmt: skip


def test_every_cell_has_a_label() -> None:
    made = sheet()
    for number in range(6):
        left = GAP + number % 3 * (CELL + GAP)
        top = GAP + number // 3 * (CELL + GAP + LABEL)
        strip = made.crop((left, top, left + CELL, top + LABEL)).convert("L")
        assert np.asarray(strip).min() < 120 < np.asarray(strip).max()


def test_transparency_shows_as_checks() -> None:
    corner = cell(sheet(), 0).crop((0, 0, 100, 100))
    assert {(205, 205, 205), (235, 235, 235)} <= colours(corner)


def test_a_missing_reference_is_an_empty_cell() -> None:
    assert colours(cell(sheet(reference=False), 3)) == {(225, 225, 225)}


def test_wide_and_tall_pictures_keep_their_shape() -> None:
    for size, wanted in (((256, 128), (480, 240)), ((128, 256), (240, 480))):
        made = cell(sheet(size=size), 5)
        green = (np.asarray(made) == GREEN).all(-1)
        assert (green.any(0).sum(), green.any(1).sum()) == wanted
        assert made.getpixel((1, 1)) == (245, 245, 245)


def test_grid_has_every_picture_in_its_place_and_labels_beside() -> None:
    red, green = Image.new("RGB", (60, 40), RED), Image.new("RGB", (60, 40), GREEN)
    rows = [[red, green], [None, red]]
    made = make_grid(rows, columns=["style 0", "style 1"], rows=["a", "b"], cell=(60, 40))
    left, top = LABEL + GAP, LABEL + GAP
    assert made.size == (left + 2 * (60 + GAP), top + 2 * (40 + GAP))
    for row, column, wanted in ((0, 0, RED), (0, 1, GREEN), (1, 0, (225,) * 3), (1, 1, RED)):
        corner = left + column * (60 + GAP), top + row * (40 + GAP)
        place = made.crop((*corner, corner[0] + 60, corner[1] + 40))
        assert colours(place) == {wanted}, (row, column)
    for strip in (made.crop((left, 0, left + 60, top)), made.crop((0, top, left, top + 40))):
        assert np.asarray(strip.convert("L")).min() < 120


def test_grid_of_one_row_has_no_label_at_the_left_and_long_labels_shrink() -> None:
    red = Image.new("RGB", (60, 40), RED)
    made = make_grid([[red]], columns=["outline_fidelity 0.25"], rows=[""], cell=(60, 40))
    assert made.size == (GAP + 60 + GAP, LABEL + GAP + 40 + GAP)
    outside = made.crop((0, 0, GAP, LABEL)), made.crop((GAP + 60, 0, made.width, LABEL))
    assert all(colours(part) == {(245, 245, 245)} for part in outside)
