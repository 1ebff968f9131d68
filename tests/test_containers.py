"""Metadata that is broken, or that nobody reads, costs nobody a picture."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from remixlab import images
from remixlab.containers import pixels_only, png_chunks
from remixlab.errors import InvalidImage
from tests.replay.pngs import chunk

NOISE = np.random.default_rng(0).integers(0, 256, (6, 8, 4), dtype=np.uint8)
PICTURE = Image.fromarray(NOISE)
TIFF = b"II*\0\x08\0\0\0"


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture = PICTURE.convert("RGB") if kind == "JPEG" else PICTURE
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def with_chunk(kind: bytes, data: bytes, *, behind: bool = False, checksum: int | None = None):
    """A PNG with one more chunk, in front of its pixels or behind them."""
    good, made = saved("PNG"), chunk(kind, data)
    if checksum is not None:
        made = made[:-4] + struct.pack(">I", checksum)
    place = good.index(b"IEND" if behind else b"IDAT") - 4
    return good[:place] + made + good[place:]


def with_segment(marker: int, data: bytes) -> bytes:
    """A JPEG with one more segment at its beginning."""
    good = saved("JPEG")
    return good[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data + good[2:]


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = (k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_webp_chunk(kind: bytes, data: bytes, flag: int) -> bytes:
    """A lossless WebP with a chunk behind its pixels."""
    good = saved("WEBP", lossless=True, exact=True)
    head = bytes((flag, 0, 0, 0)) + (7).to_bytes(3, "little") + (5).to_bytes(3, "little")
    size = struct.unpack("<I", good[16:20])[0]
    return webp((b"VP8X", head), (good[12:16], good[20 : 20 + size]), (kind, data))


BROKEN_EXIF = {
    "no header": b"\xff" * 9,
    "half a header": b"II",
    "zeros": bytes(60),
    "noise": random.Random(1).randbytes(99),
    "nothing there": b"MM\0*" + b"\xff" * 40,
    "an orientation of 2^32 values": TIFF + b"\1\0\x12\1\3\0" + b"\xff" * 4 + b"\6" + b"\0" * 7,
    "an orientation there is not": TIFF + b"\1\0\x12\1\3\0\1\0\0\0\x09" + b"\0" * 7,
    "an orientation in words": TIFF + b"\1\0\x12\1\2\0\2\0\0\0\x36" + b"\0" * 7,
}
BOMB = zlib.compress(bytes(10**7))
CHUNKS = {
    "unknown compression of a text": (b"zTXt", b"a\0\7zz"),
    "a text that unfolds to 10 MB": (b"zTXt", b"a\0\0" + BOMB),
    "an international one": (b"iTXt", b"a\0\1\0\0\0" + BOMB),
    "XMP that is compressed": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB),
    "XMP in no encoding": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0\xff<x"),
    "EXIF as text, and none": (
        b"zTXt",
        b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 5\nzz"),
    ),
    "EXIF as text without an end": (b"zTXt", b"Raw profile type exif\0\0" + BOMB),
    "gAMA cut short": (b"gAMA", b"\0"),
    "cHRM cut short": (b"cHRM", b"\0"),
    "sRGB cut short": (b"sRGB", b""),
    "pHYs cut short": (b"pHYs", b"\0"),
    "acTL cut short": (b"acTL", b""),
    "fcTL cut short": (b"fcTL", b""),
    "unknown compression of a profile": (b"iCCP", b"a\0\7zz"),
    "a profile that is not compressed": (b"iCCP", b"a\0\0zz"),
    "a profile of nothing": (b"iCCP", b""),
}
SEGMENTS = {
    "JFIF": (0xE0, b"JFIF"),
    "ICC": (0xE2, b"ICC_PROFILE\0"),
    "ICC, of five parts": (0xE2, b"ICC_PROFILE\0\1\5abc"),
    "MPF": (0xE2, b"MPF\0MM\0*\xff\xff\xff\xff"),
    "Adobe": (0xEE, b"Adobe"),
    "Photoshop": (0xED, b"Photoshop 3.0\x008BIM\x04\x04"),
    "XMP": (0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe"),
    "comment": (0xFE, b""),
}


def seen(content: bytes) -> tuple[tuple[int, int], bytes]:
    picture = images.decode(content, field="product_image")
    return picture.size, picture.tobytes()


@pytest.mark.parametrize("name", BROKEN_EXIF)
def test_broken_exif_leaves_a_picture_upright(name: str) -> None:
    exif = BROKEN_EXIF[name]
    for behind in (False, True):
        assert seen(with_chunk(b"eXIf", exif, behind=behind)) == seen(saved("PNG"))
    assert seen(with_segment(0xE1, b"Exif\0\0" + exif)) == seen(saved("JPEG"))
    assert seen(with_webp_chunk(b"EXIF", exif, 8)) == ((8, 6), PICTURE.tobytes())


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("name", CHUNKS)
def test_broken_metadata_of_a_png(name: str, behind: bool) -> None:
    assert seen(with_chunk(*CHUNKS[name], behind=behind)) == seen(saved("PNG"))


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("kind", [b"tEXt", b"eXIf", b"pHYs", b"gAMA", b"iCCP", b"abCd"])
def test_a_wrong_checksum_of_metadata(kind: bytes, behind: bool) -> None:
    content = with_chunk(kind, b"a\0\0abcd", behind=behind, checksum=5)
    assert seen(content) == seen(saved("PNG"))


@pytest.mark.parametrize("name", SEGMENTS)
def test_broken_metadata_of_a_jpeg(name: str) -> None:
    assert seen(with_segment(*SEGMENTS[name])) == seen(saved("JPEG"))


@pytest.mark.parametrize("kind", [b"EXIF", b"XMP "])
def test_metadata_of_a_webp_that_is_cut_short(kind: bytes) -> None:
    whole = with_webp_chunk(kind, b"\xff" * 40, 8 if kind == b"EXIF" else 4)
    assert seen(whole[:-20]) == ((8, 6), PICTURE.tobytes())


def test_metadata_behind_a_pngs_pixels_that_is_cut_short() -> None:
    whole = with_chunk(b"eXIf", b"\xff" * 40, behind=True)
    assert seen(whole[:-30]) == seen(saved("PNG"))


def test_a_picture_is_turned_though_the_rest_of_its_exif_is_broken() -> None:
    exif = TIFF + b"\2\0\x12\1\3\0\1\0\0\0\6\0\0\0\x69\x87\4\0\1\0\0\0" + b"\xff" * 4 + bytes(4)
    turned = PICTURE.transpose(Image.Transpose.ROTATE_270)
    assert seen(with_chunk(b"eXIf", exif)) == (turned.size, turned.tobytes())
    raw = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    older = with_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw))
    assert seen(older) == (turned.size, turned.tobytes())
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    assert seen(with_chunk(b"iTXt", xmp)) == (turned.size, turned.tobytes())


def test_what_holds_the_pixels_is_still_checked() -> None:
    good = saved("PNG")
    palette = io.BytesIO()
    PICTURE.quantize(4).save(palette, "PNG", transparency=0)
    key = palette.getvalue().index(b"tRNS")
    wrong = [with_chunk(b"ab\xff\xff", b""), good[: good.index(b"IDAT") + 20]]
    wrong += [good[:29] + b"\0\0\0\0" + good[33:]]  # the header's checksum
    wrong += [palette.getvalue()[: key + 5] + b"\0\0\0\0" + palette.getvalue()[key + 9 :]]
    wrong += [saved("JPEG")[:2] + b"\xff\xe1\xff\xff" + saved("JPEG")[2:]]
    wrong += [saved("WEBP")[:-40]]
    for content in wrong:
        with pytest.raises(InvalidImage, match=r"^product_image: "):
            seen(content)


def test_a_profile_is_read_as_before() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP"):
        with Image.open(io.BytesIO(pixels_only(saved(kind, icc_profile=srgb)))) as opened:
            assert opened.info["icc_profile"] == srgb


def test_a_damaged_profile_never_refuses_a_picture() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    draw = random.Random(2)
    for _ in range(60):
        profile = bytearray(srgb)
        for _ in range(draw.randint(1, 40)):
            profile[draw.randrange(len(profile))] = draw.randrange(256)
        cut = draw.randrange(1, len(profile)) if draw.random() < 0.3 else None
        assert seen(saved("PNG", icc_profile=bytes(profile[:cut])))[0] == (8, 6)


def test_a_text_that_is_asked_for_has_to_be_sound() -> None:
    with pytest.raises(InvalidImage):
        images.png_text(with_chunk(b"zTXt", b"a\0\0" + BOMB), field="x")


def test_chunks_end_where_the_file_does() -> None:
    content = with_chunk(b"tEXt", b"a\0bc")
    found = list(png_chunks(content))
    assert [each.kind for each in found] == [b"IHDR", b"tEXt", b"IDAT", b"IEND"]
    assert found[1].data == b"a\0bc" and all(each.whole for each in found)
    assert [each.data for each in png_chunks(content, longest=2)][1] == b"a\0"
    assert not list(png_chunks(content[:-2]))[-1].whole
    assert pixels_only(saved("PNG")) == saved("PNG") and pixels_only(b"text") == b"text"
