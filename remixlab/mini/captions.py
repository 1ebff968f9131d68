"""Words for the mini suite's scenes: materials, colours, light, and what to avoid."""

from __future__ import annotations

from random import Random

SURFACE_WORDS: dict[str, tuple[str, ...]] = {
    "wood": (
        "on a {} wooden table",
        "on {} wood",
        "on {} wooden planks",
        "on a rustic {} table",
        "on a {} wooden surface",
        "on a {} wooden desk",
    ),
    "marble": (
        "on {} marble",
        "on a {} marble slab",
        "on a {} marble counter",
        "on a {} marble table",
        "on a {} marble surface",
    ),
    "sand": ("on the beach", "on {} sand", "on a sandy beach", "in the {} sand", "in the desert"),
    "water": (
        "on {} water",
        "in {} water",
        "on a {} water surface",
        "in the {} sea",
        "in rippling {} water",
    ),
    "fabric": (
        "on {} fabric",
        "on {} silk",
        "on {} linen cloth",
        "on a {} cloth",
        "on draped {} textile",
    ),
    "tiles": ("on {} tiles", "on a {} tiled floor", "on {} ceramic tiles"),
    "concrete": ("on {} concrete", "on {} stone", "on a {} stone slab", "on a {} concrete table"),
    "grass": ("on grass", "in the grass", "on a {} lawn", "on a {} meadow"),
    "snow": ("on snow", "in the snow", "in {} snow"),
    "plain": ("on a {} surface", "on a {} table", "on a plain {} floor", "on {} paper"),
}
BACKDROP_WORDS: dict[str, tuple[str, ...]] = {
    "studio": (
        "{} studio background",
        "plain {} backdrop",
        "{} background",
        "{} studio backdrop",
        "against {}",
        "{} seamless paper",
    ),
    "sky": (
        "{} sky",
        "under a {} sky with clouds",
        "{} sky in the background",
        "cloudy {} sky",
        "outdoors under a {} sky",
    ),
    "sunset": ("at sunset", "{} sunset sky", "golden hour", "{} evening sky", "at dusk"),
    "bokeh": ("{} bokeh background", "blurred {} lights", "{} bokeh", "{} lights out of focus"),
    "wall": ("in front of a {} wall", "{} plaster wall", "{} wall behind", "{} painted wall"),
    "bricks": ("in front of {} bricks", "{} brick wall", "against a {} brick wall"),
    "foliage": (
        "{} leaves in the background",
        "{} foliage",
        "in front of {} plants",
        "in a {} garden",
        "{} jungle behind",
    ),
    "window": (
        "window light on a {} wall",
        "{} wall with window shadows",
        "sunlight through a window on a {} wall",
    ),
}
SCENERY_WORDS = ("{} scenery", "{} surroundings", "blurred {} scene behind", "in a {} place",
                 "busy {} background")  # fmt: skip
PROP_WORDS: dict[str, tuple[str, ...]] = {
    "stone": ("stones", "pebbles", "rocks", "a stone"),
    "leaf": ("leaves", "a leaf"),
    "shell": ("seashell", "shells", "seashells"),
    "petal": ("petals", "flower petals"),
    "ball": ("spheres", "a ball", "a sphere"),
    "plinth": ("boxes", "a podium", "cubes"),
    "candle": ("candles", "a candle", "cylinders"),
}
PRODUCT_WORDS: dict[str, tuple[str, ...]] = {
    "bottle": ("a bottle", "a glass bottle", "shampoo", "a wine bottle", "lotion"),
    "jar": ("a jar", "face cream", "a cosmetic jar", "a candle jar"),
    "box": ("a box", "a package", "a carton"),
    "can": ("a can", "a thermos", "a drink can"),
    "tube": ("a tube", "cosmetics", "hand cream", "a tumbler"),
    "perfume": ("perfume", "a perfume bottle", "a cologne"),
    "vase": ("a vase", "a ceramic vase"),
    "sphere": ("a round flask", "a ball", "an ornament"),
    "mug": ("a mug", "a cup", "a coffee mug"),
    "shoe": ("a shoe", "a sneaker", "a boot"),
    "flask": ("a flask", "a lamp", "a turned vase", "a decanter"),
    "basket": ("a basket", "a bag", "a handbag"),
    "diffuser": ("a diffuser", "a reed diffuser", "a fragrance diffuser"),
}
LIGHT_WORDS: dict[str, tuple[str, ...]] = {
    "warm": ("warm light", "golden light", "warm sunlight"),
    "cool": ("cool light", "cold light", "blue light"),
    "soft": ("soft light", "studio light", "soft daylight"),
    "dark": ("dark and moody", "low key", "dim light"),
    "bright": ("bright light", "high key", "bright and airy"),
}
NEGATIVE_WORDS = ("worst quality", "low quality", "illustration", "3d", "2d", "painting",
                  "cartoons", "sketch")  # fmt: skip


def caption(
    product: str,
    surface: tuple[str, str] | None,
    backdrop: tuple[str | None, str],
    prop: tuple[str, str] | None,
    light: str,
    random: Random,
    *,
    drop: float = 0.25,
) -> str:
    """A prompt for a scene; each part but the product is left out with probability `drop`.

    `surface`, `backdrop` and `prop` are pairs of a kind and a colour name. A photograph as
    backdrop is of no kind, and where it is all there is, there is no surface.
    """
    thing = random.choice(PRODUCT_WORDS[product])
    behind = BACKDROP_WORDS[backdrop[0]] if backdrop[0] else SCENERY_WORDS
    parts = [
        _fill(behind, backdrop[1], random),
        random.choice(LIGHT_WORDS[light]),
    ]
    if surface is not None:
        parts.append(_fill(SURFACE_WORDS[surface[0]], surface[1], random))
    if prop is not None:
        words = random.choice(PROP_WORDS[prop[0]])
        parts.append(random.choice(("{0} next to {1}", "with {1}", "surrounded by {1}")).format(
            thing.removeprefix("a "), words))  # fmt: skip
    kept = [part for part in parts if random.random() >= drop]
    random.shuffle(kept)
    opening = random.choice(("product photograph of {}", "a photo of {}", "{}")).format(thing)
    return ", ".join([opening, *kept])


def surface_prompts(product: str, random: Random) -> dict[str, str]:
    """A prompt for each surface, in which nothing else differs; no colour is named."""
    return {
        kind: f"{product}, {_fill(phrases, '', random)}" for kind, phrases in SURFACE_WORDS.items()
    }


def negative(random: Random) -> str:
    """What a spoilt picture is called: some of the words of the default negative prompt."""
    count = random.randint(2, len(NEGATIVE_WORDS))
    return ", ".join(sorted(random.sample(NEGATIVE_WORDS, count), key=NEGATIVE_WORDS.index))


def _fill(phrases: tuple[str, ...], colour: str, random: Random) -> str:
    word = colour if random.random() < 0.85 else ""
    return " ".join(random.choice(phrases).format(word).split())
