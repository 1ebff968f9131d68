"""From the data to pictures: Mitsuba scenes, camera, render passes and matting."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samples.kinds import Part, Product
from samples.shapes import Floats, plane, write_ply
from samples.textures import studio

PITCH, FOV, BASE = 10.0, 16.0, 0.775
"""Camera of the products: degrees down, vertical field of view, base line from the top."""
PASSES = 4


def load_mitsuba(variant: str) -> Any:
    """The renderer with `variant` set, on one thread; leaves with a hint when it is missing."""
    try:
        import drjit  # pyright: ignore[reportMissingImports]  (extra "samples")
        import mitsuba  # pyright: ignore[reportMissingImports]  (extra "samples")
    except ImportError:
        sys.exit(
            "make_samples renders with Mitsuba, which is missing: pip install remixlab[samples]"
        )
    mitsuba.set_variant(variant)
    drjit.set_thread_count(1)
    return mitsuba


def texture(mi: Any, image: Floats) -> Any:
    """A float picture in display values as an 8-bit sRGB bitmap."""
    return mi.Bitmap(np.ascontiguousarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)))


def material(mi: Any, plain: dict[str, Any]) -> dict[str, Any]:
    """Turn bare arrays into textures and let opaque surfaces face both ways."""
    made = {
        k: {"type": "bitmap", "bitmap": texture(mi, v)} if isinstance(v, np.ndarray) else v
        for k, v in plain.items()
    }
    return made if made["type"] == "dielectric" else {"type": "twosided", "bsdf": made}


def shapes(mi: Any, parts: list[Part], turn: float, folder: Path) -> dict[str, Any]:
    """The parts as Mitsuba shapes, turned about the upright axis."""
    world = mi.ScalarTransform4f().rotate([0, 1, 0], turn)
    return {
        f"part{i}": {
            "type": "ply",
            "filename": str(write_ply(folder / f"{i}.ply", part.grids)),
            "to_world": world,
            "bsdf": material(mi, part.material),
        }
        for i, part in enumerate(parts)
    }


def light(mi: Any, plain: dict[str, Any], path: Path) -> dict[str, Any]:
    """One light from its data: a softbox, a slide projector, or any emitter as it stands."""
    if plain["type"] == "area":
        emission = {"type": "area", "radiance": {"type": "rgb", "value": plain["radiance"]}}
        return {
            "type": "ply",
            "filename": str(write_ply(path, [plain["grid"]])),
            "emitter": emission,
        }
    if plain["type"] == "projector":
        view = mi.ScalarTransform4f().look_at(plain["origin"], plain["target"], [0, 1, 0])
        slide = {"type": "bitmap", "bitmap": texture(mi, plain["irradiance"])}
        return {
            "type": "projector",
            "irradiance": slide,
            "scale": plain["scale"],
            "fov": plain["fov"],
            "to_world": view,
        }
    if plain["type"] == "envmap":
        return {"type": "envmap", "bitmap": mi.Bitmap(plain["sky"].astype(np.float32))}
    return plain


def passes(mi: Any, scene: Any, spp: int) -> Floats:
    """Render in passes; cap the brightest near the next, as light in one alone is a firefly."""
    each = max(4, spp // PASSES)
    stack = np.stack([np.array(mi.render(scene, spp=each, seed=k)) for k in range(PASSES)])
    stack.sort(axis=0)
    stack[-1] = np.minimum(stack[-1], 1.3 * stack[-2] + 0.02)
    return stack.mean(axis=0).astype(float)


def product_camera(mi: Any, product: Product, parts: list[Part], scale: float) -> dict[str, Any]:
    """The product's sensor, its film cropped to what the product can cover."""
    points = np.concatenate([grid.reshape(-1, 3) for part in parts for grid in part.grids])
    a, pitch = math.radians(product.turn), math.radians(PITCH)
    x, y = points[:, 0] * math.cos(a) + points[:, 2] * math.sin(a), points[:, 1]
    z = -points[:, 0] * math.sin(a) + points[:, 2] * math.cos(a)
    frame = float(y.max()) / product.share
    centre, far = (BASE - 0.5) * frame, frame / 2 / math.tan(math.radians(FOV / 2))
    depth = far - (y - centre) * math.sin(pitch) - z * math.cos(pitch)
    rise = (y - centre) * math.cos(pitch) - z * math.sin(pitch)
    width, height = (round(s * scale) for s in product.size)
    pixels = height / 2 / math.tan(math.radians(FOV / 2))
    columns, lines = width / 2 + pixels * x / depth, height / 2 - pixels * rise / depth
    left, top = max(0, int(columns.min()) - 4), max(0, int(lines.min()) - 4)
    right, bottom = min(width, int(columns.max()) + 5), min(height, int(lines.max()) + 5)
    eye = [0.0, centre + far * math.sin(pitch), far * math.cos(pitch)]
    return {
        "type": "perspective",
        "fov": FOV,
        "fov_axis": "y",
        "to_world": mi.ScalarTransform4f().look_at(eye, [0, centre, 0], [0, 1, 0]),
        "film": {
            "type": "hdrfilm",
            "width": width,
            "height": height,
            "pixel_format": "rgba",
            "crop_offset_x": left,
            "crop_offset_y": top,
            "crop_width": right - left,
            "crop_height": bottom - top,
            "rfilter": {"type": "gaussian", "stddev": 0.45},
        },
        "sampler": {"type": "multijitter"},
    }


