"""A score that cannot be given is missing, with its reason, and the others are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from PIL import Image

from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.embedders import ImageEmbedder
from remixlab.metrics.judged import FAILED, Missing, judge, judge_together
from remixlab.metrics.leakage import Leakage
from remixlab.metrics.metric import FILLED, Metric, Picture
from remixlab.metrics.outline import BandEnergy, Growth, Loss, NearGrowth
from remixlab.metrics.product import ProductDifference, ProductPSNR, ProductSSIM
from remixlab.metrics.prompt import PromptScore, WholePromptScore
from remixlab.metrics.richness import ColourEntropy, EdgeDensity
from remixlab.metrics.style import LabDistance, LabWasserstein, ReferenceRank, TextureDistance
from remixlab.metrics.style_cosine import CsdStyle
from tests.metrics.conftest import SIDE, plain, stripes
from tests.sweep.test_scores import scorer

Make = Callable[..., Picture]
GREEN, REFERENCE = plain((90, 120, 60)), stripes((0, 0, 0), (255, 0, 0), 16)
EYES = ImageEmbedder("eyes", torch.nn.Identity(), torch.as_tensor, 8, torch.device("cpu"))
OUTLINE = (BandEnergy(), Growth(), NearGrowth(), Loss())
PRODUCT = (ProductDifference(), ProductPSNR(), ProductSSIM())
STYLE = (LabDistance(), LabWasserstein(), TextureDistance(), Leakage(), ReferenceRank([REFERENCE]))
BACKGROUND = (EdgeDensity(), ColourEntropy(), *STYLE, CsdStyle(EYES))


def covered(alpha: int) -> Picture:
    """A product of that alpha over all of the picture."""
    mask = Image.new("L", (SIDE, SIDE), alpha)
    product = GREEN.convert("RGBA")
    product.putalpha(mask)
    return Picture(GREEN, mask, image=GREEN, product=product, reference=REFERENCE, prompt="x")


class Fragile(Metric):
    """A score that breaks on green and is no number on black."""

    name, unit, better = "fragile", "", "higher"

    def of(self, picture: Picture) -> float:
        """See `Metric`."""
        first = picture.background.getpixel((0, 0))
        if first == (90, 120, 60):
            raise RuntimeError("CUDA error:\nsomething")
        return float("nan") if first == (0, 0, 0) else 1.0


@pytest.mark.parametrize("metric", [*OUTLINE, *BACKGROUND], ids=lambda m: m.name)
def test_a_product_that_fills_its_frame_leaves_nothing_to_score(
    metric: Metric, picture: Make
) -> None:
    (found,) = judge(metric, [covered(255)])
    assert isinstance(found, Missing) and not found.reason.startswith(FAILED)
    assert found.reason in (FILLED, "the product leaves no band around itself to score")


@pytest.mark.parametrize("metric", [*PRODUCT, *OUTLINE], ids=lambda m: m.name)
def test_a_product_without_an_opaque_pixel_has_no_score_of_what_is_opaque(metric: Metric) -> None:
    (found,) = judge(metric, [covered(5)])
    assert isinstance(found, Missing) and not found.reason.startswith(FAILED)


@pytest.mark.parametrize("metric", STYLE, ids=lambda m: m.name)
def test_one_picture_without_a_score_takes_none_from_the_others(
    metric: Metric, picture: Make
) -> None:
    good = picture(stripes((9, 9, 9), (0, 99, 0), 8), REFERENCE)
    first, missing, last = judge(metric, [good, covered(255), good])
    assert [first, last] == metric.score([good, good]) and missing == Missing(FILLED)


def test_what_a_score_compares_with_has_to_be_there(picture: Make) -> None:
    silent, alone = replace(picture(GREEN, REFERENCE), prompt=" "), picture(GREEN)
    for metric in (PromptScore(scorer()), WholePromptScore(scorer())):
        assert judge(metric, [silent]) == [Missing("there is no prompt to compare with")]
    for metric in (*STYLE, CsdStyle(EYES)):
        needed = Missing("this score needs the reference, and the picture has none")
        assert judge(metric, [alone]) == [needed]


def test_a_score_that_breaks_and_one_that_is_no_number_have_their_reasons(picture: Make) -> None:
    shown = [picture(plain(colour)) for colour in ((1, 2, 3), (90, 120, 60), (0, 0, 0))]
    assert judge(Fragile(), shown) == [
        1.0,
        Missing(f"{FAILED}RuntimeError: CUDA error: something"),
        Missing("it is no finite number (nan)"),
    ]
    assert judge(Fragile(), []) == []


def test_diversity_is_there_for_all_of_a_group_or_for_none(picture: Make) -> None:
    one, two = (picture(plain(colour)) for colour in ((200, 60, 60), (60, 60, 200)))
    assert judge_together(SeedDiversity(), [one, two]) == SeedDiversity().score([one, two])
    (single,) = judge_together(SeedDiversity(), [one])
    assert single == Missing("diversity compares two seeds or more, and there are 1")
    assert judge_together(SeedDiversity(), [covered(255)] * 2) == [Missing(FILLED)] * 2


def test_embedders_are_asked_once_where_every_picture_has_a_score(picture: Make) -> None:
    asked: list[int] = []

    class Counting(CsdStyle):
        def compared(self, pictures: Sequence[Picture]) -> tuple[torch.Tensor, torch.Tensor]:
            asked.append(len(pictures))
            return torch.ones(len(pictures), 1), torch.ones(len(pictures), 1)

    assert judge(Counting(EYES), [picture(GREEN, REFERENCE)] * 5) == [100] * 5
    assert asked == [5] and Counting(EYES).judge == "eyes"
