"""Every mode that Pillow knows -> upright sRGB in mode RGB or RGBA."""

from __future__ import annotations

import io

import numpy as np
from PIL import ExifTags, Image, ImageCms

from remixlab.errors import InvalidImage

# PNG's transparent colour (tRNS) counts in the file's own depth; Pillow leaves it unscaled
# while it scales the samples (grey of 2 and 4 bits) or drops their low byte (RGB of 16).
_KEY_SCALE = {"L;2": 85, "L;4": 17}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_COLOUR_MODE = {"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK"}  # everything else: RGB


def to_srgb(image: Image.Image, field: str) -> Image.Image:
    """Any Pillow mode -> RGB or RGBA, a new image without metadata.

    Orientation (EXIF), depth, transparency and colour profile (ICC) are applied. Raises
    InvalidImage, naming `field`, on floating point, and whatever the decoder raises.
    """
    key = _transparent_key(image)  # before load(), which drops the file's sample layout
    image.load()
    profile = image.info.get("icc_profile")
    upright = _upright(image)
    if key is not None:
        upright.info["transparency"] = key
    if upright.mode.startswith("I"):
        upright = _eight_bits(upright)
    if upright.mode == "F":
        raise InvalidImage(field=field, value=image, accepted="a mode whose range is known")
    if upright.mode in _UNMULTIPLIED:
        upright = upright.convert(_UNMULTIPLIED[upright.mode])
    alpha, colour_mode = None, _COLOUR_MODE.get(upright.mode, "RGB")
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
    result = _apply_profile(upright.convert(colour_mode), profile)
    if alpha is not None:
        result.putalpha(alpha)
    result.info = {}
    return result


def _upright(image: Image.Image) -> Image.Image:
    """A copy, turned as its EXIF says; what cannot be read says nothing, as in viewers.

    `ImageOps.exif_transpose` also writes the EXIF anew, which takes more of it to be sound.
    """
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises SyntaxError, struct.error, ValueError and others on it
        turn = None
    return image.copy() if turn is None else image.transpose(turn)


def _transparent_key(image: Image.Image) -> object:
    """The tRNS colour of a PNG in the depth of the decoded samples, None without one."""
    key = image.info.get("transparency")
    tile = getattr(image, "tile", None)
    layout = str(tile[0][3]) if tile else ""
    if isinstance(key, int):
        return key * _KEY_SCALE.get(layout, 1)
    if isinstance(key, tuple) and layout == "RGB;16B":
        return tuple(sample >> 8 for sample in key)
    return key


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey (modes I;16*, and I holding 0..65535) -> L, or LA with a transparent key."""
    samples = np.asarray(image).astype(np.int64).clip(0, 65535)
    grey = Image.fromarray(((samples + 128) // 257).astype(np.uint8))
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey.putalpha(Image.fromarray(np.where(samples == key, 0, 255).astype(np.uint8)))
    return grey


def _apply_profile(image: Image.Image, profile: object) -> Image.Image:
    """Apply an ICC profile to L, RGB or CMYK; a broken one is ignored, as viewers do."""
    if isinstance(profile, bytes):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            # Not even a rounding error for the profile that nearly every file carries.
            if not ImageCms.getProfileDescription(source).startswith("sRGB"):
                target = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
                return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            pass
    return image.convert("RGB")