def encode(linear: Floats) -> Floats:
    """Linear light to display values, highlights rolled off above 0.7."""
    soft = np.where(linear < 0.7, linear, 0.7 + 0.3 * np.tanh((linear - 0.7) / 0.3))
    return display(np.clip(soft, 0, 1))


def display(linear: Floats) -> Floats:
    """The sRGB curve, on values from 0 to 1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def matte(mi: Any, product: Product, spp: int, scale: float, folder: Path) -> tuple[Floats, Floats]:
    """Straight display colour and alpha, (h, w, 3) and (h, w), of the cropped product."""
    parts = product.parts()
    base = {
        "type": "scene",
        "sensor": product_camera(mi, product, parts, scale),
        "integrator": {"type": "path", "max_depth": 16, "rr_depth": 12, "hide_emitters": True},
        "studio": {"type": "envmap", "bitmap": mi.Bitmap(studio().astype(np.float32))},
        **shapes(mi, parts, product.turn, folder),
    }
    if all(part.opaque for part in parts):
        film = passes(mi, mi.load_dict(base), spp)
        cover = film[..., 3]
        light_ = quiet(film[..., :3] / np.maximum(cover, 1e-6)[..., None], 0.035)
        return encode(product.exposure * light_), cover
    black, white = (
        passes(mi, mi.load_dict({**base, **backing(mi, level, folder)}), spp)
        for level in (0.0, 1.0)
    )
    solid = solid_share(mi, base, parts, folder)
    return triangulate(black, white, solid, product.exposure)


def triangulate(
    black: Floats, white: Floats, solid: Floats, exposure: float
) -> tuple[Floats, Floats]:
    """Colour and alpha of glass from its renders before black and white (Smith and Blinn 1996).

    Solved inside the silhouette and on display values, because that is where the picture will be
    composited; with one alpha for three channels, the colour is the least-squares one over both
    backgrounds, which keeps the tint of the glass. Opaque parts take coverage as alpha, and their
    colour before a grey halfway between.
    """
    cover = black[..., 3]
    inside = np.maximum(cover, 1e-6)[..., None]
    dark = quiet(black[..., :3] / inside)
    through = np.clip(quiet((white - black)[..., :3] / inside), 0, 1)
    seen = display(through)
    tint = seen - seen.mean(axis=2, keepdims=True)
    front = np.clip(encode(exposure * dark) + tint / 2, 0, 1)
    alpha = np.maximum(1 - seen.mean(axis=2), front.max(axis=2))[..., None]
    share = np.clip(solid[..., None] / inside, 0, 1)
    total = np.clip(alpha * (1 - share) + share, 1e-6, 1)
    lit = encode(exposure * (dark + 0.4 * through))
    return np.clip((front * (1 - share) + lit * share) / total, 0, 1), cover * total[..., 0]


def quiet(light: Floats, grain: float = 0.16) -> Floats:
    """Take grain below `grain` out of rendered light, keeping edges; coverage stays as it is."""
    smooth = cv2.bilateralFilter(np.sqrt(np.clip(light, 0, None)).astype(np.float32), 7, grain, 1.6)
    return smooth.astype(float) ** 2


def backing(mi: Any, level: float, folder: Path) -> dict[str, Any]:
    """A wall behind the product and the ground under it, both glowing at `level`."""
    wall = plane((-1.9, -0.01, -2.5), (3.8, 0, 0), (0, 4, 0))
    ground = plane((-1.9, -0.01, 1.2), (3.8, 0, 0), (0, 0, -3.7))
    return {
        f"backing{i}": light(
            mi, {"type": "area", "grid": grid, "radiance": [level] * 3}, folder / f"backing{i}.ply"
        )
        for i, grid in enumerate((wall, ground))
    }


def solid_share(mi: Any, base: dict[str, Any], parts: list[Part], folder: Path) -> Floats:
    """The share of every pixel in which an opaque part is the first thing the lens meets."""
    flat = {k: v for k, v in base.items() if k != "studio"}
    flat["integrator"] = {"type": "aov", "aovs": "share:albedo"}
    for i, part in enumerate(parts):
        chalk = {
            "type": "diffuse",
            "reflectance": {"type": "rgb", "value": 1.0 if part.opaque else 0.0},
        }
        flat[f"part{i}"] = {**base[f"part{i}"], "bsdf": {"type": "twosided", "bsdf": chalk}}
    return np.array(mi.render(mi.load_dict(flat), spp=64))[..., -3].astype(float)
