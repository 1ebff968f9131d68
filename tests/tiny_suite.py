"""A tiny random suite on disk, in the very layout of a shipped one, for tests of anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    UNet2DConditionModel,
)
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from remixlab.config import SchedulerConfig, SourceConfig, SuiteConfig
from remixlab.mini.tokenizer import learn_tokenizer

CROSS_WIDTH, POOLED_WIDTH = 48, 24
ADAPTER_FILE = "ip-adapter-plus_mini.safetensors"
SHAPE: dict[str, Any] = {
    "in_channels": 4,
    "block_out_channels": (16, 32, 32),
    "layers_per_block": 2,
    "norm_num_groups": 8,
    "attention_head_dim": (1, 2, 2),
    "cross_attention_dim": CROSS_WIDTH,
    "transformer_layers_per_block": (1, 1, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + POOLED_WIDTH,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
}
SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "skip_prk_steps": True,
}


def tiny_unet() -> UNet2DConditionModel:
    """SDXL's wiring: attention on the two lower levels, text_time conditioning."""
    return UNet2DConditionModel(
        sample_size=8,
        out_channels=4,
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        **SHAPE,
    )


def tiny_controlnet() -> ControlNetModel:
    """A ControlNet that does something, and what it does depends on what it is shown.

    Its zero convolutions are not zero, and its outline embedding keeps a line's strength, which
    the library's initial weights shrink to what no 8-bit picture shows.
    """
    network = ControlNetModel(conditioning_embedding_out_channels=(4, 8, 8, 16), **SHAPE)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)
    for parameter in network.controlnet_cond_embedding.parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter)
    return network


def tiny_vae(kind: str) -> nn.Module:
    """An autoencoder of class `kind`: 8 pixels a latent, 4 channels."""
    if kind == "AutoencoderKL":
        return AutoencoderKL(
            block_out_channels=(8, 16, 16, 16),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
            scaling_factor=0.13025,
        )
    if kind == "AutoencoderTiny":
        return AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            scaling_factor=1.0,
        )
    return AutoencoderDC(
        latent_channels=4,
        encoder_block_out_channels=(8, 8, 16, 16),
        decoder_block_out_channels=(8, 8, 16, 16),
        encoder_layers_per_block=(0, 1, 1, 1),
        decoder_layers_per_block=(0, 1, 1, 1),
        encoder_qkv_multiscales=((), (), (), ()),
        decoder_qkv_multiscales=((), (), (), ()),
        scaling_factor=0.7,
    )


def tiny_text_encoder(vocabulary: int, *, second: bool) -> nn.Module:
    """The first (16 wide) or second (32 wide, projecting) text encoder."""
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32 if second else 16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        projection_dim=POOLED_WIDTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return CLIPTextModelWithProjection(config) if second else CLIPTextModel(config)


def tiny_image_encoder(width: int = 64, projection: int = 40) -> CLIPVisionModelWithProjection:
    """32 x 32 pixels in, 17 tokens of that width, an embedding of `projection`."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=projection,
        )
    )


def adapter_state(
    unet: UNet2DConditionModel, image_encoder: CLIPVisionModelWithProjection, kind: str
) -> dict[str, Tensor]:
    """Random IP-Adapter weights (`plain` or `plus`) under the keys that h94 publishes."""
    width = image_encoder.config.hidden_size
    if kind == "plain":
        state = {
            "proj.weight": torch.randn(4 * CROSS_WIDTH, image_encoder.config.projection_dim) / 6,
            "proj.bias": torch.randn(4 * CROSS_WIDTH) / 10,
            "norm.weight": torch.ones(CROSS_WIDTH),
            "norm.bias": torch.zeros(CROSS_WIDTH),
        }
    else:
        resampler = IPAdapterPlusImageProjection(
            embed_dims=width, output_dims=CROSS_WIDTH, hidden_dims=64, heads=1, num_queries=16
        )
        state = published_resampler(resampler)
    tensors = {f"image_proj.{key}": value for key, value in state.items()}
    for index, name in enumerate(unet.attn_processors):
        layer = unet.get_submodule(name.removesuffix(".processor"))
        if ".attn2." in name:
            for key in ("to_k_ip", "to_v_ip"):
                value = torch.randn_like(layer.to_k.weight) / CROSS_WIDTH**0.5
                tensors[f"ip_adapter.{index}.{key}.weight"] = value
    return {key: value.detach().contiguous() for key, value in tensors.items()}


def published_resampler(module: IPAdapterPlusImageProjection) -> dict[str, Tensor]:
    """Diffusers' names of an IP-Adapter Plus projection, turned into the published ones."""
    names = {
        ".ln0.": ".0.norm1.",
        ".ln1.": ".0.norm2.",
        ".attn.to_q.": ".0.to_q.",
        ".attn.to_out.0.": ".0.to_out.",
        ".ff.0.": ".1.0.",
        ".ff.1.net.0.proj.": ".1.1.",
        ".ff.1.net.2.": ".1.3.",
    }
    state: dict[str, Tensor] = {}
    for key, value in module.state_dict().items():
        if ".attn.to_k." in key:
            both = (value, module.state_dict()[key.replace("to_k", "to_v")])
            state[key.replace(".attn.to_k.", ".0.to_kv.")] = torch.cat(both)
        elif ".attn.to_v." not in key:
            for ours, theirs in names.items():
                key = key.replace(ours, theirs)
            state[key] = value
    return state


def write_tiny_suite(
    folder: Path, *, vae: str = "AutoencoderKL", adapter: str = "plus", seed: int = 0
) -> SuiteConfig:
    """Write a suite in the mini suite's layout; returns a config that reads it from `folder`.

    Args:
        folder: where to; made if need be.
        vae: `AutoencoderKL`, `AutoencoderTiny` or `AutoencoderDC`.
        adapter: `plus` or `plain`.
        seed: of the random weights.
    """
    tokenizer = learn_tokenizer(["a red bottle on an oak table", "a blue jar on white marble"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet, image_encoder = tiny_unet(), tiny_image_encoder()
        networks: dict[str, Any] = {
            "unet": unet,
            "vae": tiny_vae(vae),
            "controlnet": tiny_controlnet(),
            "text_encoder": tiny_text_encoder(len(tokenizer), second=False),
            "text_encoder_2": tiny_text_encoder(len(tokenizer), second=True),
            "ip_adapter/image_encoder": image_encoder,
        }
        for name, network in networks.items():
            network.save_pretrained(folder / name, safe_serialization=True)
        save_file(adapter_state(unet, image_encoder, adapter), folder / "ip_adapter" / ADAPTER_FILE)
    for name in ("tokenizer", "tokenizer_2"):
        tokenizer.save_pretrained(folder / name)
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "model_index.json").write_text(json.dumps(_index(networks["vae"])))
    return tiny_config(folder)


def tiny_config(folder: Path, **changes: Any) -> SuiteConfig:
    """The config of a suite that `write_tiny_suite` wrote; `changes` replace its fields."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "architecture": str(folder),
        "base": SourceConfig(repo=str(folder)),
        "ip_adapter": SourceConfig(subfolder="ip_adapter", file=ADAPTER_FILE),
        "native_area": 128 * 128,
        "size_multiple": 32,
        "steps": 3,
        "scheduler": SchedulerConfig(name="euler"),
        "licence": "none",
        "commercial_use": True,
    }
    return SuiteConfig(**(settings | changes))


def _index(vae: nn.Module) -> dict[str, Any]:
    return {
        "_class_name": "StableDiffusionXLPipeline",
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", type(vae).__name__],
    }
