"""A sheet of remixes that nobody chose: the first products, references, captions and seeds."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from remixlab import RemixRequest, images
from remixlab.mini.trial.studio import Studio, held_out_scenes, references_of

COUNT, COLUMNS, SIDE, LABEL = 24, 6, 300, 40


def sample_sheet(studio: Studio) -> Image.Image:
    """24 remixes with the default dials, each with its reference in the corner and its prompt.

    A prompt says what its reference shows, as people's do: of two that contradict each other no
    picture tells which was misread.
    """
    scenes = held_out_scenes(COUNT)
    references = references_of(scenes)
    requests = [
        RemixRequest(
            product_image=studio.product(number),
            ref_image=references[number],
            prompt=scenes[number].caption(),
            seed=number + 1,
        )
        for number in range(COUNT)
    ]
    rows = -(-COUNT // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + LABEL)), "white")
    for number, picture in enumerate(studio.pictures(requests, "samples")):
        left, top = number % COLUMNS * SIDE, number // COLUMNS * (SIDE + LABEL)
        sheet.paste(images.resize(picture.needed("image"), (SIDE, SIDE)), (left, top))
        corner = images.resize(picture.needed("reference"), (SIDE // 5, SIDE // 5))
        sheet.paste(corner, (left + 4, top + SIDE - corner.height - 4))
        _write(sheet, (left + 4, top + SIDE + 4), picture.prompt)
    return sheet


def _write(sheet: Image.Image, place: tuple[int, int], prompt: str) -> None:
    """The prompt in two lines, cut where it is longer."""
    font, words, lines = ImageFont.load_default(12), prompt.split(), [""]
    draw = ImageDraw.Draw(sheet)
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) < SIDE - 8:
            lines[-1] = longer
        else:
            lines.append(word)
    draw.text(place, "\n".join(lines[:2]), fill=(40, 40, 40), font=font)
