"""Meshes for the example pictures, in numpy alone.

A mesh is a grid of points of shape (rows, columns, 3), y up, lengths in decimetres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from remixlab.files import write_whole

Floats = NDArray[np.float64]


Row = tuple[float, float, float, float]
"""One cross-section: half width, half depth, corner radius, height."""


def fillet(
    points: Sequence[tuple[float, float]], radius: float, steps: int = 7
) -> list[tuple[float, float]]:
    """Round the corners of a polyline by quadratic arcs of at most `radius`, then subdivide."""
    rounded = [np.asarray(points[0], float)]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        c = np.asarray(corner, float)
        to_a, to_b = np.subtract(before, c), np.subtract(after, c)
        reach = min(radius, 0.45 * float(np.hypot(*to_a)), 0.45 * float(np.hypot(*to_b)))
        a, b = c + to_a / np.hypot(*to_a) * reach, c + to_b / np.hypot(*to_b) * reach
        rounded += [
            (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t * t * b for t in np.linspace(0, 1, steps)
        ]
    rounded.append(np.asarray(points[-1], float))
    fine = [rounded[0]]
    for a, b in pairwise(rounded):
        pieces = max(1, int(np.hypot(*(b - a)) / max(radius, 0.03)))
        fine += [a + (b - a) * (i + 1) / pieces for i in range(pieces)]
    return [(float(x), float(y)) for x, y in fine]


def ring(half_w: float, half_d: float, corner: float, arc: int = 16, edge: int = 8) -> Floats:
    """A rounded rectangle in the x-z plane as (n, 2) points, from the middle of its back."""
    corner = max(min(corner, half_w, half_d), 1e-5)
    core_w, core_d = max(half_w - corner, 0.0), max(half_d - corner, 0.0)
    points: list[tuple[float, float]] = []
    corners = [(1, -1), (1, 1), (-1, 1), (-1, -1)]
    for k, (sx, sz) in enumerate(corners):
        for t in np.linspace(-math.pi / 2 + k * math.pi / 2, k * math.pi / 2, arc):
            points.append((sx * core_w + corner * math.cos(t), sz * core_d + corner * math.sin(t)))
        nx, nz = corners[(k + 1) % 4]
        t = k * math.pi / 2
        ax, az = points[-1]
        bx, bz = nx * core_w + corner * math.cos(t), nz * core_d + corner * math.sin(t)
        points += [(ax + (bx - ax) * i / edge, az + (bz - az) * i / edge) for i in range(1, edge)]
    points = points[-edge // 2 :] + points[: -edge // 2]
    return np.asarray([*points, points[0]])


def loft(rows: Sequence[Row], arc: int = 16, edge: int = 8) -> Floats:
    """Stack rounded rectangles into a surface."""
    sections = [np.insert(ring(w, d, c, arc, edge), 1, y, axis=1) for w, d, c, y in rows]
    return np.stack(sections)


def lathe(points: Sequence[tuple[float, float]], radius: float = 0.04) -> Floats:
    """A surface of revolution from a (radius, height) profile with its corners rounded."""
    return loft([(r, r, r, y) for r, y in fillet(points, radius)], arc=32, edge=1)


def box(
    half_w: float, half_d: float, corner: float, inset: Sequence[tuple[float, float]], radius: float
) -> Floats:
    """A rounded box from (inset, height) pairs; the inset shrinks width, depth and corner."""
    rows = [(half_w - i, half_d - i, max(corner - i, 1e-4), y) for i, y in fillet(inset, radius)]
    return loft(rows)


def closed_box(
    half_w: float, half_d: float, corner: float, bottom: float, top: float, radius: float
) -> Floats:
    """A rounded box with a flat bottom and top."""
    middle = min(half_w, half_d) * 0.999
    return box(
        half_w, half_d, corner, [(middle, bottom), (0, bottom), (0, top), (middle, top)], radius
    )


def rod(path: Floats, radius: float, sides: int = 12) -> Floats:
    """A tube with closed ends along `path` of shape (n, 3)."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.eye(3)[np.argmin(np.abs(along).max(axis=0))]
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(side, along)
    turn = np.linspace(0, 2 * math.pi, sides + 1)[None, :, None]
    around = np.cos(turn) * side[:, None] + np.sin(turn) * other[:, None]
    tube = path[:, None] + radius * around
    ends = [
        np.broadcast_to(p, (1, sides + 1, 3)) + 1e-4 * tube_end
        for p, tube_end in ((path[0], around[:1]), (path[-1], around[-1:]))
    ]
    return np.concatenate([ends[0], tube, ends[1]])


