"""Pixels to latents and back, the same for every autoencoder that diffusers has."""

from __future__ import annotations

import torch
from diffusers import AutoencoderDC, AutoencoderKL, AutoencoderTiny
from torch import Tensor

Autoencoder = AutoencoderKL | AutoencoderTiny | AutoencoderDC


def encode_pixels(vae: Autoencoder, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in -1..1 -> scaled float32 latents (B, C, H/f, W/f); the mean, never a sample."""
    encoded = vae.encode(pixels.to(vae.dtype))
    if isinstance(vae, AutoencoderKL):
        latents = encoded.latent_dist.mode()
    elif isinstance(vae, AutoencoderTiny):
        latents = encoded.latents
    else:
        latents = encoded.latent
    return latents.float() * vae.config.scaling_factor


def decode_latents(vae: Autoencoder, latents: Tensor) -> Tensor:
    """Scaled latents (B, C, h, w) -> float32 pixels (B, 3, H, W) in -1..1.

    Half precision can overflow in a VAE; that shows as NaN or infinity, and then this decode is
    done again in float32.
    """
    latents = latents / vae.config.scaling_factor
    pixels = vae.decode(latents.to(vae.dtype)).sample
    if vae.dtype != torch.float32 and not bool(torch.isfinite(pixels).all()):
        dtype = vae.dtype
        pixels = vae.to(torch.float32).decode(latents.float()).sample
        vae.to(dtype)
    return pixels.float().clamp(-1, 1)
