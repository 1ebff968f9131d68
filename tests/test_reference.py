from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers.models.embeddings import ImageProjection
from numpy.typing import NDArray
from PIL import Image

from remixlab import images
from remixlab.environment import process_peak
from remixlab.models.suite import Suite
from remixlab.reference import encode_references, fit_square, normalise
from tests.conftest import make_reference

LEFT, MIDDLE, RIGHT = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def stripes(*, tall: bool = False) -> Image.Image:
    """96 x 32: three squares side by side (or one above the other)."""
    picture = Image.new("RGB", (96, 32), MIDDLE)
    picture.paste(LEFT, (0, 0, 32, 32))
    picture.paste(RIGHT, (64, 0, 96, 32))
    return picture.transpose(Image.Transpose.TRANSPOSE) if tall else picture


def fitted(fit: str, *, tall: bool) -> NDArray[np.uint8]:
    """The fitted stripes, always side by side."""
    square = fit_square(stripes(tall=tall), 48, fit)
    assert square.size == (48, 48) and square.mode == "RGB"
    pixels = np.asarray(square)
    return pixels.transpose(1, 0, 2) if tall else pixels


@pytest.mark.parametrize("tall", [False, True])
def test_resize_squeezes_all_of_it_in(tall: bool) -> None:
    pixels = fitted("resize", tall=tall)
    assert [tuple(pixels[y, x]) for y in (0, 47) for x in (4, 24, 43)] == [LEFT, MIDDLE, RIGHT] * 2


@pytest.mark.parametrize("tall", [False, True])
def test_crop_takes_the_middle(tall: bool) -> None:
    assert (fitted("crop", tall=tall) == MIDDLE).all()


@pytest.mark.parametrize("tall", [False, True])
def test_pad_repeats_the_border(tall: bool) -> None:
    pixels = fitted("pad", tall=tall)
    assert [tuple(pixels[y, x]) for y in (0, 24, 47) for x in (4, 24, 43)] == [
        LEFT, MIDDLE, RIGHT,
    ] * 3  # fmt: skip


def test_pad_keeps_the_shape() -> None:
    picture = Image.new("RGB", (96, 32), (0, 0, 0))
    picture.paste((255, 255, 255), (32, 8, 64, 24))  # twice as wide as high
    light = np.asarray(fit_square(picture, 96, "pad"))[..., 0] > 128
    assert (light.any(1).sum(), light.any(0).sum()) == (16, 32)
    assert light[48, 48]


def test_odd_sides_are_padded_too() -> None:
    assert fit_square(Image.new("RGB", (33, 20), LEFT), 16, "pad").getcolors() == [(256, LEFT)]


def padded_whole(picture: Image.Image, side: int) -> Image.Image:
    """The padded square made first and shrunk then, as the words say."""
    width, height = picture.size
    across, down = max(width, height) - width, max(width, height) - height
    around = ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
    return images.resize(Image.fromarray(np.pad(picture, around, "edge")), (side, side))


@pytest.mark.parametrize(
    "size", [(96, 64), (64, 96), (640, 427), (333, 500), (301, 300), (223, 9), (7, 500), (1200, 1)]
)
@pytest.mark.parametrize("side", [32, 224])
def test_pad_gives_what_the_whole_square_would(size: tuple[int, int], side: int) -> None:
    picture = images.resize(make_reference(1), size)
    one, other = (
        np.asarray(p).astype(int)
        for p in (fit_square(picture, side, "pad"), padded_whole(picture, side))
    )
    assert np.abs(one - other).max() <= 2


@pytest.mark.parametrize("fit", ["resize", "crop", "pad"])
@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000), (2**26, 1), (1, 2**26)])
def test_a_line_of_pixels_costs_no_more_than_it_has(fit: str, size: tuple[int, int]) -> None:
    line = Image.new("RGB", size, LEFT)
    before = process_peak()
    assert fit_square(line, 224, fit).getcolors() == [(224 * 224, LEFT)]
    assert process_peak() - before < 2**26 + 16 * size[0] * size[1]


def test_normalise_is_clips() -> None:
    white = normalise(torch.ones(1, 3, 2, 2))[0, :, 0, 0]
    assert torch.allclose(white, torch.tensor([1.9303, 2.0749, 2.1459]), atol=1e-4)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[None, :, None, None]
    assert torch.allclose(normalise(mean * 2 - 1), torch.zeros(1), atol=1e-6)


@torch.inference_mode()
def test_tokens_of_each_picture_and_first_those_of_none(tiny_suite: Suite) -> None:
    pictures = [make_reference(n) for n in range(3)]
    tokens = encode_references(tiny_suite, pictures, "resize")
    width = tiny_suite.unet.config["cross_attention_dim"]
    assert tokens.shape == (4, 16, width)
    blank = encode_references(tiny_suite, [], "resize")
    assert torch.allclose(tokens[:1], blank, atol=1e-5)
    for number, picture in enumerate(pictures, 1):
        alone = encode_references(tiny_suite, [picture], "resize")
        assert torch.allclose(tokens[number], alone[1], atol=1e-5)
        assert float((tokens[number] - tokens[0]).abs().max()) > 1e-3


@torch.inference_mode()
def test_none_is_an_encoded_blank_for_plus(tiny_suite: Suite) -> None:
    """Zeros after the normalisation: the grey whose every channel is CLIP's mean."""
    assert tiny_suite.reads_hidden_states
    hidden = tiny_suite.image_encoder(torch.zeros(1, 3, 32, 32), output_hidden_states=True)
    wanted = tiny_suite.image_projection(hidden.hidden_states[-2])[0]
    grey = Image.new("RGB", (32, 32), (123, 117, 104))  # the mean, as near as bytes come to it
    none, nearly, other = encode_references(tiny_suite, [grey, make_reference(0)], "resize")
    assert torch.allclose(none, wanted, atol=1e-5)
    assert (none - nearly).norm() < 0.3 * (none - other).norm()


@torch.inference_mode()
def test_none_is_zero_embeddings_for_plain(tiny_suite: Suite) -> None:
    projection = ImageProjection(
        image_embed_dim=40, cross_attention_dim=48, num_image_text_embeds=4
    )
    plain = replace(tiny_suite, image_projection=projection)
    picture = make_reference(0)
    tokens = encode_references(plain, [picture], "resize")
    assert tokens.shape == (2, 4, 48)
    assert torch.equal(tokens[0], projection(torch.zeros(1, 40))[0])
    pixels = normalise(images.to_tensor(fit_square(picture, 32, "resize")))
    embedded = plain.image_encoder(pixels).image_embeds
    assert torch.allclose(tokens[1], projection(embedded)[0], atol=1e-5)
