"""Does a background show what the prompt says, and less of what the negative prompt says?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from remixlab import RemixRequest, images
from remixlab.metrics.diversity import diversity
from remixlab.metrics.fill import without_product
from remixlab.metrics.intervals import bootstrap
from remixlab.metrics.metric import Picture
from remixlab.metrics.prompt import PromptScore
from remixlab.mini.captions import BACKDROP_WORDS, SURFACE_WORDS
from remixlab.mini.colours import name_of, seen
from remixlab.mini.dataset import HELD_OUT, training_pairs
from remixlab.mini.scenes import draw_scene
from remixlab.mini.trial.studio import Finding, Studio

# The eleven basic colour terms of English (Berlin and Kay 1969).
BASIC = ("white", "grey", "black", "brown", "red", "orange", "yellow", "green", "blue", "purple",
         "pink")  # fmt: skip
MATERIALS = ("wood", "marble", "sand", "water", "fabric", "tiles", "concrete", "grass", "snow")
UNWANTED = ("on grass", "on the beach", "in the snow", "in the blue sea", "on wooden planks",
            "in front of red bricks", "at sunset", "blue sky", "in a green garden",
            "orange bokeh")  # fmt: skip
_TIMES = 3  # a surface's phrase is asked for, each time with another product and seed
_THINGS = ("a jar", "perfume", "a thermos", "a reed diffuser", "hand cream", "a basket")


@dataclass(frozen=True)
class Ask:
    """A prompt and the colours of surface and backdrop that it names."""

    prompt: str
    surface: str
    backdrop: str


def prompt_findings(studio: Studio) -> Iterator[Finding]:
    """Colours, materials, the negative prompt and guidance, all without a reference."""
    yield _colours(studio)
    yield _materials(studio)
    yield _scorer_itself(studio)
    yield _negative(studio)
    yield from _guidance(studio)


def _colours(studio: Studio) -> Finding:
    asks = list(_two_colours())
    pictures = studio.pictures(
        [_request(studio, number, ask.prompt) for number, ask in enumerate(asks)], "colours"
    )
    raw = [
        float(name_of(colour, BASIC) == wanted)
        for ask, picture in zip(asks, pictures, strict=True)
        for colour, wanted in zip(_seen(picture), (ask.surface, ask.backdrop), strict=True)
    ]
    value = bootstrap(raw)
    what = "colour words of backdrop and surface come true (nearest of 11 colours)"
    return Finding(what, "at least 85%", value, value.mean >= 0.85, raw)


def _two_colours() -> Iterator[Ask]:
    """Every basic colour four times as a surface and four times as a backdrop, in mixed pairs."""
    random = Random(3)
    surfaces = ("on a {} table", "on a {} surface", "on {} paper", "on {} fabric")
    backdrops = ("{} background", "plain {} backdrop", "{} wall behind", "{} studio background")
    for surface, backdrop in zip(surfaces, backdrops, strict=True):
        for below, above in zip(BASIC, random.sample(BASIC, len(BASIC)), strict=True):
            thing = random.choice(_THINGS)
            words = f"{surface.format(below)}, {backdrop.format(above)}"
            yield Ask(f"product photograph of {thing}, {words}", below, above)


def _materials(studio: Studio) -> Finding:
    once = [(material, phrase) for material in MATERIALS for phrase in _phrases(material)]
    cases = once * _TIMES
    prompts = [f"product photograph of {_THINGS[n % 6]}, {p}" for n, (_, p) in enumerate(cases)]
    pictures = studio.pictures(
        [_request(studio, number, prompt) for number, prompt in enumerate(prompts)], "surfaces"
    )
    backgrounds = [without_product(p.background, p.mask, studio.scorer.side) for p in pictures]
    raw = _recognised(studio, backgrounds, [material for material, _ in cases])
    value = bootstrap(raw)
    what = "surface words come true (the scorer's choice of 9)"
    return Finding(what, "at least 75%", value, value.mean >= 0.75, raw)


def _scorer_itself(studio: Studio) -> Finding:
    """How often the scorer is right about scenes that it has not seen either."""
    numbers = [n for n in range(HELD_OUT, HELD_OUT + 160) if _plain(n)]
    pairs = training_pairs(numbers, (384, 384))
    backgrounds = [
        without_product(images.to_image(picture * 2 - 1), _grey(mask), studio.scorer.side)
        for picture, mask in zip(pairs.images, pairs.masks, strict=True)
    ]
    raw = _recognised(studio, backgrounds, [draw_scene(n).style.surface for n in numbers])
    value = bootstrap(raw)
    return Finding("the scorer's own choice of 9 on held-out scenes", "", value, True, raw)


def _plain(number: int) -> bool:
    style = draw_scene(number).style
    return style.surface in MATERIALS and style.crop is None


def _recognised(
    studio: Studio, backgrounds: Sequence[Image.Image], materials: Sequence[str]
) -> list[float]:
    """1 where the scorer prefers the material's words to those of the eight others."""
    words = torch.stack([_meaning(studio, _phrases(material)) for material in MATERIALS])
    chosen = (studio.scorer.images(backgrounds) @ words.T).argmax(1).tolist()
    return [float(MATERIALS[c] == m) for c, m in zip(chosen, materials, strict=True)]


