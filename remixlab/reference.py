"""Reference photographs as the tokens that an IP-Adapter adds to the prompt's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from remixlab import images
from remixlab.models.suite import Suite

# CLIP's own normalisation (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `clip.py`).
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
_FINEST = 256  # pixels that become one; of finer pictures nobody sees whether they shrink twice


def encode_references(suite: Suite, pictures: Sequence[Image.Image], fit: str) -> Tensor:
    """Tokens (1 + R, T, D) of R reference pictures.

    Token set 0 is that of no reference, which the unconditional pass reads: zero embeddings for
    the plain adapter, an encoded blank for the plus adapter, as in the adapters' training.
    """
    side = suite.image_size
    pixels = [normalise(images.to_tensor(fit_square(p, side, fit))) for p in pictures]
    batch = torch.cat([torch.zeros(1, 3, side, side), *pixels]).to(suite.device, suite.dtype)
    encoded = suite.image_encoder(batch, output_hidden_states=True)
    if not suite.reads_hidden_states:
        features = encoded.image_embeds
        features = torch.cat([torch.zeros_like(features[:1]), features[1:]])
    else:
        features = encoded.hidden_states[-2]
    return suite.image_projection(features)


def normalise(pixels: Tensor) -> Tensor:
    """(B, 3, S, S) in -1..1 -> as CLIP's image encoders expect it."""
    mean, std = (pixels.new_tensor(v)[:, None, None] for v in (_MEAN, _STD))
    return ((pixels + 1) / 2 - mean) / std


def fit_square(picture: Image.Image, side: int, fit: str) -> Image.Image:
    """A square of `side` pixels.

    `resize` squeezes, so that a wide reference keeps its sides; `crop` takes the centre; `pad`
    keeps the shape and repeats the border.
    """
    if fit == "resize":
        return images.resize(picture, (side, side))
    width, height = picture.size
    short = min(width, height)
    if fit == "crop":
        left, top = (width - short) // 2, (height - short) // 2
        return images.resize(picture.crop((left, top, left + short, top + short)), (side, side))
    if width < height:
        flip = Image.Transpose.TRANSPOSE
        return _padded(picture.transpose(flip), side).transpose(flip)
    return _padded(picture, side)


def _padded(picture: Image.Image, side: int) -> Image.Image:
    """A picture at least as wide as high -> a square of `side` pixels, its border repeated.

    The square as wide as the picture, which is what is shrunk, is never made: the width goes first,
    and then rows are only made where the filter sees some of the picture.
    """
    picture = images.resize(picture, images.reduced(picture.size, _FINEST * side))
    width, height = picture.size
    above = (width - height) // 2
    if width <= side:
        return images.resize(_rows(picture, -above, width), (side, side))
    narrow = images.resize(picture, (side, height))
    read, drawn, (top, bottom) = images.seen(slice(above, above + height), width, side)
    band = _rows(narrow, read.start - above, read.stop - read.start)
    shape, box = (side, drawn.stop - drawn.start), (0, top, side, bottom)
    return _rows(band.resize(shape, Image.Resampling.LANCZOS, box), -drawn.start, side)


def _rows(picture: Image.Image, first: int, count: int) -> Image.Image:
    """Rows of a picture; above and below, its first and its last one."""
    numbers = np.arange(first, first + count).clip(0, picture.height - 1)
    return Image.fromarray(np.asarray(picture)[numbers])
