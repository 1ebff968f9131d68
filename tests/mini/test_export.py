from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTokenizer

from remixlab import images
from remixlab.config import compose_config
from remixlab.denoise.conditioning import Conditions, Dials, encode_texts, micro_conditioning
from remixlab.denoise.loop import Constants, NetworkCall
from remixlab.mini import architecture
from remixlab.mini.denoiser import MiniNetworks
from remixlab.mini.export import export_suite, load_autoencoder
from remixlab.mini.published import starting_state
from remixlab.models.attention import CrossRows
from remixlab.models.load import load_suite
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from remixlab.models.vae import decode_latents, encode_pixels
from remixlab.reference import encode_references, normalise
from tests.conftest import make_reference

PROMPT, SIDE = "a red bottle on wood", 64


class Exported(NamedTuple):
    """What was trained, and what is loaded from what was written."""

    networks: MiniNetworks
    vae: AutoencoderDC
    suite: Suite
    folder: Path


def write_checkpoint(model: nn.Module, path: Path) -> None:
    """As a trainer's, as far as the export reads it."""
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"average": state}, path)


@pytest.fixture(scope="module")
def exported(tokenizer: CLIPTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("export")
    torch.manual_seed(3)
    networks, vae = MiniNetworks().eval(), AutoencoderDC(**architecture.VAE).eval()
    for parameter in networks.controlnet.parameters():
        if not parameter.any():  # a new ControlNet does nothing
            nn.init.normal_(parameter, std=0.02)
    write_checkpoint(networks, folder / "denoiser.pt")
    write_checkpoint(vae, folder / "autoencoder.pt")
    loaded = load_autoencoder(folder / "autoencoder.pt")
    loaded.register_to_config(scaling_factor=0.7)
    export_suite(loaded, folder / "denoiser.pt", tokenizer, folder / "weights")
    config = compose_config(["model=mini", f"model.architecture={folder / 'weights'}"])
    suite = load_suite(
        SuiteSpec.from_config(config.model),
        device="cpu",
        dtype=torch.float32,
        kernel=F.scaled_dot_product_attention,
    )
    return Exported(networks, vae, suite, folder / "weights")


def picture() -> Image.Image:
    return make_reference(1).resize((architecture.IMAGE_SIZE, architecture.IMAGE_SIZE))


def outline() -> Tensor:
    lines = torch.zeros(1, 3, SIDE, SIDE)
    lines[..., 16:48, 16:18] = 1
    return lines


def trained_output(networks: MiniNetworks, ids: Tensor, noisy: Tensor, time: Tensor) -> Tensor:
    """As in training, with every branch."""
    texts, pooled = networks.encode_text(ids)
    tokens = networks.encode_reference(normalise(images.to_tensor(picture())))
    rows = CrossRows.build(texts, [0], references=tokens, reference_index=[0], scales=[1.0])
    inputs = {
        "encoder_hidden_states": texts,
        "added_cond_kwargs": {
            "text_embeds": pooled,
            "time_ids": micro_conditioning(SIDE, SIDE)[None],
        },
    }
    down, middle = networks.controlnet(
        noisy, time, controlnet_cond=outline(), return_dict=False, **inputs
    )
    return networks.unet(
        noisy,
        time,
        cross_attention_kwargs={"rows": rows},
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
        **inputs,
    ).sample


def loaded_output(suite: Suite, noisy: Tensor, time: Tensor, dials: Dials) -> Tensor:
    """As in a remix."""
    texts, pooled = encode_texts(suite, [PROMPT])
    conditions = Conditions(
        texts=texts,
        pooled=pooled,
        prompts=[0],
        negatives=[0],
        references=encode_references(suite, [picture()], "resize"),
        reference=[1],
        outlines=suite.outline_embedding(outline()),
        outline=[0],
        time_ids=micro_conditioning(SIDE, SIDE),
        dials=[dials],
        noise=[0],
    )
    constants = Constants.project(suite, conditions, time[None])
    return NetworkCall.plan(suite, conditions, [0], constants).predict(suite, noisy, 0, time)


@torch.inference_mode()
def test_loaded_suite_computes_what_was_trained(
    exported: Exported, tokenizer: CLIPTokenizer
) -> None:
    shape = 1, architecture.LATENT_CHANNELS, SIDE // 16, SIDE // 16
    noisy = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    time = torch.tensor(500)
    ids = tokenizer([PROMPT], padding="max_length", truncation=True, return_tensors="pt").input_ids
    wanted = trained_output(exported.networks, ids, noisy, time)
    found = loaded_output(exported.suite, noisy, time, Dials(1.0, 1.0, 1.0))
    size = wanted.abs().max()
    assert (found - wanted).abs().max() < 5e-3 * size
    for dials in (Dials(1.0, 0.0, 1.0), Dials(1.0, 1.0, 0.0)):
        other = loaded_output(exported.suite, noisy, time, dials)
        assert (other - wanted).abs().max() > 2e-2 * size, (
            "a branch that does nothing proves nothing"
        )


@torch.inference_mode()
def test_loaded_autoencoder_is_the_trained_one(exported: Exported) -> None:
    pixels = images.to_tensor(make_reference(2).resize((32, 32)))
    latents = exported.vae.encode(pixels, return_dict=False)[0]
    found = encode_pixels(exported.suite.vae, pixels)
    assert torch.allclose(found, 0.7 * latents, rtol=1e-2, atol=1e-2 * float(latents.abs().max()))
    decoded = exported.vae.decode(latents, return_dict=False)[0].clamp(-1, 1)
    assert torch.allclose(decode_latents(exported.suite.vae, 0.7 * latents), decoded, atol=2e-2)


def test_weights_are_small_half_precision_safetensors(exported: Exported) -> None:
    files = [path for path in exported.folder.rglob("*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    assert len(weights) == 7
    assert sum(path.stat().st_size for path in weights) <= 40e6
    rest = [path for path in files if path not in weights]
    assert {path.suffix for path in rest} <= {".json", ".txt"}


def test_suite_samples_on_the_schedule_it_was_trained_on(exported: Exported) -> None:
    scheduler = exported.suite.scheduler_factory()
    for key, value in architecture.SCHEDULER.items():
        assert scheduler.config[key] == value
    assert exported.suite.latent_factor == 16
    assert exported.suite.latent_channels == architecture.LATENT_CHANNELS


def test_training_goes_on_from_what_was_published(exported: Exported) -> None:
    wanted = exported.networks.state_dict()
    state = starting_state(exported.folder, exported.networks.unet)
    assert state.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.allclose(state[name].float(), value.float(), atol=2e-3), name
