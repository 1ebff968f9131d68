"""The mini suite's world: product scenes with captions, masks and references.

A `Scene` is what is in the picture and `Style` what it is made of: backdrop, surface, colours and
light. A training pair is a scene and a reference of the same style with another layout, other
noise and, mostly, no product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import torch
from torch import Tensor

from remixlab.mini import captions
from remixlab.mini.objects import PRODUCT_SHAPES, PROP_SHAPES, Placed, cover, shade, shadow
from remixlab.mini.paint import BACKDROPS, SURFACES, Canvas, blur, mix, smooth

# Materials that have a colour of their own in nature; all others take any colour.
NATURAL: dict[str, tuple[str, ...]] = {
    "wood": ("brown", "beige", "black", "grey", "terracotta"),
    "marble": ("white", "grey", "black", "beige", "green", "pink"),
    "sand": ("beige", "white", "yellow"),
    "water": ("blue", "teal", "navy", "mint"),
    "grass": ("green", "olive"),
    "snow": ("white",),
    "concrete": ("grey", "beige", "white", "black"),
    "sky": ("blue", "grey", "teal", "navy", "pink"),
    "sunset": ("purple", "pink", "navy", "orange"),
    "foliage": ("green", "olive", "teal"),
    "bricks": ("terracotta", "white", "grey", "brown", "red"),
}
GLOSSY = {"marble": 0.35, "water": 0.45, "tiles": 0.25, "plain": 0.12}
LIGHT_TINT: dict[str, tuple[float, float, float]] = {
    "warm": (1.10, 1.0, 0.84), "cool": (0.90, 0.98, 1.12), "soft": (1.0, 1.0, 1.0),
    "dark": (0.55, 0.54, 0.56), "bright": (1.15, 1.15, 1.13),
}  # fmt: skip


@dataclass(frozen=True)
class Style:
    """What a scene and its reference share."""

    surface: str
    surface_colour: str
    surface_rgb: tuple[float, float, float]
    backdrop: str
    backdrop_colour: str
    backdrop_rgb: tuple[float, float, float]
    light: str
    side: float
    defocus: float
    prop: str | None
    prop_colour: str


@dataclass(frozen=True)
class Scene:
    """One picture: a style, a layout, and the seed of its noise."""

    style: Style
    horizon: float
    product: str | None
    seed: int

    def caption(self, drop: float = 0.25) -> str:
        """A prompt that describes the scene, the same for the same seed."""
        s = self.style
        return captions.caption(
            self.product or "box",
            (s.surface, s.surface_colour),
            (s.backdrop, s.backdrop_colour),
            (s.prop, s.prop_colour) if s.prop else None,
            s.light,
            Random(self.seed),
            drop=drop,
        )


def draw_style(random: Random) -> Style:
    """A random style with natural colours."""
    surface, backdrop = random.choice(list(SURFACES)), random.choice(list(BACKDROPS))
    surface_colour = random.choice(NATURAL.get(surface, tuple(captions.COLOURS)))
    backdrop_colour = random.choice(NATURAL.get(backdrop, tuple(captions.COLOURS)))
    return Style(
        surface=surface,
        surface_colour=surface_colour,
        surface_rgb=_vary(captions.COLOURS[surface_colour], random),
        backdrop=backdrop,
        backdrop_colour=backdrop_colour,
        backdrop_rgb=_vary(captions.COLOURS[backdrop_colour], random),
        light=random.choice(list(LIGHT_TINT)),
        side=random.choice((-1.0, 1.0)) * random.uniform(0.4, 1),
        defocus=random.choice((0.0, 0.35, 0.8, 1.6)),
        prop=random.choice(PROP_SHAPES) if random.random() < 0.45 else None,
        prop_colour=random.choice(list(captions.COLOURS)),
    )


def draw_scene(seed: int) -> Scene:
    """The scene with this number."""
    random = Random(seed)
    style = draw_style(random)
    return Scene(style, random.uniform(0.36, 0.72), random.choice(PRODUCT_SHAPES), seed)


def reference_of(scene: Scene) -> Scene:
    """A scene of the same style with another layout and noise; one in five shows a product."""
    random = Random(scene.seed ^ 0x5EED)
    product = random.choice(PRODUCT_SHAPES) if random.random() < 0.2 else None
    return replace(
        scene, horizon=random.uniform(0.3, 0.75), product=product, seed=scene.seed ^ 0x7F4A7C15
    )


def render(
    scene: Scene, size: tuple[int, int], device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Draw a scene at `size` (width, height).

    Returns:
        The picture (3, H, W) in 0..1 and the coverage of the product (H, W) in 0..1.
    """
    width, height = size
    generator = torch.Generator().manual_seed(scene.seed)
    canvas = Canvas(height, width, scene.horizon, generator, torch.device(device))
    random = Random(scene.seed + 1)
    picture = _stage(canvas, scene.style, random)
    mask = torch.zeros(height, width, device=canvas.device)
    for item in _props(canvas, scene, random):
        picture, _ = _place(picture, canvas, item, scene.style)
    if scene.product is not None:
        item = _product(canvas, scene.product, random)
        picture, mask = _place(picture, canvas, item, scene.style)
    return _light(picture, canvas, scene.style), mask


