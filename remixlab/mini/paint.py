"""Procedural materials of the mini suite's world.

Every painter takes a `Canvas` of B pictures and two colours, (B, 3, 1, 1), and returns
(B, 3, H, W) in 0..1. Features are sized relative to the picture's height, so a scene looks the
same at any resolution.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from remixlab.mini.canvas import Canvas, mix, smooth

Painter = Callable[[Canvas, Tensor, Tensor], Tensor]


def _to_edge(position: Tensor) -> Tensor:
    """How far it is to the nearest whole number, where a board, tile or brick ends: 0 to 0.5."""
    part = position % 1
    return torch.minimum(part, 1 - part)


def _wood(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    _, depth = c.floor()
    away = depth * c.uniform(2.2, 4.0) + c.uniform()  # boards lie across, as those of a table do
    row = away.floor()
    tone = 0.9 + 0.3 * torch.sin(row * 12.9898 + c.uniform(0, 9))
    grain = c.sample_floor(1.5, 24, 2) + 0.3 * torch.sin(60 * depth + 7 * c.sample_floor(1, 3, 2))
    boards = mix(a, b, (0.4 + 0.4 * grain).clamp(0, 1)) * tone[:, None]
    return boards * (1 - 0.65 * smooth(_to_edge(away), 0.07, 0))[:, None]


def _marble(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    veins = 1 - c.sample_floor(1.3, 1.3, 4).abs() * c.uniform(3, 6)
    cloud = 0.25 * (c.sample_floor(1.2, 1.2, 2) + 0.5)
    return mix(a, b, (veins.clamp(0, 1) ** 2 + cloud).clamp(0, 1))


def _sand(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    _, depth = c.floor()
    ripple = torch.sin(depth * c.uniform(14, 26) + 5 * c.sample_floor(1.5, 1.5, 2))
    dunes = 0.6 * c.noise(2.5, 5, 2)
    return mix(a, b, (0.4 + 0.3 * ripple + dunes + 0.25 * c.noise(150, octaves=1)).clamp(0, 1))


def _water(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    waves = c.noise(5, 45, 3) + 0.5 * c.noise(12, 90, 1)
    return mix(a, b, smooth(waves, -0.3, 0.75))


def _fabric(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    folds = torch.sin(13 * c.noise(1.6, 1.1, 2) + c.uniform(0, 6))
    lit = a * (0.72 + 0.4 * folds + 0.06 * c.noise(170, octaves=1))[:, None]
    return mix(lit, a * 0.5 + 0.5, 0.5 * smooth(folds, 0.6, 1)).clamp(0, 1)


def _tiles(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    side, depth = c.floor()
    count = c.uniform(1.4, 2.2)
    across, along = side * count + 0.5, depth * count  # a row of tiles runs to the middle
    joint = torch.minimum(_to_edge(across), _to_edge(along))
    column, row = across.floor(), along.floor()
    tone = 1.1 - c.uniform(0.45, 0.7) * ((column + row) % 2)
    return mix(b, a * tone[:, None], smooth(joint, 0.02, 0.06))


def _concrete(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    stains = 0.4 + 0.9 * c.noise(2.5, octaves=3)
    pores = smooth(c.noise(26, octaves=1), 0.37, 0.45)
    return mix(a, b, stains.clamp(0, 1)) * (1 - 0.5 * pores)[:, None]


def _grass(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    blades = c.noise(90, 22, 2) + 0.4 * c.noise(5, 4, 2)
    return mix(a, b, smooth(blades, -0.5, 0.6))


def _snow(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    shade = a * a.new_tensor([0.55, 0.71, 0.97])[:, None, None]  # a hollow is lit by the sky alone
    return mix(a, mix(b, shade, 0.9), smooth(c.noise(3, 7, 3), -0.3, 0.45))


def _studio(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    x, y = c.grid()
    cx, cy = c.uniform(0.3, 0.7) * c.aspect, c.uniform(0.2, 0.6)
    return mix(a, b, smooth(((x - cx) ** 2 + (y - cy) ** 2).sqrt(), 0.1, 1.0))


def _sky(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    _, y = c.grid()
    blue = mix(a, a * 0.45 + 0.55, smooth(y / c.horizon.clamp(min=0.2), 0.2, 1.1))
    clouds = smooth(c.noise(2.2, 5, 5), c.uniform(-0.05, 0.25), 0.7)
    return mix(blue, b, clouds * 0.9)


def _sunset(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    x, y = c.grid()
    sky = mix(a, b, smooth(y / c.horizon.clamp(min=0.2), 0.05, 1.0))
    sky = mix(sky, b * 0.6 + 0.4, 0.35 * smooth(c.noise(1.5, 9, 3), 0.0, 0.6))
    cx, cy = c.uniform(0.2, 0.8) * c.aspect, c.horizon * c.uniform(0.6, 0.95)
    glow = torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) * 14)
    return mix(sky, b.new_tensor([1, 0.93, 0.75])[:, None, None], glow * 0.85)


def _bokeh(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    x, y = c.grid()
    picture = mix(a, a * 0.5, smooth(c.noise(1.5, octaves=2), -0.4, 0.5))
    count = c.uniform(7, 16)
    for number in range(16):
        cx, cy = c.uniform() * c.aspect, c.uniform() * (c.horizon + 0.1)
        radius = c.uniform(0.02, 0.08)
        disc = smooth(((x - cx) ** 2 + (y - cy) ** 2).sqrt(), radius, radius * 0.75)
        picture = mix(picture, b, disc * c.uniform(0.25, 0.75) * (number < count))
    return picture


def _wall(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    plaster = 0.3 + 0.35 * c.noise(3, octaves=4) + 0.12 * c.noise(60, octaves=1)
    return mix(a, b, plaster.clamp(0, 1))


def _bricks(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    x, y = c.grid()
    rows = c.uniform(8, 14)
    row = (y * rows).floor()
    across = x * rows * 0.4 + 0.5 * (row % 2)
    joint = torch.minimum(_to_edge(across) * 2.5, _to_edge(y * rows))
    tone = 0.12 * torch.sin(row * 5.3 + across.floor() * 9.7)
    return mix(
        b, a * (1 + tone + 0.15 * c.noise(30, octaves=1))[:, None], smooth(joint, 0.03, 0.12)
    )


def _foliage(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    leaves = c.noise(7, octaves=3) + 0.5 * c.noise(3, octaves=1)
    return mix(a * 0.55, b, smooth(leaves, -0.45, 0.6))


def _window(c: Canvas, a: Tensor, b: Tensor) -> Tensor:
    x, y = c.grid()
    slant = x - 0.5 * y + c.uniform(-0.3, 0.3)
    pane = ((slant * c.uniform(2, 3)) % 1 - 0.5).abs()
    lit = smooth(pane, 0.4, 0.34) * smooth(((y * 2.2 + c.uniform()) % 1 - 0.5).abs(), 0.46, 0.42)
    return mix(mix(a, a * 0.8, c.noise(2).clamp(0, 1)), b, 0.75 * lit)


SURFACES: dict[str, Painter] = {
    "wood": _wood, "marble": _marble, "sand": _sand, "water": _water, "fabric": _fabric,
    "tiles": _tiles, "concrete": _concrete, "grass": _grass, "snow": _snow, "plain": _studio,
}  # fmt: skip
BACKDROPS: dict[str, Painter] = {
    "studio": _studio, "sky": _sky, "sunset": _sunset, "bokeh": _bokeh, "wall": _wall,
    "bricks": _bricks, "foliage": _foliage, "window": _window,
}  # fmt: skip