def woven(
    radius: Callable[[float], float], height: float, stakes: int, rows: int, thick: float
) -> list[Floats]:
    """A basket: upright stakes, and strands that pass before and behind them by turns."""
    turn = np.linspace(math.pi, 3 * math.pi, stakes * 10 + 1)  # ends meet at the back
    grids = []
    for i in range(rows):
        y = thick + (height - 2 * thick) * i / (rows - 1)
        r = radius(y / height) + 1.15 * thick * np.cos(turn * stakes / 2 + i * math.pi)
        drift = 0.12 * thick * np.sin(3 * turn + 1.7 * i)
        grids.append(
            rod(np.stack([r * np.sin(turn), y + drift, r * np.cos(turn)], 1), thick * 0.94, 10)
        )
    for k in range(stakes):
        a, ys = 2 * math.pi * k / stakes, np.linspace(0, height, 24)
        r = np.array([radius(y / height) for y in ys])
        grids.append(rod(np.stack([r * math.sin(a), ys, r * math.cos(a)], 1), thick * 0.8, 8))
    return grids


def twist(
    path: Floats, spread: float, turns: float, radius: float, strands: int = 3
) -> list[Floats]:
    """Strands wound around `path`, as a plaited rim or handle."""
    phase = np.linspace(0, turns * 2 * math.pi, len(path))
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(
        along, [[0.0, 0.02, 1.0]] if abs(float(along[0, 1])) > 0.5 else [[0.0, 1.0, 0.0]]
    )
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(side, along)
    shift = [2 * math.pi * k / strands for k in range(strands)]
    return [
        rod(
            path
            + spread * (np.cos(phase + s)[:, None] * side + np.sin(phase + s)[:, None] * other),
            radius,
        )
        for s in shift
    ]


def decal(
    depth: Callable[[Floats, Floats], Floats], half_w: float, bottom: float, top: float
) -> Floats:
    """A printed patch on the front: x and y on a grid, z from `depth(x, y)`, a hair off it."""
    x, y = np.meshgrid(np.linspace(-half_w, half_w, 41), np.linspace(bottom, top, 41))
    return np.stack([x, y, depth(x, y) + 0.0006], 2)


def plane(corner: Sequence[float], across: Sequence[float], up: Sequence[float]) -> Floats:
    """A rectangle from one corner and its two edges; it faces along across x up."""
    u, v = np.meshgrid([1.0, 0.0], [0.0, 1.0])
    return np.asarray(corner) + u[..., None] * np.asarray(across) + v[..., None] * np.asarray(up)


def write_ply(path: Path, grids: Sequence[Floats], flip: bool = False) -> Path:
    """Write grids as one binary PLY with smooth normals and texture coordinates."""
    vertices, faces, start = [], [], 0
    for grid in grids:
        n, m = grid.shape[:2]
        du, dv = np.gradient(grid, axis=1), np.gradient(grid, axis=0)
        if n > 2 and np.allclose(grid[:, 0], grid[:, -1]):
            du[:, 0] = du[:, -1] = (grid[:, 1] - grid[:, -2]) / 2
        normal = np.cross(dv, du)
        if flip:
            normal = -normal
        length = np.linalg.norm(normal, axis=2, keepdims=True)
        normal = np.where(length > 1e-14, normal / np.maximum(length, 1e-14), [0.0, 1.0, 0.0])
        uv = np.stack(np.meshgrid(np.linspace(0, 1, m), np.linspace(1, 0, n)), 2)
        vertices.append(np.concatenate([grid, normal, uv], 2).reshape(-1, 8))
        i = (np.arange(n - 1)[:, None] * m + np.arange(m - 1)).ravel() + start
        a, b = np.stack([i, i + m, i + 1], 1), np.stack([i + 1, i + m, i + m + 1], 1)
        faces.append(np.concatenate([a, b])[:, ::-1] if flip else np.concatenate([a, b]))
        start += n * m
    v, f = np.concatenate(vertices).astype("<f4"), np.concatenate(faces)
    packed = np.empty(len(f), dtype=[("n", "u1"), ("i", "<i4", 3)])
    packed["n"], packed["i"] = 3, f
    names = "".join(
        f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz", "u", "v")
    )
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(v)}\n{names}"
        f"element face {len(f)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    write_whole(path, header.encode() + v.tobytes() + packed.tobytes())
    return path
