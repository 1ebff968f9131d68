"""Every picture, however broken, as product and as reference: 200 or a typed 400 or 413.

`REMIXLAB_PICTURES=FOLDER` adds all PNGs below a folder, such as those of Pillow's and libpng's
source distributions.
"""

from __future__ import annotations

import base64
import io
import os
import random
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from remixlab.environment import process_peak
from tests.conftest import make_product
from tests.serve.fakes import Live, check_envelope, make_body, picture_of
from tests.serve.test_limits import png

_SECONDS = 5.0  # for one request on a busy machine
_BYTES = 2**30  # that the process may grow by in all
_FOLDER = os.environ.get("REMIXLAB_PICTURES")


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_chunk(name: bytes, data: bytes) -> bytes:
    """A good PNG with one more chunk after its header."""
    good = saved(make_product(64, 64))
    return good[:33] + chunk(name, data) + good[33:]


def hostile() -> Iterator[tuple[str, bytes]]:
    """Pictures made to be trouble."""
    product = make_product(64, 64)
    good = saved(product)
    bomb = zlib.compress(b"\0" * 200_000_000, 9)
    yield "good", good
    for mode in ("1", "L", "LA", "P", "I;16", "RGB"):
        yield mode, saved(product.convert("L").convert(mode))
    yield "palette", saved(product.quantize(16), transparency=0)
    yield "16-bit", png_of(16, 6)
    yield "grey and alpha, 16-bit", png_of(16, 4)
    yield "jpeg", saved(product.convert("CMYK"), "JPEG")
    yield "webp", saved(product, "WEBP")
    yield "gif", saved(product.convert("P"), "GIF")
    yield "tiff", saved(product, "TIFF")
    yield "animated", saved(product, save_all=True, append_images=[product.rotate(90)] * 3)
    yield "text bomb", with_chunk(b"zTXt", b"k\0\0" + bomb)
    yield "profile bomb", with_chunk(b"iCCP", b"k\0\0" + bomb)
    yield "international text bomb", with_chunk(b"iTXt", b"k\0\1\0\0\0" + bomb)
    yield "profile of nothing", with_chunk(b"iCCP", b"k\0\0" + zlib.compress(b"x" * 200))
    yield "exif of nothing", with_chunk(b"eXIf", b"MM\0*" + b"\xff" * 40)
    yield "transparency too long", with_chunk(b"tRNS", b"\xff" * 5000)
    yield "frames that are not there", with_chunk(b"acTL", struct.pack(">II", 10**9, 0))
    yield "pixels that are not there", png(3000, 3000)
    yield "one line", saved(Image.new("RGBA", (8192, 64)))
    yield "no pixel", png(0, 0)
    yield "negative", png(2**31 - 1, 2**31 - 1)
    yield "flat and large", saved(Image.new("RGBA", (4000, 4000)))
    yield "too small", saved(Image.new("RGBA", (1, 1)))
    yield "nothing but a header", good[:33]
    yield "not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 100
    yield "text", b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    for end in range(40, len(good), len(good) // 5):
        yield f"cut at {end}", good[:end]


def png_of(depth: int, colour: int) -> bytes:
    """A 64 x 64 PNG of noise with so many bits a sample."""
    samples = {4: 2, 6: 4}[colour]
    noise = random.Random(0)
    line = b"".join(b"\0" + noise.randbytes(64 * samples * depth // 8) for _ in range(64))
    header = struct.pack(">IIBBBBB", 64, 64, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(line)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def damaged(count: int) -> Iterator[tuple[str, bytes]]:
    """Good PNGs with a few bytes changed, whose checksums are right again or not."""
    draw = random.Random(1)
    for number in range(count):
        content = bytearray(saved(make_product(64, 64, seed=number % 3)))
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(8, len(content))] = draw.randrange(256)
        yield f"damaged {number}", bytes(content)


def corpus() -> Iterator[tuple[str, bytes]]:
    if _FOLDER:
        for path in sorted(Path(_FOLDER).rglob("*.png")):
            yield str(path.relative_to(_FOLDER)), path.read_bytes()


def try_all(live: Live, pictures: Iterator[tuple[str, bytes]]) -> dict[int, int]:
    """Post each as product and as reference; how often which status came."""
    counts: dict[int, int] = {}
    before = process_peak()
    for name, content in pictures:
        for field in ("product_image", "ref_image"):
            start = time.monotonic()
            answer = live.post(make_body(**{field: base64.b64encode(content).decode()}))
            seconds = time.monotonic() - start
            check_envelope(answer)
            counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
            assert answer.status_code in (200, 400, 413), f"{name} as {field}: {answer.text[:200]}"
            assert seconds < _SECONDS, f"{name} as {field} took {seconds:.1f} s"
            if answer.status_code != 200:
                assert field in answer.json()["body"], name
        assert process_peak() - before < _BYTES, name
    assert picture_of(live.post(make_body())).size == (64, 64)
    return counts


def test_hostile_pictures(live: Live) -> None:
    counts = try_all(live, hostile())
    assert counts[200] > 20 and counts[400] > 20 and counts[413] >= 2


def test_damaged_pictures(live: Live) -> None:
    counts = try_all(live, damaged(100))
    assert counts[400] > 50


@pytest.mark.slow
@pytest.mark.skipif(not _FOLDER, reason="REMIXLAB_PICTURES names no folder")
def test_pictures_of_others(live: Live) -> None:
    start, before = time.monotonic(), process_peak()
    counts = try_all(live, corpus())
    grown = (process_peak() - before) / 2**20
    print(f"{counts}, {time.monotonic() - start:.0f} s, {grown:.0f} MiB more")
    assert sum(counts.values()) > 0


def test_text_is_not_kept(live: Live) -> None:
    """What a picture says about itself does not come back."""
    info = PngImagePlugin.PngInfo()
    info.add_text("remixlab", '{"_target_": "os.system"}')
    content = saved(make_product(64, 64), pnginfo=info)
    answer = live.post(make_body(product_image=base64.b64encode(content).decode()))
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["body"]))) as picture:
        assert "_target_" not in str(picture.text)
