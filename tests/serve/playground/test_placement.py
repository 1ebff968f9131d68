"""A product that is not framed yet, in its frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from remixlab.request import SIZES, InvalidRequest
from remixlab.serve.playground.placement import LARGEST_PADDING, Placement, place, placed_box
from tests.conftest import make_product

SHARES = st.floats(0, 1)


def block(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """An opaque red rectangle in a transparent picture."""
    picture = Image.new("RGBA", size)
    picture.paste((200, 10, 10, 255), box)
    return picture


def seen(picture: Image.Image) -> tuple[int, int, int, int]:
    box = picture.getchannel("A").getbbox()
    assert box is not None
    return box


def test_without_a_size_nothing_is_done() -> None:
    product = make_product(200, 100)
    assert place(product, Placement(scale=0.3, padding=0.2)) is product


@pytest.mark.parametrize("tag", SIZES)
def test_every_size_is_filled_up_to_the_padding(tag: str) -> None:
    product = block((500, 300), (40, 50, 140, 150))
    made = place(product, Placement(tag, scale=1, padding=0.1))
    size = SIZES[tag]
    assert made.mode == "RGBA" and made.size == (size.width, size.height)
    side, border = min(made.size) * 0.8, min(made.size) * 0.1
    left, top, right, bottom = seen(made)
    assert right - left == pytest.approx(side, abs=1) == bottom - top
    assert min(left, top) == pytest.approx(border, abs=1)
    assert left + right == pytest.approx(size.width, abs=2)
    assert made.getpixel((size.width // 2, size.height // 2)) == (200, 10, 10, 255)
    assert made.getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("horizontal", "vertical", "corner"), [(0, 0, (0, 0)), (1, 0, (1, 0)), (0, 1, (0, 1))]
)
def test_position(horizontal: float, vertical: float, corner: tuple[int, int]) -> None:
    product = block((100, 100), (10, 10, 90, 50))
    placement = Placement("square", 0.5, 0, horizontal, vertical)
    left, top, right, bottom = seen(place(product, placement))
    assert (right - left, bottom - top) == (512, 256)
    assert (left, top) == (corner[0] * 512, corner[1] * 768)


@settings(max_examples=200, deadline=None)
@given(
    product=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    tag=st.sampled_from(list(SIZES)),
    scale=st.floats(0.01, 1),
    padding=st.floats(0, LARGEST_PADDING),
    position=st.tuples(SHARES, SHARES),
)
def test_any_box_lies_inside_the_frame(
    product: tuple[int, int], tag: str, scale: float, padding: float, position: tuple[float, float]
) -> None:
    frame = SIZES[tag].width, SIZES[tag].height
    left, top, right, bottom = placed_box(product, frame, Placement(tag, scale, padding, *position))
    assert 0 <= left < right <= frame[0] and 0 <= top < bottom <= frame[1]


def test_haze_that_nobody_sees_does_not_count_but_a_faint_product_does() -> None:
    hazy = np.asarray(block((200, 200), (50, 50, 150, 150))).copy()
    hazy[..., 3] = np.maximum(hazy[..., 3], 3)
    box = seen(place(Image.fromarray(hazy), Placement("square", scale=1, padding=0)))
    assert box == (0, 0, 1024, 1024)
    faint = np.asarray(block((200, 200), (50, 50, 150, 150))).copy()
    faint[..., 3] = np.minimum(faint[..., 3], 5)
    box = seen(place(Image.fromarray(faint), Placement("square", scale=1, padding=0)))
    assert box == (0, 0, 1024, 1024)


def test_no_colour_of_what_was_transparent_bleeds_in() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = (0, 255, 0)  # a green screen behind alpha 0
    pixels[16:48, 16:48] = (200, 10, 10, 255)
    made = np.asarray(place(Image.fromarray(pixels), Placement("square", scale=0.9)))
    assert made[made[..., 3] > 0][:, 1].max() < 30


def test_opaque_pictures_are_cut_out_by_the_segmenter_or_refused() -> None:
    picture = Image.new("RGB", (120, 120), "white")
    picture.paste((20, 60, 160), (40, 30, 80, 90))
    with pytest.raises(InvalidRequest, match="grabcut"):
        place(picture, Placement("square"))
    made = place(picture, Placement("square", scale=1, padding=0), segmenter="grabcut")
    left, top, right, bottom = seen(made)
    assert bottom - top == 1024
    assert right - left == pytest.approx(1024 * 40 / 60, rel=0.1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "huge"),
        ("scale", 0),
        ("scale", 1.1),
        ("padding", 0.5),
        ("horizontal", -0.1),
        ("vertical", float("nan")),
    ],
)
def test_errors_name_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as raised:
        Placement(**{field: value})  # pyright: ignore[reportArgumentType]
    assert raised.value.field == field
