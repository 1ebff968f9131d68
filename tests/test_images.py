"""Decoding what others wrote, and the way to tensors and back."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from remixlab.errors import ImageTooLarge, InvalidImage
from remixlab.images import (
    Limits,
    decode,
    encode_png,
    flatten,
    middle,
    resize,
    sha256,
    to_image,
    to_tensor,
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, depth: int, colour: int, row: bytes, extra: bytes = b"", height: int = 1):
    """A PNG with one row of raw samples; `height` may lie."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(source: Any) -> list[list[int]]:
    return np.asarray(decode(source, field="x"))[0].tolist()


KEY = b"tRNS"
PNGS = {
    "1 bit": (png(2, 1, 0, b"\x40"), [[0, 0, 0], [255, 255, 255]]),
    "1 bit, key": (png(2, 1, 0, b"\x40", chunk(KEY, b"\0\1")), [[0, 0, 0, 255], [255] * 3 + [0]]),
    "2 bits, key": (png(2, 2, 0, b"\x10", chunk(KEY, b"\0\1")), [[0, 0, 0, 255], [85] * 3 + [0]]),
    "4 bits, key": (
        png(2, 4, 0, b"\x5a", chunk(KEY, b"\0\5")),
        [[85] * 3 + [0], [170] * 3 + [255]],
    ),
    "8 bits, key": (png(2, 8, 0, b"\7\1", chunk(KEY, b"\0\7")), [[7] * 3 + [0], [1, 1, 1, 255]]),
    "16 bits": (png(2, 16, 0, b"\x80\x80\xff\xff"), [[128] * 3, [255] * 3]),
    "16 bits, key": (
        png(2, 16, 0, b"\x80\x80\x80\x81", chunk(KEY, b"\x80\x80")),
        [[128] * 3 + [0], [128] * 3 + [255]],
    ),
    "16 bit RGB, key": (
        png(2, 16, 2, b"\1\1\2\2\3\3" + b"\4\4\5\5\6\6", chunk(KEY, b"\1\1\2\2\3\3")),
        [[1, 2, 3, 0], [4, 5, 6, 255]],
    ),
    "RGB, key": (
        png(2, 8, 2, b"\1\2\3\4\5\6", chunk(KEY, b"\0\1\0\2\0\3")),
        [[1, 2, 3, 0], [4, 5, 6, 255]],
    ),
    "16 bit RGBA": (png(1, 16, 6, b"\1\1\2\2\3\3\x80\x80"), [[1, 2, 3, 128]]),
    "grey and alpha": (png(1, 8, 4, b"\x09\x80"), [[9, 9, 9, 128]]),
    "palette": (png(2, 8, 3, b"\0\1", chunk(b"PLTE", b"\1\2\3\4\5\6")), [[1, 2, 3], [4, 5, 6]]),
    "palette, alpha": (
        png(2, 8, 3, b"\0\1", chunk(b"PLTE", b"\1\2\3\4\5\6") + chunk(KEY, b"\x80")),
        [[1, 2, 3, 128], [4, 5, 6, 255]],
    ),
}


@pytest.mark.parametrize("name", PNGS)
def test_odd_pngs_have_the_right_pixels(name: str):
    data, expected = PNGS[name]
    assert pixels(data) == expected


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, [255, 255, 255]),
        ("L", 9, [9, 9, 9]),
        ("I", 65535, [255, 255, 255]),
        ("I;16", 32896, [128, 128, 128]),
        ("LA", (9, 100), [9, 9, 9, 100]),
        ("RGBX", (1, 2, 3, 4), [1, 2, 3]),
        ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
        ("HSV", (0, 0, 200), [200, 200, 200]),
        ("RGBA", (1, 2, 3, 0), [1, 2, 3, 0]),
    ],
)
def test_pil_modes(mode: str, colour: Any, expected: list[int]):
    assert pixels(Image.new(mode, (2, 1), colour)) == [expected] * 2


def test_premultiplied_modes():
    assert pixels(Image.new("RGBA", (1, 1), (100, 50, 0, 128)).convert("RGBa"))[0][3] == 128
    assert pixels(Image.new("LA", (1, 1), (100, 128)).convert("La"))[0][3] == 128


def test_modes_without_a_range_are_refused():
    with pytest.raises(InvalidImage):
        decode(Image.new("F", (2, 2)), field="x")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_other_formats(kind: str):
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    assert np.abs(np.array(pixels(saved(image, kind))) - [200, 100, 50]).max() <= 4
    assert pixels(saved(Image.new("CMYK", (16, 16), (0, 0, 0, 255)), "JPEG"))[0] == [0, 0, 0]
    assert pixels(saved(Image.new("L", (16, 16), 128), "JPEG"))[0] == [128] * 3


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO"])
def test_formats_that_are_not_offered(kind: str):
    with pytest.raises(InvalidImage, match="PNG, JPEG or WebP"):
        decode(saved(Image.new("RGB", (16, 16)), kind), field="x")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int):
    stored = Image.new("RGB", (2, 3))
    stored.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    corner = {
        1: (0, 0),
        2: (1, 0),
        3: (1, 2),
        4: (0, 2),
        5: (0, 0),
        6: (2, 0),
        7: (2, 1),
        8: (0, 1),
    }
    image = decode(saved(stored, exif=exif), field="x")
    assert image.size == ((2, 3) if orientation < 5 else (3, 2))
    assert image.getpixel(corner[orientation]) == (255, 0, 0)
    assert not image.info
    assert not image.getexif()


