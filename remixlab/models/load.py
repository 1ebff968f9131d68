"""Loads a suite from wherever its config puts the parts, onto one device.

Pretrained and random weights differ in how the networks come about (`read.py`,
`random_weights.py`); what is done with them then is the same.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from remixlab.models.attention import AttentionKernel, attach_processors
from remixlab.models.ip_adapter import restrict_references
from remixlab.models.norms import relay_norms
from remixlab.models.parts import Parts
from remixlab.models.random_weights import random_parts
from remixlab.models.read import read_parts
from remixlab.models.schedulers import make_scheduler
from remixlab.models.spec import SuiteSpec
from remixlab.models.steering import expect_steering
from remixlab.models.suite import Suite
from remixlab.models.times import expect_times
from remixlab.models.upsampling import relay_upsampling


def load_suite(
    spec: SuiteSpec,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    kernel: AttentionKernel,
    channels_last: bool = True,
) -> Suite:
    """Load every part of a suite.

    A pretrained VAE that says `force_upcast` is kept in float32 where `dtype` is float16, in
    which it overflows (SDXL's own).

    Args:
        spec: the suite.
        device: where its networks go.
        dtype: of their weights.
        kernel: the attention of UNet and ControlNet.
        channels_last: memory format of UNet, ControlNet and VAE.

    Raises:
        MissingWeights: files are neither here nor on a hub that can be reached.
        InvalidConfig: files do not fit the suite or each other.
    """
    device = torch.device(device)
    if spec.weights == "random":
        parts = random_parts(spec, device, dtype)
    else:
        parts = read_parts(spec, device, dtype)
    projection = _add_references(spec, parts, kernel).to(device=device, dtype=dtype)
    attach_processors(parts.networks["controlnet"], kernel, references=False)
    outline_embedding = _take_outline_embedding(parts.networks["controlnet"])
    for part in ("unet", "controlnet"):
        expect_times(parts.networks[part])
    expect_steering(parts.networks["unet"])
    if channels_last:
        for part in ("unet", "controlnet", "vae"):
            parts.networks[part].to(memory_format=torch.channels_last)
            relay_norms(parts.networks[part])
        relay_upsampling(parts.networks["vae"])
        outline_embedding.to(memory_format=torch.channels_last)
    for network in (*parts.networks.values(), outline_embedding, projection):
        network.eval().requires_grad_(False)
    return _suite(spec, parts, outline_embedding, projection, device, dtype)


def _add_references(spec: SuiteSpec, parts: Parts, kernel: AttentionKernel) -> nn.Module:
    processors = attach_processors(parts.networks["unet"], kernel, references=True)
    projection = parts.add_references(parts.networks, processors)
    restrict_references(processors, spec.reference_mode)
    return projection


def _take_outline_embedding(controlnet: Any) -> nn.Module:
    """Out of the ControlNet, which would run it at every step of every row."""
    embedding = controlnet.controlnet_cond_embedding
    controlnet.controlnet_cond_embedding = nn.Identity()
    return embedding


def _suite(
    spec: SuiteSpec,
    parts: Parts,
    outline_embedding: nn.Module,
    projection: nn.Module,
    device: torch.device,
    dtype: torch.dtype,
) -> Suite:
    networks = parts.networks
    return Suite(
        spec=spec,
        tokenizers=parts.tokenizers,
        text_encoders=(networks["text_encoder"], networks["text_encoder_2"]),
        unet=networks["unet"],
        vae=networks["vae"],
        controlnet=networks["controlnet"],
        outline_embedding=outline_embedding,
        image_encoder=networks["image_encoder"],
        image_projection=projection,
        scheduler_factory=partial(make_scheduler, spec, parts.scheduler_config),
        device=device,
        dtype=dtype,
        origins=parts.origins,
    )
