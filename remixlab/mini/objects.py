"""Products and props of the mini suite's world: soft-edged, shaded shapes standing on a surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from remixlab.mini.canvas import Canvas, mix, smooth

PRODUCT_SHAPES = ("bottle", "jar", "box", "can", "tube", "perfume", "vase", "sphere", "mug", "shoe",
                  "flask", "basket", "diffuser")  # fmt: skip
PROP_SHAPES = ("stone", "leaf", "shell", "petal", "ball", "plinth", "candle")
_ANGULAR = ("box", "perfume", "shoe", "plinth")
_LYING = ("leaf", "petal", "shell")


@dataclass(frozen=True)
class Placed:
    """One object in each of B pictures.

    `x`, `base`, `height` and `width` are (B, 1, 1) in picture heights, `opacity` (B, 1, 1),
    `colour` and `accent` (B, 3, 1, 1), `random` (B, 6) varies a shape; `shapes` names them.
    """

    shapes: Sequence[str]
    x: Tensor
    base: Tensor
    height: Tensor
    width: Tensor
    colour: Tensor
    accent: Tensor
    opacity: Tensor
    random: Tensor

    def only(self, rows: Tensor) -> Placed:
        """The objects of some of the pictures."""
        fields: dict[str, Any] = vars(self)
        tensors = {name: value[rows] for name, value in fields.items() if name != "shapes"}
        numbers: list[int] = rows.tolist()
        return Placed([self.shapes[number] for number in numbers], **tensors)

    def number(self, index: int) -> Tensor:
        """(B, 1, 1): one of the random numbers."""
        return self.random[:, index, None, None]


def cover(canvas: Canvas, items: Placed) -> Tensor:
    """(B, H, W) soft coverage of the objects in 0..1, anti-aliased over about a pixel."""
    return canvas.painted(items.shapes, lambda c, shape, rows: _cover(c, shape, items.only(rows)))


def shade(canvas: Canvas, items: Placed, light: Tensor) -> Tensor:
    """(B, 3, H, W) colour of the objects, lit from the side `light` (B, 1, 1), -1 left, 1 right."""
    return canvas.painted(
        items.shapes, lambda c, shape, rows: _shade(c, shape, items.only(rows), light[rows])
    )


def shadow(canvas: Canvas, items: Placed, light: Tensor, strength: Tensor) -> Tensor:
    """(B, H, W) factor that darkens the surface: a contact shadow and one cast from the light."""
    x, y = canvas.grid()
    w = items.width / 2
    contact = ((x - items.x) / (w * 1.15)) ** 2 + ((y - items.base) / (0.035 + 0.05 * w)) ** 2
    shift = -light * 0.6 * items.height
    cast = ((x - items.x - shift * 0.6) / (w + shift.abs() * 0.6)) ** 2
    cast = cast + ((y - items.base - 0.01) / (0.05 + 0.12 * w)) ** 2
    dark = 0.75 * torch.exp(-contact * 1.2) + 0.45 * torch.exp(-cast * 1.4)
    return 1 - strength * dark.clamp(max=0.95)


def _local(canvas: Canvas, item: Placed) -> tuple[Tensor, Tensor]:
    """Coordinates in the object: u is -1 to 1 across it, v 0 at its base and 1 at its top."""
    x, y = canvas.grid()
    return (x - item.x) / (item.width / 2), (item.base - y) / item.height


def _profile(shape: str, v: Tensor, item: Placed) -> Tensor:
    """Half-width (0..1) of an upright object at height `v`."""
    r0, r1, r2 = (item.number(i) for i in range(3))
    if shape == "bottle":
        neck = 0.55 + 0.15 * r0
        return 1 - (1 - 0.25 - 0.2 * r1) * smooth(v, neck, neck + 0.1 + 0.15 * r2)
    if shape == "diffuser":
        return 1 - (0.55 + 0.15 * r0) * smooth(v, 0.36 + 0.08 * r1, 0.5)
    if shape == "jar":
        return 1 - 0.12 * smooth(v, 0.72, 0.78) + 0.06 * smooth(v, 0.8, 0.82)
    if shape == "perfume":
        return 1 - (0.55 + 0.2 * r0) * smooth(v, 0.68, 0.70)
    if shape == "vase":
        return 0.55 + 0.45 * torch.sin((v * (0.8 + 0.5 * r0) + 0.3 * r1) * 3.1416)
    if shape == "flask":  # turned on a lathe: radii at five heights, joined smoothly
        radii = [0.45 + 0.55 * item.number(i) for i in range(5)]
        joined = radii[0]
        for step, radius in enumerate(radii[1:]):
            joined = joined + (radius - radii[step]) * smooth(v, step / 4, (step + 1) / 4)
        return joined
    if shape in ("sphere", "ball", "stone"):
        return (1 - (2 * v - 1) ** 2).clamp(min=0).sqrt()
    if shape == "tube":
        return 0.8 + 0.2 * v
    if shape == "basket":
        return 0.75 + 0.25 * smooth(v, 0.0, 0.6)
    return torch.ones_like(v)


def _cover(canvas: Canvas, shape: str, item: Placed) -> Tensor:
    u, v = _local(canvas, item)
    pixel = canvas.height * item.width / 2
    if shape in _LYING:
        return _lying(shape, u, v, item, pixel)
    top = {"diffuser": 0.55, "basket": 0.6}.get(shape, 1.0)
    half = _profile(shape, v.clamp(0, 1), item)
    sides = ((half - u.abs()) * pixel + 0.5).clamp(0, 1)
    bulge = 0.10 * item.width / item.height * (1 - u.clamp(-1, 1) ** 2).sqrt()
    if shape in _ANGULAR:
        bulge = bulge * 0
    rows = canvas.height * item.height
    ends = ((v + bulge) * rows + 0.5).clamp(0, 1)
    body = sides * ends * ((top + bulge * 0.5 - v) * rows + 0.5).clamp(0, 1)
    return _with_parts(shape, body, u, v, item)


def _with_parts(shape: str, body: Tensor, u: Tensor, v: Tensor, item: Placed) -> Tensor:
    """Handles, sticks, and the cut of a shoe."""
    if shape == "mug":
        ring = (((u - 1.0) / 0.45) ** 2 + ((v - 0.5) / 0.3) ** 2).sqrt()
        return torch.maximum(body, smooth((ring - 0.82).abs(), 0.2, 0.16))
    if shape == "basket":
        ring = ((u / 0.8) ** 2 + ((v - 0.55) / 0.42) ** 2).sqrt()
        handle = smooth((ring - 0.95).abs(), 0.08, 0.05) * smooth(v, 0.5, 0.55)
        return torch.maximum(body, handle)
    if shape == "diffuser":
        for number in range(5):
            lean = (item.number(number) - 0.5) * 1.1
            stick = smooth((u - lean * (v - 0.4)).abs(), 0.035, 0.025)
            ends = smooth(v, 0.45, 0.46) * smooth(v, 1.0, 0.99)
            body = torch.maximum(body, stick * ends)
        return body
    if shape == "shoe":
        return body * smooth(v - 0.45 - 0.55 * smooth(-u, -0.1, 0.5), 0.03, -0.03)
    return body


def _lying(shape: str, u: Tensor, v: Tensor, item: Placed, pixel: Tensor) -> Tensor:
    turn = (item.number(0) - 0.5) * 2.4
    a = u * turn.cos() - (2 * v - 1) * turn.sin()
    b = u * turn.sin() + (2 * v - 1) * turn.cos()
    if shape == "leaf":
        distance = a.abs() + 0.9 * b**2
    elif shape == "petal":
        distance = ((a * 1.6) ** 2 + b**2).sqrt()
    else:
        ribs = 0.06 * torch.cos(torch.atan2(a, b + 1) * 22)
        distance = (a**2 + (b * 1.1) ** 2).sqrt() + ribs
    return ((1 - distance) * pixel * 0.7 + 0.5).clamp(0, 1)


def _shade(canvas: Canvas, shape: str, item: Placed, light: Tensor) -> Tensor:
    u, v = _local(canvas, item)
    u, v = u.clamp(-1, 1), v.clamp(0, 1)
    if shape in _ANGULAR:
        side, gloss = 0.5 + 0.5 * light * u, torch.zeros_like(u)
    else:
        side = 1 - ((u - 0.45 * light) ** 2) * 0.75
        gloss = torch.exp(-((u - 0.5 * light) ** 2) * 60) * 0.35 * item.number(5)
    tone = (0.55 + 0.6 * side).clamp(0.25, 1.15) * (0.9 + 0.1 * v)
    colour = item.colour.expand(-1, -1, canvas.height, canvas.width)
    if shape in PRODUCT_SHAPES:
        colour = _labelled(colour, item, u, v)
    if shape == "basket":
        weave = torch.sin(u * 40) * torch.sin(v * 40)
        colour = colour * (1 + 0.25 * weave[:, None])
    if shape == "shell":
        colour = mix(colour, item.accent, 0.5 + 0.5 * torch.cos(torch.atan2(u, v + 0.3) * 22))
    return (colour * tone[:, None] + gloss[:, None]).clamp(0, 1)


def _labelled(colour: Tensor, item: Placed, u: Tensor, v: Tensor) -> Tensor:
    """A cap in the second colour, and on most a label."""
    cap = 0.7 + 0.15 * item.number(3)
    colour = mix(colour, item.accent, smooth(v, cap, cap + 0.01))
    label = smooth((v - 0.35).abs(), 0.16, 0.15) * smooth(u.abs(), 0.75, 0.73)
    return mix(colour, item.accent * 0.5 + 0.45, label * (item.number(4) > 0.4))
