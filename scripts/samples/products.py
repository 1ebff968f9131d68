"""The example products, as data."""

from __future__ import annotations

import math

import numpy as np

from samples.kinds import (
    Part,
    Product,
    glass,
    glossy,
    metal,
    rgb,
)
from samples.shapes import Floats, closed_box, decal, lathe, rod, twist, woven
from samples.textures import label, noise, speckled, wood


def perfume() -> list[Part]:
    """A square bottle, two thirds full, with a collar, a dark cap and a paper label."""
    paper = label(
        [("AURELE", 92, 170), ("eau de parfum", 44, 262), ("50 ml", 34, 400)],
        (244, 240, 230),
        (52, 44, 38),
        (560, 480),
    )

    def cavity(low: float, high: float) -> Floats:
        return closed_box(0.345, 0.155, 0.05, low, high, 0.03)

    tube = np.array([[0.0, 0.99, 0.0], [0.01, 0.6, 0.0], [0.05, 0.2, 0.01]])
    return [
        Part(
            [closed_box(0.42, 0.22, 0.07, 0.0, 1.02, 0.05)],
            glass(1.5, 1.0, "#fdfefd"),
            opaque=False,
        ),
        Part([cavity(0.13, 0.70)], glass(1.36, 1.5, "#fbe3c4"), opaque=False),
        Part([cavity(0.702, 0.95)], glass(1.0, 1.5), opaque=False),
        Part([rod(tube, 0.013)], glossy(rgb("#e8e4dc"), 0.3), opaque=False),
        Part(
            [lathe([(1e-4, 1.0), (0.17, 1.0), (0.17, 1.075), (1e-4, 1.075)], 0.015)],
            metal("Au", 0.12, 0.2),
        ),
        Part(
            [lathe([(1e-4, 1.08), (0.20, 1.08), (0.20, 1.48), (1e-4, 1.48)], 0.03)],
            glossy(rgb("#1d1b1c"), 0.22, clearcoat=0.6, clearcoat_gloss=0.95),
        ),
        Part([decal(lambda x, y: np.full_like(x, 0.22), 0.25, 0.30, 0.73)], glossy(paper, 0.6)),
    ]


def thermos() -> list[Part]:
    """A turned steel bottle with a dark lid, a steel ring and a silicone foot."""
    body = [(1e-4, 0.10), (0.375, 0.10), (0.375, 1.60), (0.30, 1.86), (0.29, 1.94), (1e-4, 1.94)]
    lid = [(1e-4, 1.97), (0.30, 1.97), (0.305, 2.30), (0.27, 2.34), (1e-4, 2.34)]
    foot = [(1e-4, 0.0), (0.36, 0.0), (0.384, 0.04), (0.384, 0.22), (1e-4, 0.22)]
    mark = label([("nord", 150, 110)], (38, 56, 58), (226, 226, 220), (440, 220), frame=False)
    sleeve = [(1e-4, 0.66), (0.379, 0.66), (0.379, 1.22), (1e-4, 1.22)]
    return [
        Part([lathe(body, 0.05)], metal("Al", 0.10, 0.30)),
        Part([lathe(lid, 0.03)], glossy(rgb("#24292a"), 0.38)),
        Part(
            [lathe([(1e-4, 1.935), (0.303, 1.935), (0.303, 1.975), (1e-4, 1.975)], 0.01)],
            metal("Al", 0.06, 0.1),
        ),
        Part([lathe(foot, 0.02), lathe(sleeve, 0.004)], glossy(rgb("#26383a"), 0.48)),
        Part([decal(lambda x, y: np.sqrt(0.379**2 - x * x), 0.2, 0.84, 1.04)], glossy(mark, 0.48)),
    ]


def diffuser() -> list[Part]:
    """A stoneware bottle with reeds fanned out of a wooden collar."""
    rng, reeds = np.random.default_rng(4), []
    for k in range(8):
        turn, lean = 2 * math.pi * (k + 0.4 * rng.random()) / 8, 0.24 + 0.22 * rng.random()
        lower = np.array([0.055 * math.sin(turn), 0.9, 0.055 * math.cos(turn)])
        way = np.array([lean * math.sin(turn), 1.0, 0.6 * lean * math.cos(turn)])
        reeds.append(rod(np.linspace(lower, lower + way * (1.35 + 0.2 * rng.random()), 6), 0.0165))
    body = [
        (1e-4, 0.0),
        (0.40, 0.0),
        (0.43, 0.08),
        (0.43, 0.62),
        (0.36, 0.80),
        (0.16, 0.90),
        (0.15, 1.0),
        (1e-4, 1.0),
    ]
    collar = [(0.10, 1.09), (0.18, 1.09), (0.18, 0.97), (0.14, 0.97)]
    paper = label(
        [("grove", 120, 150), ("fig & cedar", 50, 270)], (236, 229, 214), (70, 62, 52), (480, 400)
    )
    return [
        Part(
            [lathe(body, 0.07)],
            glossy(speckled((0.90, 0.87, 0.81), (0.48, 0.40, 0.33), 0.012), 0.42),
        ),
        Part(
            [lathe(collar[::-1], 0.015)],
            glossy(wood((0.52, 0.34, 0.20), (0.70, 0.50, 0.32), seed=4), 0.5),
        ),
        Part([lathe([(1e-4, 1.03), (0.12, 1.03)], 0.01)], glossy(rgb("#2e2118"), 0.6)),
        Part(reeds, glossy(rgb("#b98f5f"), 0.6)),
        Part([decal(lambda x, y: np.sqrt(0.432**2 - x * x), 0.2, 0.20, 0.52)], glossy(paper, 0.7)),
    ]


