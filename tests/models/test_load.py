"""Suites from folders, from the hub's absence, with LoRA, and at random."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC, AutoencoderKL, AutoencoderTiny
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from remixlab.config import LoraConfig, SourceConfig
from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.models.attention import CrossRows, RowAttention, attach_processors, detach_processors
from remixlab.models.load import load_suite
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from remixlab.models.times import project_times
from remixlab.models.vae import decode_latents, encode_pixels
from tests.ldm_keys import old_clip_key
from tests.tiny_suite import CROSS_WIDTH, POOLED_WIDTH, tiny_config, tiny_unet, write_tiny_suite

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The network's own weights, without what an adapter added."""
    return {key: value for key, value in network.state_dict().items() if "_ip." not in key}


def denoised(suite: Suite, *, scale: float = 1.0, outline: bool = True) -> Tensor:
    """One call of ControlNet and UNet on fixed inputs, in the suite's dtype."""
    like: dict[str, Any] = {"device": suite.device, "dtype": suite.dtype}
    generator = torch.Generator().manual_seed(0)
    side = 4 * suite.latent_factor

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(**like)

    encoded = suite.image_encoder(
        noise(1, 3, suite.image_size, suite.image_size), output_hidden_states=True
    )
    seen = encoded.hidden_states[-2] if suite.reads_hidden_states else encoded.image_embeds
    rows = CrossRows.build(
        noise(1, 7, suite.unet.config.cross_attention_dim),
        [0, 0],
        references=suite.image_projection(seen),
        reference_index=[0, 0],
        scales=[0.0, scale],
    )
    read = torch.tensor([500.0]), noise(2, POOLED_WIDTH), noise(6)
    hint = suite.outline_embedding(noise(2, 3, side, side))
    latents, text = noise(2, suite.latent_channels, 4, 4), noise(2, 7, CROSS_WIDTH)
    down, mid = suite.controlnet(
        latents,
        500,
        text,
        hint,
        timestep_cond=project_times(suite.controlnet, *read)[0],
        cross_attention_kwargs={"rows": CrossRows(rows.texts, rows.text_index)},
        return_dict=False,
    )
    residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
    return suite.unet(
        latents,
        500,
        text,
        timestep_cond=project_times(suite.unet, *read)[0],
        cross_attention_kwargs={"rows": rows},
        **(residuals if outline else {}),
    ).sample


@pytest.mark.parametrize("vae", [AutoencoderKL, AutoencoderTiny, AutoencoderDC])
def test_folder_with_any_autoencoder(tmp_path: Path, vae: type[nn.Module]) -> None:
    config = write_tiny_suite(tmp_path / "suite", vae=vae.__name__)
    suite = load_suite(
        SuiteSpec.from_config(config),
        device="cpu",
        dtype=torch.float32,
        kernel=F.scaled_dot_product_attention,
    )
    assert type(suite.vae) is vae
    assert (suite.latent_factor, suite.latent_channels, suite.image_size) == (8, 4, 32)
    latents = encode_pixels(suite.vae, torch.zeros(1, 3, 32, 32))
    assert latents.shape == (1, 4, 4, 4)
    assert decode_latents(suite.vae, latents).shape == (1, 3, 32, 32)


def test_networks_are_ready_for_inference(tiny: Suite) -> None:
    suite = tiny
    networks = (suite.unet, suite.vae, suite.controlnet, *suite.text_encoders, suite.image_encoder)
    for network in (*networks, suite.outline_embedding, suite.image_projection):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())
    assert isinstance(suite.controlnet.controlnet_cond_embedding, nn.Identity)
    assert suite.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def test_the_branches_change_the_picture(tiny: Suite) -> None:
    full = denoised(tiny)
    assert full.shape == (2, 4, 4, 4)
    assert not torch.allclose(full, denoised(tiny, outline=False))
    other = denoised(tiny, scale=0.1)
    assert torch.allclose(full[0], other[0], atol=1e-5)  # its scale is 0 in both
    assert not torch.allclose(full[1], other[1], atol=1e-3)


def test_loading_is_repeatable_and_names_its_files(
    load_tiny: Callable[..., Suite], tiny: Suite, tiny_folder: Path
) -> None:
    assert torch.equal(denoised(tiny), denoised(load_tiny()))
    provenance = tiny.provenance
    assert provenance["unet"].startswith("tiny/unet sha256:")
    assert str(tiny_folder.parent) not in json.dumps(provenance)
    assert {"vae", "controlnet", "ip_adapter", "image_encoder"} <= provenance.keys()


def test_text_encoder_files_with_published_key_names(
    load_tiny: Callable[..., Suite], tiny: Suite, tiny_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "published")
    path = tmp_path / "published" / "text_encoder" / "model.safetensors"
    state = load_file(path)
    save_file({old_clip_key(key): value for key, value in state.items()}, path, {"format": "pt"})
    suite = load_tiny(base=SourceConfig(repo=str(tmp_path / "published")))
    ours, theirs = suite.text_encoders[0].state_dict(), tiny.text_encoders[0].state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())


