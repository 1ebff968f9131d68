from __future__ import annotations

import numpy as np
import pytest
import torch

from remixlab.mini.colours import COLOURS, name_of, seen
from remixlab.mini.dataset import HELD_OUT, colour_words, training_pairs
from remixlab.mini.render import render
from remixlab.mini.scenes import draw_scene


@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_has_its_own_name(name: str) -> None:
    assert name_of(np.array(COLOURS[name], np.float32)) == name


def test_names_can_be_limited() -> None:
    assert name_of(np.array(COLOURS["navy"], np.float32), ["red", "blue", "white"]) == "blue"


def test_backdrop_and_surface_are_told_apart_and_the_product_is_left_out() -> None:
    picture = torch.zeros(3, 100, 60)
    picture[:, :50] = torch.tensor(COLOURS["pink"])[:, None, None]
    picture[:, 50:] = torch.tensor(COLOURS["teal"])[:, None, None]
    product = torch.zeros(100, 60)
    product[:, 10:50] = 1.0
    picture[:, product > 0] = torch.tensor(COLOURS["black"])[:, None]
    surface, backdrop = seen(picture, product)
    assert (name_of(surface), name_of(backdrop)) == ("teal", "pink")


def test_a_picture_full_of_product_has_colours_too() -> None:
    picture = torch.full((3, 32, 32), 0.09)
    assert colour_words(picture, torch.ones(32, 32)) == ("black", "black")


def test_captions_name_the_colours_that_are_seen() -> None:
    numbers = range(HELD_OUT, HELD_OUT + 60)
    scenes = [draw_scene(number) for number in numbers]
    pictures, masks = render(scenes, (48, 48))
    captions = training_pairs(numbers, (48, 48)).captions
    renamed = 0
    for scene, picture, mask, wordings in zip(scenes, pictures, masks, captions, strict=True):
        words = colour_words(picture, mask)
        for number, caption in enumerate(wordings):
            assert caption.endswith(scene.caption(seen=words, wording=number))
        renamed += words != (scene.style.surface_colour, scene.style.backdrop_colour)
    assert 10 < renamed < 55  # the light changes some colours, not all of them
