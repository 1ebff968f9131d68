"""Other eyes than CLIP's for judging a style: DINOv2, and CSD, trained for style alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import timm
import torch
import torch.nn.functional as F
from huggingface_hub import hf_hub_download
from open_clip.transformer import QuickGELU, VisionTransformer
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data import create_transform, resolve_model_data_config
from torch import Tensor, nn

from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.images import middle

_BATCH = 32
_HEAD = 64  # channels a head, in every CLIP


@dataclass(frozen=True)
class ImageEmbedder:
    """A network that describes pictures; `side` is how large it sees them, in pixels."""

    name: str
    model: nn.Module
    preprocess: Callable[[Image.Image], Tensor]
    side: int
    device: torch.device

    @torch.inference_mode()
    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """RGB pictures -> (N, D) unit vectors on the CPU."""
        pixels = torch.stack([self.preprocess(middle(picture)) for picture in pictures])
        parts = [self.model(part.to(self.device)) for part in pixels.split(_BATCH)]
        return F.normalize(torch.cat(parts).float(), dim=-1).cpu()


def load_dino(name: str, device: torch.device | str = "cpu") -> ImageEmbedder:
    """A timm model without its classifier, such as DINOv2 (Oquab et al. 2023, arXiv:2304.07193).

    Args:
        name: a model of timm's, `vit_small_patch14_dinov2.lvd142m` for one, or a folder in the
            layout of the hub (config.json, model.safetensors).
        device: where it runs.

    Raises:
        InvalidConfig: timm knows no such model.
        MissingWeights: its weights are neither here nor to be downloaded.
    """
    path = Path(name)
    try:
        wanted = f"local-dir:{path}" if path.is_dir() else name
        model = timm.create_model(wanted, pretrained=True, num_classes=0)
    except (OSError, SafetensorError) as error:
        accepted = "weights that are here or can be downloaded"
        raise MissingWeights(field="dino", value=name, accepted=accepted) from error
    except (RuntimeError, ValueError, AssertionError) as error:
        accepted = "a model of timm's, such as vit_small_patch14_dinov2.lvd142m, or a folder"
        raise InvalidConfig(field="dino", value=name, accepted=accepted) from error
    settings = resolve_model_data_config(model)
    transform = create_transform(**settings, is_training=False)
    return _embedder(name, model, transform, settings["input_size"][-1], device)  # pyright: ignore[reportArgumentType]


def load_csd(name: str, device: torch.device | str = "cpu") -> ImageEmbedder:
    """Contrastive Style Descriptors (Somepalli et al. 2024, arXiv:2404.01292).

    A CLIP image tower whose last projection was trained on styles. Its size is read from the
    weights.

    Args:
        name: a safetensors file with the tower as `backbone.*` and the projection as
            `last_layer_style`, or a repository of the hub with such a `model.safetensors`.
        device: where it runs.

    Raises:
        InvalidConfig: the file is not such a tower.
        MissingWeights: it is neither here nor to be downloaded.
    """
    path = Path(name)
    try:
        file = path if path.exists() else Path(hf_hub_download(name, "model.safetensors"))
        weights = load_file(file)
    except SafetensorError as error:
        raise InvalidConfig(field="csd", value=name, accepted="a safetensors file") from error
    except (OSError, ValueError) as error:
        accepted = "a file that is here, or a repository that can be downloaded"
        raise MissingWeights(field="csd", value=name, accepted=accepted) from error
    try:
        tower = _style_tower(weights)
    except (KeyError, RuntimeError) as error:
        accepted = "a CLIP image tower as backbone.* and last_layer_style"
        raise InvalidConfig(field="csd", value=name, accepted=accepted) from error
    side: int = tower.image_size[0]  # pyright: ignore[reportIndexIssue]
    transform = open_clip.image_transform(
        side,
        is_train=False,
        mean=open_clip.OPENAI_DATASET_MEAN,
        std=open_clip.OPENAI_DATASET_STD,
    )
    return _embedder(name, tower, transform, side, device)  # pyright: ignore[reportArgumentType]


def _embedder(
    name: str,
    model: nn.Module,
    preprocess: Callable[[Image.Image], Tensor],
    side: int,
    device: torch.device | str,
) -> ImageEmbedder:
    frozen = model.to(device).eval().requires_grad_(False)
    return ImageEmbedder(name, frozen, preprocess, side, torch.device(device))


def _style_tower(weights: Mapping[str, Tensor]) -> VisionTransformer:
    """OpenAI's CLIP tower, as large as its weights; its projection is that of the style."""
    prefix = "backbone."
    state = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    state["proj"] = weights["last_layer_style"]
    width, _, patch, _ = state["conv1.weight"].shape
    patches = len(state["positional_embedding"]) - 1
    tower = VisionTransformer(
        image_size=round(patches**0.5) * patch,
        patch_size=patch,
        width=width,
        layers=sum(name.endswith("ln_1.weight") for name in state),
        heads=max(1, width // _HEAD),
        mlp_ratio=4.0,
        output_dim=state["proj"].shape[1],
        act_layer=QuickGELU,
    )
    tower.load_state_dict(state)
    return tower
