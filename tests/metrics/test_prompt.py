"""Prompt scores with a scorer whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from remixlab.metrics.clip import Scorer
from remixlab.metrics.metric import Picture
from remixlab.metrics.prompt import PromptScore, WholePromptScore
from remixlab.metrics.style_cosine import ClipStyle
from tests.metrics.conftest import plain

Make = Callable[..., Picture]
COLOURS = {"red": (1.0, 0, 0), "green": (0, 1.0, 0), "blue": (0, 0, 1.0)}


@dataclass
class ColourScorer:
    """Knows three colours: pictures are their mean colour, texts the colour that they name."""

    side: int = 64

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Unit vectors of mean colours."""
        means = np.stack([np.asarray(picture).mean((0, 1)) for picture in pictures])
        return F.normalize(torch.from_numpy(means).float(), dim=-1)

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors of colour names."""
        return torch.tensor([COLOURS[text] for text in texts])


SCORER = cast(Scorer, ColourScorer())


def test_the_background_decides_and_not_the_product(picture: Make) -> None:
    shown = picture(plain((0, 200, 0)))  # the product is red
    green, red, blue = (
        PromptScore(SCORER).of(replace(shown, prompt=p)) for p in ("green", "red", "blue")
    )
    assert green > 99 and red < 5 and blue < 5


def test_the_whole_picture_is_scored_apart(picture: Make) -> None:
    shown = replace(picture(plain((0, 200, 0))), prompt="red")
    assert WholePromptScore(SCORER).of(shown) > PromptScore(SCORER).of(shown) + 5


@pytest.mark.parametrize("kind", [PromptScore, WholePromptScore])
def test_many_at_once(kind: Any, picture: Make) -> None:
    shown = [replace(picture(plain(c)), prompt="blue") for c in ((0, 0, 9), (9, 0, 0))]
    metric = kind(SCORER)
    assert metric.score(shown) == pytest.approx([metric.of(p) for p in shown])
    assert metric.score([]) == []


def test_clip_style_sees_the_background_and_the_reference(picture: Make) -> None:
    green = picture(plain((0, 200, 0)), plain((0, 90, 0)))
    blue = picture(plain((0, 200, 0)), plain((0, 0, 90)))
    close, far = ClipStyle(SCORER).score([green, blue])
    assert close > 99 and far < 5
    assert ClipStyle(SCORER).of(green) == pytest.approx(close)
    assert ClipStyle(SCORER).score([]) == []
    with pytest.raises(ValueError, match="needs the reference"):
        ClipStyle(SCORER).of(picture(plain((0, 200, 0))))