def test_processors_come_off_again() -> None:
    unet = tiny_unet()
    before = {key: value.clone() for key, value in unet.state_dict().items()}
    processors = attach_processors(unet, F.scaled_dot_product_attention, references=True)
    assert set(unet.state_dict()) > set(before)
    assert all(isinstance(value, RowAttention) for value in processors.values())
    detach_processors(unet)
    after = unet.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_random_weights_give_finite_output(
    load_tiny: Callable[..., Suite], dtype: torch.dtype
) -> None:
    suite = load_tiny(weights="random", base=SourceConfig(repo="no/where"), dtype=dtype)
    out = denoised(suite)
    assert torch.isfinite(out).all() and out.std() > 0
    pixels = decode_latents(suite.vae, torch.randn(1, 4, 4, 4))
    assert torch.isfinite(pixels).all()
    ids = torch.tensor([suite.tokenizers[0]("a red bottle").input_ids])
    assert torch.isfinite(suite.text_encoders[1](ids).text_embeds).all()
    assert torch.equal(out, denoised(load_tiny(weights="random", dtype=dtype)))
    assert set(suite.provenance.values()) >= {"random:tiny/unet", "random:tiny/vae"}


@pytest.mark.parametrize("layout", ["peft", "kohya", "kohya_original_blocks"])
def test_lora_adds_exactly_scale_times_up_times_down(
    load_tiny: Callable[..., Suite], tiny: Suite, tmp_path: Path, layout: str
) -> None:
    width = tiny.unet.get_submodule(LAYER).in_features
    down, up = torch.randn(4, width), torch.randn(width, 4)
    flat = f"lora_unet_{LAYER.replace('.', '_')}"
    if layout == "kohya_original_blocks":
        flat = flat.replace("down_blocks_1_attentions_0", "input_blocks_4_1")
    state = {
        f"{flat}.lora_down.weight": down,
        f"{flat}.lora_up.weight": up,
        f"{flat}.alpha": torch.tensor(2.0),
    }
    if layout == "peft":
        state = {f"unet.{LAYER}.lora_A.weight": down, f"unet.{LAYER}.lora_B.weight": up / 2}
    save_file(state, tmp_path / "lora.safetensors")
    lora = LoraConfig(repo=str(tmp_path), file="lora.safetensors", scale=0.5)
    before, after = tiny.unet.state_dict(), load_tiny(lora=lora).unet.state_dict()
    assert before.keys() == after.keys()
    changed = {key for key, value in before.items() if not torch.equal(value, after[key])}
    assert changed == {f"{LAYER}.weight"}
    wanted = before[f"{LAYER}.weight"] + 0.5 * (2 / 4) * up @ down
    torch.testing.assert_close(after[f"{LAYER}.weight"], wanted)


def test_lora_for_another_network_is_refused(
    load_tiny: Callable[..., Suite], tmp_path: Path
) -> None:
    save_file({"transformer.to_q.weight": torch.zeros(2, 2)}, tmp_path / "lora.safetensors")
    with pytest.raises(InvalidConfig, match="lora of suite tiny"):
        load_tiny(lora=LoraConfig(file=str(tmp_path / "lora.safetensors")))


def test_hub_out_of_reach(
    load_tiny: Callable[..., Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights) as caught:
        load_tiny(
            vae=SourceConfig(repo="madebyollin/sdxl-vae-fp16-fix"),
            licence="openrail++",
            download_gb=13.0,
        )
    message = str(caught.value)
    for part in ("vae of suite tiny", "madebyollin/sdxl-vae-fp16-fix@main", "13 GB", "openrail++"):
        assert part in message
    assert "remixlab doctor" in message and "weights=random" in message


def test_hub_snapshot_in_the_cache(
    load_tiny: Callable[..., Suite],
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "models--someone--tiny"
    shutil.copytree(tiny_folder, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    suite = load_tiny(base=SourceConfig(repo="someone/tiny"))
    assert suite.provenance["unet"] == f"someone/tiny@{commit}/unet"


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder_2", "tokenizer", "scheduler"])
def test_missing_folders_are_named(
    load_tiny: Callable[..., Suite], tiny_folder: Path, tmp_path: Path, part: str
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "suite", ignore=shutil.ignore_patterns(part))
    with pytest.raises(MissingWeights, match=part):
        load_tiny(base=SourceConfig(repo=str(tmp_path / "suite")))


def test_weights_of_another_shape_or_with_holes_are_refused(
    load_tiny: Callable[..., Suite], tiny_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "suite" / "unet" / "diffusion_pytorch_model.safetensors"
    shutil.copytree(tiny_folder, tmp_path / "suite")
    state = load_file(path)
    for change in ({"conv_out.weight": torch.zeros(1, 2, 3, 3)}, {"conv_out.weight": None}):
        kept = {key: value for key, value in (state | change).items() if value is not None}
        save_file(kept, path, {"format": "pt"})
        with pytest.raises(InvalidConfig, match=r"conv_out\.weight"):
            load_tiny(base=SourceConfig(repo=str(tmp_path / "suite")))


def test_unknown_autoencoder_and_architecture_are_refused(
    load_tiny: Callable[..., Suite], tiny_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "suite")
    (tmp_path / "suite" / "vae" / "config.json").write_text('{"_class_name": "Pickle"}')
    with pytest.raises(InvalidConfig, match="AutoencoderKL"):
        load_tiny(base=SourceConfig(repo=str(tmp_path / "suite")))
    with pytest.raises(InvalidConfig, match="sdxl"):
        load_tiny(weights="random", architecture="nothing")


def test_changes_of_the_tiny_config_reach_the_spec(tiny_folder: Path) -> None:
    spec = SuiteSpec.from_config(tiny_config(tiny_folder, steps=9))
    assert spec.steps == 9 and spec.vae is None and spec.ip_adapter is not None
