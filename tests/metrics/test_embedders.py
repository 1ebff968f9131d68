"""Style embeddings of networks in the layouts in which their authors publish them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import timm
import torch
import torch.nn.functional as F
from open_clip.transformer import QuickGELU, VisionTransformer
from PIL import Image
from safetensors.torch import save_file
from timm.models import save_for_hf

from remixlab.environment import process_peak
from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.metrics.clip import Scorer
from remixlab.metrics.embedders import load_csd, load_dino
from remixlab.metrics.metric import Picture
from remixlab.metrics.style_cosine import CsdStyle, DinoStyle
from tests.metrics.conftest import noise, plain, stripes

Make = Callable[..., Picture]
PICTURES = [stripes((200, 40, 40), (40, 60, 200), 8), plain((30, 160, 80))]


def tower() -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(
        image_size=32, patch_size=8, width=128, layers=2, heads=2, mlp_ratio=4.0, output_dim=16,
        act_layer=QuickGELU,
    ).eval()  # fmt: skip


@pytest.fixture
def csd(tmp_path: Path) -> Path:
    """A small tower under the names of the published one."""
    state = tower().state_dict()
    style = state.pop("proj")
    named = {f"backbone.{k}": v for k, v in state.items()}
    path = tmp_path / "model.safetensors"
    save_file(named | {"last_layer_style": style, "last_layer_content": style.clone() + 1}, path)
    return path


@pytest.fixture
def dino(tmp_path: Path) -> Path:
    """A small transformer as timm puts it on the hub."""
    torch.manual_seed(1)
    model = timm.create_model("test_vit", num_classes=0)
    save_for_hf(model, tmp_path / "dino", model_args={"num_classes": 0}, safe_serialization=True)
    return tmp_path / "dino"


@torch.inference_mode()
def test_csd_is_the_tower_with_its_style_projection(csd: Path) -> None:
    embedder = load_csd(str(csd))
    assert embedder.side == 32
    transform = open_clip.image_transform(
        32, is_train=False, mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD
    )
    pixels = torch.stack([transform(picture) for picture in PICTURES])  # pyright: ignore[reportArgumentType]
    wanted = F.normalize(tower()(pixels), dim=-1)
    assert torch.allclose(embedder.images(PICTURES), wanted, atol=1e-5)


@torch.inference_mode()
def test_dino_is_the_model_without_its_classifier(dino: Path) -> None:
    embedder = load_dino(str(dino))
    seen = embedder.images(PICTURES)
    model = timm.create_model(f"local-dir:{dino}", pretrained=True, num_classes=0).eval()
    pixels = torch.stack([embedder.preprocess(picture) for picture in PICTURES])
    assert pixels.shape[-1] == embedder.side
    assert torch.allclose(seen, F.normalize(model(pixels), dim=-1), atol=1e-5)
    assert not torch.allclose(seen[0], seen[1], atol=1e-2)


@pytest.mark.parametrize("kind", ["csd", "dino"])
def test_a_background_like_its_reference_scores_higher(
    kind: str, csd: Path, dino: Path, picture: Make
) -> None:
    metric = CsdStyle(load_csd(str(csd))) if kind == "csd" else DinoStyle(load_dino(str(dino)))
    reference = stripes((200, 40, 40), (40, 60, 200), 16)
    own, other = picture(reference, reference), picture(noise(3), reference)
    like, unlike = metric.score([own, other])
    assert like > unlike and like == pytest.approx(metric.of(own), abs=1e-3)
    assert metric.name == f"{kind}_style"


def test_what_is_no_such_tower_is_refused(tmp_path: Path, csd: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InvalidConfig, match="last_layer_style"):
        load_csd(str(tmp_path / "other.safetensors"))
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with pytest.raises(InvalidConfig, match="a safetensors file"):
        load_csd(str(tmp_path / "broken.safetensors"))


def test_weights_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeights, match="csd"):
        load_csd("nobody/nothing")
    with pytest.raises(MissingWeights, match="csd"):
        load_csd(str(tmp_path / "nothing.safetensors"))
    with pytest.raises(MissingWeights, match="dino"):
        load_dino("vit_small_patch14_dinov2.lvd142m")
    with pytest.raises(InvalidConfig, match="a model of timm's"):
        load_dino("no_such_model_at_all")


@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000)])
def test_a_line_of_pixels_is_judged_by_its_middle(csd: Path, size: tuple[int, int]) -> None:
    """Brought to 32 pixels on its shorter side, all of it would be 1.9 million pixels long."""
    line = Image.new("RGB", size, (200, 40, 40))
    for embedder in (load_csd(str(csd)), Scorer.load("mini")):
        before = process_peak()
        square = Image.new("RGB", (64, 64), (200, 40, 40))
        assert torch.allclose(*embedder.images([line, square]), atol=1e-5)
        assert process_peak() - before < 2**26
