from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderDC
from numpy.typing import NDArray
from safetensors.torch import load_file

from remixlab.mini import latents as module
from remixlab.mini.architecture import IMAGE_SIZE, LATENT_CHANNELS
from remixlab.mini.dataset import read_shard
from remixlab.mini.latents import STRONGEST, Examples, encode_shards
from remixlab.product.mask import Product
from remixlab.product.outline import draw_outline
from tests.mini.conftest import CPU, SCENES


def unpack(bits: torch.Tensor, width: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits.numpy(), axis=-1)[..., :width].astype(bool)


def test_latents_are_those_of_the_pictures(
    shards: list[Path], encoded: list[Path], autoencoder: AutoencoderDC
) -> None:
    for path, latents in zip(shards, encoded, strict=True):
        pictures = read_shard(path).images / 127.5 - 1
        wanted = autoencoder.encode(pictures, return_dict=False)[0]
        found = load_file(latents)["latents"]
        assert found.dtype == torch.float16
        assert found.shape == (
            SCENES,
            LATENT_CHANNELS,
            pictures.shape[2] // 16,
            pictures.shape[3] // 16,
        )
        assert torch.allclose(found.float(), wanted, rtol=2e-3, atol=1e-3)


def test_outlines_are_drawn_as_in_a_remix(shards: list[Path], encoded: list[Path]) -> None:
    for path, written in zip(shards, encoded, strict=True):
        masks, tensors = read_shard(path).masks, load_file(written)
        width = masks.shape[-1]
        outlines = unpack(tensors["outlines"], width)
        for mask, outline in zip(masks, outlines, strict=True):
            product = Product(np.dstack([np.zeros((*mask.shape, 3), np.uint8), mask.numpy()]))
            assert np.array_equal(outline, draw_outline(product, product.size, latent=16) > 0)
        assert outlines.any()


@pytest.mark.parametrize(("scale", "sides"), [(0.5, ((2, 2), (2, 3))), (0.75, ((3, 3), (3, 4)))])
def test_scaled_latents_are_whole(
    shards: list[Path],
    autoencoder: AutoencoderDC,
    tmp_path: Path,
    scale: float,
    sides: tuple[tuple[int, int], ...],
) -> None:
    for path, side in zip(
        encode_shards(autoencoder, shards, tmp_path / "small", scale, workers=1, device=CPU),
        sides,
        strict=True,
    ):
        tensors = load_file(path)
        assert tensors["latents"].shape[-2:] == side
        assert tensors["outlines"].shape == (SCENES, side[0] * 16, side[1] * 2)


def test_encoded_shards_are_kept(
    shards: list[Path],
    encoded: list[Path],
    autoencoder: AutoencoderDC,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded[1].unlink()
    killed = tmp_path / "latents" / ".partial-killed" / encoded[1].name
    killed.parent.mkdir()
    killed.write_bytes(b"half a file")
    before = encoded[0].stat().st_mtime_ns
    seen: list[int] = []
    encode = AutoencoderDC.encode

    def count(model: AutoencoderDC, pictures: torch.Tensor, **others: Any) -> Any:
        seen.append(len(pictures))
        return encode(model, pictures, **others)

    monkeypatch.setattr(AutoencoderDC, "encode", count)
    folder = tmp_path / "latents"
    again = encode_shards(autoencoder, shards, folder, 1.0, workers=1, device=CPU)
    assert again == encoded
    assert encoded[0].stat().st_mtime_ns == before
    assert seen == [SCENES, SCENES]  # sharp, and out of focus


def test_batches_are_of_one_size_and_belong_together(
    examples: Examples, shards: list[Path], encoded: list[Path]
) -> None:
    kinds = {
        words: (path, i)
        for path in shards
        for i, wordings in enumerate(read_shard(path).captions)
        for words in wordings
    }
    sizes = set()
    batches = examples.batches(5, 3, Random(0))
    for _ in range(8):
        batch = next(batches)
        height, width = batch.latents.shape[-2:]
        sizes.add((height, width))
        assert batch.latents.shape == (5, LATENT_CHANNELS, height, width)
        assert batch.latents.dtype == batch.lines.dtype == torch.float32
        assert batch.lines.shape == (3, 1, 16 * height, 16 * width)
        assert set(batch.lines.unique().tolist()) == {0.0, 1.0}
        assert batch.strengths[:3].all() and not batch.strengths[3:].any()
        assert batch.references.shape == (5, 3, IMAGE_SIZE, IMAGE_SIZE)
        assert 0 <= float(batch.references.min()) < float(batch.references.max()) <= 1
        for i, words in enumerate(batch.captions):
            path, place = kinds[words]
            tensors = load_file(encoded[shards.index(path)])
            sharp, soft = (tensors[kind][place].float() for kind in ("latents", "softened"))
            assert torch.equal(batch.latents[i], sharp) or (
                i < 3 and torch.equal(batch.latents[i], soft)
            )
            mask = read_shard(path).masks[place][None, None] / 255
            assert torch.allclose(batch.products[i], F.avg_pool2d(mask, 16)[0], atol=1e-3)
            assert torch.equal(batch.references[i], read_shard(path).references[place] / 255)
            assert batch.surfaces[i] == read_shard(path).surfaces[place]
    assert sizes == {(4, 4), (4, 6)}


def test_the_stronger_an_outline_the_oftener_all_else_is_out_of_focus(examples: Examples) -> None:
    for group in examples.groups.values():
        group["latents"].zero_()
        group["softened"].fill_(1)
    soft: list[list[float]] = [[], [], []]
    for batch in islice(examples.batches(16, 12, Random(0)), 40):
        for strength, painted in zip(batch.strengths.tolist(), batch.latents, strict=True):
            soft[min(2, int(3 * strength / STRONGEST))].append(float(painted.mean()))
    weak, middle, strong = (sum(shares) / len(shares) for shares in soft)
    assert weak < 0.03 and 0.05 < middle < 0.2 and 0.4 < strong < 0.75


def test_what_is_out_of_focus_ends_at_the_product() -> None:
    picture = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 0.2
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 32:64, 32:64] = 1
    picture = torch.where(mask > 0, torch.tensor(0.9), picture)
    soft = module._softened(picture, mask)
    assert torch.equal(soft[..., 32:64, 32:64], picture[..., 32:64, 32:64])
    assert soft[..., 28:32, 32:64].max() < 0.3  # no halo in the product's colour
    assert soft[..., :20].std() < 0.5 * picture[..., :20].std()