def swapped_profile() -> bytes:
    """sRGB with the red and green primaries exchanged: an effect that no rounding explains."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data = data.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")
    return bytes(data.replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be")))


def test_icc_profiles_are_converted():
    for mode, colour in (("RGB", (255, 0, 0)), ("RGBA", (255, 0, 0, 7))):
        data = saved(Image.new(mode, (1, 1), colour), icc_profile=swapped_profile())
        red, green, blue = pixels(data)[0][:3]
        assert red < 10 < 245 < green and blue < 10
        assert pixels(data)[0][3:] == list(colour[3:])


def test_srgb_and_broken_profiles_leave_the_pixels():
    image = Image.fromarray(np.arange(3 * 64, dtype=np.uint8).reshape(8, 8, 3))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"not a profile", srgb[:200]):
        assert decode(saved(image, icc_profile=profile), field="x").tobytes() == image.tobytes()
    grey = saved(Image.new("L", (1, 1), 100), icc_profile=srgb)  # of another colour space
    assert pixels(grey) == [[100] * 3]


def test_animations_give_their_first_frame():
    frames = [Image.new("RGBA", (4, 4), (v, 0, 0, 255)) for v in (10, 200)]
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert pixels(data)[0][:3] == [10, 0, 0]


def test_a_clean_image_is_shared_and_others_are_left_alone():
    clean = Image.new("RGBA", (2, 2))
    assert decode(clean, field="x") is clean
    tagged = Image.new("RGB", (2, 3))
    tagged.info["dpi"] = (72, 72)
    assert decode(tagged, field="x") is not tagged
    assert tagged.info == {"dpi": (72, 72)}


def test_paths_and_bytes(tmp_path: Path):
    image = Image.new("RGB", (1, 1), "blue")
    (tmp_path / "a.png").write_bytes(saved(image))
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), saved(image)):
        assert decode(source, field="x").tobytes() == image.tobytes()


def test_bad_sources_name_the_field(tmp_path: Path):
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    good = saved(Image.effect_noise((64, 64), 50))
    wrong: list[Any] = [text, text.read_bytes(), tmp_path, tmp_path / "missing.png", "\0", ""]
    wrong += ["a" * 10000, "/dev/zero", b"", good[:100], good[: len(good) // 2], None, 3, [good]]
    wrong += [Image.new("RGB", (0, 5)), png(0, 8, 2, b""), png(4, 8, 2, b"")]
    for source in wrong:
        with pytest.raises(InvalidImage, match=r"^ref_image: ") as caught:
            decode(source, field="ref_image")
        assert len(str(caught.value)) < 400


def test_every_truncation_is_typed():
    for kind in ("PNG", "JPEG", "WEBP"):
        good = saved(Image.effect_noise((32, 32), 50).convert("RGB"), kind)
        for end in range(0, len(good) - 20, max(1, len(good) // 40)):
            with pytest.raises(InvalidImage):
                decode(good[:end], field="x")


def test_bombs_are_refused_from_the_header(monkeypatch: pytest.MonkeyPatch):
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    huge = png(60000, 8, 2, b"\0", height=60000)
    assert len(huge) < 100
    canvas = struct.pack("<I", 0x10) + (2**14 - 1).to_bytes(3, "little") * 2
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    for data in (huge, png(8193, 8, 2, b"", height=8192), webp):
        with pytest.raises(ImageTooLarge):
            decode(data, field="x")
    squeezed = saved(Image.new("L", (2000, 2000)), optimize=True)
    assert len(squeezed) < 10_000
    with pytest.raises(ImageTooLarge, match="1000000 pixels"):
        decode(squeezed, field="x", limits=Limits(pixels=10**6))


def test_limits_hold_for_every_kind_of_source(tmp_path: Path):
    image = Image.new("RGB", (100, 10))
    (tmp_path / "a.png").write_bytes(saved(image))
    for source in (image, saved(image), tmp_path / "a.png"):
        with pytest.raises(ImageTooLarge):
            decode(source, field="x", limits=Limits(pixels=999))
        decode(source, field="x", limits=Limits(pixels=1000))
    for source in (saved(image), tmp_path / "a.png"):
        with pytest.raises(ImageTooLarge, match="at most 20 bytes"):
            decode(source, field="x", limits=Limits(bytes=20))


def test_a_bomb_in_a_profile_is_typed():
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 10**8))
    with pytest.raises(InvalidImage):
        decode(png(1, 8, 2, b"\1\2\3", profile), field="x")


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(st.binary(max_size=300))
def test_random_bytes_raise_only_invalid_image(data: bytes):
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x20\0\0\0WEBPVP8X"):
        with pytest.raises(InvalidImage):
            decode(head + data, field="x")


SAMPLES = [saved(Image.effect_noise((9, 7), 99).convert(mode)) for mode in ("L", "P", "RGBA")]
SAMPLES += [saved(Image.effect_noise((9, 7), 99).convert("RGB"), kind) for kind in ("JPEG", "WEBP")]
SAMPLES += [data for data, _ in PNGS.values()]


@PATIENT
@given(
    st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0), st.integers(0, 255))), st.data()
)
def test_mutated_files_raise_only_invalid_image(
    good: bytes, edits: list[tuple[int, int]], draw: st.DataObject
):
    data = bytearray(good)
    for place, value in edits:
        data[place % len(data)] = value
    data = data[: draw.draw(st.integers(0, len(data)))] if len(edits) % 2 else data
    try:
        image = decode(bytes(data), field="x", limits=Limits(pixels=10**6))
    except InvalidImage:
        return
    assert image.mode in ("RGB", "RGBA")


def test_tensors_round_trip_every_value():
    values = np.arange(256, dtype=np.uint8)
    image = Image.fromarray(np.stack([values, values[::-1], values], axis=-1)[None])
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 1, 256)
    assert tensor.dtype == torch.float32
    assert (tensor[0, 0, 0, 0], tensor[0, 0, 0, 255]) == (-1, 1)
    assert to_image(tensor).tobytes() == image.tobytes()
    assert to_image(tensor[0].half()).size == (256, 1)
    assert to_image(tensor * 9).getpixel((0, 0)) == (0, 255, 0)


def test_tensors_that_are_no_picture():
    for bad in (
        torch.full((1, 3, 2, 2), torch.nan),
        torch.zeros(2, 3, 4, 4),
        torch.zeros(1, 4, 2, 2),
    ):
        with pytest.raises(InvalidImage):
            to_image(bad)
    with pytest.raises(InvalidImage, match="RGB"):
        to_tensor(Image.new("RGBA", (2, 2)))


def test_resize_keeps_hidden_colours_out():
    image = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (8, 8, 24, 24))
    small = np.asarray(resize(image, (12, 10)))
    assert small.shape == (10, 12, 4)
    assert small[small[..., 3] > 8][:, 0].max() <= 8


def test_a_long_line_is_resized_either_way():
    for size in ((2**26, 1), (1, 2**26)):
        assert resize(Image.new("RGB", size, "red"), (3, 2)).getcolors() == [(6, (255, 0, 0))]


def test_resize_is_lanczos_wherever_a_side_does_not_shrink_to_a_trifle():
    noise = Image.effect_noise((500, 40), 90).convert("RGB")
    for size in ((4, 40), (499, 39), (300, 80)):
        assert (
            resize(noise, size).tobytes() == noise.resize(size, Image.Resampling.LANCZOS).tobytes()
        )


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 10), (640, 10)), ((641, 10), (640, 10)), ((1, 60_000), (1, 64)), ((9, 9), (9, 9))],
)
def test_the_middle_of_what_is_longer_than_any_picture(
    size: tuple[int, int], expected: tuple[int, int]
):
    picture = Image.new("RGB", size)
    picture.putpixel((size[0] // 2, size[1] // 2), (255, 0, 0))
    part = middle(picture)
    assert part.size == expected and (part is picture) == (size == expected)
    assert part.getpixel((expected[0] // 2, expected[1] // 2)) == (255, 0, 0)


def test_flatten_is_over_white():
    image = Image.new("RGBA", (1, 1), (0, 0, 0, 51))
    assert flatten(image).getpixel((0, 0)) == (204, 204, 204)
    assert flatten(Image.new("RGB", (1, 1), "red")).getpixel((0, 0)) == (255, 0, 0)


def test_png_text_and_pixels_survive():
    image = Image.new("RGBA", (3, 2), (1, 2, 3, 4))
    data = encode_png(image, {"remixlab": "{}", "other": "é漢"})
    with Image.open(io.BytesIO(data)) as back:
        assert back.info == {"remixlab": "{}", "other": "é漢"}
        assert back.tobytes() == image.tobytes()
    assert b"tEXt" not in encode_png(image)


def test_sha256_sees_mode_size_and_pixels():
    pictures = [Image.new("RGB", (4, 2)), Image.new("RGB", (2, 4)), Image.new("RGB", (4, 2), "red")]
    pictures += [Image.new("CMYK", (3, 2))]
    assert len({sha256(picture) for picture in pictures}) == 4
    assert sha256(pictures[0]) == sha256(decode(saved(pictures[0]), field="x"))
