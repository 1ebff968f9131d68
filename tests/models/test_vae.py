"""Every kind of autoencoder, and decoding that overflows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from remixlab.models.vae import decode_latents, encode_pixels
from tests.tiny_suite import tiny_vae


def make_vae(kind: str) -> Any:
    torch.manual_seed(0)
    return tiny_vae(kind).eval().requires_grad_(False)


@pytest.mark.parametrize("kind", ["AutoencoderKL", "AutoencoderTiny", "AutoencoderDC"])
def test_every_kind_encodes_and_decodes(kind: str) -> None:
    vae = make_vae(kind)
    pixels = torch.rand(2, 3, 32, 48) * 2 - 1
    latents = encode_pixels(vae, pixels)
    assert latents.shape == (2, 4, 4, 6) and latents.dtype == torch.float32
    assert torch.equal(latents, encode_pixels(vae, pixels))  # nothing is sampled
    decoded = decode_latents(vae, latents)
    assert decoded.shape == pixels.shape and decoded.dtype == torch.float32
    assert float(decoded.abs().max()) <= 1


def test_latents_are_scaled() -> None:
    vae = make_vae("AutoencoderDC")
    pixels = torch.rand(1, 3, 32, 32)
    plain = vae.encode(pixels).latent
    assert torch.allclose(encode_pixels(vae, pixels), 0.7 * plain)
    wanted = vae.decode(plain).sample.clamp(-1, 1)
    assert torch.allclose(decode_latents(vae, 0.7 * plain), wanted, atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_overflow_in_half_precision_is_decoded_again(
    monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    vae, latents = make_vae("AutoencoderKL"), torch.randn(1, 4, 4, 4)
    wanted = decode_latents(vae.half().float(), latents)  # its weights as half precision has them
    decode, tried = vae.decode, []

    def overflow(given: Tensor, **options: Any) -> tuple[Tensor]:
        tried.append((given.dtype, vae.dtype))
        if given.dtype == torch.float16:
            return (torch.full((1, 3, 32, 32), bad, dtype=torch.float16),)
        return decode(given, **options)

    vae.half()
    monkeypatch.setattr(vae, "decode", overflow)
    found = decode_latents(vae, latents)
    assert tried == [(torch.float16, torch.float16), (torch.float32, torch.float32)]
    assert vae.dtype == torch.float16
    assert torch.equal(found, wanted)


def test_half_precision_that_holds_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, tried = make_vae("AutoencoderKL").half(), []

    def fine(given: Tensor, **_: Any) -> tuple[Tensor]:
        tried.append(given.dtype)
        return (torch.zeros(1, 3, 32, 32, dtype=torch.float16),)

    monkeypatch.setattr(vae, "decode", fine)
    assert not decode_latents(vae, torch.randn(1, 4, 4, 4)).any()
    assert tried == [torch.float16]
