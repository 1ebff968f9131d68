from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch
from torch import Tensor

from remixlab.mini import captions
from remixlab.mini.collages import Collage, draw_collage
from remixlab.mini.objects import PRODUCT_SHAPES, PROP_SHAPES
from remixlab.mini.paint import BACKDROPS, SURFACES
from remixlab.mini.photographs import Crop, draw_crop
from remixlab.mini.render import render, spoil
from remixlab.mini.scenes import LIGHT_TINT, Scene, draw_scene, reference_of

SIZE = (64, 64)
PLAINLY = {"defocus": 0.0, "light": "soft", "prop": None, "sweep": False}


def styled(**changes: object) -> Scene:
    scene = draw_scene(3)
    return replace(scene, style=replace(scene.style, **changes))


def draw(scene: Scene, size: tuple[int, int] = SIZE) -> tuple[Tensor, Tensor]:
    """One scene's picture and mask."""
    pictures, masks = render([scene], size)
    return pictures[0], masks[0]


def assert_picture(picture: Tensor, *, height: int = 64, width: int = 64) -> None:
    assert picture.shape == (3, height, width)
    assert bool(picture.isfinite().all())
    assert float(picture.min()) >= 0 and float(picture.max()) <= 1
    assert float(picture.std()) > 0.005  # something is painted


@pytest.mark.parametrize("kind", SURFACES)
def test_every_surface_is_painted(kind: str) -> None:
    assert_picture(draw(styled(surface=kind))[0])


@pytest.mark.parametrize("kind", BACKDROPS)
def test_every_backdrop_is_painted(kind: str) -> None:
    assert_picture(draw(styled(backdrop=kind))[0])


@pytest.mark.parametrize("kind", LIGHT_TINT)
def test_every_light_is_painted(kind: str) -> None:
    assert_picture(draw(styled(light=kind))[0])


@pytest.mark.parametrize("kind", PROP_SHAPES)
def test_every_prop_is_painted(kind: str) -> None:
    with_props, without = (draw(styled(prop=prop))[0] for prop in (kind, None))
    assert_picture(with_props)
    assert float((with_props - without).abs().max()) > 0.02


@pytest.mark.parametrize("kind", PRODUCT_SHAPES)
def test_every_product_is_painted_where_its_mask_is(kind: str) -> None:
    scene = replace(draw_scene(3), product=kind)
    picture, mask = draw(scene)
    empty, nothing = draw(replace(scene, product=None))
    assert_picture(picture)
    assert mask.shape == (64, 64)
    assert float(mask.min()) >= 0 and float(mask.max()) <= 1
    assert 0.005 < float((mask > 0.5).float().mean()) < 0.6
    assert not nothing.any()
    inside = (picture - empty).abs().mean(0)[mask > 0.9].mean()
    outside = (picture - empty).abs().mean(0)[mask == 0].mean()
    assert inside > outside


def test_a_number_is_a_scene() -> None:
    first, again, other = (draw(draw_scene(n)) for n in (7, 7, 8))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_a_scene_looks_the_same_in_any_batch() -> None:
    scenes = [draw_scene(number) for number in range(12)]
    pictures, masks = render(scenes, (80, 64))
    backwards, their_masks = render(scenes[::-1], (80, 64))
    assert torch.equal(pictures, backwards.flip(0)) and torch.equal(masks, their_masks.flip(0))
    for number in (0, 5):
        picture, mask = draw(scenes[number], (80, 64))
        assert torch.equal(picture, pictures[number]) and torch.equal(mask, masks[number])


@pytest.mark.parametrize("crop", [draw_crop(Random(3)), draw_collage(Random(4))])
def test_a_photograph_lends_its_colours_and_may_be_the_backdrop(crop: Crop | Collage) -> None:
    scene = replace(draw_scene(3), product=None)
    hidden, behind, everywhere = (
        draw(replace(scene, style=replace(scene.style, crop=crop, shown=shown, **PLAINLY)))[0]
        for shown in ("colours", "backdrop", "everywhere")
    )
    wanted = crop.pixels((64, 64))
    assert_picture(everywhere)

    def difference(picture: Tensor, rows: slice) -> float:
        return float((picture[:, rows] - wanted[:, rows]).abs().mean())

    above, below = slice(0, 20), slice(50, 64)  # above the horizon and below it
    assert difference(behind, above) < 0.1 < difference(hidden, above)
    assert difference(everywhere, below) < 0.1 < difference(behind, below)


def test_some_styles_are_those_of_photographs_and_collages() -> None:
    styles = [draw_scene(number).style for number in range(300)]
    crops = [style.crop for style in styles if style.crop is not None]
    assert 0.2 < len(crops) / 300 < 0.36
    assert {type(crop) for crop in crops} == {Crop, Collage}
    shown = {style.shown for style in styles if style.crop}
    assert shown == {"colours", "backdrop", "everywhere"}