def jar() -> list[Part]:
    """A glazed storage jar, dipped in blue, with a turned wooden lid."""
    glaze = speckled((0.93, 0.91, 0.86), (0.55, 0.47, 0.38), 0.015, seed=9)
    edge = 0.50 + 0.012 * noise(1, 1024, (1, 9), 2, 8)
    share = 1 / (1 + np.exp((edge - np.linspace(0, 1, 1024)[:, None]) * 260))
    glaze = glaze * (1 - share[..., None]) + share[..., None] * speckled(
        (0.24, 0.38, 0.47), (0.14, 0.24, 0.32), 0.03
    )
    body = [
        (1e-4, 0.0),
        (0.47, 0.0),
        (0.54, 0.10),
        (0.56, 0.60),
        (0.50, 0.98),
        (0.46, 1.06),
        (1e-4, 1.06),
    ]
    lid = [(1e-4, 1.07), (0.50, 1.07), (0.50, 1.17), (0.10, 1.21), (1e-4, 1.21)]
    knob = [(1e-4, 1.19), (0.055, 1.19), (0.05, 1.25), (0.11, 1.30), (0.10, 1.37), (1e-4, 1.39)]
    grain = wood((0.50, 0.32, 0.19), (0.74, 0.54, 0.35), seed=12)
    return [
        Part([lathe(body, 0.10)], glossy(glaze, 0.16, clearcoat=0.3, clearcoat_gloss=0.9)),
        Part([lathe(lid, 0.03)], glossy(grain, 0.45)),
        Part([lathe(knob, 0.03)], glossy(grain, 0.45)),
    ]


def tube() -> list[Part]:
    """A cosmetic tube that stands on its cap."""
    turn, flat = np.linspace(0, 2 * math.pi, 129), 1.40

    def half(y: Floats) -> tuple[Floats, Floats]:
        t = np.clip((y - 0.32) / (flat - 0.32), 0, 1)
        return 0.285 + 0.095 * t, 0.285 * np.sqrt(np.clip(1 - t**1.6, 0, 1)) + 0.012

    ys = np.concatenate([np.linspace(0.32, flat, 60), [flat + 0.004, 1.55]])
    wide, deep = half(ys)
    rows = [
        np.stack([-w * np.sin(turn), np.full(129, y), -d * np.cos(turn)], 1)
        for w, d, y in zip(wide, deep, ys, strict=True)
    ]
    rows.append(rows[-1] * [1, 1, 0.01])
    rows.insert(0, rows[0] * [0.01, 1, 0.01])
    pale, ink = (214, 226, 212), (52, 74, 62)
    print_ = label(
        [
            ("sage", 130, 150),
            ("hand cream", 52, 262),
            ("with oat milk", 40, 330),
            ("75 ml", 40, 640),
        ],
        pale,
        ink,
        (460, 720),
        frame=False,
    )

    def front(x: Floats, y: Floats) -> Floats:
        w, d = half(y)
        return d * np.sqrt(1 - (x / w) ** 2)

    cap = [(1e-4, 0.0), (0.27, 0.0), (0.275, 0.30), (0.26, 0.315), (1e-4, 0.315)]
    return [
        Part([np.stack(rows)], glossy(rgb("#d6e2d4"), 0.34)),
        Part([decal(front, 0.19, 0.46, 1.22)], glossy(print_, 0.34)),
        Part([lathe(cap, 0.02)], glossy(rgb("#33493d"), 0.3)),
    ]


def basket() -> list[Part]:
    """A woven basket with a plaited rim and a hooped handle."""

    def radius(t: float) -> float:
        return 0.72 + 0.20 * math.sin(t * math.pi / 2)

    height, turn, arch = 0.86, np.linspace(math.pi, 3 * math.pi, 400), np.linspace(0, math.pi, 160)
    top = radius(1.0)
    rim = np.stack([top * np.sin(turn), np.full(400, height), top * np.cos(turn)], 1)
    foot = np.stack([0.73 * np.sin(turn), np.full(400, 0.035), 0.73 * np.cos(turn)], 1)
    hoop = np.stack([top * np.cos(arch), 0.55 + 1.02 * np.sin(arch) ** 0.9, np.zeros(160)], 1)
    cane = glossy(wood((0.50, 0.31, 0.15), (0.76, 0.55, 0.31), seed=7), 0.5)
    return [
        Part(woven(radius, height, 31, 19, 0.024), cane),
        Part(
            twist(rim, 0.032, 26, 0.030)
            + twist(foot, 0.022, 22, 0.024)
            + twist(hoop, 0.030, 13, 0.029),
            cane,
        ),
        Part([lathe([(1e-4, 0.03), (0.70, 0.03), (0.70, 0.05), (1e-4, 0.05)], 0.01)], cane),
    ]


PRODUCTS = {
    "perfume": Product(perfume, share=0.56, turn=-16),
    "thermos": Product(thermos, size=(832, 1216), share=0.60),
    "diffuser": Product(diffuser, share=0.60, turn=12, exposure=0.86),
    "jar": Product(jar, share=0.48, exposure=0.92),
    "tube": Product(tube, share=0.58, turn=-10, exposure=0.78),
    "basket": Product(basket, size=(1344, 768), share=0.60, turn=-24),
}