def _phrases(material: str) -> list[str]:
    return [" ".join(phrase.format("").split()) for phrase in SURFACE_WORDS[material]]


def _meaning(studio: Studio, phrases: Sequence[str]) -> Tensor:
    """The mean direction of a few phrases in a prompt."""
    return studio.scorer.texts([f"product photograph of a jar, {p}" for p in phrases]).mean(0)


def _negative(studio: Studio) -> Finding:
    """Score of what is named, with it as the negative prompt less without."""
    named = [words for words in UNWANTED for _ in range(4)]
    plain = [_request(studio, n, "product photograph") for n in range(len(named))]
    without = [
        _request(studio, n, "product photograph", negative_prompt=words)
        for n, words in enumerate(named)
    ]
    scores = [
        _scores(studio, studio.pictures(requests, "negative"), named)
        for requests in (plain, without)
    ]
    raw = [after - before for before, after in zip(*scores, strict=True)]
    value = bootstrap(raw)
    what = "prompt score of what the negative prompt names, with it less without it"
    return Finding(what, "below 0", value, value.high < 0, raw)


def _scores(studio: Studio, pictures: Sequence[Picture], words: Sequence[str]) -> list[float]:
    said = [f"product photograph of a jar, {w}" for w in words]
    asked = [replace(p, prompt=text) for p, text in zip(pictures, said, strict=True)]
    return PromptScore(studio.scorer).score(asked)


def _guidance(studio: Studio) -> Iterator[Finding]:
    """What cfg_scale 5 changes against 1, prompt by prompt over four seeds."""
    low, high = (_by_prompt(studio, scale) for scale in (1.0, 5.0))
    scorer = PromptScore(studio.scorer)
    rises = [
        after - before
        for few, many in zip(low, high, strict=True)
        for before, after in zip(scorer.score(few), scorer.score(many), strict=True)
    ]
    value = bootstrap(rises)
    yield Finding(
        "prompt score at cfg_scale 5 less that at 1", "above 0", value, value.low > 0, rises
    )
    falls = [diversity(many) - diversity(few) for few, many in zip(low, high, strict=True)]
    value = bootstrap(falls)
    what = "diversity of four seeds at cfg_scale 5 less that at 1, Delta E"
    yield Finding(what, "below 0", value, value.high < 0, falls)


def _by_prompt(studio: Studio, cfg_scale: float) -> list[list[Picture]]:
    random = Random(4)
    surfaces = [random.choice(_phrases(material)) for material in MATERIALS]
    backdrops = [random.choice(words).format("blue") for words in BACKDROP_WORDS.values()]
    prompts = [f"product photograph, {s}, {b}" for s, b in zip(surfaces, backdrops, strict=False)]
    requests = [
        _request(studio, number, prompt, seed=seed, cfg_scale=cfg_scale)
        for number, prompt in enumerate(prompts)
        for seed in (1, 2, 3, 4)
    ]
    pictures = studio.pictures(requests, f"cfg_scale {cfg_scale:g}")
    return [pictures[i : i + 4] for i in range(0, len(pictures), 4)]


def _request(studio: Studio, number: int, prompt: str, **others: Any) -> RemixRequest:
    settings: dict[str, Any] = {"seed": number + 1, "style_fidelity": 0.0, **others}
    return RemixRequest(product_image=studio.product(number), prompt=prompt, **settings)


def _seen(picture: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    pixels = images.to_tensor(picture.background)[0]
    mask = images.to_tensor(picture.mask.convert("RGB"))[0, 0]
    return seen((pixels + 1) / 2, (mask + 1) / 2)


def _grey(mask: Tensor) -> Image.Image:
    return images.to_image(mask.expand(3, -1, -1) * 2 - 1).convert("L")
