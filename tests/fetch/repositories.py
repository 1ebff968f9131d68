"""The repositories of the full-size suites: their ids, folders and file names, tiny weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from transformers import CLIPVisionModelWithProjection

from tests.tiny_suite import (
    ADAPTER_FILE,
    adapter_state,
    tiny_controlnet,
    tiny_image_encoder,
    tiny_unet,
)

DECOY = b"nobody needs this"
LORA_LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONTROLNETS = (
    "xinsir/controlnet-canny-sdxl-1.0",
    "diffusers/controlnet-canny-sdxl-1.0",
    "alimama-creative/EcomXL_controlnet_softedge",
    "alimama-creative/EcomXL_controlnet_inpaint",
)


def tiny_repositories(suite: Path, scratch: Path) -> dict[str, dict[str, bytes]]:
    """Repository id -> path -> content, made of the tiny suite in `suite`."""
    base = _base(suite)
    repos = {
        "stabilityai/stable-diffusion-xl-base-1.0": base,
        "SG161222/RealVisXL_V5.0_Lightning": base,
        "madebyollin/sdxl-vae-fp16-fix": _folder(suite / "vae")
        | {"diffusion_pytorch_model.bin": DECOY},
        "h94/IP-Adapter": _adapters(suite, scratch),
        "latent-consistency/lcm-lora-sdxl": {"pytorch_lora_weights.safetensors": _lora(1)},
        "ByteDance/SDXL-Lightning": _lightning(),
    }
    for number, repo in enumerate(CONTROLNETS):
        repos[repo] = _controlnet(number, scratch)
    return repos


def lightning_unet(steps: int) -> dict[str, torch.Tensor]:
    """The weights of `sdxl_lightning_{steps}step_unet.safetensors`."""
    return _seeded(steps, tiny_unet).state_dict()


def lora_change(seed: int) -> torch.Tensor:
    """What the LoRA of this seed adds to the weight of LORA_LAYER."""
    down, up = _lora_matrices(seed)
    return up @ down


def _base(suite: Path) -> dict[str, bytes]:
    files = {}
    for folder in ("tokenizer", "tokenizer_2", "scheduler", "unet", "text_encoder"):
        files |= _folder(suite / folder, f"{folder}/")
    files |= _folder(suite / "text_encoder_2", "text_encoder_2/")
    named = {path.replace(".safetensors", ".fp16.safetensors"): c for path, c in files.items()}
    decoys = {path: DECOY for path in files if path.endswith(".safetensors")}
    return named | decoys | {"sd_xl_base_1.0.safetensors": DECOY, "README.md": b"# SDXL"}


def _adapters(suite: Path, scratch: Path) -> dict[str, bytes]:
    large = _seeded(3, lambda: tiny_image_encoder(96, 56))
    large.save_pretrained(scratch / "large")
    small = CLIPVisionModelWithProjection.from_pretrained(suite / "ip_adapter/image_encoder")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        plain, largest = (
            adapter_state(tiny_unet(), encoder, "plain") for encoder in (small, large)
        )
    return {
        **_folder(suite / "ip_adapter/image_encoder", "models/image_encoder/"),
        **_folder(scratch / "large", "sdxl_models/image_encoder/"),
        "models/image_encoder/pytorch_model.bin": DECOY,
        "sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors": (
            suite / "ip_adapter" / ADAPTER_FILE
        ).read_bytes(),
        "sdxl_models/ip-adapter_sdxl_vit-h.safetensors": save(plain),
        "sdxl_models/ip-adapter_sdxl.safetensors": save(largest),
    }


def _lightning() -> dict[str, bytes]:
    files = {}
    for steps in (2, 4, 8):
        files[f"sdxl_lightning_{steps}step_unet.safetensors"] = save(lightning_unet(steps))
        files[f"sdxl_lightning_{steps}step_lora.safetensors"] = _lora(steps)
    return files | {"sdxl_lightning_4step.safetensors": DECOY}


def _lora(seed: int) -> bytes:
    down, up = _lora_matrices(seed)
    flat = f"lora_unet_{LORA_LAYER.replace('.', '_')}"
    pair = {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
    return save({**pair, f"{flat}.alpha": torch.tensor(float(len(down)))})


def _lora_matrices(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    width = tiny_unet().get_submodule(LORA_LAYER).in_features
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, width, generator=generator), torch.randn(width, 4, generator=generator)


def _controlnet(number: int, scratch: Path) -> dict[str, bytes]:
    folder = scratch / f"controlnet{number}"
    _seeded(100 + number, tiny_controlnet).save_pretrained(folder)
    files = _folder(folder)
    if CONTROLNETS[number].startswith("diffusers/"):
        weights = files["diffusion_pytorch_model.safetensors"]
        files |= {"diffusion_pytorch_model.fp16.safetensors": weights}
        files["diffusion_pytorch_model.safetensors"] = DECOY
    return files


def _folder(folder: Path, prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}


def _seeded(seed: int, make: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
