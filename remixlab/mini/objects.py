"""Products and props of the mini suite's world: soft-edged, shaded shapes standing on a surface."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from remixlab.mini.paint import Canvas, mix, smooth

PRODUCT_SHAPES = ("bottle", "jar", "box", "can", "tube", "perfume", "vase", "sphere", "mug", "shoe")
PROP_SHAPES = ("stone", "leaf", "shell", "petal", "ball", "plinth", "candle")


@dataclass(frozen=True)
class Placed:
    """An object in the picture: its base (x, y) and size in picture heights, and its colours."""

    shape: str
    x: float
    base: float
    height: float
    width: float
    colour: Tensor
    accent: Tensor
    translucent: bool = False


def _profile(shape: str, v: Tensor, random: Tensor) -> Tensor:
    """Half-width (0..1) of an upright object at height `v`, 0 at the base and 1 at the top."""
    r = [float(value) for value in random]
    if shape == "bottle":
        neck = 0.55 + 0.15 * r[0]
        return 1 - (1 - 0.25 - 0.2 * r[1]) * smooth(v, neck, neck + 0.1 + 0.15 * r[2])
    if shape == "jar":
        return 1 - 0.12 * smooth(v, 0.72, 0.78) + 0.06 * smooth(v, 0.8, 0.82)
    if shape == "perfume":
        return 1 - (0.55 + 0.2 * r[0]) * smooth(v, 0.68, 0.70)
    if shape == "vase":
        return 0.55 + 0.45 * torch.sin((v * (0.8 + 0.5 * r[0]) + 0.3 * r[1]) * 3.1416)
    if shape in ("sphere", "ball", "stone"):
        return (1 - (2 * v - 1) ** 2).clamp(min=0).sqrt()
    if shape == "tube":
        return 0.8 + 0.2 * v
    return torch.ones_like(v)


def cover(canvas: Canvas, item: Placed, random: Tensor) -> Tensor:
    """(H, W) soft coverage of an object in 0..1, anti-aliased over about a pixel."""
    x, y = canvas.grid()
    u = (x - item.x) / (item.width / 2)
    v = (item.base - y) / item.height
    pixel = canvas.height * item.width / 2
    if item.shape in ("leaf", "petal", "shell"):
        return _flat_cover(item.shape, u, v, random, pixel)
    half = _profile(item.shape, v.clamp(0, 1), random)
    sides = ((half - u.abs()) * pixel + 0.5).clamp(0, 1)
    bulge = 0.10 * item.width / item.height * (1 - u.clamp(-1, 1) ** 2).sqrt()
    if item.shape in ("box", "perfume", "shoe", "plinth"):
        bulge = bulge * 0
    rows = canvas.height * item.height
    ends = ((v + bulge) * rows + 0.5).clamp(0, 1) * ((1 + bulge * 0.5 - v) * rows + 0.5).clamp(0, 1)
    body = sides * ends
    if item.shape == "mug":
        ring = (((u - 1.0) / 0.45) ** 2 + ((v - 0.5) / 0.3) ** 2).sqrt()
        body = torch.maximum(body, smooth((ring - 0.82).abs(), 0.2, 0.16))
    if item.shape == "shoe":
        body = body * smooth(v - 0.45 - 0.55 * smooth(-u, -0.1, 0.5), 0.03, -0.03)
    return body


def _flat_cover(shape: str, u: Tensor, v: Tensor, random: Tensor, pixel: float) -> Tensor:
    turn = (float(random[0]) - 0.5) * 2.4
    cos, sin = torch.cos(torch.tensor(turn)), torch.sin(torch.tensor(turn))
    a, b = u * cos - (2 * v - 1) * sin, u * sin + (2 * v - 1) * cos
    if shape == "leaf":
        distance = a.abs() + 0.9 * b**2
    elif shape == "petal":
        distance = ((a * 1.6) ** 2 + b**2).sqrt()
    else:
        ribs = 0.06 * torch.cos(torch.atan2(a, b + 1) * 22)
        distance = (a**2 + (b * 1.1) ** 2).sqrt() + ribs
    return ((1 - distance) * pixel * 0.7 + 0.5).clamp(0, 1)


def shade(canvas: Canvas, item: Placed, light: float, random: Tensor) -> Tensor:
    """(3, H, W) colour of an object lit from the side `light` (-1 left, 1 right)."""
    x, y = canvas.grid()
    u = ((x - item.x) / (item.width / 2)).clamp(-1, 1)
    v = ((item.base - y) / item.height).clamp(0, 1)
    round_shape = item.shape not in ("box", "perfume", "shoe", "plinth")
    side = (0.5 + 0.5 * light * u) if not round_shape else 1 - ((u - 0.45 * light) ** 2) * 0.75
    tone = (0.55 + 0.6 * side).clamp(0.25, 1.15) * (0.9 + 0.1 * v)
    colour = item.colour.expand(-1, canvas.height, canvas.width)
    if item.shape in PRODUCT_SHAPES:
        cap = 0.7 + 0.15 * float(random[3])
        colour = mix(colour, item.accent, smooth(v, cap, cap + 0.01).expand(-1, canvas.width))
        band = smooth((v - 0.35).abs(), 0.16, 0.15) * smooth(u.abs(), 0.75, 0.73)
        colour = mix(colour, item.accent * 0.5 + 0.45, band * (float(random[4]) > 0.4))
    if item.shape == "shell":
        colour = mix(colour, item.accent, 0.5 + 0.5 * torch.cos(torch.atan2(u, v + 0.3) * 22))
    gloss = torch.exp(-((u - 0.5 * light) ** 2) * 60) * 0.35 * float(random[5]) * round_shape
    return (colour * tone + gloss).clamp(0, 1)


def shadow(canvas: Canvas, item: Placed, light: float, strength: float) -> Tensor:
    """(H, W) factor that darkens the surface: a contact shadow and one cast away from the light."""
    x, y = canvas.grid()
    w = item.width / 2
    contact = ((x - item.x) / (w * 1.15)) ** 2 + ((y - item.base) / (0.035 + 0.05 * w)) ** 2
    shift = -light * 0.6 * item.height
    cast = ((x - item.x - shift * 0.6) / (w + abs(shift) * 0.6)) ** 2
    cast = cast + ((y - item.base - 0.01) / (0.05 + 0.12 * w)) ** 2
    dark = 0.75 * torch.exp(-contact * 1.2) + 0.45 * torch.exp(-cast * 1.4)
    return 1 - strength * dark.clamp(max=0.95)
