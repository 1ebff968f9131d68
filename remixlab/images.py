"""The only boundary between image files, PIL images and tensors, and its limits.

Everything that comes in leaves as a PIL image in mode RGB or RGBA, in sRGB, upright, with
no metadata. Whatever a decoder raises on the way becomes `InvalidImage`.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from remixlab.colour import to_srgb
from remixlab.containers import pixels_only
from remixlab.errors import ImageTooLarge, InvalidImage, RemixError

if TYPE_CHECKING:
    import torch

ImageSource: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image"

FORMATS = ("PNG", "JPEG", "WEBP")
_LOBES = 3  # Lanczos reaches as many pixels of the coarser of both grids
_FINE_ENOUGH = 64.0  # times as many pixels as the result has are left for Lanczos
_LONGEST_SHAPE = 64
PICTURE_KEY = "remixlab-picture"  # PNG text: which picture of a result a file holds
ACCEPTED = "a PNG, JPEG or WebP image, given as a path, bytes or a PIL image"


@dataclass(frozen=True)
class Limits:
    """Largest file, in bytes, and largest picture, in pixels, that `decode` takes."""

    bytes: int = 64 * 2**20
    pixels: int = 8192 * 8192


DEFAULT_LIMITS = Limits()


def decode(source: ImageSource, *, field: str, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Read `source` (path, bytes or PIL image) as an upright sRGB picture, mode RGB or RGBA.

    Of an animation the first frame counts. An in-memory image that is already RGB or RGBA and
    carries no metadata is returned as it is, not copied: do not draw on it afterwards.

    Raises:
        ImageTooLarge: over `limits`, told from the file's header before any pixel is decoded.
        InvalidImage: anything else that keeps the picture from being used. Both name `field`.
    """
    with _explained(source, field, limits):
        if isinstance(source, Image.Image):
            image = source
        else:
            image = _open(pixels_only(_read(source, field, limits)), field, limits)
        _check_pixels(image.size, field, limits)
        if type(image) is Image.Image and image.mode in ("RGB", "RGBA") and not image.info:
            return image
        return to_srgb(image, field)


def png_text(source: bytes, *, field: str, limits: Limits = DEFAULT_LIMITS) -> dict[str, str]:
    """The text that a PNG carries, by key; none for the other formats.

    Text that is broken is an error here: whoever asks for it is not to go without. Pillow caps
    what compressed text may unfold to (1 MiB a chunk, 64 MiB in all). Raises as `decode`, which
    is the way to the pixels.
    """
    with _explained(source, field, limits):
        image = _open(_read(source, field, limits), field, limits)
        _check_pixels(image.size, field, limits)  # text may stand behind the pixels
        text = image.text if isinstance(image, PngImagePlugin.PngImageFile) else {}
        return {key: str(value) for key, value in text.items()}


@contextmanager
def _explained(source: object, field: str, limits: Limits) -> Iterator[None]:
    """Turns whatever Pillow raises into `InvalidImage`."""
    try:
        yield
    except RemixError:
        raise
    except UnidentifiedImageError as error:
        accepted = f"{ACCEPTED}; this is none of them, or broken"
        raise InvalidImage(field=field, value=source, accepted=accepted) from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, for when ours is higher
        raise ImageTooLarge(field=field, value=source, accepted=_at_most(limits)) from error
    except Exception as error:  # decoders raise OSError, ValueError, SyntaxError, struct.error...
        reason = f"{type(error).__name__}: {str(error)[:80]}"
        accepted = f"{ACCEPTED}; this one fails with {reason}"
        raise InvalidImage(field=field, value=source, accepted=accepted) from error


def _read(source: object, field: str, limits: Limits) -> bytes:
    """The file at a path or in bytes, within the limits."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():  # also keeps devices and pipes, which may never end, out
            accepted = f"{ACCEPTED}; no such file"
            raise InvalidImage(field=field, value=str(path), accepted=accepted)
        with path.open("rb") as file:
            source = file.read(limits.bytes + 1)
    if not isinstance(source, bytes):
        raise InvalidImage(field=field, value=source, accepted=ACCEPTED)
    if len(source) > limits.bytes:
        raise ImageTooLarge(field=field, value=source, accepted=_at_most(limits))
    return source


def _open(content: bytes, field: str, limits: Limits) -> Image.Image:
    """Open a file's content without decoding it."""
    if content[:4] == b"RIFF" and content[12:16] == b"VP8X":
        # Pillow's WebP reader allocates the whole canvas while it opens the file.
        width, height = (int.from_bytes(content[i : i + 3], "little") + 1 for i in (24, 27))
        _check_pixels((width, height), field, limits)
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _at_most(limits: Limits) -> str:
    return f"at most {limits.bytes} bytes and {limits.pixels} pixels"


