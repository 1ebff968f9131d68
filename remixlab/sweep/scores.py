"""Which scores a sweep has, and what a reader has to know about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from remixlab import images
from remixlab.metrics.clip import Scorer
from remixlab.metrics.diversity import SeedDiversity
from remixlab.metrics.embedders import ImageEmbedder, load_csd, load_dino
from remixlab.metrics.leakage import Leakage
from remixlab.metrics.metric import Metric
from remixlab.metrics.outline import BandEnergy, Growth, Loss, NearGrowth
from remixlab.metrics.product import ProductDifference, ProductPSNR, ProductSSIM
from remixlab.metrics.prompt import PromptScore, WholePromptScore
from remixlab.metrics.richness import ColourEntropy, EdgeDensity
from remixlab.metrics.style import LabDistance, LabWasserstein, ReferenceRank, TextureDistance
from remixlab.metrics.style_cosine import ClipStyle, CsdStyle, DinoStyle
from remixlab.runtime import resolve_device
from remixlab.sweep.config import FidelityConfig
from remixlab.sweep.grid import Cell

_MINI = "Scored by the mini scorer, a small CLIP that knows the mini suite's synthetic world only."


@dataclass(frozen=True)
class Judges:
    """The networks that score, each None where it was not asked for."""

    scorer: Scorer | None = None
    dino: ImageEmbedder | None = None
    csd: ImageEmbedder | None = None

    @classmethod
    def load(cls, config: FidelityConfig) -> Judges:
        """Those of the settings; none for random weights, whose pictures mean nothing.

        Raises:
            InvalidConfig, MissingWeights: see `Scorer.load`, `load_dino` and `load_csd`.
        """
        if config.model.weights == "random":
            return cls()
        device = resolve_device(config.runtime.device)
        return cls(
            Scorer.load(config.scorer, device) if config.scorer else None,
            load_dino(config.dino, device) if config.dino else None,
            load_csd(config.csd, device) if config.csd else None,
        )

    def of_style(self) -> Iterator[Metric]:
        """The scores that compare a background with its reference."""
        if self.scorer:
            yield ClipStyle(self.scorer)
        if self.dino:
            yield DinoStyle(self.dino)
        if self.csd:
            yield CsdStyle(self.csd)


def scores_for(cells: Sequence[Cell], judges: Judges) -> list[Metric]:
    """The scores that any of these cells can have; where one does not apply it is missing."""
    found: list[Metric] = [
        BandEnergy(), Growth(), NearGrowth(), Loss(), EdgeDensity(), ColourEntropy(),
        ProductDifference(), ProductPSNR(), ProductSSIM(),
    ]  # fmt: skip
    references = {
        images.sha256(cell.request.reference): cell.request.reference
        for cell in cells
        if cell.request.reference
    }
    if references:
        found += [LabDistance(), LabWasserstein(), TextureDistance(), Leakage()]
        if len(references) > 1:
            found.append(ReferenceRank(list(references.values())))
        found += judges.of_style()
    if judges.scorer and any(cell.request.prompt for cell in cells):
        found += [PromptScore(judges.scorer), WholePromptScore(judges.scorer)]
    return found


def scores_of_groups(cells: Sequence[Cell]) -> list[SeedDiversity]:
    """The scores that compare the cells of several seeds, where there are several."""
    return [SeedDiversity()] if len({cell.values.get("seed") for cell in cells}) > 1 else []


def warnings_about(scorer: Scorer | None, image_encoder: nn.Module | None) -> list[str]:
    """What has to stand beside the scores of this scorer for a suite with this image encoder."""
    if scorer is None:
        return ["No scorer: only scores that need no weights."]
    notes = [_MINI] if scorer.name == "mini" else []
    if image_encoder is None:
        notes.append(
            "The suite's weights were not to be had when this was scored: whether the scorer "
            f"{scorer.name} has those of its image encoder was not looked at."
        )
    elif _same_weights(scorer, image_encoder):
        notes.append(
            f"The scorer {scorer.name} has the weights of the suite's own image encoder: what it "
            "scores is what the suite was steered by, so its style scores say little."
        )
    return notes


def _same_weights(scorer: Scorer, image_encoder: nn.Module) -> bool:
    """Whether both look at pictures through the same first layer, whatever they are called."""
    patches = getattr(getattr(scorer.model.visual, "conv1", None), "weight", None)
    own = next(
        weight
        for name, weight in image_encoder.named_parameters()
        if name.endswith("patch_embedding.weight")
    )
    if patches is None or patches.shape != own.shape:
        return False
    return torch.allclose(patches.float().cpu(), own.float().cpu(), atol=1e-3)
