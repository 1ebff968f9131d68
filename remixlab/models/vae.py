"""Pixels to latents and back, the same for every autoencoder that diffusers has."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderDC, AutoencoderKL, AutoencoderTiny
from torch import Tensor, nn

Autoencoder = AutoencoderKL | AutoencoderTiny | AutoencoderDC


def encode_pixels(vae: Autoencoder, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in -1..1 -> scaled float32 latents (B, C, H/f, W/f): the mean, not a sample."""
    encoded = vae.encode(pixels.to(vae.dtype), return_dict=False)[0]
    latents = encoded if isinstance(encoded, Tensor) else encoded.mode()
    return latents.float() * vae.config["scaling_factor"]


def decode_latents(vae: Autoencoder, latents: Tensor) -> Tensor:
    """Scaled latents (B, C, h, w) -> float32 pixels (B, 3, H, W) in -1..1.

    Half precision can overflow in a VAE; that shows as NaN or infinity, and then this decode is
    done again in float32.
    """
    latents = latents / vae.config["scaling_factor"]
    dtype = vae.dtype
    pixels = _decode(vae, latents)
    if dtype != torch.float32 and not bool(torch.isfinite(pixels).all()):
        vae.float()
        pixels = _decode(vae, latents)
        nn.Module.to(vae, dtype)  # the class's own `to` has lost its annotations
    return pixels.float().clamp(-1, 1)


def _decode(vae: Any, latents: Tensor) -> Tensor:
    latents = latents.to(vae.dtype, memory_format=torch.channels_last)
    return vae.decode(latents, return_dict=False)[0]
