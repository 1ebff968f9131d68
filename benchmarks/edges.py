"""Twelve kinds of edge with known truth, for `benchmarks/foreground.py`.

A scene is what a perfect cut-out holds: colours F and coverage a. Its file either holds just that
(straight alpha), or was cut from a photograph (a F + (1 - a) B, with the background B that was
behind), or was saved premultiplied (a F).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
SIDE = 256
PHOTO = Path(__file__).parents[1] / "examples" / "references" / "flower.jpg"
_Y, _X = (plane + 0.5 - SIDE / 2 for plane in np.mgrid[:SIDE, :SIDE].astype(np.float64))


@dataclass(frozen=True)
class Edge:
    """`draw` gives F, (H, W, 3), and a, (H, W), both in [0, 1]; `file` is how it was saved."""

    draw: Callable[[], tuple[Floats, Floats]]
    file: Literal["straight", "photographed", "premultiplied"]
    tint: tuple[float, float, float] | None = None  # of all backgrounds, where they have one


def body() -> Floats:
    """The opaque product's colours: a shaded blue with an orange print."""
    shade = 0.75 + 0.25 * _X / SIDE + 0.1 * np.sin(_Y / 9)
    plain = shade[..., None] * (0.25, 0.45, 0.7)
    print_ = (np.abs(np.hypot(_X, _Y) - 50) < 6)[..., None]
    return np.where(print_, (0.85, 0.5, 0.15), plain)


def disc(radius: float = 70, soft: float = 1, x: float = 0, y: float = 0) -> Floats:
    """Coverage of a disc whose edge is `soft` pixels wide."""
    return np.clip((radius - np.hypot(_X - x, _Y - y)) / soft + 0.5, 0, 1)


def over(front: tuple[Floats, Floats], behind: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Porter and Duff's "over" of two (colours, coverage), in straight alpha."""
    (colour, alpha), (deep, below) = front, behind
    below = below * (1 - alpha)
    total = alpha + below
    mixed = colour * alpha[..., None] + deep * below[..., None]
    return mixed / np.maximum(total, 1e-9)[..., None], total


def _flat(*colour: float) -> Floats:
    return np.broadcast_to(np.array(colour), (SIDE, SIDE, 3))


def _solid(soft: float) -> tuple[Floats, Floats]:
    return body(), disc(soft=soft)


def _hair() -> tuple[Floats, Floats]:
    """Strands around a head, thinner than a pixel at their ends."""
    rng = np.random.default_rng(3)
    large = np.zeros((SIDE * 4, SIDE * 4), np.uint8)
    for angle in rng.uniform(0, 2 * np.pi, 220):
        bend, length = rng.normal(0, 0.2), rng.uniform(85, 118)
        way = np.linspace(60, length, 24)
        turned = angle + bend * (way - 60) / 60
        points = np.stack([np.cos(turned), np.sin(turned)], 1) * way[:, None] + SIDE / 2
        cv2.polylines(large, [(points * 4).round().astype(np.int32)], False, 255, 4)
    strands = cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA) / 255.0
    dark = _flat(0.3, 0.18, 0.1) * (0.8 + 0.2 * np.sin(_X / 5))[..., None]
    return dark, np.maximum(0.95 * strands, disc(64, 1.5))


def _lace() -> tuple[Floats, Floats]:
    """Threads with holes, and tulle that lets a quarter through in some of them."""
    holes = np.sin(_X / 2.6) * np.sin(_Y / 2.6)
    threads = np.clip((0.35 - holes) / 0.25, 0, 1)
    tulle = np.where(_X > 0, 0.3, 0.0)
    return _flat(0.93, 0.9, 0.84), disc(90, 1.5) * np.maximum(threads, tulle)


def _glass() -> tuple[Floats, Floats]:
    """A tinted vessel, denser at its walls, with an opaque label."""
    radius = np.hypot(_X, _Y)
    dense = 0.3 + 0.45 * np.clip(radius / 90, 0, 1) ** 6
    colour = _flat(0.5, 0.72, 0.62) * (1 - 0.25 * (radius / 90)[..., None] ** 4).clip(0.5)
    label = np.clip(30 - np.maximum(np.abs(_X) - 12, np.abs(_Y)) + 0.5, 0, 1)
    return over((_flat(0.92, 0.88, 0.8), label), (colour, dense * disc(90, 1.5)))


