"""A CLIP that scores: images and texts to unit vectors, with any weights that open_clip loads.

The mini suite's own scorer, small and offline, is the default. It was trained on other pictures
than the mini suite and knows its synthetic world only; a report made with it has to say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.images import middle

MINI = Path(__file__).parents[1] / "mini" / "weights" / "scorer"
_BATCH = 32


@dataclass(frozen=True)
class Scorer:
    """Image and text towers with their preprocessing; `name` is how they were asked for."""

    name: str
    model: Any
    preprocess: Any
    tokenizer: Any
    device: torch.device

    @classmethod
    def load(cls, name: str = "mini", device: torch.device | str = "cpu") -> Scorer:
        """Load a scorer.

        Args:
            name: "mini", a folder in open_clip's layout, `hf-hub:owner/name`, or open_clip's model
                and weights as `MODEL/TAG`, such as `ViT-L-14/datacomp_xl_s13b_b90k`.
            device: where it runs.

        Raises:
            InvalidConfig: no such model or tag.
            MissingWeights: the folder, or the download, is not there.
        """
        model, tag = _parse(name)
        try:
            network, _, preprocess = open_clip.create_model_and_transforms(model, pretrained=tag)
            tokenizer = open_clip.get_tokenizer(model)
        except FileNotFoundError as error:
            raise MissingWeights(
                field="scorer", value=name, accepted="weights that are here or can be downloaded"
            ) from error
        except (RuntimeError, ValueError) as error:
            accepted = '"mini", a folder, hf-hub:owner/name, or MODEL/TAG of open_clip'
            raise InvalidConfig(field="scorer", value=name, accepted=accepted) from error
        network = network.to(device).eval().requires_grad_(False)
        return cls(name, network, preprocess, tokenizer, torch.device(device))

    @property
    def side(self) -> int:
        """Pixels a side of the pictures that it sees."""
        size = self.model.visual.image_size
        return size[0] if isinstance(size, tuple) else size

    @torch.inference_mode()
    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """RGB pictures -> (N, D) unit vectors on the CPU."""
        pixels = torch.stack([self.preprocess(middle(picture)) for picture in pictures])
        parts = [self.model.encode_image(part.to(self.device)) for part in pixels.split(_BATCH)]
        return F.normalize(torch.cat(parts).float(), dim=-1).cpu()

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Texts -> (N, D) unit vectors on the CPU."""
        ids = self.tokenizer(list(texts))
        parts = [self.model.encode_text(part.to(self.device)) for part in ids.split(_BATCH)]
        return F.normalize(torch.cat(parts).float(), dim=-1).cpu()


def _parse(name: str) -> tuple[str, str | None]:
    """Our names -> open_clip's model and tag."""
    folder = MINI if name == "mini" else Path(name)
    if folder.is_dir() or name == "mini":
        return f"local-dir:{folder}", None
    if name.startswith("hf-hub:") or "/" not in name:
        return name, None
    model, tag = name.split("/", 1)
    return model, tag