def test_captions_name_no_material_that_a_photograph_covers() -> None:
    scene = draw_scene(3)
    style = replace(scene.style, crop=draw_collage(Random(1)), shown="everywhere")
    parts = replace(scene, style=style).caption(drop=0.0).split(", ")
    kinds = [*captions.SURFACE_WORDS.values(), *captions.BACKDROP_WORDS.values()]
    named = [said for phrases in kinds for said in _said(phrases, style.backdrop_colour)]
    assert not set(parts) & set(named)
    assert set(parts) & set(_said(captions.SCENERY_WORDS, style.backdrop_colour))


def _said(phrases: tuple[str, ...], colour: str) -> list[str]:
    """Each phrase with the colour and without."""
    return [" ".join(p.format(word).split()) for p in phrases for word in (colour, "")]


def test_a_sweep_has_no_line_between_surface_and_backdrop() -> None:
    plain = {"surface": "plain", "backdrop": "studio", "prop": None, "defocus": 0.0}
    empty = replace(styled(**plain, sweep=False), product=None, horizon=0.5)
    steps = [
        float(
            draw(replace(empty, style=replace(empty.style, sweep=sweep)))[0].diff(dim=1).abs().max()
        )
        for sweep in (True, False)
    ]
    assert steps[0] < 0.5 * steps[1]


def test_pictures_of_any_shape() -> None:
    picture, mask = draw(draw_scene(4), (96, 64))
    assert_picture(picture, width=96)
    assert mask.shape == (64, 96)


@pytest.mark.parametrize("number", range(12))
def test_products_stand_on_the_surface(number: int) -> None:
    scene = draw_scene(number)
    _, mask = draw(scene)
    assert 0.3 < scene.horizon < 0.75
    foot = int((mask > 0.5).any(1).nonzero().max()) / 64
    assert scene.horizon < foot < 0.99


def test_references_share_the_style_and_not_the_layout() -> None:
    scenes = [draw_scene(n) for n in range(8)]
    references = [reference_of(scene) for scene in scenes]
    for scene, reference in zip(scenes, references, strict=True):
        assert reference.style == scene.style
        assert reference.horizon != scene.horizon and reference.seed != scene.seed
    colours = torch.stack([draw(scene)[0].mean((1, 2)) for scene in scenes])
    theirs = torch.stack([draw(scene)[0].mean((1, 2)) for scene in references])
    own = (colours - theirs).norm(dim=1).mean()
    others = (colours - theirs.roll(1, 0)).norm(dim=1).mean()
    assert own < 0.7 * others


def test_one_reference_in_five_shows_a_product() -> None:
    shown = [reference_of(draw_scene(n)).product is not None for n in range(500)]
    assert 0.14 < sum(shown) / len(shown) < 0.26


@pytest.mark.parametrize("number", range(20))
def test_captions_say_what_is_there(number: int) -> None:
    style = replace(draw_scene(number).style, prop="stone", crop=None, shown="colours")
    scene = replace(draw_scene(number), style=style)
    words = scene.caption(drop=0.0)
    assert words == scene.caption(drop=0.0)
    assert any(word in words for word in captions.PRODUCT_WORDS[str(scene.product)])
    assert any(word in words for word in captions.LIGHT_WORDS[style.light])
    assert any(word in words for word in captions.PROP_WORDS["stone"])
    for phrases, colour in (
        (captions.SURFACE_WORDS[style.surface], style.surface_colour),
        (captions.BACKDROP_WORDS[style.backdrop], style.backdrop_colour),
    ):
        said = {
            " ".join(phrase.format(word).split()) for phrase in phrases for word in ("", colour)
        }
        assert any(phrase in words for phrase in said)


def test_captions_may_leave_everything_out_but_the_product() -> None:
    scene = draw_scene(2)
    words = scene.caption(drop=1.0)
    assert "," not in words
    assert any(word in words for word in captions.PRODUCT_WORDS[str(scene.product)])


def test_every_kind_has_words() -> None:
    assert set(captions.SURFACE_WORDS) == set(SURFACES)
    assert set(captions.BACKDROP_WORDS) == set(BACKDROPS)
    assert set(captions.PRODUCT_WORDS) == set(PRODUCT_SHAPES)
    assert set(captions.PROP_WORDS) == set(PROP_SHAPES)
    assert set(captions.LIGHT_WORDS) == set(LIGHT_TINT)


@pytest.mark.parametrize("number", range(8))
def test_spoilt_pictures_are_pictures(number: int) -> None:
    picture, _ = draw(draw_scene(number))
    bad = spoil(picture, Random(number))
    assert bad.shape == picture.shape
    assert float(bad.min()) >= -1e-5 and float(bad.max()) <= 1 + 1e-5
    assert float((bad - picture).abs().mean()) > 1e-3


def test_negative_words_are_the_default_prompts_and_in_its_order() -> None:
    for number in range(20):
        words = captions.negative(Random(number)).split(", ")
        assert words == [word for word in captions.NEGATIVE_WORDS if word in words]
        assert len(words) >= 2