def spoil(picture: Tensor, random: Random) -> Tensor:
    """A bad version of a (3, H, W) picture, as the negative prompt says: flat, noisy, blurred."""
    kind = random.choice(("flat", "noise", "blur", "garish"))
    if kind == "flat":
        return (blur(picture, 0.3) * 5).round() / 5
    if kind == "noise":
        return (picture + 0.13 * torch.randn_like(picture)).clamp(0, 1)
    if kind == "blur":
        return blur(picture, 3.0)
    grey = picture.mean(0, keepdim=True)
    return (grey + 2.2 * (picture - grey)).clamp(0, 1)


def _vary(rgb: tuple[float, float, float], random: Random) -> tuple[float, float, float]:
    gain = random.uniform(0.8, 1.15)
    r, g, b = (min(1.0, max(0.02, c * gain + random.uniform(-0.05, 0.05))) for c in rgb)
    return r, g, b


def _rgb(values: tuple[float, float, float], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device)[:, None, None]


def _partner(colour: Tensor, kind: str, shift: float) -> Tensor:
    """The second colour of a material: clouds are white, marble veins contrast, else a shade."""
    if kind == "sky":
        return colour * 0.15 + 0.82
    if kind == "sunset":
        return colour.new_tensor([0.98, 0.62, 0.32])[:, None, None]
    if kind in ("bokeh", "window"):
        return colour * 0.4 + 0.58
    bright = float(colour.mean()) > 0.5
    return colour * (0.62 + 0.12 * shift) if bright else colour * 0.75 + 0.22 + 0.1 * shift


def _stage(canvas: Canvas, style: Style, random: Random) -> Tensor:
    shift = random.random()
    behind = _rgb(style.backdrop_rgb, canvas.device)
    below = _rgb(style.surface_rgb, canvas.device)
    wall = BACKDROPS[style.backdrop](canvas, behind, _partner(behind, style.backdrop, shift))
    wall = blur(wall, style.defocus)
    floor = SURFACES[style.surface](canvas, below, _partner(below, style.surface, shift))
    _, y = canvas.grid()
    if style.surface in GLOSSY:
        row = (2 * canvas.horizon * canvas.height - torch.arange(canvas.height)).long()
        mirrored = wall[:, row.clamp(0, canvas.height - 1).to(canvas.device)]
        fade = GLOSSY[style.surface] * smooth(y - canvas.horizon, 0.5, 0.0)
        floor = mix(floor, mirrored, fade)
    softness = 0.004 + 0.02 * style.defocus
    return mix(wall, floor, smooth(y - canvas.horizon, -softness, softness))


def _props(canvas: Canvas, scene: Scene, random: Random) -> list[Placed]:
    if scene.style.prop is None:
        return []
    colour = _rgb(captions.COLOURS[scene.style.prop_colour], canvas.device)
    items = []
    for _ in range(random.randint(1, 4)):
        size = random.uniform(0.06, 0.16) * (1.6 if scene.style.prop in ("plinth", "candle") else 1)
        items.append(
            Placed(
                scene.style.prop,
                random.uniform(0.05, 0.95) * canvas.width / canvas.height,
                random.uniform(canvas.horizon + 0.05, 0.93),
                size,
                size * random.uniform(0.8, 1.4),
                colour,
                colour * 0.5 + 0.45,
            )
        )
    return sorted(items, key=lambda item: item.base)


def _product(canvas: Canvas, shape: str, random: Random) -> Placed:
    height = random.uniform(0.28, 0.66)
    wide = shape in ("box", "shoe", "mug", "jar", "sphere")
    aspect = random.uniform(0.7, 1.5) if wide else random.uniform(0.3, 0.75)
    if shape == "sphere":
        aspect = 1.0
    names = list(captions.COLOURS.values())
    base = random.uniform(max(0.62, canvas.horizon + 0.06), 0.93)
    return Placed(
        shape,
        canvas.width / canvas.height * random.uniform(0.3, 0.7),
        base,
        min(height, base - 0.06),
        min(height * aspect, 0.6 * canvas.width / canvas.height),
        _rgb(_vary(random.choice(names), random), canvas.device),
        _rgb(_vary(random.choice(names), random), canvas.device),
        translucent=random.random() < 0.12,
    )


def _place(picture: Tensor, canvas: Canvas, item: Placed, style: Style) -> tuple[Tensor, Tensor]:
    random = torch.rand(6, generator=canvas.generator)
    mask = cover(canvas, item, random)
    ground = picture * shadow(canvas, item, style.side, 0.7 if style.light != "soft" else 0.5)
    colour = shade(canvas, item, style.side, random)
    if style.surface in GLOSSY:
        row = (2 * item.base * canvas.height - torch.arange(canvas.height)).long()
        inside = ((row >= 0) & (row < canvas.height)).to(canvas.device)
        row = row.clamp(0, canvas.height - 1).to(canvas.device)
        below = mask[row] * inside[:, None] * GLOSSY[style.surface]
        ground = mix(ground, colour[:, row], below)
    opacity = 0.6 if item.translucent else 1.0
    return mix(ground, colour, mask * opacity), mask


def _light(picture: Tensor, canvas: Canvas, style: Style) -> Tensor:
    x, y = canvas.grid()
    across = (x * canvas.height / canvas.width - 0.5) * style.side
    fall = 1 + 0.22 * across - 0.10 * (y - 0.5)
    vignette = 1 - 0.25 * ((x - 0.5 * canvas.width / canvas.height) ** 2 + (y - 0.5) ** 2)
    tint = _rgb(LIGHT_TINT[style.light], canvas.device)
    lit = picture * tint * fall * vignette
    return (lit + 0.008 * torch.randn(lit.shape[-2:], generator=canvas.generator).to(lit)).clamp(
        0, 1
    )
