"""The trials say what is so: on pictures whose truth is known, and on a suite without skill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from rich.progress import Progress
from torch import Tensor

from remixlab import Remixer, RemixRequest
from remixlab.metrics.clip import Scorer
from remixlab.metrics.intervals import Interval
from remixlab.metrics.metric import Picture
from remixlab.mini.captions import SURFACE_WORDS
from remixlab.mini.colours import COLOURS
from remixlab.mini.trial import prompt, reference
from remixlab.mini.trial.outline import _richness
from remixlab.mini.trial.studio import Finding, Studio, held_out_references, squared
from tests.conftest import make_product
from tests.programs import load_program

ROOT = Path(__file__).resolve().parents[2]


class Painter:
    """Stands in for a Remixer: paints what a function of the request says."""

    def __init__(self, paint: Any) -> None:
        self.paint = paint
        self.config = cast(Any, type("Config", (), {"runtime": type("R", (), {"batch_size": 8})}))

    def remix_batch(self, requests: Sequence[RemixRequest]) -> list[Any]:
        """One result a request, the background as painted."""
        return [self._result(request) for request in requests]

    def _result(self, request: RemixRequest) -> Any:
        background = self.paint(request).resize(request.product.size)
        mask = request.product.getchannel("A")
        fields = {"background": background, "mask": mask, "image": background}
        return type("Result", (), fields)()


class WordScorer:
    """Knows the materials by a red level, and texts by the first material they name."""

    side = 32

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """One-hot rows by the mean red."""
        levels = [round(float(np.asarray(p)[..., 0].mean()) / 20) for p in pictures]
        return torch.eye(13)[levels]

    def texts(self, texts: Sequence[str]) -> Tensor:
        """One-hot rows by what is named."""
        return torch.eye(13)[[_material(text) for text in texts]]


def _material(text: str) -> int:
    phrases = {m: prompt._phrases(m) for m in prompt.MATERIALS}
    for number, material in enumerate(prompt.MATERIALS):
        if any(text.endswith(phrase) for phrase in phrases[material]):
            return number
    return 12


def studio(paint: Any, scorer: Any = None) -> Studio:
    cut_out = make_product(64, 64, 0)
    return Studio(
        cast(Remixer, Painter(paint)), cast(Scorer, scorer), [cut_out], [], Progress(disable=True)
    )


@pytest.fixture(scope="module")
def few_references() -> Iterator[None]:
    """One group of references, drawn once for the module."""
    drawn = held_out_references(reference.AMONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "_GROUPS", 1)
        patch.setattr(reference, "held_out_references", lambda _: drawn)
        yield


def test_a_suite_that_copies_its_reference_is_first_and_chance_is_chance(
    few_references: None,
) -> None:
    def paint(request: RemixRequest) -> Image.Image:
        if request.style_fidelity and request.reference:
            return request.reference
        return Image.new("RGB", (64, 64), (90, 120, 200))

    copied, nearly, without = reference.reference_findings(studio(paint))
    assert copied.value.mean == nearly.value.mean == 1 and copied.holds and nearly.holds
    assert without.value.mean == pytest.approx(1 / 8) and without.holds


def test_a_suite_that_ignores_its_reference_fails(few_references: None) -> None:
    plain = Image.new("RGB", (64, 64), (90, 120, 200))
    ignored, *_ = reference.reference_findings(studio(lambda _: plain))
    assert ignored.value.mean == pytest.approx(1 / 8) and not ignored.holds


def test_held_out_references_are_no_photographs_and_stay_the_same() -> None:
    first, second = held_out_references(2), held_out_references(2)
    assert [p.tobytes() for p in first] == [p.tobytes() for p in second]
    assert first[0].size == (384, 384) and first[0] != first[1]


def test_every_basic_colour_is_asked_for_as_often() -> None:
    asks = list(prompt._two_colours())
    assert set(prompt.BASIC) <= set(COLOURS)
    for part in ("surface", "backdrop"):
        assert Counter(getattr(ask, part) for ask in asks) == dict.fromkeys(prompt.BASIC, 4)
    assert all(ask.surface in ask.prompt and ask.backdrop in ask.prompt for ask in asks)


def test_colours_that_come_true_and_that_do_not() -> None:
    def obey(request: RemixRequest) -> Image.Image:
        ask = next(a for a in prompt._two_colours() if a.prompt == request.prompt)
        picture = Image.new("RGB", (64, 64), _rgb(ask.backdrop))
        picture.paste(_rgb(ask.surface), (0, 32, 64, 64))
        return picture

    assert prompt._colours(studio(obey)).value.mean == 1
    grey = prompt._colours(studio(lambda _: Image.new("RGB", (64, 64), _rgb("grey"))))
    assert grey.value.mean == pytest.approx(1 / 11) and not grey.holds


def _rgb(name: str) -> tuple[int, ...]:
    return tuple(round(255 * c) for c in COLOURS[name])


def test_surfaces_that_the_scorer_recognises_and_that_it_does_not() -> None:
    def obey(request: RemixRequest) -> Image.Image:
        return Image.new("RGB", (64, 64), (20 * _material(request.prompt), 0, 0))

    assert prompt._materials(studio(obey, WordScorer())).value.mean == 1
    wood = prompt._materials(studio(lambda _: Image.new("RGB", (64, 64)), WordScorer()))
    share = len(SURFACE_WORDS["wood"]) / sum(len(SURFACE_WORDS[m]) for m in prompt.MATERIALS)
    assert wood.value.mean == pytest.approx(share) and not wood.holds


@pytest.mark.parametrize(
    ("means", "holds"),
    [
        ((0.5, 0.45, 0.42, 0.4, 0.35), True),
        ((0.5, 0.45, 0.46, 0.4, 0.35), False),  # rises on the way
        ((0.5, 0.49, 0.48, 0.47, 0.46), False),  # falls by less than a fifth
    ],
)
def test_richness_has_to_fall_all_the_way(means: tuple[float, ...], holds: bool) -> None:
    scores = [[mean - 0.01, mean + 0.01] for mean in means]
    assert _richness(scores).holds is holds


def test_cut_outs_become_squares_in_the_middle() -> None:
    square = squared(make_product(60, 100, 0))
    assert square.size == (512, 512) and square.getpixel((5, 256)) == (0, 0, 0, 0)


def test_the_table_says_what_does_not_hold() -> None:
    script = load_program(ROOT / "scripts" / "score_mini.py")
    findings = [
        Finding("a", "at least 1", Interval(2, 1, 3), True),
        Finding("b", "at least 9", Interval(2, 1, 3), False),
        Finding("c", "", Interval(2, 1, 3), True),
    ]
    assert list(script._table(findings))[2:] == [
        "| a | 2 (1 to 3) | at least 1 | yes |",
        "| b | 2 (1 to 3) | at least 9 | **no** |",
        "| c | 2 (1 to 3) |  |  |",
    ]


def test_pictures_keep_their_order() -> None:
    def paint(request: RemixRequest) -> Image.Image:
        return Image.new("RGB", (64, 64), (request.seed, 0, 0))

    requests = [RemixRequest(product_image=make_product(64, 64, 0), seed=n) for n in range(1, 20)]
    pictures: list[Picture] = studio(paint).pictures(requests, "order")
    assert [p.background.getpixel((0, 0)) for p in pictures] == [(n, 0, 0) for n in range(1, 20)]
