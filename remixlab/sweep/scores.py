"""Which scores a sweep has, and what a reader has to know about them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from remixlab import images
from remixlab.metrics.clip import Scorer
from remixlab.metrics.clip_style import ClipStyle
from remixlab.metrics.leakage import Leakage
from remixlab.metrics.metric import Metric
from remixlab.metrics.outline import BandEnergy, Growth, Loss
from remixlab.metrics.product import ProductDifference, ProductPSNR, ProductSSIM
from remixlab.metrics.prompt import PromptScore, WholePromptScore
from remixlab.metrics.richness import ColourEntropy, EdgeDensity
from remixlab.metrics.style import LabDistance, LabWasserstein, ReferenceRank, TextureDistance
from remixlab.models.suite import Suite
from remixlab.sweep.grid import Cell

_MINI = "Scored by the mini scorer, a small CLIP that knows the mini suite's synthetic world only."


def scores_for(cells: Sequence[Cell], scorer: Scorer | None) -> list[Metric]:
    """The scores that these cells can have: those of style need a reference in every cell."""
    found: list[Metric] = [
        BandEnergy(), Growth(), Loss(), EdgeDensity(), ColourEntropy(), ProductDifference(),
        ProductPSNR(), ProductSSIM(),
    ]  # fmt: skip
    references = {
        images.sha256(cell.request.reference): cell.request.reference
        for cell in cells
        if cell.request.reference
    }
    if references and all(cell.request.reference for cell in cells):
        found += [LabDistance(), LabWasserstein(), TextureDistance(), Leakage()]
        if len(references) > 1:
            found.append(ReferenceRank(list(references.values())))
        if scorer:
            found.append(ClipStyle(scorer))
    if scorer and any(cell.request.prompt for cell in cells):
        found += [PromptScore(scorer), WholePromptScore(scorer)]
    return found


def warnings_about(scorer: Scorer | None, suite: Suite) -> list[str]:
    """What has to stand beside the scores of this scorer for this suite."""
    if scorer is None:
        return ["No scorer: only scores that need no weights."]
    notes = [_MINI] if scorer.name == "mini" else []
    if _same_weights(scorer, suite):
        notes.append(
            f"The scorer {scorer.name} has the weights of the suite's own image encoder: what it "
            "scores is what the suite was steered by, so its style scores say little."
        )
    return notes


def _same_weights(scorer: Scorer, suite: Suite) -> bool:
    """Whether both look at pictures through the same first layer, whatever they are called."""
    patches = getattr(getattr(scorer.model.visual, "conv1", None), "weight", None)
    own = next(
        weight
        for name, weight in suite.image_encoder.named_parameters()
        if name.endswith("patch_embedding.weight")
    )
    if patches is None or patches.shape != own.shape:
        return False
    return torch.allclose(patches.float().cpu(), own.float().cpu(), atol=1e-3)
