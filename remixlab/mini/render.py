"""Drawing the mini suite's scenes, many at once, on the device that trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import torch
from torch import Tensor

from remixlab.mini.canvas import Canvas, Streams, blur, gather_rows, mix, smooth
from remixlab.mini.colours import Rgb
from remixlab.mini.objects import Placed, cover, shade, shadow
from remixlab.mini.paint import BACKDROPS, SURFACES, Painter
from remixlab.mini.photographs import all_pixels
from remixlab.mini.scenes import LIGHT_TINT, Item, Scene, Style

GLOSSY = {"marble": 0.35, "water": 0.45, "tiles": 0.25, "plain": 0.12}


def render(
    scenes: Sequence[Scene], size: tuple[int, int], device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Draw B scenes at `size` (width, height).

    A scene looks the same in any batch.

    Returns:
        The pictures (B, 3, H, W) in 0..1 and the coverage of the products (B, H, W) in 0..1.
    """
    width, height = size
    seeds = torch.tensor([scene.seed for scene in scenes], device=device)
    horizon = _column([scene.horizon for scene in scenes], device)
    canvas = Canvas(height, width, horizon, Streams(seeds))
    layouts = [scene.layout(width / height) for scene in scenes]
    pictures = _stage(canvas, [scene.style for scene in scenes])
    masks = torch.zeros(len(scenes), height, width, device=device)
    for place in range(max((len(layout) for layout in layouts), default=0)):
        numbers = [i for i, layout in enumerate(layouts) if len(layout) > place]
        rows = torch.tensor(numbers, device=device)
        styles = [scenes[i].style for i in numbers]
        items = _placed([layouts[i][place] for i in numbers], canvas.only(rows))
        canvas.streams.turn_page()
        pictures[rows], covered = _place(pictures[rows], canvas.only(rows), items, styles)
        canvas.streams.turn_page()
        for i, mask in zip(numbers, covered, strict=True):
            if layouts[i][place].is_product:
                masks[i] = mask
    return _light(pictures, canvas, [scene.style for scene in scenes]), masks


def spoil(picture: Tensor, random: Random) -> Tensor:
    """A bad version of a (3, H, W) picture, as the negative prompt says: flat, noisy, blurred."""
    kind = random.choice(("flat", "noise", "blur", "garish"))
    if kind == "flat":
        return (blur(picture[None], 0.3)[0] * 5).round() / 5
    if kind == "noise":
        generator = torch.Generator().manual_seed(random.getrandbits(32))
        noise = torch.randn(picture.shape, generator=generator).to(picture)
        return (picture + 0.13 * noise).clamp(0, 1)
    if kind == "blur":
        return blur(picture[None], 3.0)[0]
    grey = picture.mean(0, keepdim=True)
    return (grey + 2.2 * (picture - grey)).clamp(0, 1)


def _column(values: Sequence[float], device: torch.device | str) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]


def _colours(values: Sequence[Rgb], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device)[..., None, None]


def _partner(colour: Tensor, kind: str, shift: Tensor) -> Tensor:
    """The second colour of a material: clouds are white, marble veins contrast, else a shade."""
    if kind == "sky":
        return colour * 0.15 + 0.82
    if kind == "sunset":
        return colour.new_tensor([0.98, 0.62, 0.32])[None, :, None, None].expand_as(colour)
    if kind in ("bokeh", "window"):
        return colour * 0.4 + 0.58
    darker, lighter = colour * (0.62 + 0.12 * shift), colour * 0.75 + 0.22 + 0.1 * shift
    return torch.where(colour.mean(1, keepdim=True) > 0.5, darker, lighter)


def _stage(canvas: Canvas, styles: Sequence[Style]) -> Tensor:
    shift = canvas.uniform()[:, None]
    walls = _walls(canvas, styles, shift)
    colours = _colours([s.surface_rgb for s in styles], canvas.device)
    floors = _painted(canvas, SURFACES, [s.surface for s in styles], colours, shift)
    _, y = canvas.grid()
    mirrored = gather_rows(walls, canvas.mirror(canvas.horizon).clamp(0, canvas.height - 1))
    fade = smooth(y - canvas.horizon, 0.5, 0.0)
    floors = mix(floors, mirrored, _gloss(styles, canvas.device) * fade)
    softness = _column([s.softness for s in styles], canvas.device)
    below = smooth(y - canvas.horizon, -softness, softness)
    covered = _column([float(s.shown != "everywhere") for s in styles], canvas.device)
    return mix(walls, floors, below * covered)


def _walls(canvas: Canvas, styles: Sequence[Style], shift: Tensor) -> Tensor:
    colours = _colours([s.backdrop_rgb for s in styles], canvas.device)
    walls = _painted(canvas, BACKDROPS, [s.backdrop for s in styles], colours, shift)
    shown = {n: s.crop for n, s in enumerate(styles) if s.crop and s.shown != "colours"}
    pictures = all_pixels(list(shown.values()), (canvas.width, canvas.height))
    for number, picture in zip(shown, pictures, strict=True):
        walls[number] = picture.to(walls)
    return canvas.painted(
        [str(s.defocus) for s in styles], lambda _, amount, rows: blur(walls[rows], float(amount))
    )


def _gloss(styles: Sequence[Style], device: torch.device) -> Tensor:
    return _column([GLOSSY.get(s.surface, 0.0) for s in styles], device)


def _painted(
    canvas: Canvas,
    painters: Mapping[str, Painter],
    kinds: Sequence[str],
    colours: Tensor,
    shift: Tensor,
) -> Tensor:
    return canvas.painted(
        kinds,
        lambda part, kind, rows: painters[kind](
            part, colours[rows], _partner(colours[rows], kind, shift[rows])
        ),
    )


def _placed(items: Sequence[Item], canvas: Canvas) -> Placed:
    device = canvas.device
    x, base, height, width = (
        _column([getattr(item, name) for item in items], device)
        for name in ("x", "base", "height", "width")
    )
    return Placed(
        [item.shape for item in items],
        x,
        base,
        height,
        width,
        _colours([item.colour for item in items], device),
        _colours([item.accent for item in items], device),
        _column([item.opacity for item in items], device),
        canvas.streams.uniform(6),
    )


def _place(
    pictures: Tensor, canvas: Canvas, items: Placed, styles: Sequence[Style]
) -> tuple[Tensor, Tensor]:
    light = _column([s.side for s in styles], canvas.device)
    strength = _column([0.5 if s.light == "soft" else 0.7 for s in styles], canvas.device)
    masks = cover(canvas, items)
    colours = shade(canvas, items, light)
    ground = pictures * shadow(canvas, items, light, strength)[:, None]
    rows = canvas.mirror(items.base)
    inside = ((rows >= 0) & (rows < canvas.height))[:, :, None]
    rows = rows.clamp(0, canvas.height - 1)
    below = gather_rows(masks[:, None], rows)[:, 0] * inside * _gloss(styles, canvas.device)
    ground = mix(ground, gather_rows(colours, rows), below)
    return mix(ground, colours, masks * items.opacity), masks


def _light(pictures: Tensor, canvas: Canvas, styles: Sequence[Style]) -> Tensor:
    x, y = canvas.grid()
    side = _column([s.side for s in styles], canvas.device)
    fall = 1 + 0.22 * (x / canvas.aspect - 0.5) * side - 0.10 * (y - 0.5)
    vignette = 1 - 0.25 * ((x - 0.5 * canvas.aspect) ** 2 + (y - 0.5) ** 2)
    tint = _colours([LIGHT_TINT[s.light] for s in styles], canvas.device)
    return (pictures * tint * (fall * vignette)[:, None]).clamp(0, 1)