def _check_pixels(size: tuple[int, int], field: str, limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidImage(field=field, value=f"{width}x{height}", accepted="at least one pixel")
    if width * height > limits.pixels:
        raise ImageTooLarge(field=field, value=f"{width}x{height}", accepted=_at_most(limits))


def flatten(image: Image.Image) -> Image.Image:
    """RGB or RGBA -> RGB, transparent parts over white."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def to_tensor(image: Image.Image) -> torch.Tensor:
    """RGB picture -> (1, 3, H, W) float32 in [-1, 1]; other modes raise InvalidImage."""
    if image.mode != "RGB":
        raise InvalidImage(field="image", value=image, accepted="an RGB image (see flatten)")
    import torch  # takes seconds, and checking requests or printing help needs none

    pixels = torch.from_numpy(np.array(image, dtype=np.float32))
    return (pixels / 127.5 - 1).permute(2, 0, 1).unsqueeze(0).contiguous()


def to_image(tensor: torch.Tensor) -> Image.Image:
    """(1, 3, H, W) or (3, H, W) in [-1, 1] -> RGB picture, clamped and rounded.

    Raises InvalidImage on another shape or on values that are not finite: casting NaN to
    bytes would hide a broken decode behind a black picture.
    """
    pixels = tensor.detach().float().cpu()
    pixels = pixels.squeeze(0) if pixels.ndim == 4 else pixels
    if pixels.ndim != 3 or pixels.shape[0] != 3 or not bool(pixels.isfinite().all()):
        shown = f"shape {tuple(tensor.shape)}, finite: {bool(tensor.isfinite().all())}"
        raise InvalidImage(field="tensor", value=shown, accepted="finite values, (1, 3, H, W)")
    scaled = ((pixels + 1) * 127.5).round().clamp(0, 255).byte()
    return Image.fromarray(scaled.permute(1, 2, 0).contiguous().numpy())


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """To (width, height): Lanczos, antialiased; bicubic where neither side of an RGB one shrinks.

    OpenCV's bicubic takes a twentieth of the time of Pillow's filters and looks the same there.
    Pillow premultiplies RGBA itself, so no colour of a transparent pixel leaks. A side that shrinks
    to less than 1/128 is averaged first: the filter's weights, and what Pillow makes between its
    two passes, would take gigabytes for a picture that is long and of few bytes.
    """
    if image.mode != "RGB" or size[0] < image.width or size[1] < image.height:
        return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=_FINE_ENOUGH)
    import cv2  # as slow to import as all else here, and printing help needs none

    return Image.fromarray(cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_CUBIC))


def seen(part: slice, length: int, wanted: int) -> tuple[slice, slice, tuple[float, float]]:
    """Where resizing `length` pixels to `wanted` has to look and to draw, along one axis.

    Returns:
        The pixels that are read, those that can see some of `part` and are drawn, and from where
        to where these lie in what is read.
    """
    scale = length / wanted
    reach = _LOBES * max(scale, 1)
    first = max(math.floor((part.start - reach) / scale), 0)
    last = min(math.ceil((part.stop + reach) / scale), wanted)
    start, stop = first * scale, min(last * scale, length)
    read = slice(max(math.floor(start - reach), 0), min(math.ceil(stop + reach), length))
    return read, slice(first, last), (start - read.start, stop - read.start)


def middle(image: Image.Image) -> Image.Image:
    """The picture itself; of one that is over 64 times as long as wide, that much of its middle.

    Networks' preprocessing brings the shorter side to theirs before it cuts the middle out: a line
    of a few hundred bytes would become gigabytes of picture.
    """
    width, height = (min(side, _LONGEST_SHAPE * min(image.size)) for side in image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def reduced(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """`size` with its longer side at most `longest` pixels, never enlarged, no side below 1."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def encode_png(image: Image.Image, text: Mapping[str, str] | None = None) -> bytes:
    """The picture as PNG bytes, with `text` as PNG text chunks (key -> value)."""
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def sha256(image: Image.Image) -> str:
    """Hex SHA-256 over mode, size and pixels: the picture's identity, whatever file held it."""
    digest = hashlib.sha256(f"{image.mode} {image.width}x{image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
