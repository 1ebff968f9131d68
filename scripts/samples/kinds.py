"""What a product, a scene and a pairing are, and the materials and lights they are made of.

Materials are Mitsuba plugin dictionaries in which `rgb("#hex")` gives a colour and a bare array
a texture. The camera stands on the +z side; lengths are decimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samples.shapes import Floats, plane

Material = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """Some surfaces of one material; `opaque=False` marks glass and what is seen through it."""

    grids: list[Floats]
    material: Material
    opaque: bool = True


@dataclass(frozen=True)
class Product:
    """A product to be cut out; `share` is its height in the picture, `turn` is in degrees."""

    parts: Callable[[], list[Part]]
    size: tuple[int, int] = (1024, 1024)
    share: float = 0.54
    turn: float = 0.0
    exposure: float = 1.0


@dataclass(frozen=True)
class Scene:
    """A reference photograph; the lens is aimed at `target`, sharp at distance `focus`."""

    parts: Callable[[], list[Part]]
    lights: Callable[[], list[dict[str, Any]]]
    origin: tuple[float, float, float]
    target: tuple[float, float, float]
    size: tuple[int, int] = (768, 512)
    fov: float = 32.0
    aperture: float = 0.09
    focus: float = 7.5
    exposure: float = 1.0
    smooth: float = 2.0


@dataclass(frozen=True)
class Pairing:
    """One request body: which product before which reference, with which words."""

    product: str
    reference: str
    prompt: str
    seed: int = field(default=1)


def rgb(code: str) -> dict[str, Any]:
    """A display colour such as "#c08040" as linear reflectance."""
    v = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return {"type": "rgb", "value": [float(x) for x in linear]}


def glossy(colour: object, roughness: float = 0.3, **more: float) -> Material:
    """A dielectric surface with a diffuse base."""
    return {
        "type": "principled",
        "base_color": colour,
        "roughness": roughness,
        "specular": 0.5,
        **more,
    }


def metal(name: str, rough_u: float, rough_v: float) -> Material:
    """Bare metal; `rough_u` along the brushing, `rough_v` across it."""
    return {"type": "roughconductor", "material": name, "alpha_u": rough_u, "alpha_v": rough_v}


def glass(inside: float, outside: float, tint: str = "#ffffff") -> Material:
    """A clear boundary between two refractive indices, tinted at each crossing."""
    return {
        "type": "dielectric",
        "int_ior": inside,
        "ext_ior": outside,
        "specular_transmittance": rgb(tint),
    }


def area(
    corner: tuple[float, float, float],
    across: tuple[float, float, float],
    up: tuple[float, float, float],
    radiance: tuple[float, float, float],
) -> dict[str, Any]:
    """A softbox; it shines towards across x up."""
    return {"type": "area", "grid": plane(corner, across, up), "radiance": list(radiance)}


def ambient(*radiance: float) -> dict[str, Any]:
    """Even light from everywhere."""
    return {"type": "constant", "radiance": {"type": "rgb", "value": list(radiance)}}


def beam(
    image: Floats,
    origin: tuple[float, float, float],
    target: tuple[float, float, float],
    fov: float,
    scale: float,
) -> dict[str, Any]:
    """A slide projector: a window or leaves throw their shadow into the scene."""
    return {
        "type": "projector",
        "irradiance": image,
        "scale": scale,
        "fov": fov,
        "origin": origin,
        "target": target,
    }
