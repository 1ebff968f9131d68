"""The mini suite's world: product scenes with their captions, and what a reference shares.

A `Scene` is what is in the picture and `Style` what it is made of: backdrop, surface, colours and
light. A training pair is a scene and a reference of the same style with another layout, other
noise and, mostly, no product. `render.py` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import numpy as np

from remixlab.mini import captions
from remixlab.mini.collages import Collage, draw_collage
from remixlab.mini.colours import COLOURS, Rgb, name_of
from remixlab.mini.objects import PRODUCT_SHAPES, PROP_SHAPES
from remixlab.mini.paint import BACKDROPS, SURFACES
from remixlab.mini.photographs import Crop, draw_crop

# Materials that have a colour of their own in nature; all others take any colour.
NATURAL: dict[str, tuple[str, ...]] = {
    "wood": ("brown", "brown", "beige", "terracotta"),
    "marble": ("white", "grey", "black", "beige", "green", "pink"),
    "sand": ("beige", "beige", "yellow"),
    "water": ("blue", "teal", "navy", "mint"),
    "grass": ("green", "olive"),
    "snow": ("white",),
    "concrete": ("grey", "grey", "black"),
    "sky": ("blue", "grey", "teal", "navy", "pink"),
    "sunset": ("purple", "pink", "navy", "orange"),
    "foliage": ("green", "olive", "teal"),
    "bricks": ("terracotta", "white", "grey", "brown", "red"),
}
LIGHT_TINT: dict[str, tuple[float, float, float]] = {
    "warm": (1.10, 1.0, 0.84), "cool": (0.90, 0.98, 1.12), "soft": (1.0, 1.0, 1.0),
    "dark": (0.55, 0.54, 0.56), "bright": (1.15, 1.15, 1.13),
}  # fmt: skip


PHOTOGRAPHED = 0.28  # share of the styles that are those of a photograph, or of a collage


@dataclass(frozen=True)
class Style:
    """What a scene and its reference share.

    `side` is where the light comes from, -1 left and 1 right; `defocus` how blurred the backdrop
    is; a `sweep` has no line between surface and backdrop; `crop` is the photograph in whose
    colours everything is, and `shown` how much of it is seen.
    """

    surface: str
    surface_colour: str
    surface_rgb: Rgb
    backdrop: str
    backdrop_colour: str
    backdrop_rgb: Rgb
    light: str
    side: float
    defocus: float
    sweep: bool
    prop: str | None
    prop_colour: str
    crop: Crop | Collage | None = None
    shown: Literal["colours", "backdrop", "everywhere"] = "colours"

    @property
    def softness(self) -> float:
        """Half the height of the line between surface and backdrop, in picture heights."""
        return 0.16 if self.sweep else 0.004 + 0.02 * self.defocus


@dataclass(frozen=True)
class Item:
    """An object in the picture: its base and size in picture heights, and its colours."""

    shape: str
    x: float
    base: float
    height: float
    width: float
    colour: Rgb
    accent: Rgb
    opacity: float = 1.0
    is_product: bool = False


@dataclass(frozen=True)
class Scene:
    """One picture: a style, a layout, and the seed of its noise."""

    style: Style
    horizon: float
    product: str | None
    seed: int

    def caption(
        self, drop: float = 0.25, seen: tuple[str, str] | None = None, wording: int = 0
    ) -> str:
        """A prompt that describes the scene, the same for the same seed and `wording`.

        `seen` names surface's and backdrop's colours as they look in its light, which is what
        people call them by; without it they are those of the materials.
        """
        s = self.style
        surface_colour, backdrop_colour = seen or (s.surface_colour, s.backdrop_colour)
        return captions.caption(
            self.product or "box",
            None if s.shown == "everywhere" else (s.surface, surface_colour),
            (s.backdrop if s.shown == "colours" else None, backdrop_colour),
            (s.prop, s.prop_colour) if s.prop else None,
            s.light,
            Random(self.seed + wording * 0x51ED270B),
            drop=drop,
        )

    def layout(self, aspect: float) -> list[Item]:
        """What stands in the scene, from the back to the front; `aspect` is width over height."""
        random = Random(self.seed + 1)
        items = [self._prop(random, aspect) for _ in range(random.randint(1, 4))]
        if self.style.prop is None:
            items = []
        items.sort(key=lambda item: item.base)
        return [*items, self._product(random, aspect)] if self.product else items

    def _prop(self, random: Random, aspect: float) -> Item:
        shape = self.style.prop or "stone"
        size = random.uniform(0.06, 0.16) * (1.6 if shape in ("plinth", "candle") else 1)
        colour = COLOURS[self.style.prop_colour]
        return Item(
            shape,
            random.uniform(0.05, 0.95) * aspect,
            random.uniform(self.horizon + 0.05, 0.93),
            size,
            size * random.uniform(0.8, 1.4),
            colour,
            _between(colour, (1, 1, 1), 0.45),
        )

    def _product(self, random: Random, aspect: float) -> Item:
        shape = self.product or "box"
        height = random.uniform(0.28, 0.66)
        wide = shape in ("box", "shoe", "mug", "jar", "sphere", "basket")
        width = height * (random.uniform(0.7, 1.5) if wide else random.uniform(0.3, 0.75))
        width = height if shape == "sphere" else width
        base = random.uniform(max(0.62, self.horizon + 0.06), 0.93)
        names = list(COLOURS.values())
        return Item(
            shape,
            aspect * random.uniform(0.3, 0.7),
            base,
            min(height, base - 0.06),
            min(width, 0.6 * aspect),
            _vary(random.choice(names), random),
            _vary(random.choice(names), random),
            opacity=0.6 if random.random() < 0.12 else 1.0,
            is_product=True,
        )


def draw_style(random: Random) -> Style:
    """A random style with natural colours."""
    surface, backdrop = random.choice(list(SURFACES)), random.choice(list(BACKDROPS))
    surface_colour = random.choice(NATURAL.get(surface, tuple(COLOURS)))
    backdrop_colour = random.choice(NATURAL.get(backdrop, tuple(COLOURS)))
    sweep = surface == "plain" and backdrop == "studio" and random.random() < 0.6
    if sweep:
        surface_colour = backdrop_colour
    surface_rgb = _vary(COLOURS[surface_colour], random)
    style = Style(
        surface=surface,
        surface_colour=surface_colour,
        surface_rgb=surface_rgb,
        backdrop=backdrop,
        backdrop_colour=backdrop_colour,
        backdrop_rgb=surface_rgb if sweep else _vary(COLOURS[backdrop_colour], random),
        light=random.choice(list(LIGHT_TINT)),
        side=random.choice((-1.0, 1.0)) * random.uniform(0.4, 1),
        defocus=random.choice((0.0, 0.35, 0.8, 1.6)),
        sweep=sweep,
        prop=random.choice(PROP_SHAPES) if random.random() < 0.45 else None,
        prop_colour=random.choice(list(COLOURS)),
    )
    return _photographed(style, random) if random.random() < PHOTOGRAPHED else style


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


def _photographed(style: Style, random: Random) -> Style:
    """The style in the colours of a photograph's crop: its upper half behind, its lower below."""
    crop = draw_crop(random) if random.random() < 0.4 else draw_collage(random)
    pixels = crop.pixels((32, 32))
    above, below = ((half.mean((1, 2))).tolist() for half in pixels.split(16, 1))
    return replace(
        style,
        backdrop_rgb=(above[0], above[1], above[2]),
        surface_rgb=(below[0], below[1], below[2]),
        backdrop_colour=name_of(np.asarray(above, np.float32)),
        surface_colour=name_of(np.asarray(below, np.float32)),
        light="soft",
        defocus=random.choice((0.0, 0.0, 0.1, 0.35)),
        sweep=False,
        crop=crop,
        shown=random.choice(("colours", *("backdrop",) * 2, *("everywhere",) * 4)),
    )


def _vary(rgb: Rgb, random: Random) -> Rgb:
    gain = random.uniform(0.8, 1.15)
    r, g, b = (min(1.0, max(0.02, c * gain + random.uniform(-0.05, 0.05))) for c in rgb)
    return r, g, b


def _between(a: Rgb, b: Rgb, share: float) -> Rgb:
    r, g, c = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return r, g, c
