from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from remixlab.metrics.clip import Scorer
from remixlab.metrics.embedders import ImageEmbedder
from remixlab.models.suite import Suite
from remixlab.sweep.grid import Cell, expand
from remixlab.sweep.scores import Judges, scores_for, scores_of_groups, warnings_about
from tests.conftest import make_product, make_reference

STYLE = {"lab_distance", "lab_wasserstein", "texture_distance", "leakage"}
PROMPT = {"prompt_score", "whole_prompt_score"}


def scorer(name: str = "ViT-L-14/somewhere", patches: torch.Tensor | None = None) -> Scorer:
    """A scorer of which only the name and the first layer are there."""
    first = SimpleNamespace(weight=patches) if patches is not None else None
    model = SimpleNamespace(visual=SimpleNamespace(conv1=first))
    return Scorer(name, model, None, None, torch.device("cpu"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One product and two references."""
    make_product(64, 64, 0).save(tmp_path / "p.png")
    for number in range(2):
        make_reference(number).save(tmp_path / f"r{number}.png")
    return tmp_path


def names(cells: list[Cell], judge: Scorer | None) -> set[str]:
    return {metric.name for metric in scores_for(cells, Judges(judge))}


def cells(folder: Path, **axes: Any) -> list[Cell]:
    return expand({"product_image": "p.png", **axes}, folder=folder)


def test_style_needs_a_reference_and_a_rank_needs_two(folder: Path) -> None:
    none = names(cells(folder, seed=1), None)
    one = names(cells(folder, ref_image="r0.png"), None)
    two = names(cells(folder, ref_image=["r0.png", "r1.png"]), None)
    assert none & STYLE == set() and "outline_growth" in none
    assert one - none == STYLE
    assert two - one == {"reference_rank"}
    some = names(cells(folder, ref_image=["r0.png", None]), None)
    assert some == one  # they are missing in the cells without a reference


def test_prompt_scores_need_a_scorer_and_a_prompt(folder: Path) -> None:
    said = cells(folder, prompt="on marble", ref_image="r0.png")
    assert names(said, scorer()) - names(said, None) == PROMPT | {"clip_style"}
    assert not names(cells(folder, ref_image="r0.png"), scorer()) & PROMPT


def test_other_eyes_score_styles_where_they_were_asked_for(folder: Path) -> None:
    eyes = ImageEmbedder("eyes", torch.nn.Identity(), torch.as_tensor, 8, torch.device("cpu"))
    judged = scores_for(cells(folder, ref_image="r0.png"), Judges(dino=eyes, csd=eyes))
    assert {"dino_style", "csd_style"} <= {metric.name for metric in judged}
    plain = scores_for(cells(folder, seed=1), Judges(dino=eyes, csd=eyes))
    assert not {"dino_style", "csd_style"} & {metric.name for metric in plain}


def test_diversity_needs_two_seeds(folder: Path) -> None:
    assert scores_of_groups(cells(folder, seed=[1], style_fidelity=[0, 1])) == []
    assert [m.name for m in scores_of_groups(cells(folder, seed=[1, 2]))] == ["diversity"]


def test_the_suites_own_encoder_as_scorer_is_warned_of(tiny_suite: Suite) -> None:
    own = next(
        weight
        for name, weight in tiny_suite.image_encoder.named_parameters()
        if name.endswith("patch_embedding.weight")
    ).detach()
    (warning,) = warnings_about(scorer("a/b", own.half()), tiny_suite.image_encoder)
    assert "own image encoder" in warning and "a/b" in warning
    assert warnings_about(scorer("a/b", own + 0.1), tiny_suite.image_encoder) == []
    assert warnings_about(scorer("a/b", own[:1]), tiny_suite.image_encoder) == []
    assert warnings_about(scorer("a/b"), tiny_suite.image_encoder) == []  # another architecture


def test_the_mini_scorer_says_that_it_is_small(tiny_suite: Suite) -> None:
    (note,) = warnings_about(replace(scorer(), name="mini"), tiny_suite.image_encoder)
    assert "mini scorer" in note
