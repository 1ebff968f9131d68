"""Textures and the studio light, in numpy alone.

A texture is a float array of shape (height, width, 3) in display (sRGB) values from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from samples.shapes import Floats


def noise(
    height: int, width: int, cells: tuple[float, float], octaves: int = 5, seed: int = 0
) -> Floats:
    """Fractal value noise of about unit range around 0; `cells` (down, across) to begin with."""
    rng, total = np.random.default_rng(seed), np.zeros((height, width))
    for k in range(octaves):
        grid = tuple(
            max(2, min(int(c * 2**k), s)) for c, s in zip(cells, (height, width), strict=True)
        )
        layer = rng.standard_normal(grid).astype(np.float32)
        total += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) * 0.5**k
    return total / 1.3


def mix(low: Sequence[float] | Floats, high: Sequence[float] | Floats, share: Floats) -> Floats:
    """Blend two colours by a map from 0 to 1."""
    t = np.clip(share, 0, 1)[..., None]
    return np.asarray(low) * (1 - t) + np.asarray(high) * t


def wood(
    dark: Sequence[float], light: Sequence[float], boards: int = 1, size: int = 1024, seed: int = 1
) -> Floats:
    """Planed wood, the grain running across, in `boards` boards."""
    strips = []
    for k in range(boards):
        h, s = size // boards, seed + 10 * k
        drift = noise(h, size, (1.2, 1.5), 3, s) * 1.4 + np.linspace(0, 9.0 / boards, h)[:, None]
        grain = 0.5 + 0.5 * np.sin(2 * math.pi * drift * 1.6)
        fibre = noise(h, size, (h / 6, 5), 3, s + 1)
        board = mix(
            dark,
            light,
            0.5 + 0.42 * (grain - 0.5) + 0.16 * fibre + 0.10 * noise(h, size, (1, 1), 2, s + 2),
        )
        if boards > 1:
            edge = np.minimum(np.arange(h), np.arange(h)[::-1])[:, None, None] / (size / 500)
            board = board * (0.25 + 0.75 * np.clip(edge, 0, 1))
        strips.append(board)
    return np.clip(np.concatenate(strips), 0, 1)


def marble(size: int = 1024, seed: int = 5) -> Floats:
    """Pale stone with thin grey veins and broad clouds."""
    warp = noise(size, size, (3, 3), 5, seed)
    cloud = noise(size, size, (2, 3), 4, seed + 1)
    veins = np.exp(-np.abs(warp * 0.9 + np.linspace(-2, 2, size)[:, None] + 0.6 * cloud) * 16)
    thin = np.exp(-np.abs(noise(size, size, (4, 3), 5, seed + 2)) * 30)
    shade = 0.90 + 0.04 * cloud - 0.48 * veins * (0.7 + 0.3 * np.clip(cloud, -1, 1)) - 0.24 * thin
    return np.clip(shade[..., None] * [1.0, 0.99, 0.975], 0, 1)


def speckled(
    base: Sequence[float], dots: Sequence[float], amount: float, size: int = 1024, seed: int = 3
) -> Floats:
    """A flat colour with fine irregular dots, as on stoneware or slate."""
    field = cv2.GaussianBlur(
        np.random.default_rng(seed).standard_normal((size, size)), (0, 0), size / 700
    )
    level = np.quantile(field, 1 - amount)
    body = mix(
        np.asarray(base) * 0.96,
        np.asarray(base) * 1.04,
        0.5 + 0.3 * noise(size, size, (4, 4), 5, seed),
    )
    share = np.clip((field - level) / field.std() * 3, 0, 1)[..., None]
    return np.clip(body * (1 - share) + np.asarray(dots) * share, 0, 1)


def label(
    lines: Sequence[tuple[str, int, int]],
    paper: Sequence[int],
    ink: Sequence[int],
    size: tuple[int, int],
    frame: bool = True,
) -> Floats:
    """Printed paper: `lines` holds (text, font size, y of its middle)."""
    image = Image.new("RGB", size, tuple(paper))
    draw = ImageDraw.Draw(image)
    for text, points, y in lines:
        draw.text(
            (size[0] / 2, y),
            text,
            fill=tuple(ink),
            font=ImageFont.load_default(points),
            anchor="mm",
        )
    if frame:
        draw.rectangle((18, 18, size[0] - 19, size[1] - 19), outline=tuple(ink), width=3)
    return np.asarray(image, float) / 255


def studio(size: int = 512, floor: float = 0.36, fill: float = 0.30) -> Floats:
    """A photo studio as a linear latitude-longitude map: a pale room with softboxes.

    Angles are degrees: azimuth 0 towards the camera, growing to its right; elevation up.
    """
    elevation = np.linspace(90, -90, size)[:, None]
    azimuth = np.linspace(180, -180, 2 * size)[None, :]
    room = np.where(
        elevation > 0, fill + 0.25 * np.sin(np.radians(np.clip(elevation, 0, 90))), floor
    )
    room = cv2.GaussianBlur(np.broadcast_to(room, (size, 2 * size)).copy(), (0, 0), size / 20)
    for az, el, wide, tall, power in (
        (-62, 30, 26, 34, 5.4),
        (78, 22, 15, 36, 2.6),
        (168, 40, 30, 16, 2.2),
        (0, 76, 70, 12, 2.6),
    ):
        dx = np.abs((azimuth - az + 180) % 360 - 180) - wide
        dy = np.abs(elevation - el) - tall
        soft = 1 / (1 + np.exp(np.clip(np.maximum(dx, dy) / 1.6, -30, 30)))
        room = room + power * soft
    return room[..., None] * [1.0, 0.995, 0.985]


def window(panes: tuple[int, int] = (2, 3), blur: float = 5.0, size: int = 256) -> Floats:
    """A slide of a window with bars, soft at the edges."""
    slide = np.zeros((size, size))
    down, across = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    inside = (abs(down - 0.5) < 0.38) & (abs(across - 0.5) < 0.30)
    u, v = (across - 0.2) / 0.6 * panes[0] % 1, (down - 0.12) / 0.76 * panes[1] % 1
    slide[inside & (u > 0.07) & (u < 0.93) & (v > 0.05) & (v < 0.95)] = 1.0
    kernel = np.exp(-(np.linspace(-2, 2, int(blur * 4) | 1) ** 2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        slide = np.apply_along_axis(
            lambda line: np.convolve(line, kernel, mode="same"), axis, slide
        )
    return np.repeat(slide[..., None], 3, axis=2)


def leaves(size: int = 320) -> Floats:
    """A slide of two palm fronds that shade a bright disc, a little out of focus."""
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    clear = np.ones((size, size))
    for x0, y0, lean in ((-0.75, -0.45, 0.45), (-0.35, 0.75, -0.30)):
        for k in range(18):
            reach = 0.12 + 0.16 * (k // 2)
            side = 1 if k % 2 else -1
            bx, by = x0 + reach * np.cos(lean), y0 + reach * np.sin(lean)
            a, long = lean + side * 0.85, 0.24 - 0.008 * k
            cx, cy = bx + long * np.cos(a), by + long * np.sin(a)
            along = (x - cx) * np.cos(a) + (y - cy) * np.sin(a)
            off = -(x - cx) * np.sin(a) + (y - cy) * np.cos(a)
            clear *= 1 - 0.8 / (1 + np.exp((np.hypot(along / long, off / 0.032) - 1) * 4))
    return clear[..., None] * spot(size)


def spot(size: int = 320, edge: float = 12.0) -> Floats:
    """A slide of one disc with a soft edge."""
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    return np.repeat((1 / (1 + np.exp((np.hypot(x, y) - 0.7) * edge)))[..., None], 3, axis=2)
