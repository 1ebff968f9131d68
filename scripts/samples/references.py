"""The rendered reference photographs, the real ones, and the pairings, as data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from samples.kinds import (
    Pairing,
    Part,
    Scene,
    ambient,
    area,
    beam,
    glossy,
    rgb,
)
from samples.shapes import Floats, lathe, plane, rod
from samples.textures import leaves, marble, mix, noise, speckled, spot, window, wood


def wood_table() -> list[Part]:
    """A plank table before a warm plaster wall, with a vase far out of focus."""
    top = np.swapaxes(wood((0.40, 0.24, 0.13), (0.66, 0.43, 0.25), boards=4, seed=3), 0, 1)
    wall = mix((0.86, 0.68, 0.50), (0.93, 0.78, 0.61), 0.5 + 0.4 * noise(256, 256, (2, 3), 5, 2))
    vase = [(1e-4, 0.0), (0.5, 0.0), (0.72, 0.7), (0.5, 1.4), (0.26, 1.8), (0.34, 2.1)]
    return [
        Part([plane((-4, 0, 3.4), (8, 0, 0), (0, 0, -6.0))], glossy(np.swapaxes(top, 0, 1), 0.38)),
        Part([plane((-12, -4, -6.5), (24, 0, 0), (0, 14, 0))], glossy(wall, 0.9)),
        Part([lathe(vase, 0.1) + np.array([2.5, 0.0, -2.0])], glossy(rgb("#b5623c"), 0.6)),
    ]


def marble_top() -> list[Part]:
    """A marble slab before a grey-white wall on which a window falls."""
    wall = mix((0.80, 0.80, 0.79), (0.87, 0.87, 0.86), 0.5 + 0.3 * noise(256, 256, (3, 4), 5, 6))
    return [
        Part([plane((-5, 0, 3.6), (10, 0, 0), (0, 0, -5.6))], glossy(marble(), 0.34)),
        Part([plane((-12, -3, -2.2), (24, 0, 0), (0, 14, 0))], glossy(wall, 0.9)),
    ]


def beach() -> list[Part]:
    """Rippled sand that runs down to a calm sea."""
    n = 500
    x, z = np.meshgrid(np.linspace(-9, 9, n), np.linspace(4.5, -11, n))
    warp = noise(n, n, (5, 5), 4, 3)
    y = 0.045 * np.sin(7.5 * z + 1.8 * warp + 0.5 * x) * (0.6 + 0.4 * noise(n, n, (3, 3), 2, 4))
    y += (
        0.05 * warp
        + 0.012 * noise(n, n, (110, 110), 2, 5)
        - 0.010 * np.clip(-z - 4, 0, None) ** 1.6
    )
    grain = speckled((0.88, 0.75, 0.56), (0.64, 0.50, 0.34), 0.05, size=1500, seed=7)
    ripple = noise(400, 400, (60, 20), 3, 9)
    sx, sz = np.meshgrid(np.linspace(-600, 600, 400), -np.geomspace(9, 1500, 400))
    return [
        Part([np.stack([x, y, z], 2)], glossy(grain, 0.95)),
        Part([np.stack([sx, -0.16 + 0.012 * ripple, sz], 2)], glossy(rgb("#2b7d96"), 0.22)),
    ]


def sky(size: int = 512) -> Floats:
    """A clear sky with thin clouds as a linear latitude-longitude map."""
    elevation = np.linspace(90, -90, size)[:, None] * np.ones((1, 2 * size))
    t = np.clip(elevation / 60, 0, 1)[..., None] ** 0.6
    blue = np.asarray([0.80, 0.90, 0.98]) * (1 - t) + np.asarray([0.16, 0.36, 0.74]) * t
    cloud = np.clip(noise(size, 2 * size, (26, 14), 6, 11) - 0.15, 0, 1)[..., None] * np.clip(
        t * 4, 0, 1
    )
    blue = blue * (1 - 0.7 * cloud) + 0.7 * cloud
    return np.where(elevation[..., None] > 0, blue, [0.55, 0.48, 0.38])


def slate() -> list[Part]:
    """A slab of dark stone before a teal backdrop."""
    stone = speckled((0.15, 0.19, 0.20), (0.30, 0.35, 0.36), 0.03, seed=21)
    stone = np.clip(stone * (1 + 0.35 * noise(1024, 1024, (3, 9), 6, 22)[..., None]), 0, 1)
    n = 300
    x, z = np.meshgrid(np.linspace(-6, 6, n), np.linspace(3.6, -2.6, n))
    y = 0.014 * noise(n, n, (5, 16), 5, 23)
    wall = mix((0.06, 0.25, 0.27), (0.10, 0.34, 0.35), 0.5 + 0.5 * noise(256, 256, (3, 3), 5, 24))
    return [
        Part([np.stack([x, y, z], 2)], glossy(stone, 0.33)),
        Part([plane((-14, -5, -5.0), (28, 0, 0), (0, 16, 0))], glossy(wall, 0.8)),
    ]


def pink_sweep() -> list[Part]:
    """A paper sweep in pink, an arch and a low plinth at the sides."""
    profile = [(0.0, 5.0), (0.0, -1.6)]
    bend = [(1.6 - 1.6 * np.cos(a), -1.6 - 1.6 * np.sin(a)) for a in np.linspace(0, np.pi / 2, 24)]
    rows = np.asarray([*profile, *bend, (9.0, -3.2)])
    sweep = np.stack(
        [np.stack([np.linspace(-12, 12, 9), np.full(9, y), np.full(9, z)], 1) for y, z in rows]
    )
    turn = np.linspace(0, np.pi, 60)
    arch = np.concatenate(
        [
            [[-0.85, 0.0]],
            np.stack([-0.85 * np.cos(turn), 1.5 + 0.85 * np.sin(turn)], 1),
            [[0.85, 0.0]],
        ]
    )
    path = np.stack([arch[:, 0], arch[:, 1], np.zeros(len(arch))], 1)
    return [
        Part([sweep], glossy(rgb("#eba3ad"), 0.8)),
        Part([rod(path, 0.22, 32) + np.array([-2.25, 0, -1.1])], glossy(rgb("#f4c9c6"), 0.6)),
        Part(
            [
                lathe([(1e-4, 0.0), (0.8, 0.0), (0.8, 0.45), (1e-4, 0.45)], 0.03)
                + np.array([2.35, 0, -0.3])
            ],
            glossy(rgb("#e58f9d"), 0.6),
        ),
        Part(
            [
                lathe(
                    [
                        (0.33 * np.sin(a) + 1e-4, 0.78 - 0.33 * np.cos(a))
                        for a in np.linspace(0, np.pi, 40)
                    ],
                    0.01,
                )
                + np.array([2.5, 0, -0.3])
            ],
            glossy(rgb("#f7dfd6"), 0.35),
        ),
    ]


SCENES = {
    "wood": Scene(
        wood_table,
        lambda: [
            area((-7, 1.5, 3.5), (0, 0, -5), (1.5, 4, 0), (11, 7.6, 4.6)),
            ambient(0.30, 0.25, 0.20),
        ],
        (0, 1.9, 8.2),
        (0, 0.75, 0),
        aperture=0.12,
    ),
    "marble": Scene(
        marble_top,
        lambda: [
            beam(window() * [1.0, 0.97, 0.91], (-7.5, 6.5, 7), (0.6, 0.9, -1.6), 34, 95),
            ambient(0.40, 0.405, 0.42),
        ],
        (0, 1.9, 8.2),
        (0, 0.75, 0),
        aperture=0.05,
        exposure=1.12,
    ),
    "beach": Scene(
        beach,
        lambda: [
            {"type": "envmap", "sky": sky()},
            {
                "type": "directional",
                "direction": [0.80, -0.42, -0.28],
                "irradiance": {"type": "rgb", "value": [3.6, 3.0, 2.2]},
            },
        ],
        (0, 1.5, 8.2),
        (0, 0.95, 0),
        aperture=0.06,
        exposure=0.85,
    ),
    "slate": Scene(
        slate,
        lambda: [
            area((-5.5, 3.6, 0.8), (0, 0, -3.2), (1.8, 2.2, 0), (6.5, 8.0, 8.4)),
            beam(spot(), (4, 4, 6), (0.4, 2.2, -5), 32, 70),
            ambient(0.06, 0.08, 0.09),
        ],
        (0, 1.9, 8.2),
        (0, 0.75, 0),
        exposure=1.7,
    ),
    "pink": Scene(
        pink_sweep,
        lambda: [
            area((-6, 2.5, 6), (0, 0, -4.5), (2, 3.5, 0), (6.2, 5.9, 5.6)),
            beam(leaves(), (-3, 8, 9), (0.2, 0.9, -1), 34, 80),
            ambient(0.40, 0.37, 0.37),
        ],
        (0, 2.0, 8.6),
        (0, 0.95, 0),
        size=(768, 768),
        fov=34,
        aperture=0.03,
    ),
}


def coffee() -> NDArray[np.uint8]:
    """An espresso on a wooden table, by Rachel Michetti, CC0, as scikit-image carries it."""
    from skimage import data

    return np.asarray(data.coffee(), np.uint8)


def flower() -> NDArray[np.uint8]:
    """A dahlia before dark green, flickr user vultilion, CC BY 2.0, as scikit-learn carries it."""
    from sklearn.datasets import load_sample_image

    return np.asarray(load_sample_image("flower.jpg"), np.uint8)


PHOTOGRAPHS: dict[str, Callable[[], NDArray[np.uint8]]] = {"coffee": coffee, "flower": flower}


PAIRINGS = [
    Pairing(
        "perfume",
        "wood",
        "product photograph of a perfume bottle, on a wooden table, warm light",
        7,
    ),
    Pairing(
        "perfume",
        "pink",
        "product photograph of a perfume bottle, on pink paper, soft light, leaf shadows",
        11,
    ),
    Pairing(
        "thermos",
        "slate",
        "product photograph of a steel thermos, on dark slate, teal backdrop",
        21,
    ),
    Pairing(
        "thermos", "beach", "product photograph of a steel thermos, on sand, blue sky, sunlight", 22
    ),
    Pairing(
        "diffuser",
        "marble",
        "product photograph of a reed diffuser, on a marble slab, window light",
        31,
    ),
    Pairing(
        "diffuser",
        "flower",
        "product photograph of a reed diffuser, in a garden, dark green background",
        32,
    ),
    Pairing(
        "jar",
        "coffee",
        "product photograph of a ceramic jar, on a rustic wooden table, cafe light",
        41,
    ),
    Pairing(
        "jar",
        "marble",
        "product photograph of a ceramic jar, on a marble worktop, morning light",
        42,
    ),
    Pairing(
        "tube",
        "pink",
        "product photograph of a hand cream tube, on a pink studio sweep, soft light",
        51,
    ),
    Pairing(
        "basket", "beach", "product photograph of a wicker basket, on sand, blue sky, summer", 61
    ),
    Pairing(
        "basket", "wood", "product photograph of a wicker basket, on a wooden table, warm wall", 62
    ),
]