def _bubble() -> tuple[Floats, Floats]:
    """Iridescent, nearly clear in its middle, and nowhere opaque."""
    radius = np.hypot(_X, _Y) / 90
    hue = 2.5 * radius + np.arctan2(_Y, _X) / 2
    colour = 0.65 + 0.35 * np.cos(hue[..., None] * 2 + np.array([0, 2.1, 4.2]))
    return colour, disc(90, 1.5) * (0.08 + 0.55 * np.clip(radius, 0, 1) ** 5)


def _blurred(alpha: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma), np.float64)


def _behind(colour: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    return over(_solid(1.2), (colour, alpha))


def _shadow() -> tuple[Floats, Floats]:
    return _behind(_flat(0, 0, 0), 0.6 * _blurred(disc(64, 1, 12, 22), 16))


def _glow() -> tuple[Floats, Floats]:
    return _behind(_flat(1, 0.86, 0.25), 0.85 * _blurred(disc(76), 5))


def _steam() -> tuple[Floats, Floats]:
    """White wisps that rise above the product and hide some of it."""
    noise = np.random.default_rng(5).normal(size=(SIDE, SIDE))
    wisps = cv2.GaussianBlur(noise, (0, 0), 7, None, 14)
    wisps = np.clip(0.45 + 0.3 * wisps / wisps.std(), 0, 0.9)
    plume = _blurred(disc(38, 1, 0, -78), 12)
    return over((_flat(0.97, 0.97, 1), wisps * plume), _solid(1.2))


EDGES: dict[str, Edge] = {
    "hard": Edge(lambda: _solid(1.2), "photographed"),
    "soft": Edge(lambda: _solid(8), "photographed"),
    "hair": Edge(_hair, "photographed"),
    "lace": Edge(_lace, "photographed"),
    "green fringe": Edge(lambda: _solid(2.5), "photographed", (0.1, 0.85, 0.2)),
    "white fringe": Edge(lambda: _solid(2.5), "photographed", (1, 1, 1)),
    "premultiplied": Edge(_steam, "premultiplied"),
    "glass": Edge(_glass, "straight"),
    "bubble": Edge(_bubble, "straight"),
    "glow": Edge(_glow, "straight"),
    "steam": Edge(_steam, "straight"),
    "shadow": Edge(_shadow, "straight"),
}
BACKGROUNDS = ("plain", "gradient", "photograph")
HIDDEN = ("kept", "black")
"""What a file holds under alpha 0: the background's pixels, or black."""


def background(name: str, tint: tuple[float, float, float] | None) -> Floats:
    """(H, W, 3) in [0, 1]: white, a green gradient, a photograph; or a tint, with their shading."""
    ramp = (0.55 + 0.45 * (_Y + _X) / SIDE)[..., None]
    if name == "plain":
        return _flat(*(tint or (1, 1, 1)))
    if name == "gradient":
        return (0.7 + 0.3 * ramp) * tint if tint else ramp * (0.35, 0.85, 0.3)
    with Image.open(PHOTO) as picture:
        photo = np.asarray(picture.convert("RGB").resize((SIDE, SIDE)), np.float64) / 255
    return (0.85 + 0.15 * photo.mean(2, keepdims=True)) * tint if tint else photo


def render(edge: Edge, behind: str, hidden: str) -> tuple[NDArray[np.uint8], Floats]:
    """The (H, W, 4) file and its true F, (H, W, 3) in units of 255."""
    colour, alpha = edge.draw()
    alpha = np.round(alpha * 255) / 255
    old = background(behind, edge.tint)
    cover = alpha[..., None]
    mixed = {
        "straight": colour,
        "photographed": cover * colour + (1 - cover) * old,
        "premultiplied": cover * colour,
    }[edge.file]
    under = old if hidden == "kept" and edge.file != "premultiplied" else 0.0
    mixed = np.where(cover > 0, mixed, under)
    file = np.dstack([mixed, alpha]) * 255
    return np.clip(file, 0, 255).round().astype(np.uint8), np.clip(colour, 0, 1) * 255
